//! The log of a server in the test's process.
//!
//! It keeps a bounded number of lines, and an error line that nobody expected fails the test.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// How many lines are kept.
const LINES: usize = 20_000;

/// What has been logged by this process, one JSON object a line.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Captures the log of this process from the first call on.
    pub fn capture() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let lines = tracing_subscriber::fmt()
                .json()
                .flatten_event(true)
                .with_env_filter("info,fleetwire_server=debug")
                .with_writer(log.clone())
                .try_init();
            assert!(lines.is_ok(), "something else captures the log");
            log
        })
        .clone()
    }

    /// The lines that contain a text.
    pub fn lines_with(&self, text: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// The same, and forgets them: a test that provokes errors has seen to them.
    pub fn take_lines_with(&self, text: &str) -> Vec<String> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extract_if(.., |line| line.contains(text)).collect()
    }

    /// Fails the test if there is an error line.
    pub fn assert_no_errors(&self) {
        let errors = self.lines_with(r#""level":"ERROR""#);
        assert!(errors.is_empty(), "the server logged errors: {errors:#?}");
    }
}

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < LINES {
            lines.push(String::from_utf8_lossy(line).into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
