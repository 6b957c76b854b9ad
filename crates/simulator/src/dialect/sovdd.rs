//! As SOVDd speaks: `value` for `data`, data by their identifiers, faults whose address is no code.
//!
//! Locks nothing, clears no single fault, and forgets no execution that has ended.

mod documents;
mod executions;
mod fixed;
mod subscriptions;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Need};
use super::fault_names::six_digits;
use super::place::Kind;
use super::told::{Content, Told};
use super::tongue::{Tongue, each_item, set, text};
use executions::Executions;
use subscriptions::Subscriptions;

const NO_SINGLE: &str = "single-DTC delete is not reliably mappable to UDS 0x14 (group clear); \
                         clear the whole memory via DELETE /faults";

/// The dialect, and what its server keeps that the standard does not.
#[derive(Debug, Default)]
pub(super) struct Sovdd {
    executions: Executions,
    subscriptions: Subscriptions,
}

impl Tongue for Sovdd {
    fn base(&self) -> &'static str {
        "/vehicle/v1"
    }

    fn version_info(&self) -> &'static str {
        "/version-info"
    }

    fn needs(&self, asked: &Asked) -> Vec<Need> {
        match asked.kind() {
            Kind::Value | Kind::Subscriptions => vec![Need::DataItems],
            Kind::Fault => vec![Need::Faults],
            Kind::Execution if !asked.is_get() => vec![Need::Itself],
            Kind::Subscription => vec![Need::DataItems, Need::Itself],
            _ => Vec::new(),
        }
    }

    fn hear(&self, asked: &mut Asked) -> Result<(), Told> {
        match asked.kind() {
            Kind::Outside if asked.place.path() == "/health" => {
                Err(Told::text(StatusCode::OK, "OK"))
            }
            _ if !is_there(asked) => Err(missing(asked)),
            Kind::Value => hear_value(asked),
            Kind::Faults => {
                take_filters(asked);
                Ok(())
            }
            Kind::Fault => find_fault(asked),
            Kind::Executions | Kind::Execution => self.executions.hear(asked),
            Kind::Subscriptions | Kind::Subscription => subscriptions::hear(asked),
            Kind::Mode => {
                take_mode(asked);
                Ok(())
            }
            Kind::Locks | Kind::Lock | Kind::Other => {
                Err(fixed::answer(asked).unwrap_or_else(|| missing(asked)))
            }
            _ => Ok(()),
        }
    }

    fn tell(&self, asked: &Asked, told: Told) -> Told {
        if !told.status.is_success() {
            return refused(asked, &told);
        }
        match asked.kind() {
            Kind::Executions | Kind::Execution => self.executions.tell(asked, told),
            Kind::Subscriptions | Kind::Subscription => self.subscriptions.tell(asked, told),
            _ => told.map(|document| document_of(asked, document)),
        }
    }

    fn event(&self, asked: &Asked, number: u64, data: Value) -> Value {
        subscriptions::event(asked, number, data)
    }
}

fn is_there(asked: &Asked) -> bool {
    match asked.kind() {
        Kind::Root | Kind::Outside | Kind::Modes | Kind::Events => false,
        Kind::Entities => asked.place.id() == "components",
        _ => true,
    }
}

fn document_of(asked: &Asked, document: Value) -> Value {
    let place = asked.place.path();
    match asked.kind() {
        Kind::VersionInfo => documents::versions(),
        Kind::Entities => each_item(document, |item| documents::listed(&item)),
        Kind::Entity => documents::entity(&document),
        Kind::DataItems => documents::data_items(document, &place),
        Kind::Value => documents::value(&document, asked),
        Kind::Categories => each_item(document, documents::category),
        Kind::Faults => documents::faults(document, &place),
        Kind::Fault => documents::detail(&document, &(asked.place.entity() + "/faults")),
        Kind::Operations => each_item(document, |item| documents::operation(&item, &place)),
        Kind::Operation => {
            let operations = asked.place.entity() + "/operations";
            documents::operation(document.get("item").unwrap_or(&document), &operations)
        }
        Kind::Mode => documents::mode(document),
        _ => document,
    }
}

fn hear_value(asked: &mut Asked) -> Result<(), Told> {
    let id = asked.place.id();
    let Some(item) = asked.listed(Need::DataItems, |item| documents::data_id(item) == id) else {
        let message = format!("Invalid DID: {id}");
        return Err(Told::error(StatusCode::BAD_REQUEST, "incomplete-request", &message));
    };
    let id = text(item, "id").to_owned();
    asked.place.set_id(&id);
    asked.query.clear();
    if asked.is_get() {
        // The unit is part of the answer, and stands in the schema.
        asked.set_parameter("include-schema", "true");
        return Ok(());
    }
    let body = asked.json().unwrap_or_default();
    let value = body.get("value").ok_or_else(|| unprocessable("value"))?;
    asked.set_json(&json!({"data": value}));
    Ok(())
}

fn find_fault(asked: &mut Asked) -> Result<(), Told> {
    let id = asked.place.id();
    let found = asked.listed(Need::Faults, |fault| six_digits(fault).eq_ignore_ascii_case(id));
    let Some(code) = found.map(|fault| text(fault, "code").to_owned()) else {
        return Err(not_found(&format!("Invalid fault ID: {id}")));
    };
    asked.place.set_id(&code);
    if asked.is_get() { Ok(()) } else { Err(unsupported(NO_SINGLE)) }
}

/// Limits of severity include what they name; bits are spelt with capitals.
fn take_filters(asked: &mut Asked) {
    if asked.is_set("active_only") {
        asked.set_parameter("status[testFailed]", "true");
    }
    asked.drop_parameter("active_only");
    let severity = asked.parameter("severity").and_then(|limit| limit.parse::<u8>().ok());
    if let Some(severity) = severity {
        asked.set_parameter("severity", &severity.saturating_add(1).to_string());
    }
    for pair in &mut asked.query {
        *pair = pair.replace("DTC]", "Dtc]").replace("]=1", "]=true").replace("]=0", "]=false");
    }
}

fn take_mode(asked: &mut Asked) {
    if asked.place.id() == "comm-ctrl" {
        asked.place.set_id("commctrl");
    }
}

/// The error of a thing that is not there.
fn not_found(message: &str) -> Told {
    let error = json!({
        "error_code": "incomplete-request",
        "message": message,
        "parameters": {"http_code": ["404"]},
    });
    Told::document(StatusCode::NOT_FOUND, error)
}

/// The error of a path that means nothing.
fn missing(asked: &Asked) -> Told {
    not_found(&format!("No resource at {}", shown_path(asked)))
}

fn not_allowed(asked: &Asked, methods: &'static str) -> Told {
    let error = json!({
        "error_code": "vendor-specific",
        "vendor_code": "method-not-allowed",
        "message": format!("Method not allowed on {}", shown_path(asked)),
    });
    Told::document(StatusCode::METHOD_NOT_ALLOWED, error).allowing(methods)
}

fn unsupported(message: &str) -> Told {
    Told::error(StatusCode::NOT_IMPLEMENTED, "sovd-server-misconfigured", message)
}

/// The complaint about a body that lacks a field.
fn unprocessable(field: &str) -> Told {
    let message = "Failed to deserialize the JSON body into the target type: missing field";
    Told::text(StatusCode::UNPROCESSABLE_ENTITY, &format!("{message} `{field}`"))
}

fn shown_path(asked: &Asked) -> String {
    let path = asked.place.path();
    super::uris::rebased(&path, crate::sovd::BASE, "/vehicle/v1").unwrap_or(path)
}

fn is_component(asked: &Asked) -> bool {
    asked.is_get() && !asked.known(Need::DataItems).is_null()
}

fn refused(asked: &Asked, told: &Told) -> Told {
    let (code, message) = told.complaint();
    match told.status {
        StatusCode::NOT_FOUND if message.is_empty() => missing(asked),
        // Subscriptions can always be listed, also those of a component that has none.
        StatusCode::NOT_FOUND if asked.kind() == Kind::Subscriptions && is_component(asked) => {
            Told::document(StatusCode::OK, json!({"items": []}))
        }
        StatusCode::NOT_FOUND => not_found(message),
        StatusCode::METHOD_NOT_ALLOWED => not_allowed(asked, "GET,HEAD"),
        status => {
            let mut error = Told::error(status, code, message);
            let document = told.json();
            let parameters = document.get("parameters").or(document.get("vendor_code")).cloned();
            if let (Some(parameters), Content::Document(error)) = (parameters, &mut error.content) {
                let key = if parameters.is_object() { "parameters" } else { "vendor_code" };
                set(error, key, parameters);
            }
            error
        }
    }
}
