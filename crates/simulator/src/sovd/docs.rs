//! Capability descriptions: a small OpenAPI document for whatever `/docs` is put behind.
//!
//! Describes paths and methods; the schemas of values come with the values.

use axum::Json;
use serde_json::{Map, Value, json};

use super::BASE;
use super::at::href;
use crate::refusal::Refusal;
use crate::vehicle::Simulated;

/// Collection, path below it, methods.
type Paths = (&'static str, &'static str, &'static [&'static str]);

const ENTITY: [Paths; 38] = [
    ("data", "", &["get"]),
    ("data", "/{id}", &["get", "put"]),
    ("data-lists", "", &["get", "post"]),
    ("data-lists", "/{id}", &["get", "delete"]),
    ("faults", "", &["get", "delete"]),
    ("faults", "/{code}", &["get", "delete"]),
    ("operations", "", &["get"]),
    ("operations", "/{id}", &["get"]),
    ("operations", "/{id}/executions", &["get", "post"]),
    ("operations", "/{id}/executions/{execution}", &["get", "put", "delete"]),
    ("modes", "", &["get"]),
    ("modes", "/{id}", &["get", "put"]),
    ("configurations", "", &["get"]),
    ("configurations", "/{id}", &["get", "put"]),
    ("bulk-data", "", &["get"]),
    ("bulk-data", "/{category}", &["get", "post", "delete"]),
    ("bulk-data", "/{category}/{id}", &["get", "delete"]),
    ("locks", "", &["get", "post"]),
    ("locks", "/{id}", &["get", "put", "delete"]),
    ("cyclic-subscriptions", "", &["get", "post"]),
    ("cyclic-subscriptions", "/{id}", &["get", "put", "delete"]),
    ("cyclic-subscriptions", "/{id}/events", &["get"]),
    ("triggers", "", &["get", "post"]),
    ("triggers", "/{id}", &["get", "put", "delete"]),
    ("triggers", "/{id}/events", &["get"]),
    ("status", "", &["get"]),
    ("status", "/{action}", &["put"]),
    ("logs", "", &["get"]),
    ("logs", "/entries", &["get"]),
    ("logs", "/config", &["get", "put", "delete"]),
    ("communication-logs", "", &["get", "post"]),
    ("communication-logs", "/{id}", &["get", "put", "delete"]),
    ("scripts", "", &["get", "post"]),
    ("scripts", "/{id}", &["get", "delete"]),
    ("scripts", "/{id}/executions", &["get", "post"]),
    ("scripts", "/{id}/executions/{execution}", &["get", "put", "delete"]),
    ("clear-data", "", &["get"]),
    ("clear-data", "/{kind}", &["get", "put"]),
];

/// Describes the resource at a path below the root, and its children.
///
/// # Errors
///
/// [`Refusal::NoSuchPath`] if nothing is there.
pub(super) fn describe(vehicle: &Simulated, path: &str) -> Result<Json<Value>, Refusal> {
    let asked = format!("{BASE}{path}");
    let mut paths: Map<String, Value> = Map::new();
    for entity in vehicle.those(|_| true) {
        let (href, collections) = (href(entity), entity.plan.collections());
        paths.insert(href.clone(), item(&href, &["get"]));
        let offered = ENTITY.iter().filter(|(collection, ..)| collections.contains(collection));
        for (collection, below, methods) in offered {
            let path = format!("{href}/{collection}{below}");
            let item = item(&path, methods);
            paths.insert(path, item);
        }
    }
    paths.retain(|described, _| covers(&asked, described));
    if paths.is_empty() {
        return Err(Refusal::NoSuchPath);
    }
    let info = json!({"title": format!("SOVD of {}", vehicle.plan.vin), "version": "1.1",
        "x-sovd-version": "1.1"});
    let schemas = json!({"GenericError": error_schema()});
    Ok(Json(json!({"openapi": "3.1.0", "info": info, "paths": paths,
        "components": {"schemas": schemas}})))
}

/// Whether a described path is the one that is asked for, or below it.
fn covers(asked: &str, described: &str) -> bool {
    let mut described = described.split('/');
    asked.split('/').all(|asked| {
        described.next().is_some_and(|segment| segment == asked || segment.starts_with('{'))
    })
}

fn item(path: &str, methods: &[&str]) -> Value {
    let names = path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'));
    let parameter =
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
    let operation = |method: &&str| ((*method).to_owned(), operation(method));
    let mut item: Map<String, Value> = methods.iter().map(operation).collect();
    let parameters: Vec<Value> = names.map(parameter).collect();
    if !parameters.is_empty() {
        item.insert("parameters".to_owned(), parameters.into());
    }
    Value::Object(item)
}

fn operation(method: &str) -> Value {
    let error = json!({"$ref": "#/components/schemas/GenericError"});
    let refused = json!({"description": "refused",
        "content": {"application/json": {"schema": error}}});
    let mut operation = json!({"responses": {"2XX": {"description": "done"}, "default": refused}});
    if let Some(fields) = operation.as_object_mut().filter(|_| matches!(method, "put" | "post")) {
        let body = json!({"content": {"application/json": {"schema": {"type": "object"}}}});
        fields.insert("requestBody".to_owned(), body);
    }
    operation
}

fn error_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "required": ["error_code", "message"],
        "properties": {"error_code": text, "message": text, "vendor_code": text,
            "parameters": {"type": "object"}}})
}
