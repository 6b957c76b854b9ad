//! A child process that cannot outlive the test process, with its output kept by line.
//! It knows neither what it runs nor when that is ready.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// Lines of one output that are kept; the oldest go first.
const KEPT_LINES: usize = 20_000;

/// A command that runs `program` and is killed by the kernel when the test process ends.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Whether a program stands on the search path.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Runs a command to its end and gives what it printed; a failure carries what it complained of.
pub(crate) fn run(command: Command) -> anyhow::Result<String> {
    run_with_input(command, &[])
}

/// The same for a command that reads `input` before it prints anything.
pub(crate) fn run_with_input(mut command: Command, input: &[u8]) -> anyhow::Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().with_context(|| format!("{command:?}"))?;
    // It fails when the command ended without reading, and then the exit status tells why.
    process.stdin.take().map(|mut stdin| stdin.write_all(input));
    let output = process.wait_with_output().with_context(|| format!("{command:?}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}: {}", output.status, complaint.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A running child. Killed and reaped when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
}

impl Child {
    /// Starts a [`command`] without standard input.
    pub(crate) fn spawn(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = spawn_from_lasting_thread(command)?;
        let stdout = Lines::collect(process.stdout.take());
        let stderr = Lines::collect(process.stderr.take());
        Ok(Self { process, stdout, stderr })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal; a child that has already ended is left in peace.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if matches!(self.process.try_wait(), Ok(None)) {
            signal_process(self.process.id(), signal);
        }
    }

    /// Waits until the child *and* everything that shares its standard error have ended.
    /// `None` means that something was still running after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        if self.stderr.wait_for_end(limit) { self.process.wait().ok() } else { None }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only when the child is already gone.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Sends a signal to any process; one that has just ended is no fault.
pub(crate) fn signal_process(id: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        kill_process(pid, signal).ok();
    }
}

/// Spawns from a thread that lives as long as the test process.
///
/// The kernel ties the death signal to the *thread* that spawned: from a test's own thread, a child
/// that several tests share would die with the first of them.
fn spawn_from_lasting_thread(command: Command) -> io::Result<std::process::Child> {
    type Order = (Command, SyncSender<io::Result<std::process::Child>>);
    static SPAWNER: LazyLock<SyncSender<Order>> = LazyLock::new(|| {
        let (orders, inbox) = sync_channel::<Order>(16);
        thread::spawn(move || {
            for (mut command, answer) in inbox {
                // The one who asked is waiting, unless its test has just been torn down.
                answer.send(command.spawn()).ok();
            }
        });
        orders
    });
    let (answer, spawned) = sync_channel(1);
    SPAWNER.send((command, answer)).map_err(io::Error::other)?;
    spawned.recv().map_err(io::Error::other)?
}

/// The last lines of an output, filled by a thread until the output ends.
#[derive(Clone, Debug)]
pub(crate) struct Lines(Arc<(Mutex<Kept>, Condvar)>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    ended: bool,
}

impl Lines {
    fn collect(output: Option<impl Read + Send + 'static>) -> Self {
        let lines = Self(Arc::default());
        let collected = lines.clone();
        thread::spawn(move || {
            // Split as bytes: a line that is not UTF-8 must not end the collection.
            let bytes = output.into_iter().flat_map(|output| BufReader::new(output).split(b'\n'));
            for line in bytes.map_while(Result::ok) {
                collected.push(String::from_utf8_lossy(&line).into_owned());
            }
            collected.end();
        });
        lines
    }

    fn push(&self, line: String) {
        let mut kept = self.lock();
        if kept.lines.len() == KEPT_LINES {
            kept.lines.pop_front();
        }
        kept.lines.push_back(line);
        self.0.1.notify_all();
    }

    fn end(&self) {
        self.lock().ended = true;
        self.0.1.notify_all();
    }

    /// What has been kept so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.lock().lines.iter().cloned().collect()
    }

    /// The first kept line that satisfies `wanted`; `None` when the output ended or `limit` passed.
    pub(crate) fn wait_for(
        &self,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let find = |kept: &Kept| kept.lines.iter().find(|line| wanted(line)).cloned();
        find(&self.wait_until(limit, |kept| kept.ended || find(kept).is_some()))
    }

    /// Whether the output came to its end within `limit`.
    pub(crate) fn wait_for_end(&self, limit: Duration) -> bool {
        self.wait_until(limit, |kept| kept.ended).ended
    }

    fn wait_until(&self, limit: Duration, reached: impl Fn(&Kept) -> bool) -> MutexGuard<'_, Kept> {
        let deadline = Instant::now() + limit;
        let mut kept = self.lock();
        while !reached(&kept) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.0.1.wait_timeout(kept, left);
            kept = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        kept
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
