//! Which process this is, and which one was here before it.
//!
//! Refuses to be two processes' name: a restart is another node, and the data directory remembers the
//! last one, whose claims need not be waited for.

use model::id::NodeId;
use std::path::{Path, PathBuf};

/// Why the data directory does not take a name.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: make the data directory writable for this user")]
pub struct NodeError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// Makes `id` the node of this data directory. Answers the node before it, which has ended: one
/// process at a time holds a data directory.
pub(crate) fn succeed(data_dir: &Path, id: NodeId) -> Result<Option<NodeId>, NodeError> {
    let path = data_dir.join("node");
    // Unreadable is as good as missing: leases end by themselves.
    let before = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
    match std::fs::write(&path, format!("{id}\n")) {
        Ok(()) => Ok(before),
        Err(source) => Err(NodeError { path, source }),
    }
}
