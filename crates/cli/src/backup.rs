//! `fleetwire backup`: a copy of the embedded database, beside a running server or without one.
//!
//! Refuses to put the master key beside the data that it protects.

use crate::args::Backup;
use crate::output;
use anyhow::Context;
use indicatif::ProgressBar;
use std::time::Duration;
use store::{BackupReport, Target, backup};

/// How often the sign of life moves.
const TICK: Duration = Duration::from_millis(100);

/// Copies, and says what is in the copy and what is not.
pub(crate) async fn run(backup_of: Backup) -> anyhow::Result<()> {
    let loaded = backup_of.store.load()?;
    for warning in &loaded.warnings {
        output::warn(warning);
    }
    let target = loaded.config.database()?;
    if let Target::Sqlite(file) = &target {
        let there = file.try_exists().with_context(|| format!("cannot read {}", file.display()))?;
        anyhow::ensure!(there, "there is no database {}: name its --data-dir", file.display());
    }
    let sign_of_life = ProgressBar::new_spinner().with_message("copying and checking the database");
    sign_of_life.enable_steady_tick(TICK);
    let done = backup(&target, &backup_of.file).await;
    sign_of_life.finish_and_clear();
    let BackupReport { bytes, commands, events } = done?;
    let file = backup_of.file.display();
    output::show(&format!("{file}: {commands} commands, {events} events, {bytes} bytes\n"))?;
    output::warn(&format!(
        "the master key is not in it: keep a copy of {} elsewhere",
        loaded.config.master_key_file().display()
    ));
    Ok(())
}
