//! Listeners and their connections, and how both are cut off.
//!
//! Knows nothing of what is asked or answered.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Connections of one listener; further ones wait in the backlog.
const MAX_CONNECTIONS: usize = 4096;
/// How often a port that is briefly taken is tried again, and how long between two attempts.
const BIND_ATTEMPTS: u32 = 40;
const BIND_PAUSE: Duration = Duration::from_millis(50);
/// Rest after an accept that failed, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener that is being served.
#[derive(Debug)]
pub(crate) struct Door {
    task: JoinHandle<()>,
    cut: CancellationToken,
}

impl Door {
    /// Opens: every connection is answered by `routes`, until closed or `shutdown`.
    pub(crate) fn open(
        listener: TcpListener,
        routes: Router,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Self {
        let cut = shutdown.child_token();
        Self { task: tasks.spawn(serve(listener, routes, cut.clone())), cut }
    }

    /// Closes the listener and resets its connections; both has happened on return.
    pub(crate) async fn close(self) {
        self.cut.cancel();
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "a listener ended badly");
        }
    }
}

/// The connection on which a request came.
#[derive(Debug, Clone)]
pub(crate) struct Wire(CancellationToken);

impl Wire {
    /// Resets the connection, with all that is asked and answered on it.
    pub(crate) fn reset(&self) {
        self.0.cancel();
    }
}

/// Listens on a loopback port; 0 picks a free one.
pub(crate) async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Listens again on a port that was given up before, and may be taken for a moment.
pub(crate) async fn bind_again(port: u16) -> io::Result<TcpListener> {
    for _ in 1..BIND_ATTEMPTS {
        match bind(port).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(BIND_PAUSE).await;
            }
            other => return other,
        }
    }
    bind(port).await
}

async fn serve(listener: TcpListener, routes: Router, cut: CancellationToken) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    while let Some((slot, stream)) =
        cut.run_until_cancelled(next(&listener, &slots)).await.flatten()
    {
        let (routes, cut) = (routes.clone(), cut.clone());
        connections.spawn(async move {
            converse(stream, routes, cut).await;
            drop(slot);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// A free slot and the next connection for it; `None` never comes while the slots are open.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(OwnedSemaphorePermit, TcpStream)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((slot, stream)),
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection until its client leaves or it is cut.
async fn converse(stream: TcpStream, routes: Router, cut: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small answers may be late");
    }
    let wire = Wire(cut.child_token());
    let cut = wire.0.clone();
    let service = TowerToHyperService::new(routes.map_request(move |mut request: Request<_>| {
        request.extensions_mut().insert(wire.clone());
        request
    }));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    match cut.run_until_cancelled(&mut connection).await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(%error, "a connection broke off"),
        None => reset(&connection.into_parts().io.into_inner()),
    }
}

/// The client sees a reset instead of an orderly end once the stream is dropped.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection ends in order instead of being reset");
    }
}
