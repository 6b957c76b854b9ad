//! The real `fleetwire` binary as a process: started, signalled, killed, read.
//! It builds nothing and knows no command line: the test says what to run.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::Signal;
use serde::de::DeserializeOwned;

use crate::child::{self, Child};

/// Settings of the developer's shell that would otherwise reach the binary under test.
const FOREIGN_SETTINGS: [&str; 4] = ["DATABASE_URL", "REDIS_URL", "JWT_SECRET", "RUST_LOG"];

/// How long the kernel may take to end a killed process.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// How long a failure waits for what the process had to say about it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A built binary of this workspace.
#[derive(Clone, Debug)]
pub struct Binary {
    path: PathBuf,
}

impl Binary {
    /// The `fleetwire` binary of the profile that the running test was built with.
    pub fn fleetwire() -> Self {
        let path = profile_dir().join("fleetwire");
        assert!(
            path.is_file(),
            "{} is missing: run ./scripts/test, or cargo build -p fleetwire",
            path.display()
        );
        Self { path }
    }

    /// A command that runs the binary with no setting of the developer's shell.
    /// Add arguments and variables, then hand it to [`Process::spawn`].
    pub fn command(&self) -> Command {
        let mut command = child::command(&self.path);
        for name in FOREIGN_SETTINGS {
            command.env_remove(name);
        }
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("FLEETWIRE_") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// A running binary with its output. Killed when dropped; the kernel kills it when the test
/// process ends in any other way.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command made by [`Binary::command`].
    pub fn spawn(command: Command) -> Self {
        let shown = format!("{command:?}");
        let child = Child::spawn(command).unwrap_or_else(|error| panic!("{shown}: {error}"));
        Self { child }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The one JSON line that the binary prints on standard output when it is ready.
    pub fn ready_line<T: DeserializeOwned>(&self, limit: Duration) -> T {
        let Some(line) = self.child.stdout.wait_for(limit, |_| true) else {
            panic!("ended or silent for {limit:?}, without its ready line; {}", self.errors());
        };
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("not the ready line ({error}): {line}"))
    }

    /// The lines written to standard error so far, oldest first; the last 20,000 are kept.
    pub fn log(&self) -> Vec<String> {
        self.child.stderr.all()
    }

    /// The first line on standard error that contains `text`, waited for up to `limit`.
    pub fn log_line(&self, text: &str, limit: Duration) -> String {
        self.child.stderr.wait_for(limit, |line| line.contains(text)).unwrap_or_else(|| {
            panic!(
                "ended or silent for {limit:?}, without a line with {text:?}; {}",
                self.errors()
            );
        })
    }

    /// Ends the process at once, as a power cut would (`SIGKILL`), and waits until it is gone.
    pub fn kill9(&mut self) {
        self.child.signal(Signal::KILL);
        self.wait(KILL_LIMIT);
    }

    /// Asks the process to end (`SIGTERM`). Follow it with [`Process::wait`].
    pub fn terminate(&mut self) {
        self.child.signal(Signal::TERM);
    }

    /// Freezes the process (`SIGSTOP`).
    pub fn stop(&mut self) {
        self.child.signal(Signal::STOP);
    }

    /// Lets a frozen process go on (`SIGCONT`).
    pub fn cont(&mut self) {
        self.child.signal(Signal::CONT);
    }

    /// Waits for the end of the process, which must come within `limit`.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let Some(status) = self.child.wait(limit) else {
            panic!("still running after {limit:?}; {}", self.errors());
        };
        status
    }

    fn errors(&self) -> String {
        // The last words of a process that is ending may still be on their way.
        self.child.stderr.wait_for_end(LAST_WORDS);
        format!("standard error:\n{}", self.log().join("\n"))
    }
}

/// The directory of the profile that the running test was built with: `target/debug` or alike.
pub(crate) fn profile_dir() -> PathBuf {
    // target/<profile>/deps/<test>-<hash>, or target/<profile>/<program>
    let program = env::current_exe().unwrap_or_else(|error| panic!("who am I? {error}"));
    let directory = program.parent().unwrap_or(&program);
    let profile = if directory.ends_with("deps") { directory.parent() } else { Some(directory) };
    profile.map(Path::to_path_buf).unwrap_or_default()
}
