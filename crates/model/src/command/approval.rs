//! The second person: what they are shown, what their word is bound to, and what becomes of it.
//!
//! Refuses a word about another command than the one that they saw, and about one's own.

use super::reduce::{Input, Refused, Step};
use super::{Command, ErrorCode, Failure, Order, Outcome, State, later};
use crate::Timestamp;
use crate::command::log::Log;
use crate::id::UserId;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Names the form that is hashed: a later form gets another name, and so other hashes.
const FORM: &str = "fleetwire-approval-1";
const BYTES: usize = 32;

/// What an approval is bound to: SHA-256 over everything that makes up exactly this command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ApprovalHash([u8; BYTES]);

/// Why a text is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the 64 hexadecimal digits of the command's approval_hash")]
pub struct NotAHash;

impl fmt::Display for ApprovalHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ApprovalHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ApprovalHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for ApprovalHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let is_plain = text.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it));
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if !is_plain || !rest.is_empty() {
            return Err(NotAHash);
        }
        let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(NotAHash)
    }
}

/// Who decided about a command that needs a second person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The user.
    pub user_id: UserId,
    /// Their name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// What they saw when they approved; `None` = they denied.
    pub approved: Option<ApprovalHash>,
}

/// Somebody who decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decider {
    /// The user.
    pub user_id: UserId,
    /// Their name.
    pub name: String,
}

/// Waits for a second person, until [`Order::approve_by`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwaitingApproval;

#[expect(clippy::unused_self, reason = "a transition consumes the state it leaves")]
impl AwaitingApproval {
    fn approve(self) -> super::Queued {
        super::Queued { not_before: None }
    }

    fn end(self, failure: Failure, at: Timestamp) -> super::Ended {
        super::Ended { outcome: Outcome::Failed(failure), at }
    }
}

impl Command {
    /// The hash that an approval of it is bound to; `None` if it needs none.
    ///
    /// Computed from the order as it stands: whatever was altered in it gives another hash.
    pub fn approval_hash(&self) -> Option<ApprovalHash> {
        let approve_by = self.order.approve_by?;
        let waits_from = self.decision.as_ref().filter(|it| it.approved.is_some());
        let waits_from = waits_from.map_or(approve_by, |decision| decision.at);
        let waits = self.order.deliver_by.duration_since(waits_from);
        Some(hash(&self.order, waits.as_micros()))
    }

    /// Whether it may go to the vehicle as it stands: nobody had to approve it, or somebody approved
    /// exactly this.
    pub fn is_approved(&self) -> bool {
        let approved = self.decision.as_ref().and_then(|decision| decision.approved);
        self.order.approve_by.is_none() || (approved.is_some() && approved == self.approval_hash())
    }

    /// Whether it ended because it was not the one that somebody had approved.
    pub fn is_altered(&self) -> bool {
        let State::Ended(ended) = &self.state else { return false };
        matches!(&ended.outcome, Outcome::Failed(failure) if failure.code == ErrorCode::Altered)
    }

    /// How long it may wait for the vehicle once it is approved.
    fn deliver_within(&self) -> Duration {
        let approve_by = self.order.approve_by.unwrap_or(self.order.deliver_by);
        self.order.deliver_by.duration_since(approve_by).unsigned_abs()
    }
}

/// An array of JSON: unlike texts side by side, no two orders have the same one.
fn hash(order: &Order, deliver_within_us: i128) -> ApprovalHash {
    let form = (
        FORM,
        (order.command_id, order.vehicle_id, order.user_id),
        (&order.name, order.params.get(), order.risk, &order.reason, order.priority),
        // As text: not every reader of JSON keeps large numbers.
        (deliver_within_us.to_string(), order.run_timeout.as_micros().to_string()),
    );
    // Texts and numbers only: encoding them cannot fail.
    let form = serde_json::to_vec(&form).unwrap_or_default();
    ApprovalHash(Sha256::digest(form).into())
}

pub(super) fn on_awaiting(
    mut log: Log,
    awaiting: AwaitingApproval,
    input: Input,
) -> Result<Step, Refused> {
    let now = log.now;
    match input {
        Input::Cancel { by } => Ok(log.end(awaiting.end(Failure::cancelled(), now), Some(&by))),
        Input::Due if log.is_due() => Ok(log.end(awaiting.end(Failure::unapproved(), now), None)),
        Input::Approve { .. } | Input::Deny { .. } if log.is_due() => Err(Refused::NotNow),
        Input::Approve { hash, by } => {
            if log.command.approval_hash() != Some(hash) {
                return Err(Refused::OtherOrder);
            }
            log.command.order.deliver_by = later(now, log.command.deliver_within());
            log.command.decision = Some(by.decides(now, Some(hash)));
            log.enter(State::Queued(awaiting.approve()), Some("approved"), Some(&by.name));
            Ok(log.step())
        }
        Input::Deny { reason, by } => {
            log.command.decision = Some(by.decides(now, None));
            let failure = Failure::denied(&by.name, &reason);
            Ok(log.end(awaiting.end(failure, now), Some(&by.name)))
        }
        Input::Claim(_)
        | Input::Start
        | Input::Part { .. }
        | Input::External(_)
        | Input::Refused(..)
        | Input::VehicleError(_)
        | Input::NotSent
        | Input::Lost
        | Input::Unusable(..)
        | Input::Stopped
        | Input::Due => Err(Refused::NotNow),
    }
}

impl Decider {
    fn decides(&self, at: Timestamp, approved: Option<ApprovalHash>) -> Decision {
        Decision { user_id: self.user_id, name: self.name.clone(), at, approved }
    }
}

/// What holds wherever the command stands: nobody decides about what they ordered themselves, and
/// who says the same again has said it once.
pub(super) fn may_decide(command: &Command, input: &Input) -> Result<(), Refused> {
    let (by, approved) = if let Input::Approve { by, hash } = input {
        (by, Some(*hash))
    } else if let Input::Deny { by, .. } = input {
        (by, None)
    } else {
        return Ok(());
    };
    if by.user_id == command.order.user_id {
        return Err(Refused::Own);
    }
    let is_repeated = |said: &Decision| said.user_id == by.user_id && said.approved == approved;
    if command.decision.as_ref().is_some_and(is_repeated) {
        return Err(Refused::Duplicate);
    }
    Ok(())
}
