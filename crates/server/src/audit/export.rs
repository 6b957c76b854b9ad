//! A chain as a file: one JSON document in each line, with everything that a verifier needs but the
//! public key.
//!
//! Refuses lines that are not exactly as it writes them: one chain has one text.

use super::key::PublicKeys;
use super::verify::{Fault, Finding, Verdict, Verifier, nothing};
use crate::hex;
use model::Timestamp;
use model::id::{AuditId, UserId};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};
use store::{AuditRow, Link, Mark, Seal, SealedRow, Snapshot, StoreError};

/// The version of the format.
const VERSION: u32 = 1;
/// Rows that are read at once.
const PAGE: u32 = 2000;
/// Bytes of the longest line that is read.
const LONGEST: u64 = 16 << 20;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written or read.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstLine<'a> {
    kind: &'a str,
    version: u32,
    /// `null` = the chain begins with the first row that there ever was.
    anchor: Option<Statement<'a>>,
}

/// A checkpoint, an anchor or the end.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement<'a> {
    kind: &'a str,
    position: i64,
    row_hash: String,
    signed_at: String,
    kid: String,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowLine<'a> {
    kind: &'a str,
    position: i64,
    audit_id: AuditId,
    recorded_at: String,
    action: String,
    actor_id: Option<UserId>,
    actor: String,
    session_hash: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
    object: Option<String>,
    outcome: String,
    reason: Option<String>,
    /// JSON as a text, so that it keeps its bytes.
    details: Option<String>,
    row_hash: String,
}

/// Writes a chain. Answers how many rows it has.
///
/// # Errors
///
/// Every [`ExportError`].
pub async fn export(snapshot: &mut Snapshot, out: &mut impl Write) -> Result<u64, ExportError> {
    let end = snapshot.head().await?.map(|end| end.seal);
    let anchors = snapshot.seals(Mark::Anchor, i64::MIN, i64::MAX).await?;
    let anchor = anchors.last().map(|seal| Statement::new("anchor", seal));
    line(out, &FirstLine { kind: "chain", version: VERSION, anchor })?;
    let until = end.as_ref().map_or(0, |end| end.link.position);
    let mut after = anchors.last().map_or(0, |anchor| anchor.link.position);
    let mut count = 0_u64;
    while after < until {
        let rows = snapshot.rows(after.saturating_add(1), PAGE).await?;
        let Some(last) = rows.last().map(|last| last.link.position) else { break };
        let checkpoints = snapshot.seals(Mark::Checkpoint, after, last).await?;
        write_page(out, rows, &checkpoints)?;
        count = count.saturating_add(last.abs_diff(after));
        after = last;
    }
    if let Some(end) = &end {
        line(out, &Statement::new("end", end))?;
    }
    out.flush()?;
    Ok(count)
}

fn write_page(out: &mut impl Write, rows: Vec<SealedRow>, checkpoints: &[Seal]) -> io::Result<()> {
    let mut checkpoints = checkpoints.iter().peekable();
    for row in rows {
        let position = row.link.position;
        line(out, &RowLine::from(row))?;
        while let Some(seal) = checkpoints.next_if(|seal| seal.link.position <= position) {
            line(out, &Statement::new("checkpoint", seal))?;
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, document)?;
    out.write_all(b"\n")
}

/// Verifies an export by keys that came another way.
///
/// # Errors
///
/// [`io::Error`] if it cannot be read.
pub fn verify(mut file: impl BufRead, keys: &PublicKeys) -> io::Result<Verdict> {
    let mut text = Vec::new();
    next_line(&mut file, &mut text)?;
    let begun = first(&text).and_then(|anchor| Verifier::begin(keys, anchor.as_ref()));
    let mut verifier = match begun {
        Ok(verifier) => verifier,
        Err(finding) => return Ok(nothing(finding)),
    };
    let found = loop {
        next_line(&mut file, &mut text)?;
        match step(&mut verifier, &text) {
            Ok(Step::Next) => {}
            Ok(Step::Over) => break after_end(&mut file, &mut text, &verifier)?,
            Err(finding) => break Err(finding),
        }
    };
    Ok(verifier.verdict(found))
}

fn next_line(file: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<()> {
    text.clear();
    Read::take(&mut *file, LONGEST).read_until(b'\n', text)?;
    Ok(())
}

/// Nothing may follow.
fn after_end(
    file: &mut impl BufRead,
    text: &mut Vec<u8>,
    verifier: &Verifier<'_>,
) -> io::Result<Result<(), Finding>> {
    next_line(file, text)?;
    let beyond = Finding::at(verifier.position().saturating_add(1), Fault::Beyond);
    Ok(if text.is_empty() { Ok(()) } else { Err(beyond) })
}

enum Step {
    Next,
    Over,
}

fn step(verifier: &mut Verifier<'_>, text: &[u8]) -> Result<Step, Finding> {
    let unreadable = Finding::at(verifier.position().saturating_add(1), Fault::Unreadable);
    if text.starts_with(br#"{"kind":"row","#) {
        let row = read::<RowLine<'_>>(text).and_then(RowLine::into_sealed).ok_or(unreadable)?;
        verifier.row(&row)?;
        return Ok(Step::Next);
    }
    if text.is_empty() {
        // A chain without any row has no signed end.
        let missing = Finding::at(verifier.position().saturating_add(1), Fault::Missing);
        return verifier.end(None).map(|()| Step::Over).map_err(|_| missing);
    }
    let signed: Statement<'_> = read(text).ok_or_else(|| unreadable.clone())?;
    let kind = signed.kind;
    let seal = signed.into_seal().ok_or_else(|| unreadable.clone())?;
    match kind {
        "checkpoint" => verifier.checkpoint(&seal).map(|()| Step::Next),
        "end" => verifier.end(Some(&seal)).map(|()| Step::Over),
        _ => Err(unreadable),
    }
}

/// The anchor in the first line, if there is one.
fn first(text: &[u8]) -> Result<Option<Seal>, Finding> {
    let foreign = Finding::at(0, Fault::Unreadable);
    let line: FirstLine<'_> = read(text).ok_or_else(|| foreign.clone())?;
    if line.kind != "chain" || line.version != VERSION {
        return Err(foreign);
    }
    let Some(anchor) = line.anchor else { return Ok(None) };
    let seal = Some(anchor).filter(|anchor| anchor.kind == "anchor").and_then(Statement::into_seal);
    seal.map(Some).ok_or(foreign)
}

/// Reads a line that is exactly as it would be written.
fn read<'t, T: Deserialize<'t> + Serialize>(text: &'t [u8]) -> Option<T> {
    let body = text.strip_suffix(b"\n")?;
    let document: T = serde_json::from_slice(body).ok()?;
    let again = serde_json::to_vec(&document).ok()?;
    (again == body).then_some(document)
}

impl<'a> Statement<'a> {
    fn new(kind: &'a str, seal: &Seal) -> Self {
        Self {
            kind,
            position: seal.link.position,
            row_hash: hex::encode(&seal.link.row_hash),
            signed_at: written(seal.signed_at),
            kid: seal.kid.clone(),
            signature: hex::encode(&seal.signature),
        }
    }

    fn into_seal(self) -> Option<Seal> {
        let link = Link { position: self.position, row_hash: hex::decode(&self.row_hash)? };
        let signature = hex::decode(&self.signature)?;
        Some(Seal { link, signed_at: moment(&self.signed_at)?, kid: self.kid, signature })
    }
}

impl From<SealedRow> for RowLine<'_> {
    fn from(SealedRow { row, link }: SealedRow) -> Self {
        Self {
            kind: "row",
            position: link.position,
            audit_id: row.audit_id,
            recorded_at: written(row.recorded_at),
            action: row.action,
            actor_id: row.actor_id,
            actor: row.actor,
            session_hash: row.session_hash,
            address: row.address,
            request_id: row.request_id,
            object: row.object,
            outcome: row.outcome,
            reason: row.reason,
            details: row.details,
            row_hash: hex::encode(&link.row_hash),
        }
    }
}

impl RowLine<'_> {
    fn into_sealed(self) -> Option<SealedRow> {
        let link = Link { position: self.position, row_hash: hex::decode(&self.row_hash)? };
        let row = AuditRow {
            audit_id: self.audit_id,
            recorded_at: moment(&self.recorded_at)?,
            action: self.action,
            actor_id: self.actor_id,
            actor: self.actor,
            session_hash: self.session_hash,
            address: self.address,
            request_id: self.request_id,
            object: self.object,
            outcome: self.outcome,
            reason: self.reason,
            details: self.details,
        };
        Some(SealedRow { row, link })
    }
}

/// RFC 3339 in UTC with six digits after the point.
fn written(at: Timestamp) -> String {
    format!("{at:.6}")
}

fn moment(text: &str) -> Option<Timestamp> {
    let at: Timestamp = text.parse().ok()?;
    (written(at) == text).then_some(at)
}
