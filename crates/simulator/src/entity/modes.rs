//! The modes of an entity: session, security, communication, fault recording.
//!
//! Needs no timer: a mode that has expired reads as its default.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::Moment;
use crate::refusal::{Refusal, unknown};

const MAX_EXPIRATION_S: u64 = 3600;
const LEVELS: [(&str, &str); 2] =
    [("Level_1_RequestSeed", "Level_1"), ("Level_3_RequestSeed", "Level_3")];

/// A mode and the values that it takes, its default first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) values: &'static [&'static str],
}

/// Every mode there is.
pub(crate) const MODES: [Mode; 4] = [
    Mode {
        id: "session",
        name: "Diagnostic session",
        values: &["default", "extended", "programming"],
    },
    Mode { id: "security", name: "Security access", values: &["Locked", "Level_1", "Level_3"] },
    Mode {
        id: "commctrl",
        name: "Communication control",
        values: &[
            "enableRxAndEnableTx",
            "enableRxAndDisableTx",
            "disableRxAndEnableTx",
            "disableRxAndDisableTx",
        ],
    },
    Mode { id: "dtcsetting", name: "Fault recording", values: &["on", "off"] },
];

/// The body that sets a mode.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    value: String,
    /// Seconds; `None` is until the entity restarts.
    mode_expiration: Option<u64>,
    key: Option<Key>,
}

#[derive(Debug, Deserialize)]
struct Key {
    #[serde(rename = "Send_Key")]
    send_key: String,
}

/// The modes that differ from their default.
#[derive(Debug, Default)]
pub(crate) struct Modes {
    set: Vec<Set>,
    /// What a key has to answer, and for which level.
    seed: Option<(&'static str, u32)>,
}

#[derive(Debug)]
struct Set {
    mode: &'static str,
    value: &'static str,
    expires: Option<Moment>,
}

impl Modes {
    /// The value of a mode.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if there is no such mode.
    pub(crate) fn value(&self, mode: &str, now: Moment) -> Result<&'static str, Refusal> {
        let default = mode_of(mode)?.values.first().copied().unwrap_or_default();
        // Security is bound to the session in which it was gained.
        if mode == "security" && self.value("session", now)? == "default" {
            return Ok(default);
        }
        let set = self.set.iter().find(|set| set.mode == mode && !set.is_over(now));
        Ok(set.map_or(default, |set| set.value))
    }

    /// Sets a mode; the body of the answer.
    ///
    /// # Errors
    ///
    /// [`Refusal::Negative`] if the control unit would refuse, [`Refusal::InvalidParameters`] for
    /// a value or an expiration that the schema does not allow.
    pub(crate) fn change(
        &mut self,
        mode: &str,
        change: &Change,
        now: Moment,
    ) -> Result<Value, Refusal> {
        let known = mode_of(mode)?;
        let expires = expiry(change.mode_expiration, now)?;
        if known.id == "security" {
            return self.unlock(change, expires, now);
        }
        let value = known.values.iter().find(|value| **value == change.value).copied();
        let value = value.ok_or_else(|| {
            Refusal::InvalidParameters(format!("`value` is one of {:?}", known.values))
        })?;
        if known.id == "session" && value == "default" {
            self.reset();
        }
        self.put(Set { mode: known.id, value, expires });
        Ok(json!({"id": known.id, "value": value}))
    }

    /// Everything is as after waking up.
    pub(crate) fn reset(&mut self) {
        self.set.clear();
        self.seed = None;
    }

    fn unlock(
        &mut self,
        change: &Change,
        expires: Option<Moment>,
        now: Moment,
    ) -> Result<Value, Refusal> {
        const SERVICE: &str = "0x27";
        let negative = |nrc| Refusal::Negative { service: SERVICE, nrc };
        if change.value == "Locked" {
            self.put(Set { mode: "security", value: "Locked", expires: None });
            return Ok(json!({"id": "security", "value": "Locked"}));
        }
        if self.value("session", now)? == "default" {
            return Err(negative("0x7F"));
        }
        if let Some((request, level)) = LEVELS.iter().find(|(asked, _)| *asked == change.value) {
            let seed = Uuid::new_v4().as_fields().0;
            self.seed = Some((level, seed));
            let seed = json!({"Request_Seed": format!("{seed:08X}")});
            return Ok(json!({"id": "security", "value": request, "seed": seed}));
        }
        let (level, seed) = self.seed.take().ok_or_else(|| negative("0x24"))?;
        let key = change.key.as_ref().map(|key| u32::from_str_radix(&key.send_key, 16));
        if level != change.value || key != Some(Ok(!seed)) {
            return Err(negative("0x35"));
        }
        self.put(Set { mode: "security", value: level, expires });
        Ok(json!({"id": "security", "value": level}))
    }

    fn put(&mut self, set: Set) {
        self.set.retain(|other| other.mode != set.mode);
        self.set.push(set);
    }
}

impl Mode {
    /// The JSON Schema of its value.
    pub(crate) fn schema(&self) -> Value {
        let mut schema = json!({"type": "string", "enum": self.values});
        if self.id == "security"
            && let Some(fields) = schema.as_object_mut()
        {
            let how = "PUT Level_n_RequestSeed, then Level_n with key.Send_Key: \
                       the hexadecimal complement of the seed";
            fields.insert("description".to_owned(), how.into());
        }
        schema
    }
}

impl Set {
    fn is_over(&self, now: Moment) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The mode with this id.
///
/// # Errors
///
/// [`Refusal::Unknown`] if there is none.
pub(crate) fn mode_of(id: &str) -> Result<&'static Mode, Refusal> {
    MODES.iter().find(|mode| mode.id == id).ok_or_else(|| unknown("mode", id))
}

fn expiry(expiration_s: Option<u64>, now: Moment) -> Result<Option<Moment>, Refusal> {
    match expiration_s {
        None => Ok(None),
        Some(s @ 1..=MAX_EXPIRATION_S) => Ok(Some(now.plus(Duration::from_secs(s)))),
        Some(_) => Err(Refusal::InvalidParameters(format!(
            "`mode_expiration` is a number of seconds from 1 to {MAX_EXPIRATION_S}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(s: u64) -> Moment {
        Moment::at(Duration::from_secs(s))
    }

    fn change(value: &str, mode_expiration: Option<u64>) -> Change {
        Change { value: value.to_owned(), mode_expiration, key: None }
    }

    #[test]
    fn a_mode_falls_back_to_its_default_when_it_expires() {
        let mut modes = Modes::default();
        modes.change("session", &change("extended", Some(5)), second(0)).unwrap();
        assert_eq!(modes.value("session", second(4)).unwrap(), "extended");
        assert_eq!(modes.value("session", second(5)).unwrap(), "default");
    }

    #[test]
    fn setting_it_again_keeps_a_mode_alive() {
        let mut modes = Modes::default();
        modes.change("dtcsetting", &change("off", Some(5)), second(0)).unwrap();
        modes.change("dtcsetting", &change("off", Some(5)), second(4)).unwrap();
        assert_eq!(modes.value("dtcsetting", second(8)).unwrap(), "off");
    }

    #[test]
    fn security_ends_with_the_session() {
        let mut modes = Modes::default();
        modes.change("session", &change("extended", Some(5)), second(0)).unwrap();
        let answer = modes.change("security", &change("Level_1_RequestSeed", None), second(1));
        let seed = answer.unwrap()["seed"]["Request_Seed"].as_str().unwrap().to_owned();
        let send_key = format!("{:08X}", !u32::from_str_radix(&seed, 16).unwrap());
        let change = Change { key: Some(Key { send_key }), ..change("Level_1", None) };
        modes.change("security", &change, second(2)).unwrap();
        assert_eq!(modes.value("security", second(4)).unwrap(), "Level_1");
        assert_eq!(modes.value("security", second(5)).unwrap(), "Locked");
    }
}
