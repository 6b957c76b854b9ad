//! Which process this is, which one was here before it, and which others there are.
//!
//! Refuses to be two processes' name: a restart is another node, and the data directory remembers the
//! last one, whose claims need not be waited for. Knowing the others shares work, and locks nothing.

use crate::observe;
use model::id::NodeId;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a node says that it lives.
const BEAT: Duration = Duration::from_secs(2);
/// After how long without a word it counts as dead.
const LIFE: Duration = Duration::from_secs(7);

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

/// The nodes that are alive, as this one last heard.
#[derive(Clone)]
pub(crate) struct Members {
    me: NodeId,
    alive: watch::Receiver<Vec<NodeId>>,
}

impl Members {
    /// Whether a piece of shared work is this node's. While nodes come and go it may for a moment be
    /// two nodes' or nobody's.
    pub(crate) fn is_mine(&self, work: Uuid) -> bool {
        let alive = self.alive.borrow();
        let heaviest = alive.iter().max_by_key(|&&node| weight(node.into(), work));
        heaviest.is_none_or(|node| *node == self.me)
    }
}

/// Rendezvous hashing: the same on every node, whatever it was built with.
fn weight(node: Uuid, work: Uuid) -> u64 {
    let ((node_high, node_low), (work_high, work_low)) = (node.as_u64_pair(), work.as_u64_pair());
    mix((node_high ^ work_high) ^ mix(node_low ^ work_low))
}

/// Spreads what differs in a few bits over all of them (the finisher of SplitMix64).
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The task that says that this node lives.
pub(crate) struct Beats {
    store: Store,
    me: NodeId,
    alive: watch::Sender<Vec<NodeId>>,
}

impl Beats {
    pub(crate) fn new(store: Store, me: NodeId) -> (Self, Members) {
        let (alive, members) = watch::channel(vec![me]);
        (Self { store, me, alive }, Members { me, alive: members })
    }

    /// Runs until `shutdown`, and then says goodbye.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(BEAT);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
            match self.store.beat(self.me, LIFE).await {
                Ok(alive) => {
                    observe::nodes_alive(alive.len());
                    self.alive.send_replace(alive);
                }
                Err(error) => tracing::debug!(%error, "cannot say that this node lives"),
            }
        }
        if let Err(error) = self.store.leave(self.me).await {
            tracing::debug!(%error, "cannot say goodbye");
        }
    }
}
