//! `fleetwire demo`: a server, simulated vehicles and a login, all for as long as it runs.
//!
//! Refuses settings from files and variables: it is the same on every machine, and never writes to
//! a database that nobody named on the command line.

mod login;
mod screen;
mod vehicles;

use crate::args::Demo;
use crate::data_dir::DataDir;
use crate::settings::setting;
use crate::{listen, output, serve};
use anyhow::Context;
use login::Login;
use screen::Ready;
use server::auth::MasterKey;
use server::config::{Config, Sources, load};
use server::observe;
use simulator::Fleet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use store::{Store, Target};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Where the demo keeps its data.
enum Place {
    Kept(PathBuf),
    /// Removed when dropped.
    Temporary(TempDir),
}

/// Runs until `shutdown`, and leaves nothing behind that could be used to log in.
pub(crate) async fn run(demo: Demo, shutdown: CancellationToken) -> anyhow::Result<()> {
    let place = Place::of(&demo)?;
    let listeners = listen::on_localhost(demo.port)?;
    let config = settings(&demo, place.path(), &listeners)?;
    observe::init_logs(&config.log)?;
    let _held = DataDir::take(&config.data_dir)?;
    if let (Place::Temporary(_), Some(url)) = (&place, &config.database_url) {
        // The database outlives the directory: the next demo has to open what this one encrypts.
        MasterKey::make_from(&config.master_key_file(), url)?;
    }

    let end_of_vehicles = CancellationToken::new();
    let fleet = Fleet::start(simulator::demo_fleet(), 0, end_of_vehicles.clone()).await?;
    let target = config.database()?;
    let login = prepare(&target, &fleet).await?;
    let outcome = serve(&demo, config, listeners, (&fleet, &login), shutdown).await;
    let closed = close(&target, &login).await;
    end_of_vehicles.cancel();
    fleet.stopped().await;
    outcome.and(closed)
}

/// Puts the login and the vehicles into the store, before the server looks for them there.
async fn prepare(target: &Target, fleet: &Fleet) -> anyhow::Result<Login> {
    let store = Store::open(target).await?;
    let login = Login::open(&store).await;
    let registered = vehicles::register(&store, fleet.vehicles()).await;
    store.close().await;
    registered?;
    login
}

async fn serve(
    demo: &Demo,
    config: Config,
    listeners: Vec<TcpListener>,
    (fleet, login): (&Fleet, &Login),
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let scheme = config.scheme();
    let port = listeners.first().context("there is no listener")?.local_addr()?.port();
    let server = serve::start(config, listeners, shutdown.clone()).await?;
    let vehicles = vehicles::connected(server.store(), fleet.vehicles(), &shutdown).await?;
    let ready = Ready {
        url: format!("{scheme}://localhost:{port}"),
        username: login::NAME,
        password: login.password(),
        simulator_url: fleet.control_url(),
        vehicles: &vehicles,
    };
    let kept = demo.data_dir.as_deref().filter(|_| demo.database_url.is_none());
    output::show(&if demo.json { ready.line()? } else { ready.screen(kept) })?;
    server.stopped().await;
    Ok(())
}

/// Ends the login, for the store may outlive us.
async fn close(target: &Target, login: &Login) -> anyhow::Result<()> {
    let store = Store::open(target).await?;
    let closed = login.close(&store).await;
    store.close().await;
    closed
}

fn settings(demo: &Demo, data_dir: &Path, listeners: &[TcpListener]) -> anyhow::Result<Config> {
    let addresses: Vec<_> =
        listeners.iter().filter_map(|it| Some(it.local_addr().ok()?.to_string())).collect();
    let data_dir = data_dir.to_str().context("the path of the data directory is no text")?;
    let mut flags = vec![
        setting("listen", &addresses.join(",")),
        setting("data_dir", data_dir),
        setting("vehicles.allow_loopback", "true"),
        // The screen is for people: what goes well is not worth a line between their commands.
        setting("log.filter", if demo.json { "info" } else { "warn" }),
    ];
    flags.extend(demo.database_url.as_deref().map(|url| setting("database_url", url)));
    flags.extend(demo.redis_url.as_deref().map(|url| setting("redis_url", url)));
    flags.extend(demo.set.iter().cloned());
    Ok(load(&Sources { flags, ..Sources::default() })?.config)
}

impl Place {
    fn of(demo: &Demo) -> anyhow::Result<Self> {
        if let Some(path) = &demo.data_dir {
            return Ok(Self::Kept(path.clone()));
        }
        let dir = tempfile::Builder::new().prefix("fleetwire-demo-").tempdir();
        dir.map(Self::Temporary).context("cannot make a temporary directory: pass --data-dir DIR")
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}
