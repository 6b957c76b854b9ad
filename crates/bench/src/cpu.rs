//! What processes use of the machine, as the kernel counts it, and which core they have.
//!
//! Refuses to sample: it reads the counters before and after.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The kernel's clock ticks in a second; 100 on every Linux that we know of.
const TICKS: u64 = 100;
/// Between two looks at what others use: not less than a few ticks.
const LOOK: Duration = Duration::from_millis(300);

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

/// The memory that a process has in use, in KiB.
pub(crate) fn resident_kib(process: u32) -> u64 {
    status_kib(process, "VmRSS:")
}

/// The most memory that a process has had in use since [`forget_peak`], in KiB.
pub(crate) fn peak_kib(process: u32) -> u64 {
    status_kib(process, "VmHWM:")
}

/// Has the kernel forget how much memory a process had in use before.
pub(crate) fn forget_peak(process: u32) {
    fs::write(format!("/proc/{process}/clear_refs"), "5").expect("the process is ours");
}

fn status_kib(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|it| it.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// The CPU time that was used by neither this program nor what it started, since the machine began.
pub(crate) fn others() -> Duration {
    let all = all();
    let mut own = vec![std::process::id()];
    // Whoever starts another is older, but ids start again from the lowest one day.
    while let Some(child) =
        all.iter().find(|it| own.contains(&it.parent) && !own.contains(&it.id)).map(|it| it.id)
    {
        own.push(child);
    }
    let of_own = all.iter().filter(|it| own.contains(&it.id)).map(|it| it.used + it.used_by_gone);
    busy().saturating_sub(of_own.sum())
}

/// Waits until others leave the machine alone, or have had so much time to.
pub(crate) fn await_quiet(cores: f64, patience: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        let (before, since) = (others(), Instant::now());
        thread::park_timeout(LOOK);
        let used = others().saturating_sub(before);
        if used.as_secs_f64() < cores * since.elapsed().as_secs_f64() {
            break;
        }
    }
}

/// The same command on one core; `None` = any.
pub(crate) fn on_core(core: Option<u32>, command: Command) -> Command {
    let Some(core) = core else { return command };
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &core.to_string()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    pinned
}

/// What all processes have used, without what the network did in between.
fn busy() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
    let ticks = all.split_whitespace().take(3).filter_map(|it| it.parse::<u64>().ok());
    of_ticks(ticks.sum())
}

struct Process {
    id: u32,
    parent: u32,
    used: Duration,
    /// The same of its children that are no more.
    used_by_gone: Duration,
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
    let used = of_ticks(field(11)? + field(12)?);
    let used_by_gone = of_ticks(field(13)? + field(14)?);
    Some(Process { id, parent: u32::try_from(field(1)?).ok()?, used, used_by_gone })
}

fn of_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS)
}
