//! Settings, read by a fuzz target.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use super::load::of;
use super::{Flag, Sources};
use std::path::Path;

/// The text of a file; behind a line of its own, `---`, variables and flags, a line each.
///
/// # Panics
///
/// If settings that are right are not printed a line each, or a refusal is out of proportion.
pub fn settings(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (file, others) = text.split_once("---\n").unwrap_or((text, ""));
    let mut sources = Sources::default();
    for (name, text) in others.lines().filter_map(|line| line.split_once('=')) {
        // A variable that names a file would have us read what happens to be there.
        if name.starts_with("FLEETWIRE_") && !name.ends_with("_FILE") {
            sources.variables.push((name.to_owned(), text.to_owned()));
        } else if !name.ends_with("_FILE") {
            sources.flags.push(Flag { key: name.to_owned(), text: text.to_owned() });
        }
    }
    match of(&sources, Some((Path::new("config.toml"), file.to_owned()))) {
        Ok(loaded) => {
            let print = loaded.print();
            assert!(print.lines().all(|line| line.contains(" = ")), "{print}");
            drop(loaded.config.check_start());
            drop(loaded.config.database());
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.len() <= 4096 + 16 * text.len(), "{} of {}", told.len(), text.len());
        }
    }
}
