//! SIGINT and SIGTERM: the first one asks to stop, the second one ends at once.
//!
//! Refuses to know what stopping means.

use anyhow::Context;
use std::process;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Does work that is told by a token when it shall stop.
pub(crate) async fn stoppable<F>(work: impl FnOnce(CancellationToken) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let shutdown = CancellationToken::new();
    tokio::select! {
        result = work(shutdown.clone()) => result,
        () = obey(interrupt, terminate, shutdown) => Ok(()),
    }
}

/// Never returns: what is stopped ends by itself, or the process does.
async fn obey(mut interrupt: Signal, mut terminate: Signal, shutdown: CancellationToken) {
    next(&mut interrupt, &mut terminate).await;
    tracing::info!("stopping; a second signal ends at once");
    shutdown.cancel();
    next(&mut interrupt, &mut terminate).await;
    process::exit(1);
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
