//! One identifier type per noun, so that a vehicle's id can never stand where a user's belongs.
//!
//! Refuses to give meaning to the bytes: ids sort by creation and say nothing else.

use crate::Timestamp;
use std::sync::{LazyLock, Mutex};
use uuid::timestamp::context::ContextV7;

/// Keeps ids of the same moment in the order in which they were made.
static ORDER: LazyLock<Mutex<ContextV7>> =
    LazyLock::new(|| Mutex::new(ContextV7::new().with_additional_precision()));

fn v7(moment: Timestamp) -> uuid::Uuid {
    let since_1970 = std::time::Duration::try_from(moment.as_duration()).unwrap_or_default();
    let (seconds, nanos) = (since_1970.as_secs(), since_1970.subsec_nanos());
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(&*ORDER, seconds, nanos))
}

/// Why a text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct NotAnId;

/// Declares an identifier: a UUIDv7 whose wire form is the bare UUID string.
macro_rules! id {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new id. Ids made later sort after ids made earlier.
            #[expect(clippy::new_without_default, reason = "a random default is a surprise")]
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7())
            }

            /// A new id of something that happened at that moment: ids sort by it, whichever node
            /// makes them and whatever its own clock says.
            pub fn at(moment: Timestamp) -> Self {
                Self(v7(moment))
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                // 36 characters are the hyphenated form: one id has one spelling.
                match uuid::Uuid::try_parse(text) {
                    Ok(id) if text.len() == 36 => Ok(Self(id)),
                    Ok(_) | Err(_) => Err(NotAnId),
                }
            }
        }
    )+};
}

id! {
    /// A submitted diagnostic command.
    CommandId
    /// One response of a command.
    ResponseId
    /// A vehicle in the registry. Not the VIN: a VIN is data, and can be corrected.
    VehicleId
    /// A fleet: the unit in which rights to vehicles are granted.
    FleetId
    /// A person or program that can log in.
    UserId
    /// One login, from password to logout; every token of it names it.
    SessionId
    /// A running server process. A restart is another node.
    NodeId
    /// A row of the audit log.
    AuditId
}
