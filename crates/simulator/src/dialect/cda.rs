//! As the Eclipse Classic Diagnostic Adapter speaks: ODX names, hexadecimal codes, locks.
//!
//! Streams nothing, has neither triggers nor logs, and changes nothing without a lock.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use super::asked::{Asked, Need, Payload};
use super::fault_names::{for_people, odx_name, six_digits};
use super::place::Kind;
use super::raw;
use super::told::Told;
use super::tongue::{Tongue, announcing, each_item, set, text};

const OFFERED: [&str; 7] =
    ["data", "faults", "operations", "configurations", "locks", "modes", "bulk-data"];
const ENTITIES: [&str; 3] = ["components", "functions", "apps"];

/// The dialect.
#[derive(Debug)]
pub(super) struct Cda;

impl Tongue for Cda {
    fn base(&self) -> &'static str {
        "/vehicle/v15"
    }

    fn version_info(&self) -> &'static str {
        "/vehicle/v15/data/version"
    }

    fn needs(&self, asked: &Asked) -> Vec<Need> {
        let listed = match asked.kind() {
            Kind::Value => Some(Need::DataItems),
            Kind::Fault => Some(Need::Faults),
            _ => None,
        };
        let locks = if is_change(asked) {
            [Some(Need::Locks), Some(Need::VehicleLocks)]
        } else {
            [None; 2]
        };
        locks.into_iter().chain([listed]).flatten().collect()
    }

    fn hear(&self, asked: &mut Asked) -> Result<(), Told> {
        if !is_there(asked) {
            return Err(missing(asked.place.id()));
        }
        if is_change(asked) && !has_lock(asked) {
            let message = "a lock of the entity or the vehicle is required";
            let refusal = Told::error(StatusCode::FORBIDDEN, "insufficient-access-rights", message);
            return Err(refusal.map(sourced));
        }
        match asked.kind() {
            Kind::Value => find_value(asked),
            Kind::Fault => find_fault(asked),
            _ => Ok(()),
        }
    }

    fn tell(&self, asked: &Asked, told: Told) -> Told {
        if !told.status.is_success() {
            return told.map(sourced);
        }
        told.map(|document| match asked.kind() {
            Kind::VersionInfo => version(),
            Kind::Root => announcing_entities(announcing(document, &OFFERED)),
            Kind::Entity => entity(document),
            Kind::DataItems => each_item(document, |item| item_of(&item)),
            Kind::Value => value(document),
            Kind::Faults => each_item(document, fault),
            Kind::Fault => detail(asked, document),
            Kind::Execution => execution(document),
            _ => document,
        })
    }
}

fn is_there(asked: &Asked) -> bool {
    let resource = asked.place.resource();
    let first = resource.first().copied().unwrap_or_default();
    match asked.kind() {
        Kind::Entities => ENTITIES.contains(&asked.place.id()),
        Kind::Outside => false,
        Kind::Root | Kind::VersionInfo | Kind::Entity => true,
        _ => OFFERED.contains(&first) || matches!(first, "authorize" | "token"),
    }
}

/// Everything that changes the vehicle; locks themselves do not.
fn is_change(asked: &Asked) -> bool {
    let changes = matches!(
        asked.kind(),
        Kind::Value | Kind::Faults | Kind::Fault | Kind::Executions | Kind::Execution | Kind::Mode
    );
    let configures = asked.place.resource().first() == Some(&"configurations");
    !asked.is_get() && (changes || configures)
}

fn has_lock(asked: &Asked) -> bool {
    let is_own = |lock: &Value| lock.get("owned") == Some(&Value::Bool(true));
    [Need::Locks, Need::VehicleLocks].iter().any(|need| asked.listed(*need, is_own).is_some())
}

fn find_value(asked: &mut Asked) -> Result<(), Told> {
    let name = asked.place.id();
    let found = asked.listed(Need::DataItems, |item| data_id(item) == name);
    let id = found.map(|item| text(item, "id").to_owned()).ok_or_else(|| missing(name))?;
    if asked.method == "PUT" {
        let data = written(asked)?;
        asked.set_json(&json!({"data": data}));
    }
    asked.place.set_id(&id);
    Ok(())
}

/// One parameter in an object, or its bytes.
fn written(asked: &Asked) -> Result<Value, Told> {
    if asked.header(header::CONTENT_TYPE.as_str()).starts_with("application/octet-stream")
        && let Payload::Whole(bytes) = &asked.payload
    {
        return Ok(raw::value_of(bytes));
    }
    let body = asked.json().unwrap_or_default();
    let parameters = body.get("data").and_then(Value::as_object);
    let value = parameters.and_then(|parameters| parameters.values().next()).cloned();
    value.ok_or_else(|| {
        let message = "`data` must be an object of parameters";
        Told::error(StatusCode::BAD_REQUEST, "incomplete-request", message).map(sourced)
    })
}

fn find_fault(asked: &mut Asked) -> Result<(), Told> {
    let name = asked.place.id();
    let is_named = |fault: &Value| six_digits(fault).eq_ignore_ascii_case(name);
    let found = asked.listed(Need::Faults, is_named);
    let code = found.map(|fault| text(fault, "code").to_owned()).ok_or_else(|| missing(name))?;
    asked.place.set_id(&code);
    Ok(())
}

fn missing(name: &str) -> Told {
    let message = format!("not found: {name}");
    Told::error(StatusCode::NOT_FOUND, "error-response", &message).map(sourced)
}

/// An error says where it comes from, also inside a `DataError`.
fn sourced(mut document: Value) -> Value {
    let is_wrapped = document.get("error").is_some_and(Value::is_object);
    let error = if is_wrapped { document.get_mut("error") } else { Some(&mut document) };
    if let Some(error) = error {
        set(error, "x-errorsource", "CDA");
        if text(error, "error_code") == "precondition-not-fulfilled" {
            set(error, "error_code", "preconditions-not-fulfilled");
        }
    }
    document
}

fn version() -> Value {
    let implementation = json!({"version": env!("CARGO_PKG_VERSION"), "commit": "0000000", "build_date": "2026-01-01"});
    json!({"id": "version", "data": {
        "name": "Eclipse OpenSOVD Classic Diagnostic Adapter",
        "api": {"version": "1.1"},
        "implementation": implementation,
    }})
}

fn announcing_entities(mut root: Value) -> Value {
    if let Some(fields) = root.as_object_mut() {
        fields.remove("areas");
    }
    root
}

fn entity(document: Value) -> Value {
    let mut entity = announcing(document, &OFFERED);
    if let Some(variant) = entity.get_mut("variant") {
        let address = text(variant, "logical_address").trim_start_matches("0x").to_owned();
        if !address.is_empty() {
            set(variant, "logical_address", format!("0x{address:0>4}"));
        }
    }
    entity
}

fn data_id(item: &Value) -> String {
    odx_name(text(item, "id")) + "DataIdentifier"
}

fn item_of(item: &Value) -> Value {
    json!({"id": data_id(item), "name": text(item, "name"), "category": text(item, "category")})
}

/// The value stands under the name of its parameter, and so does its schema.
fn value(mut document: Value) -> Value {
    let id = text(&document, "id").to_owned();
    let parameter = odx_name(&id);
    let data = document.get_mut("data").map(Value::take).unwrap_or_default();
    set(&mut document, "data", json!({parameter.clone(): data}));
    if let Some(schema) = document.get_mut("schema").map(Value::take) {
        let schema = json!({"type": "object", "properties": {parameter: schema}});
        set(&mut document, "schema", schema);
    }
    set(&mut document, "id", odx_name(&id) + "DataIdentifier");
    document
}

fn fault(mut fault: Value) -> Value {
    let (digits, shown) = (six_digits(&fault), for_people(&fault).to_owned());
    set(&mut fault, "code", digits);
    set(&mut fault, "display_code", shown);
    if let Some(fields) = fault.as_object_mut() {
        fields.remove("symptom");
        fields.remove("href");
    }
    fault
}

/// The environment comes only if it is asked for.
fn detail(asked: &Asked, mut document: Value) -> Value {
    let item = fault(document.get_mut("item").map(Value::take).unwrap_or_default());
    let environment = document.get_mut("environment_data").map(Value::take).unwrap_or_default();
    let mask = item.pointer("/status/mask").cloned().unwrap_or_default();
    let mut told = json!({"item": item});
    let mut records = json!({});
    if asked.is_set("include-snapshot") {
        set(&mut records, "snapshots", vec![environment]);
    }
    if asked.is_set("include-extended-data") {
        set(&mut records, "extended_data_records", vec![json!({"status_mask": mask})]);
    }
    if records.as_object().is_some_and(|records| !records.is_empty()) {
        set(&mut told, "environment_data", records);
    }
    told
}

/// One error instead of a list.
fn execution(mut document: Value) -> Value {
    let first = document.get("error").and_then(|errors| errors.get(0)).cloned();
    if let Some(first) = first {
        set(&mut document, "error", first);
    }
    document
}
