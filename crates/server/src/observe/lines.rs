//! Lines of the log, which wait until a thread of the runtime has nothing else to do: writing them
//! holds up no command, and those of a busy moment go out together.
//!
//! Refuses to keep what is urgent, and more than a few pages.

use crate::live::lock;
use std::io::{self, Write, stderr};
use std::sync::Mutex;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How many bytes may wait.
const ROOM: usize = 16 << 10;

/// What waits, in the order in which it was said.
static WAITING: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Writes what waits.
pub fn flush_logs() {
    flush(&mut lock(&WAITING));
}

fn flush(waiting: &mut Vec<u8>) {
    if !waiting.is_empty() {
        // There is nobody to tell that the log cannot be written.
        drop(stderr().write_all(waiting));
        waiting.clear();
    }
}

/// Takes lines for the standard error output.
pub(super) struct Lines;

/// Takes one line.
pub(super) struct Line {
    is_urgent: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { is_urgent: true }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line {
        // A thread outside of the runtime's tasks may rest for long.
        let is_lonely = tokio::task::try_id().is_none();
        Line { is_urgent: is_lonely || *event.level() <= Level::WARN }
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = lock(&WAITING);
        waiting.extend_from_slice(line);
        if self.is_urgent || waiting.len() > ROOM {
            flush(&mut waiting);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
