//! Whether a refusal is about a lock: needed, lost, or held by somebody.
//! Refuses to take every denial for one: 403 and 409 have other reasons as well.

use serde_json::Value;

use crate::error::{Error, GenericError};
use crate::fields;

/// What the lock of an entity has to do with a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockTrouble {
    /// The change needs a lock that nobody has asked for.
    Needed,
    /// The lock was there, and was broken or has expired.
    Lost,
    /// Somebody else holds it.
    Held {
        /// Who; `None` if the server did not say.
        owner: Option<String>,
    },
}

/// Members of an error's parameters that name the holder of a lock.
const OWNERS: [&str; 6] = ["owner", "lock_owner", "locked_by", "owner_id", "holder", "client_id"];
/// Words before the holder's name in a message.
const BEFORE_OWNER: [&str; 4] = ["locked by ", "held by ", "owned by ", "lock owner "];
const HELD: [&str; 4] = ["another", "other", "already", "conflict"];
/// Words that turn `locked` into what is missing.
const MISSING: [&str; 5] = ["not", "must", "needs", "required", "requires"];
const LOST: [&str; 4] = ["broken", "expired", "lost", "preempted"];

impl Error {
    /// What a refused change says about locks; `None` if it was refused for another reason, or was
    /// not refused.
    ///
    /// Servers answer 403, 409 or 423 and rarely more than a sentence, so this goes by error code,
    /// parameters and words. 423 always is about a lock. A negative response of the control unit
    /// never is.
    pub fn lock_trouble(&self) -> Option<LockTrouble> {
        match self {
            Self::Refused { status, error } => of_refusal(*status, error),
            Self::NotSent(_)
            | Self::NotAdmitted { .. }
            | Self::NotTrusted { .. }
            | Self::Lost(_)
            | Self::Malformed { .. }
            | Self::Truncated
            | Self::TooLarge { .. }
            | Self::Unsupported { .. } => None,
        }
    }
}

fn of_refusal(status: u16, error: &GenericError) -> Option<LockTrouble> {
    let words = words(error);
    let says = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let is_about_lock =
        status == 423 || matches!(status, 403 | 409) && says(&["lock", "locks", "locked"]);
    if !is_about_lock || error.nrc.is_some() {
        return None;
    }
    let owner = owner(error);
    let is_locked = says(&["locked"]) && !says(&MISSING);
    Some(if says(&LOST) {
        LockTrouble::Lost
    } else if owner.is_some() || status == 423 || says(&HELD) || is_locked {
        LockTrouble::Held { owner }
    } else {
        LockTrouble::Needed
    })
}

fn words(error: &GenericError) -> Vec<String> {
    [Some(&error.error_code), error.vendor_code.as_ref(), Some(&error.message)]
        .into_iter()
        .flatten()
        .flat_map(|text| text.split(|letter: char| !letter.is_alphabetic()))
        .map(str::to_ascii_lowercase)
        .collect()
}

fn owner(error: &GenericError) -> Option<String> {
    let parameters = error.parameters.as_ref();
    let given =
        |name: &&str| parameters.and_then(|it: &Value| it.get(*name)).and_then(fields::text);
    OWNERS.iter().find_map(given).or_else(|| owner_in(&error.message))
}

/// The word after `locked by` and the like, without quotes and the end of the sentence.
fn owner_in(message: &str) -> Option<String> {
    // Of the same length as the message, so that places in the one are places in the other.
    let lower = message.to_ascii_lowercase();
    let found = BEFORE_OWNER.iter().find_map(|words| Some(lower.find(words)? + words.len()))?;
    let rest = message.get(found..)?;
    let rest = rest.strip_prefix("client ").or_else(|| rest.strip_prefix("user ")).unwrap_or(rest);
    let owner = rest.split_whitespace().next()?;
    let owner = owner
        .trim_matches(|letter: char| matches!(letter, '"' | '\'' | '`' | '.' | ',' | ';' | ')'));
    let is_name = !owner.is_empty()
        && !["another", "other", "a", "an", "the", "someone", "somebody"].contains(&owner);
    is_name.then(|| owner.to_owned())
}
