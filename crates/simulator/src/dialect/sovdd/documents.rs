//! Documents of the standard as SOVDd words them.
//!
//! Addresses stay those of the standard: the interpreter rewrites them.

use serde_json::{Value, json};

use crate::dialect::asked::{Asked, Need};
use crate::dialect::fault_names::{for_people, six_digits};
use crate::dialect::tongue::{count, each_item, has_status, renamed, set, text};
use crate::dialect::{raw, stamp};

pub(super) fn versions() -> Value {
    let version =
        json!({"version_identifier": "v1", "base_path": "/vehicle/v1", "x-sovd-version": "1.1"});
    json!({"versions": [version]})
}

/// A component in the list of them.
pub(super) fn listed(item: &Value) -> Value {
    let name = text(item, "name");
    json!({
        "id": text(item, "id"),
        "name": name,
        "description": format!("{name} (simulated)"),
        "type": "ecu",
        "href": text(item, "href"),
    })
}

pub(super) fn entity(document: &Value) -> Value {
    let mut entity = listed(document);
    let has = |key: &str| document.get(key).is_some();
    let capabilities = json!({
        "read_data": has("data"),
        "write_data": has("data"),
        "faults": has("faults"),
        "clear_faults": has("faults"),
        "logs": false,
        "operations": has("operations"),
        "software_update": false,
        "io_control": has("operations"),
        "sessions": has("modes"),
        "security": has("modes"),
        "sub_entities": false,
        "subscriptions": has("cyclic-subscriptions"),
    });
    if let Some(fields) = entity.as_object_mut() {
        fields.remove("href");
        fields.insert("capabilities".to_owned(), capabilities);
        let links = ["data", "faults", "operations"].map(|key| (key, key));
        fields.extend(renamed(document, &links));
    }
    entity
}

/// Data items are known by their identifiers, if they have one.
pub(super) fn data_id(item: &Value) -> &str {
    let did = text(item, "did");
    if did.is_empty() { text(item, "id") } else { did }
}

pub(super) fn data_items(document: Value, place: &str) -> Value {
    let mut list = each_item(document, |item| data_item(&item, place));
    let count = count(&list);
    set(&mut list, "count", count);
    list
}

fn data_item(item: &Value, place: &str) -> Value {
    let (id, category) = (data_id(item), text(item, "category"));
    json!({
        "id": id,
        "did": id,
        "name": text(item, "name"),
        "data_type": if category == "identData" { "string" } else { "float" },
        "category": category,
        "writable": category == "storedData",
        "href": format!("{place}/{id}"),
    })
}

pub(super) fn value(document: &Value, asked: &Asked) -> Value {
    let data = document.get("data").cloned().unwrap_or_default();
    let bytes = raw::bytes_of(&data);
    let item = asked.listed(Need::DataItems, |item| item.get("id") == document.get("id"));
    let id = data_id(item.unwrap_or(document));
    let mut value = json!({
        "id": id,
        "did": id,
        "value": data,
        "raw": raw::hex(&bytes),
        "length": bytes.len(),
        "converted": true,
        "timestamp": stamp::now(),
    });
    if let Some(unit) = document.pointer("/schema/x-sovd-unit/display_name") {
        set(&mut value, "unit", unit.clone());
    }
    value
}

pub(super) fn category(mut item: Value) -> Value {
    let translation = format!("TID_{}", text(&item, "item"));
    set(&mut item, "category_translation_id", translation);
    item
}

pub(super) fn faults(document: Value, place: &str) -> Value {
    let mut list = each_item(document, |item| fault(&item, place));
    let count = count(&list);
    set(&mut list, "total_count", count);
    list
}

/// A single fault is told as in the list, without its environment.
pub(super) fn detail(document: &Value, faults: &str) -> Value {
    fault(document.get("item").unwrap_or(document), faults)
}

fn fault(fault: &Value, faults: &str) -> Value {
    let mask = fault.pointer("/status/mask").and_then(Value::as_str).unwrap_or("00");
    json!({
        "code": for_people(fault),
        "fault_name": text(fault, "fault_name"),
        "severity": fault.get("severity"),
        "status": {
            "confirmedDTC": has_status(fault, "confirmedDtc"),
            "mask": format!("0x{mask}"),
            "pendingDTC": has_status(fault, "pendingDtc"),
            "testFailed": has_status(fault, "testFailed"),
            "warningIndicator": has_status(fault, "warningIndicatorRequested"),
        },
        "href": format!("{faults}/{}", six_digits(fault)),
    })
}

/// The address of an operation is that of its executions.
pub(super) fn operation(item: &Value, operations: &str) -> Value {
    let (id, name) = (text(item, "id"), text(item, "name"));
    let is_guarded = item.get("proximity_proof_required") == Some(&Value::Bool(true));
    json!({
        "id": id,
        "name": name,
        "description": format!("{name} (simulated)"),
        "requires_security": is_guarded,
        "security_level": u8::from(is_guarded),
        "href": format!("{operations}/{id}/executions"),
    })
}

pub(super) fn mode(mut document: Value) -> Value {
    if text(&document, "id") == "commctrl" {
        set(&mut document, "id", "comm-ctrl");
    }
    document
}
