//! Whether a chain is what was sealed, and if not, from where on.
//!
//! Refuses to go on after the first finding: what comes after it proves nothing.

use super::chain::Chain;
use super::key::{Claim, PublicKeys};
use model::id::AuditId;
use std::fmt;
use store::{Mark, Seal, SealedRow, Snapshot, StoreError};
use tokio_util::sync::CancellationToken;

/// Rows that are read at once.
const PAGE: u32 = 2000;

/// What is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no row of that number.
    #[error("is missing")]
    Missing,
    /// There is another row of a number that there was before, or in front of the first.
    #[error("has a row too many beside it")]
    Extra,
    /// It does not hash to what stands with it.
    #[error("is not what was sealed")]
    Changed,
    /// It does not read as what we write.
    #[error("cannot be read")]
    Unreadable,
    /// The hash of everything up to here was sealed as another, and nothing says in which row.
    #[error("is the first of rows up to {0} of which one is not what was sealed")]
    ChangedWithin(i64),
    /// What says that the chain has come by here was signed by nobody who is believed.
    #[error("has a checkpoint with a wrong signature")]
    Checkpoint,
    /// What says that the chain begins after here was signed by nobody who is believed.
    #[error("has an anchor with a wrong signature")]
    Anchor,
    /// There is no signed end.
    #[error("is not covered: the signed end of the chain is missing")]
    NoEnd,
    /// What says that the chain ends here was signed by nobody who is believed.
    #[error("has an end with a wrong signature")]
    End,
    /// The signed end comes before it.
    #[error("comes after the signed end of the chain")]
    Beyond,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The number of the first row that is not as it was sealed.
    pub position: i64,
    /// Its id; `None` if there is no such row, or nothing that says which.
    pub audit_id: Option<AuditId>,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Finding {
    pub(super) fn at(position: i64, fault: Fault) -> Self {
        Self { position, audit_id: None, fault }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}", self.position)?;
        if let Some(audit_id) = self.audit_id {
            write!(f, " ({audit_id})")?;
        }
        write!(f, " {}", self.fault)
    }
}

/// What came of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The number of the first row that is kept; what was before has been removed on purpose.
    pub first: i64,
    /// How many rows are what was sealed.
    pub rows: u64,
    /// How many checkpoints are what was signed.
    pub checkpoints: u64,
    /// How many rows have not been sealed yet; `None` = nobody can tell.
    pub unsealed: Option<u64>,
    /// The first thing that is wrong; `None` = nothing is.
    pub finding: Option<Finding>,
}

/// A chain that is looked at from its beginning, row by row.
#[derive(Debug)]
pub(super) struct Verifier<'k> {
    keys: &'k PublicKeys,
    chain: Chain,
    first: i64,
    rows: u64,
    checkpoints: u64,
    /// Everything up to here is signed.
    signed: i64,
}

impl<'k> Verifier<'k> {
    /// Begins where the anchor says; `None` = with the first row that there ever was.
    pub(super) fn begin(keys: &'k PublicKeys, anchor: Option<&Seal>) -> Result<Self, Finding> {
        let chain = match anchor {
            None => Chain::default(),
            Some(seal) => {
                let forged = || Finding::at(seal.link.position, Fault::Anchor);
                let believed = keys.has_signed(Claim::Anchor, seal).then(|| Chain::at(&seal.link));
                believed.flatten().ok_or_else(forged)?
            }
        };
        let signed = chain.position();
        Ok(Self { keys, chain, first: signed.saturating_add(1), rows: 0, checkpoints: 0, signed })
    }

    /// The number of the last row that was looked at.
    pub(super) fn position(&self) -> i64 {
        self.chain.position()
    }

    fn next(&self) -> i64 {
        self.position().saturating_add(1)
    }

    /// The next row.
    pub(super) fn row(&mut self, sealed: &SealedRow) -> Result<(), Finding> {
        let (expected, position) = (self.next(), sealed.link.position);
        if position > expected {
            return Err(Finding::at(expected, Fault::Missing));
        }
        let audit_id = Some(sealed.row.audit_id);
        if position < expected {
            return Err(Finding { position, audit_id, fault: Fault::Extra });
        }
        self.chain.add(&sealed.row);
        if self.chain.row_hash() != sealed.link.row_hash {
            return Err(Finding { position, audit_id, fault: Fault::Changed });
        }
        self.rows = self.rows.saturating_add(1);
        Ok(())
    }

    /// A checkpoint after the row that was looked at last.
    pub(super) fn checkpoint(&mut self, seal: &Seal) -> Result<(), Finding> {
        let position = seal.link.position;
        if !self.keys.has_signed(Claim::Checkpoint, seal) {
            return Err(Finding::at(position, Fault::Checkpoint));
        }
        self.agree(seal)?;
        self.checkpoints = self.checkpoints.saturating_add(1);
        self.signed = position;
        Ok(())
    }

    /// The signed end, when there are no more rows.
    pub(super) fn end(&self, end: Option<&Seal>) -> Result<(), Finding> {
        let Some(end) = end else {
            let nothing_was_sealed = self.position() == 0;
            return if nothing_was_sealed {
                Ok(())
            } else {
                Err(Finding::at(self.position(), Fault::NoEnd))
            };
        };
        if !self.keys.has_signed(Claim::End, end) {
            return Err(Finding::at(self.position(), Fault::End));
        }
        if end.link.position < self.position() {
            return Err(Finding::at(end.link.position.saturating_add(1), Fault::Beyond));
        }
        self.agree(end)
    }

    /// Whether what was signed is said of the chain as it is.
    fn agree(&self, seal: &Seal) -> Result<(), Finding> {
        let position = seal.link.position;
        if position != self.position() {
            return Err(Finding::at(self.next(), Fault::Missing));
        }
        if seal.link.row_hash != self.chain.row_hash() {
            let first = self.signed.saturating_add(1);
            return Err(Finding::at(first, Fault::ChangedWithin(position)));
        }
        Ok(())
    }

    /// What has been found.
    pub(super) fn verdict(self, end: Result<(), Finding>) -> Verdict {
        let Self { first, rows, checkpoints, .. } = self;
        Verdict { first, rows, checkpoints, unsealed: None, finding: end.err() }
    }
}

/// Verifies a chain in a store.
///
/// # Errors
///
/// [`StoreError`] if the store does not answer; `Busy` if `stop` came first.
pub async fn verify(
    snapshot: &mut Snapshot,
    keys: &PublicKeys,
    stop: &CancellationToken,
) -> Result<Verdict, StoreError> {
    let unsealed = snapshot.unsealed().await?;
    let anchors = snapshot.seals(Mark::Anchor, i64::MIN, i64::MAX).await?;
    let mut verifier = match Verifier::begin(keys, anchors.last()) {
        Ok(verifier) => verifier,
        Err(finding) => return Ok(Verdict { unsealed: Some(unsealed), ..nothing(finding) }),
    };
    let found = walk(snapshot, &mut verifier, stop).await?;
    Ok(Verdict { unsealed: Some(unsealed), ..verifier.verdict(found) })
}

/// What is said of a chain that does not even begin.
pub(super) fn nothing(finding: Finding) -> Verdict {
    let first = finding.position;
    Verdict { first, rows: 0, checkpoints: 0, unsealed: None, finding: Some(finding) }
}

async fn walk(
    snapshot: &mut Snapshot,
    verifier: &mut Verifier<'_>,
    stop: &CancellationToken,
) -> Result<Result<(), Finding>, StoreError> {
    let mut pages = Pages { from: i64::MIN, last: None, limit: PAGE };
    loop {
        if stop.is_cancelled() {
            return Err(StoreError::Busy);
        }
        let Some(rows) = pages.next(snapshot).await? else {
            let unreadable = Finding::at(verifier.next(), Fault::Unreadable);
            return Ok(Err(unreadable));
        };
        let Some(last) = rows.last() else { break };
        let (after, until) = (verifier.position(), last.link.position);
        let checkpoints = snapshot.seals(Mark::Checkpoint, after, until).await?;
        if let Err(finding) = follow(verifier, &rows, &checkpoints) {
            return Ok(Err(finding));
        }
    }
    let beyond = snapshot.seals(Mark::Checkpoint, verifier.position(), i64::MAX).await?;
    let end = snapshot.head().await?;
    Ok(finish(verifier, &beyond, end.as_ref().map(|end| &end.seal)))
}

/// Rows, and the checkpoints among them.
fn follow(
    verifier: &mut Verifier<'_>,
    rows: &[SealedRow],
    checkpoints: &[Seal],
) -> Result<(), Finding> {
    let mut checkpoints = checkpoints.iter().peekable();
    for row in rows {
        verifier.row(row)?;
        let here = |seal: &&Seal| seal.link.position == row.link.position;
        if let Some(seal) = checkpoints.next_if(here) {
            verifier.checkpoint(seal)?;
        }
    }
    Ok(())
}

fn finish(verifier: &mut Verifier<'_>, beyond: &[Seal], end: Option<&Seal>) -> Result<(), Finding> {
    verifier.end(end)?;
    beyond.iter().try_for_each(|seal| verifier.checkpoint(seal))
}

/// Reads all rows that have a place, each once, even if several have the same.
struct Pages {
    from: i64,
    /// The row that was read last: the next page begins with its place.
    last: Option<AuditId>,
    limit: u32,
}

impl Pages {
    /// The next rows, none at the end; `None` if the first of them cannot be read.
    async fn next(
        &mut self,
        snapshot: &mut Snapshot,
    ) -> Result<Option<Vec<SealedRow>>, StoreError> {
        let mut rows = match snapshot.rows(self.from, self.limit).await {
            Ok(rows) => rows,
            Err(StoreError::Failed(_) | StoreError::Corrupt(_)) => {
                // One row at a time from here on, to find the one that it is.
                let smallest = if self.last.is_some() { 2 } else { 1 };
                if self.limit == smallest {
                    return Ok(None);
                }
                self.limit = smallest;
                return Box::pin(self.next(snapshot)).await;
            }
            Err(error) => return Err(error),
        };
        rows.retain(|row| Some(row.row.audit_id) != self.last);
        if let Some(last) = rows.last() {
            (self.from, self.last) = (last.link.position, Some(last.row.audit_id));
            self.limit = self.limit.max(2);
        }
        Ok(Some(rows))
    }
}
