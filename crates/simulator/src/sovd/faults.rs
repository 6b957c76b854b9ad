//! The fault memory of a control unit.
//!
//! Sets no faults: they come with the vehicle, and once cleared they stay away.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::Query;
use crate::ecu::unknown;
use crate::fleet::Fault;
use crate::refusal::Refusal;
use crate::vehicle::Simulated;

/// The bits of the status byte, the lowest first.
const STATUS_KEYS: [&str; 8] = [
    "testFailed",
    "testFailedThisOperationCycle",
    "pendingDtc",
    "confirmedDtc",
    "testNotCompletedSinceLastClear",
    "testFailedSinceLastClear",
    "testNotCompletedThisOperationCycle",
    "warningIndicatorRequested",
];

/// Which faults are asked for.
struct Filter<'a> {
    /// Any one of them suffices; none at all lets every fault pass.
    status: Vec<(&'a str, &'a str)>,
    /// Only what is graver: strictly below this number.
    severity: Option<u8>,
    scope: Option<&'a str>,
}

/// Lists the faults.
pub(super) async fn list(
    State(vehicle): State<Arc<Simulated>>,
    Path(ecu): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let faults = vehicle.ecu(&ecu)?.faults();
    let query = Query::of(&uri)?;
    let filter = Filter::of(&query)?;
    let shown = faults.iter().filter(|fault| filter.passes(fault)).map(|fault| entry(fault));
    Ok(Json(json!({"items": shown.collect::<Vec<_>>()})))
}

/// Shows one fault with what was measured when it appeared.
pub(super) async fn show(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, code)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let faults = vehicle.ecu(&ecu)?.faults();
    let fault = faults.iter().find(|fault| fault.code == code);
    let fault = fault.ok_or_else(|| unknown("fault", &code))?;
    Ok(Json(json!({"item": entry(fault), "environment_data": fault.environment})))
}

/// Clears the faults of a scope, or all.
pub(super) async fn clear_all(
    State(vehicle): State<Arc<Simulated>>,
    Path(ecu): Path<String>,
    uri: Uri,
) -> Result<StatusCode, Refusal> {
    vehicle.ecu(&ecu)?.clear_faults(Query::of(&uri)?.first("scope"));
    Ok(StatusCode::NO_CONTENT)
}

/// Clears one fault.
pub(super) async fn clear(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, code)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    vehicle.ecu(&ecu)?.clear_fault(&code)?;
    Ok(StatusCode::NO_CONTENT)
}

impl<'a> Filter<'a> {
    fn of(query: &'a Query) -> Result<Self, Refusal> {
        let severity = query.first("severity").map(str::parse).transpose();
        let severity =
            severity.map_err(|cause| Refusal::InvalidQuery(format!("`severity`: {cause}")))?;
        let status =
            query.0.iter().filter_map(|(key, value)| Some((status_key(key)?, value.as_str())));
        Ok(Self { status: status.collect(), severity, scope: query.first("scope") })
    }

    fn passes(&self, fault: &Fault) -> bool {
        let status = status(fault.status);
        let has =
            |(key, value): &(&str, &str)| status.get(*key).is_some_and(|it| text(it) == *value);
        (self.status.is_empty() || self.status.iter().any(has))
            && self.severity.is_none_or(|limit| fault.severity < limit)
            && self.scope.is_none_or(|scope| fault.scope == scope)
    }
}

/// The key of `status[key]`.
fn status_key(name: &str) -> Option<&str> {
    name.strip_prefix("status[")?.strip_suffix(']')
}

fn entry(fault: &Fault) -> Value {
    let mut entry = json!({
        "code": fault.code,
        "fault_name": fault.name,
        "scope": fault.scope,
        "severity": fault.severity,
        "status": status(fault.status),
    });
    let optional = [("display_code", &fault.display_code), ("symptom", &fault.symptom)];
    if let Some(fields) = entry.as_object_mut() {
        let given = |(key, value): (&str, &Option<String>)| {
            Some((key.to_owned(), Value::from(value.clone()?)))
        };
        fields.extend(optional.into_iter().filter_map(given));
    }
    entry
}

/// The status byte as keys, and as it is.
fn status(byte: u8) -> Map<String, Value> {
    let bits = STATUS_KEYS.iter().enumerate();
    let bits = bits.map(|(bit, key)| ((*key).to_owned(), Value::from(byte >> bit & 1 == 1)));
    let mask = ("mask".to_owned(), Value::from(format!("{byte:02X}")));
    bits.chain([mask]).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
