//! What people and scripts read: data on standard output, everything else on standard error.
//!
//! Refuses debug dumps: an error is one line, with a hint where there is a next step.

use anyhow::Context;
use server::{StartError, observe};
use std::io::{self, ErrorKind, Write};
use store::{OpenError, StoreError};

const MAKE_ROOM: &str = "make room on the disk and start again; nothing that was accepted is lost";
const CHECK_DATABASE: &str = "see that the database runs, that database_url is right, that data_dir has room and can be written";

/// Writes data. A reader that has left is no error.
pub(crate) fn show(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to the standard output")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Tells people something that is no error.
pub(crate) fn warn(text: &str) {
    eprintln!("warning: {text}");
}

/// An error and its causes.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    observe::chain(error.as_ref()).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What to do about an error that does not say so itself.
pub(crate) fn hint(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        let full = cause.downcast_ref().or(match cause.downcast_ref() {
            Some(StartError::Store(full)) => Some(full),
            _ => None,
        });
        let closed = cause.downcast_ref().or(match cause.downcast_ref() {
            Some(StartError::Open(closed)) => Some(closed),
            _ => None,
        });
        match (full, closed) {
            (Some(StoreError::Full(_)), _) => Some(MAKE_ROOM),
            (_, Some(OpenError::Connect { .. })) => Some(CHECK_DATABASE),
            _ => None,
        }
    })
}
