//! Which settings a command was started with.
//!
//! Refuses to judge them: that is for the server's `config`.

use crate::output;
use server::config::{Flag, Loaded, Sources, load};
use std::path::{Path, PathBuf};

/// Read from the working directory when no other file is named.
const FILE: &str = "config.toml";

/// Where the store is, and every other setting by `--set`.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreChoice {
    /// File of settings; without it, config.toml of the working directory, if there is one.
    #[arg(long, value_name = "FILE", env = "FLEETWIRE_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Directory of everything that is kept on this machine.
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<String>,
    /// The PostgreSQL database; without it, a file in the data directory.
    #[arg(long, value_name = "URL", global = true)]
    database_url: Option<String>,
    /// Sets any setting, such as ws.idle_close=10s; see `fleetwire config print`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value, global = true)]
    set: Vec<Flag>,
}

/// The settings of a server.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerChoice {
    #[command(flatten)]
    store: StoreChoice,
    /// Addresses to listen on, such as 127.0.0.1:8000.
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    listen: Vec<String>,
    /// The Redis bus between several servers.
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
}

impl StoreChoice {
    /// The settings from all sources.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        Ok(load(&self.sources(Vec::new()))?)
    }

    fn sources(&self, mut flags: Vec<Flag>) -> Sources {
        flags.extend(flag("data_dir", self.data_dir.as_deref()));
        flags.extend(flag("database_url", self.database_url.as_deref()));
        flags.extend(self.set.iter().cloned());
        Sources { file: self.file(), variables: variables(), flags }
    }

    fn file(&self) -> Option<PathBuf> {
        let named = self.config.clone().filter(|path| !path.as_os_str().is_empty());
        named.or_else(|| Path::new(FILE).is_file().then(|| FILE.into()))
    }
}

impl ServerChoice {
    /// The settings from all sources.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        let mut flags = Vec::new();
        flags.extend((!self.listen.is_empty()).then(|| setting("listen", &self.listen.join(","))));
        flags.extend(flag("redis_url", self.redis_url.as_deref()));
        Ok(load(&self.store.sources(flags))?)
    }
}

/// Prints every setting.
pub(crate) fn print(choice: &ServerChoice) -> anyhow::Result<()> {
    let loaded = choice.load()?;
    for warning in &loaded.warnings {
        output::warn(warning);
    }
    output::show(&loaded.print())
}

/// A setting as a flag.
pub(crate) fn setting(key: &str, text: &str) -> Flag {
    Flag { key: key.to_owned(), text: text.to_owned() }
}

fn flag(key: &str, text: Option<&str>) -> Option<Flag> {
    text.map(|text| setting(key, text))
}

/// Reads `KEY=VALUE`.
pub(crate) fn key_value(text: &str) -> Result<Flag, &'static str> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok(setting(key.trim(), value.trim()))
}

/// The environment, without what is no text.
fn variables() -> Vec<(String, String)> {
    let texts = std::env::vars_os().map(|(name, text)| (name.into_string(), text.into_string()));
    texts.filter_map(|(name, text)| Some((name.ok()?, text.ok()?))).collect()
}
