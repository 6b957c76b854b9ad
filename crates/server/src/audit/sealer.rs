//! The task that seals: gives new rows their places, signs where the chain ends, and removes what is
//! older than it has to be.
//!
//! Refuses to seal on top of an end that it did not sign: what somebody else put there stays evidence.

use super::chain::Chain;
use super::key::{Claim, PublicKeys, Signer};
use crate::config::AuditConfig;
use crate::hex;
use crate::observe;
use model::Timestamp;
use model::id::NodeId;
use serde_json::json;
use std::time::{Duration, Instant};
use store::{AuditEntry, AuditRow, ChainEnd, Link, Mark, Seal, Sealing, Store, StoreError, Trim};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often new rows are looked for: two looks and a commit take less than a second.
const EVERY: Duration = Duration::from_millis(400);
/// How long a node that has sealed has the next turn.
const LEASE: Duration = Duration::from_secs(3);
/// Rows that are sealed in one transaction: few, so that those who write beside it wait for a
/// millisecond or two.
const BATCH: u32 = 200;
/// How often it is looked for what is too old.
const TRIM_EVERY: Duration = Duration::from_mins(10);

/// How the chain is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    /// Rows from one checkpoint to the next, at least.
    pub(crate) checkpoint_rows: i64,
    /// Time from one checkpoint to the next, if there are rows.
    pub(crate) checkpoint_every: Duration,
    /// How long rows are kept; `None` = for ever.
    pub(crate) keep: Option<Duration>,
}

impl From<&AuditConfig> for Habits {
    fn from(config: &AuditConfig) -> Self {
        let keep = Duration::from_hours(24 * u64::from(config.keep_days));
        Self {
            checkpoint_rows: i64::from(config.checkpoint_rows),
            checkpoint_every: config.checkpoint_every,
            keep: (!keep.is_zero()).then_some(keep),
        }
    }
}

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealError {
    #[error("the signed end of the audit chain is not one of ours: run fleetwire audit verify")]
    Forged,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SealError {
    /// A store that is away is waited for; what is wrong with the chain, somebody has to look at.
    fn tell(&self) {
        let error = observe::chain(self);
        match self {
            Self::Store(StoreError::Unavailable(_) | StoreError::Busy | StoreError::Full(_)) => {
                tracing::warn!(error, "the audit is not sealed");
            }
            Self::Forged | Self::Store(StoreError::Corrupt(_) | StoreError::Failed(_)) => {
                tracing::error!(error, "the audit is not sealed");
            }
        }
    }
}

/// Seals whenever it is this node's turn.
pub(crate) struct Sealer {
    store: Store,
    signer: Signer,
    keys: PublicKeys,
    pub(super) node: NodeId,
    pub(super) habits: Habits,
    /// The end of the chain as this node saw it last.
    pub(super) seen: Option<Link>,
    /// Where and when the newest checkpoint is, while this node is the one that sets them.
    checkpoint: Option<(i64, Timestamp)>,
    trimmed_at: Option<Instant>,
    is_failing: bool,
}

impl Sealer {
    pub(crate) fn new(store: Store, signer: Signer, node: NodeId, habits: Habits) -> Self {
        let keys = signer.public();
        Self {
            store,
            signer,
            keys,
            node,
            habits,
            seen: None,
            checkpoint: None,
            trimmed_at: None,
            is_failing: false,
        }
    }

    /// Runs until `shutdown`, and then seals what is left.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            self.attempt().await;
        }
        self.attempt().await;
    }

    /// Says once that it fails, and once that it does no more.
    async fn attempt(&mut self) {
        let end = self.turn().await;
        match &end {
            Ok(()) if self.is_failing => tracing::info!("the audit is sealed again"),
            Err(error) if !self.is_failing => error.tell(),
            Ok(()) | Err(_) => {}
        }
        self.is_failing = end.is_err();
        observe::audit_sealing(end.is_ok());
    }

    pub(super) async fn turn(&mut self) -> Result<(), SealError> {
        loop {
            let end = self.store.audit_head().await?;
            if !self.is_my_turn(end.as_ref()) {
                self.checkpoint = None;
                return Ok(());
            }
            self.check(end.as_ref()).await?;
            let rows = self.store.unsealed_audit(BATCH).await?;
            let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == BATCH);
            let is_sealed = self.seal(end.map(|end| end.seal.link), &rows).await?;
            if !is_sealed || !is_full {
                break;
            }
        }
        self.trim_now_and_then().await
    }

    fn is_my_turn(&self, end: Option<&ChainEnd>) -> bool {
        end.is_none_or(|end| end.is_open_to(self.node, self.store.now()))
    }

    /// What this node knows, it need not be told; what it is told has to be signed, and to go further.
    async fn check(&mut self, end: Option<&ChainEnd>) -> Result<(), SealError> {
        let link = end.map(|end| &end.seal.link);
        if self.seen.as_ref() == link {
            return Ok(());
        }
        if end.is_some_and(|end| !self.keys.has_signed(Claim::End, &end.seal)) {
            return Err(SealError::Forged);
        }
        let now_at = link.map_or(0, |link| link.position);
        if let Some(seen) = self.seen.take_if(|seen| seen.position >= now_at) {
            self.tell_gap(&seen, now_at).await?;
        }
        self.checkpoint = None;
        self.seen = link.cloned();
        Ok(())
    }

    /// The chain is shorter than it was, or another: in the log, in the audit and in the metrics.
    async fn tell_gap(&self, seen: &Link, position: i64) -> Result<(), SealError> {
        let hash = hex::encode(&seen.row_hash);
        tracing::error!(seen = seen.position, hash, position, "audit_gap");
        observe::audit_gap();
        let details = json!({ "seen": seen.position, "row_hash": hash, "found": position });
        let deed = AuditEntry { outcome: "failure", details: Some(details), ..deed("audit_gap") };
        Ok(self.store.record_audit(deed).await?)
    }

    /// `false` if another node was quicker.
    async fn seal(&mut self, after: Option<Link>, rows: &[AuditRow]) -> Result<bool, SealError> {
        let mut chain = after.as_ref().map_or(Some(Chain::default()), Chain::at);
        let chain = chain.as_mut().ok_or(SealError::Forged)?;
        let after = chain.link();
        let mut links = Vec::with_capacity(rows.len());
        for row in rows {
            chain.add(row);
            links.push((row.audit_id, chain.link()));
        }
        let (end, now) = (chain.link(), self.store.now());
        let is_due = self.is_checkpoint_due(end.position, now).await?;
        if links.is_empty() && !is_due {
            return Ok(true);
        }
        let sealing = Sealing {
            sealer: self.node,
            lease: LEASE,
            after,
            links,
            head: self.signer.sign(Claim::End, end.clone(), now),
            checkpoint: is_due.then(|| self.signer.sign(Claim::Checkpoint, end.clone(), now)),
        };
        let checkpoint = sealing.checkpoint.clone();
        let is_sealed = self.store.seal_audit(sealing).await?;
        if is_sealed {
            observe::audit_sealed(rows.len());
            self.seen = Some(end);
            self.note(checkpoint);
        }
        Ok(is_sealed)
    }

    /// Whoever keeps the log keeps a witness that the database's owner cannot change.
    fn note(&mut self, checkpoint: Option<Seal>) {
        if let Some(Seal { link, signed_at, kid, signature }) = checkpoint {
            let (hash, signature) = (hex::encode(&link.row_hash), hex::encode(&signature));
            let at = signed_at.as_microsecond();
            tracing::info!(position = link.position, hash, at, kid, signature, "audit checkpoint");
            self.checkpoint = Some((link.position, signed_at));
        }
    }

    async fn is_checkpoint_due(
        &mut self,
        position: i64,
        now: Timestamp,
    ) -> Result<bool, SealError> {
        let (last, signed_at) = match self.checkpoint {
            Some(known) => known,
            None => self.last_checkpoint().await?,
        };
        self.checkpoint = Some((last, signed_at));
        let age = now.duration_since(signed_at).unsigned_abs();
        let rows = position.saturating_sub(last);
        let is_old = age >= self.habits.checkpoint_every;
        Ok(rows >= self.habits.checkpoint_rows || (rows > 0 && is_old))
    }

    async fn last_checkpoint(&self) -> Result<(i64, Timestamp), StoreError> {
        let newest = self.store.newest_seal(Mark::Checkpoint).await?;
        let newest = match newest {
            Some(seal) => Some(seal),
            None => self.store.newest_seal(Mark::Anchor).await?,
        };
        Ok(newest.map_or((0, Timestamp::UNIX_EPOCH), |seal| (seal.link.position, seal.signed_at)))
    }

    async fn trim_now_and_then(&mut self) -> Result<(), SealError> {
        let Some(keep) = self.habits.keep else { return Ok(()) };
        if self.trimmed_at.is_some_and(|at| at.elapsed() < TRIM_EVERY) {
            return Ok(());
        }
        let oldest = self.store.now().checked_sub(keep).unwrap_or(Timestamp::MIN);
        while self.trim_before(oldest).await? {}
        self.trimmed_at = Some(Instant::now());
        Ok(())
    }

    /// Removes the rows up to the next checkpoint, if it was signed long enough ago.
    async fn trim_before(&self, oldest: Timestamp) -> Result<bool, SealError> {
        let anchor = self.store.newest_seal(Mark::Anchor).await?;
        let from = anchor.map_or(0, |anchor| anchor.link.position);
        let next = self.store.next_checkpoint(from).await?;
        let Some(next) = next.filter(|next| next.signed_at <= oldest) else { return Ok(false) };
        if !self.keys.has_signed(Claim::Checkpoint, &next) {
            return Err(SealError::Forged);
        }
        let until = next.link.position;
        let details = json!({ "from": from.saturating_add(1), "until": until });
        let audit = AuditEntry { details: Some(details), ..deed("sensitive_delete") };
        let anchor = self.signer.sign(Claim::Anchor, next.link, self.store.now());
        let removed = self.store.trim_audit(Trim { anchor, audit }).await?;
        tracing::info!(removed, until, "removed audit rows that are too old");
        Ok(true)
    }
}

/// Something that the sealer itself does to the audit.
pub(super) fn deed(action: &'static str) -> AuditEntry {
    AuditEntry {
        action,
        actor_id: None,
        actor: "system".to_owned(),
        session_hash: None,
        address: None,
        request_id: None,
        object: "audit".to_owned(),
        outcome: "success",
        reason: None,
        details: None,
    }
}
