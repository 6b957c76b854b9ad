//! Where the figures of a run go, and what is said about the run itself.
//!
//! Refuses to know a figure: it is handed a document.

use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// Where the figures go.
#[derive(Debug, clap::Args)]
pub(crate) struct Record {
    /// Where the figures go, as JSON.
    #[arg(long)]
    output: Option<PathBuf>,
    /// The day, for the figures.
    #[arg(long, default_value = "")]
    date: String,
    /// The commit, for the figures.
    #[arg(long, default_value = "")]
    commit: String,
}

impl Record {
    /// Writes a document as JSON, with the machine, the day and the commit, if somebody wants it.
    pub(crate) fn write(&self, document: impl FnOnce() -> Value) {
        let Some(path) = &self.output else { return };
        let mut document = document();
        document["machine"] = machine();
        document["date"] = json!(self.date);
        document["commit"] = json!(self.commit);
        let text = format!("{document:#}\n");
        // If it fails, writing fails, and says why.
        path.parent().map(fs::create_dir_all);
        fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What was named, or all that there is.
pub(crate) fn or_all<T: clap::ValueEnum + Copy>(named: &[T]) -> Vec<T> {
    if named.is_empty() { T::value_variants().to_vec() } else { named.to_vec() }
}

/// The processor, how many cores it has, and the kernel.
fn machine() -> Value {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names = || processors.lines().filter_map(|line| line.strip_prefix("model name"));
    let name = names().next().unwrap_or_default().trim_start_matches([' ', '\t', ':']).to_owned();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({ "processor": name, "cores": names().count(), "kernel": kernel.trim() })
}
