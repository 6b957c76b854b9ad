//! Bulk data of an entity: what it offers, and what was brought to it.
//!
//! Holds no content: it is generated from id and offset, and of an upload only the digest is kept.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use crate::clock::Moment;
use crate::refusal::{Refusal, unknown};
use crate::shelf::{Kept, Shelf};

/// Bytes that are generated, and sent, at a time.
pub(crate) const BLOCK: usize = 32 * 1024;
/// How long an item takes that has to be prepared.
const PREPARATION: Duration = Duration::from_secs(1);

/// An item as it leaves the factory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkPlan {
    pub(crate) category: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) mimetype: String,
    pub(crate) size: u64,
    /// SHA-256 of the content, hexadecimal.
    pub(crate) sha256: String,
    /// Not there when it is asked for first.
    #[serde(default)]
    pub(crate) is_prepared: bool,
    /// Category and id under which it is really found.
    pub(crate) moved_to: Option<String>,
    /// In use: cannot be deleted.
    #[serde(default)]
    pub(crate) is_in_use: bool,
}

/// What somebody has brought.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) category: String,
    pub(crate) name: Option<String>,
    pub(crate) mimetype: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) at: Moment,
}

/// What has become of the items.
#[derive(Debug, Default)]
pub(crate) struct Bulk {
    deleted: Vec<(String, String)>,
    /// When the items that have to be prepared were asked for.
    asked: Vec<(String, Moment)>,
    uploads: Shelf<Upload>,
}

/// How a download is answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Download {
    Content(Generated),
    NotYet { retry_after_s: u64 },
    Elsewhere(String),
}

/// Content that is made while it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generated {
    pub(crate) size: u64,
    pub(crate) mimetype: String,
    offset: u64,
    pattern: Bytes,
}

impl Kept for Upload {
    const KIND: &'static str = "upload";
    const LIMIT: usize = 16;
}

impl Bulk {
    /// The items of a category that are still there.
    pub(crate) fn items<'a>(
        &self,
        plans: &'a [BulkPlan],
        category: &str,
    ) -> impl Iterator<Item = &'a BulkPlan> {
        let of_category = plans.iter().filter(move |plan| plan.category == category);
        of_category.filter(|plan| !self.is_deleted(plan))
    }

    /// What was brought to a category, with its ids.
    pub(crate) fn uploads(&self, category: &str) -> impl Iterator<Item = (&str, &Upload)> {
        self.uploads.iter().filter(move |(_, upload)| upload.category == category)
    }

    /// # Errors
    ///
    /// [`Refusal::TooMany`].
    pub(crate) fn bring(&mut self, upload: Upload) -> Result<String, Refusal> {
        self.uploads.add(upload)
    }

    /// # Errors
    ///
    /// [`Refusal::Unknown`], or [`Refusal::Precondition`] for an upload, of which nothing is kept.
    pub(crate) fn download(
        &mut self,
        plans: &[BulkPlan],
        category: &str,
        id: &str,
        now: Moment,
    ) -> Result<Download, Refusal> {
        let found = self.items(plans, category).find(|plan| plan.id == id);
        let Some(plan) = found else {
            self.uploads.get(id)?;
            return Err(Refusal::Precondition("only the digest of an upload is kept".to_owned()));
        };
        if let Some(moved_to) = &plan.moved_to {
            return Ok(Download::Elsewhere(moved_to.clone()));
        }
        match self.still_preparing(plan, now) {
            Some(rest) => Ok(Download::NotYet { retry_after_s: rest.as_secs().max(1) }),
            None => Ok(Download::Content(plan.generated())),
        }
    }

    /// # Errors
    ///
    /// [`Refusal::Unknown`], or [`Refusal::Precondition`] while it is in use.
    pub(crate) fn delete(
        &mut self,
        plans: &[BulkPlan],
        category: &str,
        id: &str,
    ) -> Result<(), Refusal> {
        let found = self.items(plans, category).find(|plan| plan.id == id);
        match found {
            None if self.uploads(category).any(|(upload, _)| upload == id) => {
                self.uploads.take(id).map(|_| ())
            }
            None => Err(unknown("item", id)),
            Some(plan) if plan.is_in_use => Err(Refusal::Precondition(format!("`{id}` is in use"))),
            Some(_) => {
                self.deleted.push((category.to_owned(), id.to_owned()));
                Ok(())
            }
        }
    }

    fn is_deleted(&self, plan: &BulkPlan) -> bool {
        self.deleted.iter().any(|(category, id)| *category == plan.category && *id == plan.id)
    }

    /// The time that an item still takes; asking for it begins its preparation.
    fn still_preparing(&mut self, plan: &BulkPlan, now: Moment) -> Option<Duration> {
        if !plan.is_prepared {
            return None;
        }
        let asked = self.asked.iter().find(|(id, _)| *id == plan.id).map(|(_, at)| *at);
        if asked.is_none() {
            self.asked.push((plan.id.clone(), now));
        }
        let rest = PREPARATION.saturating_sub(now.since(asked.unwrap_or(now)));
        (!rest.is_zero()).then_some(rest)
    }
}

impl BulkPlan {
    /// The content, from its first byte.
    pub(crate) fn generated(&self) -> Generated {
        let (size, mimetype) = (self.size, self.mimetype.clone());
        Generated { size, mimetype, offset: 0, pattern: pattern(&self.id) }
    }
}

/// Blocks of the pattern of the id, each beginning with its number.
impl Iterator for Generated {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let left = usize::try_from(self.size - self.offset).unwrap_or(usize::MAX).min(BLOCK);
        if left == 0 {
            return None;
        }
        let number = (self.offset / BLOCK as u64).to_be_bytes();
        let mut block = BytesMut::with_capacity(BLOCK);
        block.extend_from_slice(&number);
        block.extend_from_slice(self.pattern.get(number.len()..).unwrap_or_default());
        block.truncate(left);
        self.offset += left as u64;
        Some(block.freeze())
    }
}

/// A block that looks random and is the same for the same id.
fn pattern(id: &str) -> Bytes {
    let seed = id.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let words = std::iter::successors(Some(seed), |word| {
        let word = word ^ (word << 13);
        let word = word ^ (word >> 7);
        Some(word ^ (word << 17))
    });
    words.take(BLOCK / 8).flat_map(u64::to_be_bytes).collect()
}

/// A digest as it is written.
pub(crate) fn hexadecimal(digest: &[u8]) -> String {
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    nibbles.filter_map(|nibble| char::from_digit(u32::from(nibble), 16)).collect()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{Context, SHA256};

    use super::*;
    use crate::fleet::equipment;

    #[test]
    fn the_digest_of_every_item_is_that_of_its_content() {
        let equipment = equipment();
        let plans = equipment.entities().flat_map(|it| it.bulk.iter().map(move |plan| (it, plan)));
        for (entity, plan) in plans {
            let is_there =
                |it: &&BulkPlan| plan.moved_to == Some(format!("{}/{}", it.category, it.id));
            let mut digest = Context::new(&SHA256);
            let mut size = 0;
            for block in entity.bulk.iter().find(is_there).unwrap_or(plan).generated() {
                digest.update(&block);
                size += block.len() as u64;
            }
            let digest = hexadecimal(digest.finish().as_ref());
            assert_eq!((&digest, size), (&plan.sha256, plan.size), "{}", plan.id);
        }
    }
}
