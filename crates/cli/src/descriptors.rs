//! File descriptors: every connection takes one, and shells grant few by default.
//!
//! Refuses nothing: where the system grants no more, the server answers as many as it can.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as the system grants without asking.
pub(crate) fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "the number of file descriptors stays as it is");
    }
}
