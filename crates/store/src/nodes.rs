//! The running servers, as each tells of itself.
//!
//! Refuses to be a lock: membership is a hint for sharing work. A node that is not listed may run
//! and a listed one may be gone; what a node may do is decided by leases and fences alone.

use crate::clock::micros;
use crate::commands::micros_of;
use crate::engine::{execute, fetch, statements};
use crate::writer::{Tx, Write};
use crate::{Store, StoreError};
use model::id::NodeId;
use std::time::Duration;
use uuid::Uuid;

/// How long a silent node is remembered.
const MEMORY: Duration = Duration::from_hours(24);

statements! {
    BEAT = {
        "insert into nodes (node_id, started_at, seen_at) values ($1, $2, $2)
        on conflict (node_id) do update set seen_at = excluded.seen_at"
    }
    FORGET = { "delete from nodes where seen_at <= $1" }
    SEEN = { "select node_id from nodes where seen_at >= $1 order by node_id" }
    LEAVE = { "delete from nodes where node_id = $1" }
}

impl Store {
    /// Says that this node runs. Answers the nodes that said so within `life`, this one among
    /// them, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn beat(&self, node: NodeId, life: Duration) -> Result<Vec<NodeId>, StoreError> {
        self.write(Beat { node, life }).await
    }

    /// Says that this node ends, so that the others need not wait for its silence.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn leave(&self, node: NodeId) -> Result<(), StoreError> {
        self.write(Leave(node)).await
    }
}

struct Beat {
    node: NodeId,
    life: Duration,
}

impl Write for Beat {
    type Done = Vec<NodeId>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<NodeId>, StoreError> {
        let now = micros(tx.now);
        let ago = |span| now.saturating_sub(micros_of(span));
        execute!(&mut tx.conn, BEAT, [Uuid::from(self.node), now])?;
        execute!(&mut tx.conn, FORGET, [ago(MEMORY)])?;
        let seen = fetch!(&mut tx.conn, SEEN, [ago(self.life)], fetch_all as (Uuid,))?;
        Ok(seen.into_iter().map(|(node,)| node.into()).collect())
    }
}

struct Leave(NodeId);

impl Write for Leave {
    type Done = ();

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        execute!(&mut tx.conn, LEAVE, [Uuid::from(self.0)])?;
        Ok(())
    }
}
