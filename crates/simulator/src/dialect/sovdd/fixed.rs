//! What SOVDd answers about resources that it announces nowhere and barely has.
//!
//! The same for every component, whatever the vehicle has.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{not_allowed, unsupported};
use crate::dialect::asked::Asked;
use crate::dialect::told::Told;

/// Collections that are always empty.
const EMPTY: [&str; 7] = [
    "locks",
    "configurations",
    "triggers",
    "scripts",
    "communication-logs",
    "updates",
    "data-groups",
];

/// The answer, if the place is one of these.
pub(super) fn answer(asked: &Asked) -> Option<Told> {
    let resource = asked.place.resource();
    let is_of_component = asked.place.segment(0) == "components" && !resource.is_empty();
    if !is_of_component {
        return None;
    }
    match (asked.is_get(), resource.as_slice()) {
        (false, ["locks", ..]) => {
            Some(unsupported("locks.acquire not yet wired to a lock subsystem"))
        }
        (false, ["data-lists"]) => Some(not_allowed(asked, "GET,HEAD")),
        (_, ["bulk-data", ..]) => Some(unsupported("This component does not support bulk-data")),
        (_, ["logs"]) => Some(unsupported("This component does not support logs")),
        (_, ["apps", ..]) => Some(unsupported("This component does not have sub-entities")),
        (true, resource) => {
            document(asked, resource).map(|document| Told::document(StatusCode::OK, document))
        }
        (false, _) => None,
    }
}

fn document(asked: &Asked, resource: &[&str]) -> Option<Value> {
    let none = json!({"items": []});
    match resource {
        [name] if EMPTY.contains(name) => Some(none),
        ["logs", "entries"] => Some(none),
        ["data-lists"] => Some(json!({"items": [], "total_count": 0})),
        ["logs", "config"] => Some(json!({"context": "rfc5424", "min_severity": 3})),
        ["clear-data"] => {
            Some(json!({"items": ["cached-data", "learned-data", "client-defined-resources"]}))
        }
        ["clear-data", "status"] => Some(json!({"status": "idle"})),
        ["status"] => {
            let restart = format!("{}/status/restart", asked.place.entity());
            Some(json!({"status": "ready", "restart": [restart]}))
        }
        _ => None,
    }
}
