//! A run of a program that ends by itself.

use std::process::{Command, Stdio};
use std::time::Duration;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(30);

/// How it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Outcome {
    /// Runs a command to its end.
    pub(crate) async fn of(command: Command) -> Self {
        let shown = format!("{command:?}");
        let mut command = tokio::process::Command::from(command);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let Ok(output) = tokio::time::timeout(LIMIT, command.output()).await else {
            panic!("{shown}: still running after {LIMIT:?}");
        };
        let output = output.unwrap_or_else(|error| panic!("{shown}: {error}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Self { code: output.status.code(), stdout, stderr }
    }

    /// What it said of its failure, which has to be one line and all that it said.
    pub(crate) fn sentence(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:#?}");
        assert_eq!(self.stdout, "", "{self:#?}");
        let lines: Vec<_> = self.stderr.lines().collect();
        let [line] = lines[..] else { panic!("not one line: {self:#?}") };
        line.strip_prefix("error: ").unwrap_or_else(|| panic!("no error: {self:#?}"))
    }

    /// Standard error.
    pub(crate) fn errors(&self) -> &str {
        &self.stderr
    }

    /// The warnings that it gave, line by line.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("warning: ")).collect()
    }
}
