//! `fleetwire keys`: the keys that sign access tokens.
//!
//! Refuses to make a master key: a ring that another one protects could not be read any more.

use crate::args::KeysVerb;
use crate::output;
use crate::registry;
use anyhow::ensure;
use server::auth::{MasterKey, rotate_keys};
use store::{Store, Target};

/// Does what is asked, beside running servers or without any.
pub(crate) async fn run(verb: KeysVerb) -> anyhow::Result<()> {
    let KeysVerb::Rotate(choice) = verb;
    let loaded = choice.load()?;
    for warning in &loaded.warnings {
        output::warn(warning);
    }
    let (file, target) = (loaded.config.master_key_file(), loaded.config.database()?);
    ensure!(file.exists(), "there is no master key {}: name it, or its --data-dir", file.display());
    if let Target::Sqlite(database) = &target {
        ensure!(database.exists(), "there is no database {}", database.display());
    }
    let master = MasterKey::load(&file)?;
    let store = Store::open(&target).await?;
    let rotated = rotate_keys(&store, &master, registry::deed("key_rotated", String::new())).await;
    store.close().await;
    output::show(&format!("{}\n", rotated?))
}
