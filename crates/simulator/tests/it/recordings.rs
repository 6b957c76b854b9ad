//! Dialects held against recorded answers of the servers that they imitate: statuses and keys.
//! Values are the servers' own: only what a document consists of is compared.

use std::collections::BTreeSet;

use fleetwire_simulator::Dialect;
use reqwest::Method;
use serde_json::Value;

use crate::dialects::garage;
use crate::recording::{Exchange, exchanges};

/// Fields that a thing has or has not, and whose content is its own.
const OPTIONAL: [&str; 10] = [
    "translation_id",
    "tags",
    "groups",
    "unit",
    "belongs-to",
    "hosts",
    "schema",
    "apps",
    "areas",
    "parameters",
];
const FREE: [&str; 4] = ["variant", "schema", "vendor_info", "capabilities"];

/// Every key with its way from the root; all items of a list count as one.
fn keys(document: &Value, way: &str, keys: &mut BTreeSet<String>) {
    match document {
        Value::Array(items) => items.iter().for_each(|item| self::keys(item, way, keys)),
        Value::Object(fields) => {
            for (key, value) in fields.iter().filter(|(key, _)| !OPTIONAL.contains(&key.as_str())) {
                let way = format!("{way}/{key}");
                if !FREE.contains(&key.as_str()) {
                    self::keys(value, &way, keys);
                }
                keys.insert(way);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn keys_of(text: &str) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    keys(&serde_json::from_str(text).ok()?, "", &mut found);
    Some(found)
}

/// Repeats what was recorded, but for what the simulator does not have, and tells what differs.
async fn differences(
    file: &str,
    dialect: Dialect,
    ours: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let garage = garage(dialect).await;
    let mut differences = Vec::new();
    let mut compared = 0;
    for Exchange { line, status, headers, body } in exchanges(file) {
        // Only what changes nothing is repeated.
        let Some(ours) = line.strip_prefix("GET ").and_then(&ours) else { continue };
        let is_json = headers.contains("application/json");
        let answer = garage.request(Method::GET, &ours).send().await.unwrap();
        let said = answer.headers().get("content-type");
        let says_json = said.is_some_and(|said| said == "application/json");
        let told = (answer.status().as_u16(), says_json, keys_of(&answer.text().await.unwrap()));
        // A recording that was cut off has no keys.
        let keys = keys_of(&body).or_else(|| is_json.then(|| told.2.clone()).flatten());
        if told != (status, is_json, keys.clone()) {
            differences.push(format!("{ours}: {told:?} instead of {status} {is_json} {keys:?}"));
        }
        compared += 1;
    }
    assert!(compared > 20, "{file}: only {compared} were compared");
    differences
}

#[tokio::test]
async fn opensovd_answers_as_the_gateway_did() {
    let topology = ["/apps", "/areas", "/hosts", "/belongs-to", "/data-groups"];
    let ours = |path: &str| {
        let is_ours = !topology.iter().any(|word| path.contains(word));
        let path = path.replace("/ecu", "/engine_ecu").replace("voltage", "battery_voltage");
        is_ours.then_some(path)
    };
    let differences = differences("opensovd-gateway.http", Dialect::Opensovd, ours).await;
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn sovdd_answers_as_it_did() {
    let foreign = ["/docs", "/.well-known", "/admin", "/modes/", "cooling_fan"];
    let ours = |path: &str| {
        let is_ours = !foreign.iter().any(|word| path.contains(word));
        is_ours.then(|| path.to_owned())
    };
    let differences = differences("sovdd-get.http", Dialect::Sovdd, ours).await;
    assert!(differences.is_empty(), "{differences:#?}");
}
