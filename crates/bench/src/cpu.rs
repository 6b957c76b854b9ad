//! What processes use of the machine, as the kernel counts it.
//!
//! Refuses to sample: it reads the counters before and after.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// The kernel's clock ticks in a second; 100 on every Linux that we know of.
const TICKS: u64 = 100;

/// The CPU time of processes and their children, by what they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used(pub(crate) BTreeMap<&'static str, Duration>);

impl Used {
    /// What they have used since they began.
    pub(crate) fn by(processes: &[(&'static str, u32)]) -> Self {
        let mut used = BTreeMap::new();
        let all = all();
        for (what, process) in processes {
            let own = all.iter().filter(|it| it.id == *process || it.parent == *process);
            *used.entry(*what).or_default() += own.map(|it| it.used).sum::<Duration>();
        }
        Self(used)
    }

    /// What they have used since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let earlier = |what| before.0.get(what).copied().unwrap_or_default();
        Self(self.0.iter().map(|(what, now)| (*what, now.saturating_sub(earlier(what)))).collect())
    }
}

struct Process {
    id: u32,
    parent: u32,
    used: Duration,
}

fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn read(id: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in brackets may hold anything; what follows the last bracket is numbers.
    let (_, numbers) = stat.rsplit_once(')')?;
    let field = |index: usize| numbers.split_whitespace().nth(index)?.parse::<u64>().ok();
    let ticks = field(11)? + field(12)?;
    let used = Duration::from_millis(ticks * 1000 / TICKS);
    Some(Process { id, parent: u32::try_from(field(1)?).ok()?, used })
}
