//! Faults of an entity: listing, inspecting and clearing them.
//! Refuses to judge: whether a fault matters is for whoever reads its status.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::{Acknowledged, Call};
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::fields::{self, Fields};
use crate::link::Link;

/// The words that stand for severities 1 to 4.
const SEVERITIES: [&str; 4] = ["fatal", "error", "warn", "info"];

/// The status bits of UDS from the lowest on, by the names that servers give them.
const STATUS_BITS: [&[&str]; 8] = [
    &["testfailed", "active"],
    &["testfailedthisoperationcycle"],
    &["pendingdtc", "pending"],
    &["confirmeddtc", "confirmed"],
    &["testnotcompletedsincelastclear"],
    &["testfailedsincelastclear"],
    &["testnotcompletedthisoperationcycle"],
    &["warningindicatorrequested", "warningindicator"],
];
const ACTIVE: u8 = 0x01;
const PENDING: u8 = 0x04;
const CONFIRMED: u8 = 0x08;

/// A fault in an entity's memory.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The code by which the server knows it.
    pub code: String,
    /// The code for people, e.g. `P0420`; `None` if the server gave none.
    pub display_code: Option<String>,
    /// What is wrong; `None` if the server gave no text.
    pub name: Option<String>,
    /// 1 fatal, 2 error, 3 warning, 4 information; `None` if the server did not say.
    pub severity: Option<u8>,
    /// What the control unit says about it.
    pub status: FaultStatus,
    /// The memory or area it belongs to; `None` if the server has only one.
    pub scope: Option<String>,
    /// How it shows; `None` if the server gave none.
    pub symptom: Option<String>,
    /// Where to inspect and clear it.
    pub href: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// The status of a fault, whichever way the server spells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultStatus(BTreeMap<String, Value>);

/// A fault with its surroundings.
#[derive(Debug, Clone)]
pub struct FaultDetail {
    /// The fault itself.
    pub fault: Fault,
    /// What was recorded when it occurred; `None` if nothing was.
    pub environment: Option<Box<RawValue>>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The faults of an entity; filter with [`Call::query`].
    pub fn faults(&self, entity: &Entity) -> Call<Vec<Fault>> {
        let (place, announced) = entity.collection("faults");
        Call::get(self, &place, Fault::decode_list).announced(announced)
    }

    /// The fault at `href`, with what was recorded when it occurred.
    pub fn fault(&self, href: &Link) -> Call<FaultDetail> {
        Call::get(self, href, FaultDetail::decode)
    }

    /// Clears all faults of an entity.
    pub fn clear_faults(&self, entity: &Entity) -> Call<Acknowledged> {
        let (place, announced) = entity.collection("faults");
        Call::delete(self, &place, Acknowledged::decode).announced(announced)
    }

    /// Clears the fault at `href`. Servers that can only clear all answer [`Error::Unsupported`].
    pub fn clear_fault(&self, href: &Link) -> Call<Acknowledged> {
        Call::delete(self, href, Acknowledged::decode)
    }
}

impl Fault {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("faults", |place, raw| Self::decode(raw, |code| place.child(code), place))
    }

    fn decode(
        raw: &RawValue,
        default_href: impl FnOnce(&str) -> Link,
        place: &Link,
    ) -> Result<Self, Error> {
        let fields = Fields::of(raw, "fault")?;
        let code = fields
            .text(&["code", "fault_code", "id"])
            .ok_or_else(|| Error::malformed("fault without code"))?;
        let href = fields.text(&["href"]).and_then(|href| place.resolve(&href));
        Ok(Self {
            href: href.unwrap_or_else(|| default_href(&code)),
            code,
            display_code: fields.text(&["display_code", "displayCode"]),
            name: fields.text(&["fault_name", "faultName", "name", "message"]),
            severity: fields.value(&["severity"]).as_ref().and_then(severity),
            status: fields.value(&["status"]).map(FaultStatus::decode).unwrap_or_default(),
            scope: fields.text(&["scope"]),
            symptom: fields.text(&["symptom"]),
            raw: raw.to_owned(),
        })
    }
}

impl FaultStatus {
    /// Whether the fault is present now.
    pub fn is_active(&self) -> bool {
        self.mask() & ACTIVE != 0
    }

    /// Whether the fault is confirmed.
    pub fn is_confirmed(&self) -> bool {
        self.mask() & CONFIRMED != 0
    }

    /// Whether the fault has occurred, but not often enough to be confirmed.
    pub fn is_pending(&self) -> bool {
        self.mask() & PENDING != 0
    }

    /// Where the fault stands in one word: the furthest that it has come.
    pub fn word(&self) -> &'static str {
        if self.is_confirmed() {
            "confirmed"
        } else if self.is_pending() {
            "pending"
        } else if self.is_active() {
            "active"
        } else {
            "stored"
        }
    }

    /// The UDS status byte: single keys where the server gives them, its own mask for the rest.
    pub fn mask(&self) -> u8 {
        let given = self.0.get("mask").and_then(fields::code);
        let given = given.and_then(|mask| u8::try_from(mask).ok()).unwrap_or_default();
        STATUS_BITS.iter().enumerate().fold(given, |mask, (index, names)| match self.flag(names) {
            Some(true) => mask | 1 << index,
            Some(false) => mask & !(1 << index),
            None => mask,
        })
    }

    /// One key of the status, found without regard to upper and lower case.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(&key.to_ascii_lowercase())
    }

    fn decode(value: Value) -> Self {
        match value {
            Value::Object(keys) => Self(
                keys.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect(),
            ),
            // A mere word says what the single key would.
            Value::String(word) => {
                Self(BTreeMap::from([(word.to_ascii_lowercase(), Value::Bool(true))]))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Self::default(),
        }
    }

    fn flag(&self, names: &[&str]) -> Option<bool> {
        names.iter().find_map(|name| self.0.get(*name).and_then(fields::flag))
    }
}

impl FaultDetail {
    /// The fault is wrapped in `item`, or the answer is the fault.
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("fault")?;
        let fields = Fields::of(raw, "fault")?;
        let place = document.place();
        let item = fields.present("item").unwrap_or(raw);
        Ok(Self {
            fault: Fault::decode(item, |_| place.clone(), place)?,
            environment: fields.present("environment_data").map(ToOwned::to_owned),
            raw: raw.to_owned(),
        })
    }
}

/// A number, or the word for it in any case, also in its long form (`WARNING`).
fn severity(value: &Value) -> Option<u8> {
    let text = fields::text(value)?.to_ascii_lowercase();
    let named = SEVERITIES.iter().position(|word| text.starts_with(word));
    text.parse().ok().or_else(|| u8::try_from(named?.checked_add(1)?).ok())
}
