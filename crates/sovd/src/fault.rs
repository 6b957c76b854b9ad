//! Faults of an entity: listing, inspecting and clearing them.
//! Refuses to judge: whether a fault matters is for whoever reads its status.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::{Error, GenericError};
use crate::fields::{self, Fields};
use crate::link::Link;
use crate::receipt::Acknowledged;

/// The words that stand for severities 1 to 4.
const SEVERITIES: [&str; 4] = ["fatal", "error", "warn", "info"];

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
    /// What the control unit says about it, as the server spells that: keys, a mask, a word; `null` if
    /// it says nothing.
    pub status: Value,
    /// The memory or area it belongs to; `None` if the server has only one.
    pub scope: Option<String>,
    /// How it shows; `None` if the server gave none.
    pub symptom: Option<String>,
    /// The server's own keywords.
    pub tags: Vec<String>,
    /// Where to inspect and clear it.
    pub href: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// A fault with its surroundings.
#[derive(Debug, Clone)]
pub struct FaultDetail {
    /// The fault itself.
    pub fault: Fault,
    /// What was recorded when it occurred; `None` if nothing was.
    pub environment: Option<Box<RawValue>>,
    /// The values at the moment of the fault, as classic control units keep them; `None` if there
    /// are none or they were not asked for.
    pub snapshots: Option<Box<RawValue>>,
    /// Counters and the like, as classic control units keep them; `None` if there are none or they
    /// were not asked for.
    pub extended_data: Option<Box<RawValue>>,
    /// What could not be read of it.
    pub errors: Vec<GenericError>,
    /// The description of the environment; `None` unless it was asked for and is known.
    pub schema: Option<Box<RawValue>>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The faults of an entity; narrow it with [`Call::status`], [`Call::more_severe_than`],
    /// [`Call::scope`], [`Call::tag`].
    pub fn faults(&self, entity: &Entity) -> Call<Vec<Fault>> {
        let (place, announced) = entity.collection("faults");
        Call::get(self, &place, Fault::decode_list).announced(announced)
    }

    /// The fault at `href`, with what was recorded when it occurred; some servers give that only if
    /// asked with [`Call::with_snapshots`] and [`Call::with_extended_data`].
    pub fn fault(&self, href: &Link) -> Call<FaultDetail> {
        Call::get(self, href, FaultDetail::decode)
    }

    /// Clears all faults of an entity.
    pub fn clear_faults(&self, entity: &Entity) -> Call<Acknowledged> {
        let (place, announced) = entity.collection("faults");
        Call::delete(self, &place, Acknowledged::decode).announced(announced)
    }

    /// Clears the faults of one scope: one of an entity's fault memories.
    pub fn clear_faults_in(&self, entity: &Entity, scope: &str) -> Call<Acknowledged> {
        self.clear_faults(entity).query("scope", scope)
    }

    /// Clears the fault at `href`. Servers that can only clear all answer [`Error::Unsupported`].
    pub fn clear_fault(&self, href: &Link) -> Call<Acknowledged> {
        Call::delete(self, href, Acknowledged::decode)
    }
}

impl Call<Vec<Fault>> {
    /// Asks for faults whose status has this value, e.g. `confirmedDtc` and `1`.
    ///
    /// Keys are the server's own. Several mean any of them.
    pub fn status(self, key: &str, value: &str) -> Self {
        self.query(&format!("status[{key}]"), value)
    }

    /// Asks for faults more severe than `severity`: 1 is fatal, 4 information, and the faults asked
    /// for lie strictly below the number.
    pub fn more_severe_than(self, severity: u8) -> Self {
        self.query("severity", &severity.to_string())
    }

    /// Asks for the faults of one scope.
    pub fn scope(self, scope: &str) -> Self {
        self.query("scope", scope)
    }
}

impl Call<FaultDetail> {
    /// Asks for the values at the moment of the fault.
    pub fn with_snapshots(self) -> Self {
        self.query("include-snapshot", "true")
    }

    /// Asks for counters and the like.
    pub fn with_extended_data(self) -> Self {
        self.query("include-extended-data", "true")
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
        let code = fields.id(&["code", "fault_code", "id"], "fault")?;
        Ok(Self {
            href: fields.link("href", place).unwrap_or_else(|| default_href(&code)),
            code,
            display_code: fields.text(&["display_code", "displayCode"]),
            name: fields.text(&["fault_name", "faultName", "name", "message"]),
            severity: fields.value(&["severity"]).as_ref().and_then(severity),
            status: fields.value(&["status"]).unwrap_or_default(),
            scope: fields.text(&["scope"]),
            symptom: fields.text(&["symptom"]),
            tags: fields.words(&["tags"]),
            raw: raw.to_owned(),
        })
    }
}

impl FaultDetail {
    /// The fault is wrapped in `item`, or the answer is the fault.
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("fault")?;
        let fields = Fields::of(raw, "fault")?;
        let place = document.place();
        let item = fields.present("item").unwrap_or(raw);
        let environment = fields.owned("environment_data");
        let surroundings = environment.as_deref().map_or_else(Fields::default, Fields::of_any);
        Ok(Self {
            fault: Fault::decode(item, |_| place.clone(), place)?,
            snapshots: surroundings.owned("snapshots"),
            extended_data: surroundings.owned("extended_data_records"),
            environment,
            errors: fields.errors(),
            schema: fields.owned("schema"),
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
