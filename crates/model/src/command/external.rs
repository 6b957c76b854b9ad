//! What other programs, acting as vehicle connectors, say of a command on the bus.
//!
//! Refuses to trust them with our numbers: `sequence_number` and `offset` are given by the store.

use crate::Timestamp;
use crate::id::{CommandId, ResponseId};
use crate::nesting::{DEEPEST, depth};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;

/// Something that another program said.
#[derive(Debug, Clone)]
pub enum External {
    /// One part of the vehicle's answer.
    Response(ExternalResponse),
    /// The vehicle did what it was told.
    Completed,
    /// The vehicle, or the program, failed, in its words.
    Failed(String),
}

/// A part of an answer in the words of another program.
#[derive(Debug, Clone)]
pub struct ExternalResponse {
    /// Its id: the program's, or a new one.
    pub response_id: ResponseId,
    /// What the vehicle said.
    pub payload: Box<RawValue>,
    /// Whether it is the last.
    pub is_final: bool,
    /// The `response` object as it was given; every field of it is kept.
    given: BTreeMap<String, Box<RawValue>>,
}

/// What comes on the channel of a command.
#[derive(Debug, Clone)]
pub struct Heard {
    /// What it says.
    pub external: External,
    /// The id that the program gave, if it gave one: saying it twice says it once.
    pub given_id: Option<ResponseId>,
}

/// Why a text says nothing about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Junk {
    /// It is no JSON object with a text `event`, or has half a character in it.
    #[error("not an event")]
    NotAnEvent,
    /// It nests deeper than those who read events decode.
    #[error("it nests deeper than {DEEPEST} levels")]
    TooDeep,
    /// It is of another command.
    #[error("the event is of another command than its channel")]
    OtherCommand,
    /// It says nothing that changes a command.
    #[error("the event changes nothing")]
    SaysNothing,
}

#[derive(Deserialize)]
struct Spoken {
    event: String,
    command_id: CommandId,
    #[serde(default)]
    response: Option<BTreeMap<String, Box<RawValue>>>,
    #[serde(default)]
    response_id: Option<ResponseId>,
    #[serde(default)]
    response_payload: Option<Box<RawValue>>,
    #[serde(default)]
    is_final: Option<bool>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
}

impl Heard {
    /// Reads a text from the channel of `command_id`.
    ///
    /// # Errors
    ///
    /// [`Junk`] for whatever does not move a command.
    pub fn read(command_id: CommandId, text: &str) -> Result<Self, Junk> {
        // Parts are kept undecoded: they would escape the checks that decoding makes.
        if depth(text.as_bytes()) > DEEPEST {
            return Err(Junk::TooDeep);
        }
        let _: Value = serde_json::from_str(text).map_err(|_| Junk::NotAnEvent)?;
        let spoken: Spoken = serde_json::from_str(text).map_err(|_| Junk::NotAnEvent)?;
        if spoken.command_id != command_id {
            return Err(Junk::OtherCommand);
        }
        match (spoken.event.as_str(), spoken.status.as_deref()) {
            ("response", _) => Ok(spoken.response()),
            ("error", _) | ("status", Some("failed")) => {
                let words = spoken.error_message.unwrap_or_else(|| "Vehicle error".to_owned());
                Ok(Self { external: External::Failed(words), given_id: None })
            }
            ("status", Some("completed")) => {
                Ok(Self { external: External::Completed, given_id: None })
            }
            _ => Err(Junk::SaysNothing),
        }
    }
}

impl Spoken {
    /// What stands in the `response` object counts; what is missing there may stand beside it.
    fn response(self) -> Heard {
        let given = self.response.unwrap_or_default();
        let given_id = field(&given, "response_id").or(self.response_id);
        let payload = given.get("response_payload").cloned().or(self.response_payload);
        let response = ExternalResponse {
            response_id: given_id.unwrap_or_else(ResponseId::new),
            payload: payload.unwrap_or_else(|| RawValue::NULL.to_owned()),
            is_final: field(&given, "is_final").or(self.is_final).unwrap_or(false),
            given,
        };
        Heard { external: External::Response(response), given_id }
    }
}

fn field<T: for<'a> Deserialize<'a>>(
    object: &BTreeMap<String, Box<RawValue>>,
    name: &str,
) -> Option<T> {
    serde_json::from_str(object.get(name)?.get()).ok()
}

impl ExternalResponse {
    /// The `response` object with everything that clients rely on.
    pub(super) fn completed(
        &self,
        sequence_number: u32,
        now: Timestamp,
    ) -> BTreeMap<String, Box<RawValue>> {
        let mut object = self.given.clone();
        let received_at = field(&object, "received_at").unwrap_or(now);
        object.insert("response_payload".to_owned(), self.payload.clone());
        let fields = [
            ("response_id", to_raw_value(&self.response_id)),
            ("sequence_number", to_raw_value(&sequence_number)),
            ("is_final", to_raw_value(&self.is_final)),
            ("received_at", to_raw_value(&received_at)),
        ];
        // None of the four can fail to encode.
        let fields =
            fields.into_iter().filter_map(|(name, raw)| Some((name.to_owned(), raw.ok()?)));
        object.extend(fields);
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_of_events_could_not_decode_is_junk() {
        let id = CommandId::new();
        let said = |depth: usize| {
            let payload = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let text = format!(
                r#"{{"event":"response","command_id":"{id}","response_payload":{payload}}}"#
            );
            Heard::read(id, &text).map(drop)
        };
        assert_eq!(said(DEEPEST - 1), Ok(()));
        assert_eq!(said(DEEPEST), Err(Junk::TooDeep));
    }
}
