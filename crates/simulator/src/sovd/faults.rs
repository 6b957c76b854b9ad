//! The fault memory of an entity.
//!
//! Sets no faults: they come with the vehicle, or by themselves.

use axum::Json;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::{At, Query};
use crate::entity::faults::Present;
use crate::refusal::{Refusal, unknown};

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
pub(super) async fn list(at: At, uri: Uri) -> Result<Json<Value>, Refusal> {
    all(&at, &Query::of(&uri)?).map(Json)
}

/// Shows one fault with what was measured when it appeared.
pub(super) async fn show(
    at: At,
    Path(code): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    one(&at, &code, &Query::of(&uri)?).map(Json)
}

/// Clears the faults of a scope, or all.
pub(super) async fn clear_all(at: At, uri: Uri) -> Result<StatusCode, Refusal> {
    let query = Query::of(&uri)?;
    at.memory().faults.clear_all(&at.entity.plan.faults, query.first("scope"), at.now);
    Ok(StatusCode::NO_CONTENT)
}

/// Clears one fault.
pub(super) async fn clear(at: At, Path(code): Path<String>) -> Result<StatusCode, Refusal> {
    at.entity.clear_fault(&code, at.now)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The faults as a read gives them.
///
/// # Errors
///
/// [`Refusal::InvalidQuery`].
pub(super) fn all(at: &At, query: &Query) -> Result<Value, Refusal> {
    let filter = Filter::of(query)?;
    let faults = at.entity.faults(at.now);
    let shown = faults.iter().filter(|fault| filter.passes(fault)).map(entry);
    Ok(json!({"items": shown.collect::<Vec<_>>()}))
}

/// A fault as a read gives it.
///
/// # Errors
///
/// [`Refusal::Unknown`], [`Refusal::InvalidQuery`].
pub(super) fn one(at: &At, code: &str, query: &Query) -> Result<Value, Refusal> {
    let faults = at.entity.faults(at.now);
    let fault = faults.iter().find(|present| present.fault.code == code);
    let fault = fault.ok_or_else(|| unknown("fault", code))?;
    let snapshot = query.flag_or("include-snapshot", true)?;
    let extended = query.flag_or("include-extended-data", true)?;
    Ok(json!({"item": entry(fault), "environment_data": fault.environment(snapshot, extended)}))
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

    fn passes(&self, present: &Present) -> bool {
        let status = status(present.status);
        let has =
            |(key, value): &(&str, &str)| status.get(*key).is_some_and(|it| text(it) == *value);
        (self.status.is_empty() || self.status.iter().any(has))
            && self.severity.is_none_or(|limit| present.fault.severity < limit)
            && self.scope.is_none_or(|scope| present.fault.scope == scope)
    }
}

/// The key of `status[key]`.
fn status_key(name: &str) -> Option<&str> {
    name.strip_prefix("status[")?.strip_suffix(']')
}

fn entry(present: &Present) -> Value {
    let fault = &present.fault;
    let mut entry = json!({
        "code": fault.code,
        "fault_name": fault.name,
        "scope": fault.scope,
        "severity": fault.severity,
        "status": status(present.status),
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
