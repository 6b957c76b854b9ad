//! `fleetwire serve`: a server, from its settings to its end.
//!
//! Refuses to start on half a configuration; what it does once it runs is the server's.

use crate::data_dir::DataDir;
use crate::settings::ServerChoice;
use crate::{descriptors, listen};
use server::Server;
use server::config::{Config, Loaded};
use server::observe;
use std::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `shutdown`.
pub(crate) async fn run(choice: ServerChoice, shutdown: CancellationToken) -> anyhow::Result<()> {
    let Loaded { config, warnings, .. } = choice.load()?;
    config.check_start()?;
    observe::init_logs(&config.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let _held = DataDir::take(&config.data_dir)?;
    let listeners = listen::on_each(&config.listen)?;
    start(config, listeners, shutdown).await?.stopped().await;
    Ok(())
}

/// Starts the server, and logs where it is.
pub(crate) async fn start(
    config: Config,
    listeners: Vec<TcpListener>,
    shutdown: CancellationToken,
) -> anyhow::Result<Server> {
    descriptors::raise();
    let scheme = config.scheme();
    let store = if config.database_url.is_some() { "postgresql" } else { "sqlite" };
    let server = Server::start(config, listeners, shutdown).await?;
    let listen = server.addresses();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), ?listen, scheme, store, "server_started");
    Ok(server)
}
