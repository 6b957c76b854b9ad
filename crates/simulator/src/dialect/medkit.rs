//! As ros2_medkit speaks: `fault_code`, severities in words, locks of clients that name themselves.
//!
//! Offers no list of faults over all entities, and no stream of them.

use axum::http::{HeaderName, StatusCode, header};
use serde_json::{Value, json};

use super::asked::Asked;
use super::fault_names::for_people;
use super::place::{Kind, Place};
use super::stamp;
use super::told::Told;
use super::tongue::{Tongue, count, each_item, has_status, set, text};

const CLIENT: HeaderName = HeaderName::from_static("x-client-id");
const SEVERITIES: [&str; 4] = ["CRITICAL", "ERROR", "WARN", "INFO"];
const STATUSES: &str = "`status` must be pending, confirmed, cleared, healed or all";

/// The dialect, which dates every fault at the moment in which its server began.
#[derive(Debug)]
pub(super) struct Medkit {
    began: String,
}

impl Default for Medkit {
    fn default() -> Self {
        Self { began: stamp::now() }
    }
}

impl Tongue for Medkit {
    fn base(&self) -> &'static str {
        "/api/v1"
    }

    fn version_info(&self) -> &'static str {
        "/api/v1/version-info"
    }

    fn hear(&self, asked: &mut Asked) -> Result<(), Told> {
        if asked.place == Place::Outside("/api/v1/".to_owned()) {
            asked.place = Place::Within(Vec::new());
        }
        match asked.kind() {
            Kind::Locks | Kind::Lock
                if !asked.is_get() && asked.header(CLIENT.as_str()).is_empty() =>
            {
                let message = "X-Client-Id header is required";
                Err(Told::error(StatusCode::BAD_REQUEST, "invalid-request", message))
            }
            Kind::Faults if asked.is_get() => take_status(asked),
            _ => Ok(()),
        }
    }

    fn tell(&self, asked: &Asked, told: Told) -> Told {
        if !told.status.is_success() {
            return refused(asked, told);
        }
        let is_start = asked.kind() == Kind::Executions && !asked.is_get();
        let entity = asked.place.segment(1).to_owned();
        told.map(|document| match asked.kind() {
            Kind::VersionInfo => versions(&document),
            Kind::Faults => faults(document, &entity, &self.began),
            Kind::Fault => detail(document),
            Kind::Executions if is_start => started(document),
            _ => document,
        })
    }
}

/// Without a status the active faults are meant: those that are pending or confirmed.
fn take_status(asked: &mut Asked) -> Result<(), Told> {
    let status = asked.parameter("status").map(str::to_owned);
    asked.drop_parameter("status");
    let filters: &[&str] = match status.as_deref() {
        None => &["status[pendingDtc]", "status[confirmedDtc]"],
        Some("pending") => &["status[pendingDtc]"],
        Some("confirmed") => &["status[confirmedDtc]"],
        Some("all") => &[],
        Some("cleared" | "healed") => {
            let entity = asked.place.segment(1);
            return Err(Told::document(StatusCode::OK, faults(json!({"items": []}), entity, "")));
        }
        Some(_) => {
            return Err(Told::error(StatusCode::BAD_REQUEST, "invalid-parameter", STATUSES));
        }
    };
    for filter in filters {
        asked.set_parameter(filter, "true");
    }
    Ok(())
}

/// Whoever lacks the lock conflicts, and errors of values are not wrapped.
fn refused(asked: &Asked, mut told: Told) -> Told {
    let is_locked = matches!(told.status, StatusCode::FORBIDDEN | StatusCode::LOCKED);
    if is_locked && !asked.is_get() {
        told.status = StatusCode::CONFLICT;
    }
    let is_wrapped = told.json().get("error").is_some_and(Value::is_object);
    told.headers.remove(header::CONTENT_LENGTH);
    told.map(|mut document| {
        if is_wrapped {
            document.get_mut("error").map(Value::take).unwrap_or_default()
        } else {
            document
        }
    })
}

fn versions(document: &Value) -> Value {
    let entries = document.get("sovd_info").and_then(Value::as_array).into_iter().flatten();
    let entry = |entry: &Value| {
        json!({
            "version": "1.0.0",
            "base_uri": text(entry, "base_uri"),
            "vendor_info": {"version": env!("CARGO_PKG_VERSION"), "name": "ros2_medkit"},
        })
    };
    json!({"items": entries.map(entry).collect::<Vec<_>>()})
}

fn faults(document: Value, entity: &str, began: &str) -> Value {
    let total = count(&document);
    let mut list = each_item(document, |item| fault(&item, entity, began));
    set(&mut list, "x-medkit", json!({"entity_id": entity, "total_count": total}));
    list
}

fn fault(fault: &Value, entity: &str, began: &str) -> Value {
    let severity = fault.get("severity").and_then(Value::as_u64).unwrap_or(4);
    let index = usize::try_from(severity).unwrap_or_default().saturating_sub(1);
    json!({
        "fault_code": text(fault, "code"),
        "severity": SEVERITIES.get(index).copied().unwrap_or("INFO"),
        "message": text(fault, "fault_name"),
        "status": if has_status(fault, "confirmedDtc") { "CONFIRMED" } else { "PREFAILED" },
        "timestamp": began,
        "source": entity,
    })
}

/// A single fault is told as the standard does, but for the bits of its status.
fn detail(mut document: Value) -> Value {
    let Some(item) = document.get_mut("item") else { return document };
    let bit = |fault: &Value, key| if has_status(fault, key) { "1" } else { "0" };
    let is_active = has_status(item, "testFailed") || has_status(item, "confirmedDtc");
    let status = json!({
        "aggregatedStatus": if is_active { "active" } else { "passive" },
        "testFailed": bit(item, "testFailed"),
        "confirmedDTC": bit(item, "confirmedDtc"),
        "pendingDTC": bit(item, "pendingDtc"),
    });
    let shown = for_people(item).to_owned();
    set(item, "status", status);
    set(item, "display_code", shown);
    document
}

/// What has just been started has not begun.
fn started(mut document: Value) -> Value {
    if text(&document, "status") == "running" {
        set(&mut document, "status", "pending");
    }
    document
}
