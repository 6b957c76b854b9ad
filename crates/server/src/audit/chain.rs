//! How rows become a chain: the bytes of a row, and the hash that ties it to the row before.
//!
//! Refuses to depend on a database or a format: `docs/operate/evidence.md` states the same bytes for
//! verifiers of others.

use aws_lc_rs::digest::{SHA256, digest};
use store::{AuditRow, Link};
use uuid::Uuid;

/// Bytes of a hash.
const HASH: usize = 32;
/// In front of a field that is there.
const PRESENT: u8 = 1;
/// In the place of one that is not.
const ABSENT: u8 = 0;

/// A chain up to some place, to which rows are added.
#[derive(Debug, Clone)]
pub struct Chain {
    position: i64,
    row_hash: [u8; HASH],
    /// Kept from row to row for its room.
    bytes: Vec<u8>,
}

impl Default for Chain {
    /// The place before the first row.
    fn default() -> Self {
        Self { position: 0, row_hash: [0; HASH], bytes: Vec::new() }
    }
}

impl Chain {
    /// Goes on from a place; `None` if what stands there is no hash.
    pub fn at(link: &Link) -> Option<Self> {
        let row_hash = link.row_hash.as_slice().try_into().ok()?;
        Some(Self { position: link.position, row_hash, bytes: Vec::new() })
    }

    /// The number of the last row; 0 = there is none.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// The hash of everything so far.
    pub fn row_hash(&self) -> &[u8] {
        &self.row_hash
    }

    /// Where it stands.
    pub fn link(&self) -> Link {
        Link { position: self.position, row_hash: self.row_hash.to_vec() }
    }

    /// Adds the next row.
    pub fn add(&mut self, row: &AuditRow) {
        self.position = self.position.saturating_add(1);
        self.bytes.clear();
        self.bytes.extend_from_slice(&self.row_hash);
        write(&mut self.bytes, self.position, row);
        let hash = digest(&SHA256, &self.bytes);
        self.row_hash.copy_from_slice(hash.as_ref());
    }
}

/// Numbers are eight bytes, the most significant first.
fn write(bytes: &mut Vec<u8>, position: i64, row: &AuditRow) {
    bytes.extend_from_slice(&position.to_be_bytes());
    bytes.extend_from_slice(Uuid::from(row.audit_id).as_bytes());
    bytes.extend_from_slice(&row.recorded_at.as_microsecond().to_be_bytes());
    let actor_id = row.actor_id.map(Uuid::from);
    put(bytes, actor_id.as_ref().map(|id| id.as_bytes().as_slice()));
    let texts = [
        Some(&row.action),
        Some(&row.actor),
        row.session_hash.as_ref(),
        row.address.as_ref(),
        row.request_id.as_ref(),
        row.object.as_ref(),
        Some(&row.outcome),
        row.reason.as_ref(),
        row.details.as_ref(),
    ];
    for text in texts {
        put(bytes, text.map(String::as_bytes));
    }
}

/// With its length, so that nothing can move from one field into the next.
fn put(bytes: &mut Vec<u8>, field: Option<&[u8]>) {
    let Some(field) = field else { return bytes.push(ABSENT) };
    bytes.push(PRESENT);
    bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
    bytes.extend_from_slice(field);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;
    use model::Timestamp;
    use model::id::UserId;

    fn row() -> AuditRow {
        AuditRow {
            audit_id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            recorded_at: Timestamp::from_microsecond(1_688_169_600_000_001).unwrap(),
            action: "command_submitted".into(),
            actor_id: Some("01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap()),
            actor: "erika".into(),
            session_hash: None,
            address: Some("192.0.2.1".into()),
            request_id: None,
            object: Some("command/1".into()),
            outcome: "success".into(),
            reason: Some("Prüfung".into()),
            details: Some(r#"{"risk":"R2"}"#.into()),
        }
    }

    /// The example of `docs/operate/evidence.md`.
    #[test]
    fn the_first_row_hashes_to_what_is_documented() {
        let mut chain = Chain::default();
        chain.add(&row());
        assert_eq!(chain.position(), 1);
        let page = include_str!("../../../../docs/operate/evidence.md");
        assert!(page.contains(&hex::encode(chain.row_hash())), "{}", hex::encode(chain.row_hash()));
    }

    #[test]
    fn every_field_and_the_place_count() {
        let hash = |row: &AuditRow| {
            let mut chain = Chain::default();
            chain.add(row);
            chain.row_hash().to_vec()
        };
        let one = row();
        let others = [
            AuditRow { audit_id: "01890a5d-ac96-774b-bcce-b302099a8059".parse().unwrap(), ..row() },
            AuditRow { recorded_at: Timestamp::UNIX_EPOCH, ..row() },
            AuditRow { action: "x".into(), ..row() },
            AuditRow { actor_id: None, ..row() },
            AuditRow { actor_id: Some(UserId::new()), ..row() },
            AuditRow { actor: "erik".into(), session_hash: Some("a".into()), ..row() },
            AuditRow { session_hash: Some(String::new()), ..row() },
            AuditRow { address: None, request_id: row().address, ..row() },
            AuditRow { object: None, ..row() },
            AuditRow { outcome: "failure".into(), ..row() },
            AuditRow { reason: None, ..row() },
            AuditRow { details: Some(r#"{"risk": "R2"}"#.into()), ..row() },
        ];
        for other in others {
            assert_ne!(hash(&one), hash(&other), "{other:?}");
        }
        let mut twice = Chain::default();
        twice.add(&one);
        let second = Chain { position: 0, ..twice.clone() };
        let (mut here, mut there) = (twice, second);
        here.add(&one);
        there.add(&one);
        assert_ne!(here.row_hash(), there.row_hash());
    }
}
