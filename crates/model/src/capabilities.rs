//! What a vehicle offers: the entities that a discovery has found, and what is new about them.
//!
//! Refuses to know what an entity may say of itself: two descriptions are equal or they are not.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What is different from the discovery before: paths such as `components/engine_ecu`, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Entities that were not there before.
    pub added: Vec<String>,
    /// Entities that are not there any more.
    pub removed: Vec<String>,
    /// Entities that describe themselves in another way.
    pub changed: Vec<String>,
}

impl Changes {
    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Compares what two discoveries of a vehicle have found, each the parts of a `vehicle.discover`.
pub fn compare(before: &[Box<RawValue>], after: &[Box<RawValue>]) -> Changes {
    let (before, after) = (by_path(before), by_path(after));
    let without = |one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>| {
        one.keys().filter(|path| !other.contains_key(*path)).cloned().collect()
    };
    let is_changed =
        |(path, is): &(&String, &Value)| before.get(*path).is_some_and(|was| was != *is);
    Changes {
        added: without(&after, &before),
        removed: without(&before, &after),
        changed: after.iter().filter(is_changed).map(|(path, _)| path.clone()).collect(),
    }
}

/// What entities say of themselves, without what tells of the moment only.
fn by_path(entities: &[Box<RawValue>]) -> BTreeMap<String, Value> {
    let described = entities.iter().filter_map(|raw| {
        let mut entity: Value = serde_json::from_str(raw.get()).ok()?;
        let path = entity.pointer("/tree/entity")?.as_str()?.to_owned();
        // CDA: whether the control unit answers just now.
        if let Some(variant) = entity.get_mut("variant").and_then(Value::as_object_mut) {
            variant.remove("state");
        }
        Some((path, entity))
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entity(path: &str, name: &str) -> Box<RawValue> {
        in_state(path, name, "Online")
    }

    fn in_state(path: &str, name: &str, state: &str) -> Box<RawValue> {
        let variant = json!({ "name": name, "state": state });
        let text = json!({ "variant": variant, "tree": { "entity": path } }).to_string();
        RawValue::from_string(text).unwrap()
    }

    #[test]
    fn what_came_went_and_changed_is_told_by_path() {
        let before = [entity("a", "1"), entity("b", "1"), entity("c", "1")];
        let after = [entity("d", "1"), entity("b", "2"), entity("a", "1")];
        let [added, removed, changed] = ["d", "c", "b"].map(|path| vec![path.to_owned()]);
        assert_eq!(compare(&before, &after), Changes { added, removed, changed });
        assert!(compare(&before, &before).is_empty());
    }

    #[test]
    fn a_control_unit_that_sleeps_is_no_other() {
        let state = |state| [in_state("a", "ECM", state)];
        assert!(compare(&state("Online"), &state("Offline")).is_empty());
    }
}
