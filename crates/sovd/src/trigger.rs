//! Triggers: conditions on a resource that the server watches and reports.
//! Refuses to watch by itself: a server without triggers answers as unsupported.

use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Map, Number, Value, json};

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::{Error, GenericError};
use crate::fields::{self, Fields};
use crate::link::Link;
use crate::receipt::{Acknowledged, IDS};

/// When a trigger fires.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Whenever the value changes.
    OnChange,
    /// When it becomes this.
    OnChangeTo(Value),
    /// When it comes to lie within the bounds.
    EnterRange {
        /// Lower bound, in the unit of the resource.
        lower: Number,
        /// Upper bound, in the unit of the resource.
        upper: Number,
    },
    /// When it comes to lie outside of them.
    LeaveRange {
        /// Lower bound, in the unit of the resource.
        lower: Number,
        /// Upper bound, in the unit of the resource.
        upper: Number,
    },
    /// A condition of the server's own, as it is written.
    Other(Value),
}

/// What to watch, and how to report it.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerRequest {
    /// The resource, as [`Entity::relative`] gives it, or the text of its [`Link`].
    pub resource: String,
    /// When to fire.
    pub condition: Condition,
    /// JSON pointer to the member of the value that is watched; `None` for the whole value.
    pub path: Option<String>,
    /// Whether to fire again and again; else the first time ends it.
    pub multishot: bool,
    /// Whether to outlive a restart of the server.
    pub persistent: bool,
    /// When it ends by itself (whole seconds, rounded up); `None` for never.
    pub lifetime: Option<Duration>,
    /// What the server is to write to its log when it fires, as the standard's `log_settings`;
    /// `None` for nothing.
    pub log_settings: Option<Value>,
}

impl TriggerRequest {
    /// Fires once, does not outlive a restart, and has no end.
    pub fn new(resource: impl Into<String>, condition: Condition) -> Self {
        Self {
            resource: resource.into(),
            condition,
            path: None,
            multishot: false,
            persistent: false,
            lifetime: None,
            log_settings: None,
        }
    }

    fn body(&self) -> Value {
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
        set("resource", self.resource.as_str().into());
        set("protocol", "sse".into());
        set("trigger_condition", self.condition.body());
        set("multishot", self.multishot.into());
        set("persistent", self.persistent.into());
        if let Some(path) = &self.path {
            set("path", path.as_str().into());
        }
        if let Some(lifetime) = self.lifetime {
            set("lifetime", fields::seconds(lifetime).into());
        }
        if let Some(settings) = &self.log_settings {
            set("log_settings", settings.clone());
        }
        body.into()
    }
}

/// A trigger that the server keeps.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Unique in its entity; `None` if the server gave none.
    pub id: Option<String>,
    /// What is watched, as the server writes it; `None` if it did not say.
    pub resource: Option<String>,
    /// When it fires; `None` if the server did not say.
    pub condition: Option<Condition>,
    /// Whether it still watches; `None` if the server did not say.
    pub active: Option<bool>,
    /// When it ends, RFC 3339; `None` if never, or if the server did not say.
    pub expires: Option<String>,
    /// What last went wrong with it; `None` if nothing.
    pub last_error: Option<GenericError>,
    /// Where its events come, read with [`Client::events_at`].
    pub events: Link,
    /// Where to inspect, prolong and delete it.
    pub href: Link,
    /// The whole entry; `null` if the server said nothing.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The triggers of an entity.
    pub fn triggers(&self, entity: &Entity) -> Call<Vec<Trigger>> {
        let (place, announced) = entity.collection("triggers");
        let decode = |document: &Document| document.items("triggers", Trigger::listed);
        Call::get(self, &place, decode).announced(announced)
    }

    /// Sets a trigger on a resource of the entity.
    pub fn create_trigger(&self, entity: &Entity, request: &TriggerRequest) -> Call<Trigger> {
        let (place, announced) = entity.collection("triggers");
        Call::post(self, &place, request.body(), Trigger::created).announced(announced)
    }

    /// The trigger at `href`.
    pub fn trigger(&self, href: &Link) -> Call<Trigger> {
        Call::get(self, href, |document: &Document| {
            let raw = document.required("trigger")?;
            Ok(Trigger::of(&Fields::of(raw, "trigger")?, document.place().clone(), raw))
        })
    }

    /// Lets the trigger at `href` end this much from now (whole seconds, rounded up).
    pub fn prolong_trigger(&self, href: &Link, lifetime: Duration) -> Call<Acknowledged> {
        let body = Value::from_iter([("lifetime", fields::seconds(lifetime))]);
        Call::put(self, href, body, Acknowledged::decode)
    }

    /// Ends the trigger at `href`, and with it its stream of events.
    pub fn delete_trigger(&self, href: &Link) -> Call<Acknowledged> {
        Call::delete(self, href, Acknowledged::decode)
    }
}

impl Trigger {
    fn listed(place: &Link, raw: &RawValue) -> Result<Self, Error> {
        let fields = Fields::of(raw, "trigger")?;
        let id = fields.id(&["id", "trigger_id"], "trigger")?;
        Ok(Self::of(&fields, fields.href(place, &id), raw))
    }

    fn created(document: &Document) -> Result<Self, Error> {
        let raw = document.json().unwrap_or(RawValue::NULL);
        let fields = Fields::of_any(raw);
        let named = || fields.text(IDS).map(|id| fields.href(document.place(), &id));
        let href = document.location().cloned().or_else(named);
        let href = href.ok_or_else(|| Error::malformed("a trigger, but nowhere to be found"))?;
        Ok(Self::of(&fields, href, raw))
    }

    fn of(fields: &Fields, href: Link, raw: &RawValue) -> Self {
        let last_error = fields.value(&["last_error"]);
        Self {
            id: fields.text(&["id", "trigger_id"]).or_else(|| href.decoded_name()),
            resource: fields.text(&["observed_resource", "resource"]),
            condition: fields.value(&["trigger_condition"]).map(Condition::decode),
            active: fields.text(&["status"]).map(|word| word.eq_ignore_ascii_case("active")),
            expires: fields.text(&["expires", "expires_at"]),
            last_error: last_error.as_ref().and_then(|it| GenericError::listed(it).pop()),
            events: fields.link("event_source", &href).unwrap_or_else(|| href.clone()),
            href,
            raw: raw.to_owned(),
        }
    }
}

impl Condition {
    fn body(&self) -> Value {
        let range = |kind: &str, lower: &Number, upper: &Number| json!({"condition_type": kind, "lower_bound": lower, "upper_bound": upper});
        match self {
            Self::OnChange => json!({"condition_type": "OnChange"}),
            Self::OnChangeTo(value) => json!({"condition_type": "OnChangeTo", "value": value}),
            Self::EnterRange { lower, upper } => range("EnterRange", lower, upper),
            Self::LeaveRange { lower, upper } => range("LeaveRange", lower, upper),
            Self::Other(value) => value.clone(),
        }
    }

    fn decode(value: Value) -> Self {
        let bound = |name: &str| match value.get(name) {
            Some(Value::Number(bound)) => Some(bound.clone()),
            _ => None,
        };
        let range = || Some((bound("lower_bound")?, bound("upper_bound")?));
        let kind = value.get("condition_type").and_then(Value::as_str);
        let known = match kind {
            Some("OnChange") => Some(Self::OnChange),
            Some("OnChangeTo") => value.get("value").cloned().map(Self::OnChangeTo),
            Some("EnterRange") => range().map(|(lower, upper)| Self::EnterRange { lower, upper }),
            Some("LeaveRange") => range().map(|(lower, upper)| Self::LeaveRange { lower, upper }),
            _ => None,
        };
        known.unwrap_or(Self::Other(value))
    }
}
