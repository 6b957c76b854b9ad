//! Dialects held against recorded answers of the servers that they imitate: statuses and keys.
//! The recordings lie outside the project: without them each test says that it was skipped.

use std::collections::BTreeSet;
use std::path::PathBuf;

use fleetwire_simulator::Dialect;
use reqwest::Method;
use serde_json::Value;

use crate::dialects::garage;

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

/// A recorded answer to a GET.
struct Recorded {
    path: String,
    status: u16,
    is_json: bool,
    body: String,
}

#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn recorded(file: &str) -> Option<Vec<Recorded>> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/sovd-captures");
    let Ok(text) = std::fs::read_to_string(directory.join(file)) else {
        eprintln!("skipped: no recording {file}");
        return None;
    };
    Some(text.split("### ").filter_map(exchange).collect())
}

/// Only plain requests are repeated: no bodies, no headers of their own.
fn exchange(block: &str) -> Option<Recorded> {
    let mut lines = block.lines();
    let url = lines.next()?.trim().strip_prefix("GET ")?;
    if url.contains(' ') {
        return None;
    }
    let path = format!("/{}", url.splitn(4, '/').nth(3)?);
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let (headers, body): (Vec<&str>, Vec<&str>) =
        lines.partition(|line| line.starts_with("content-type: ") || line.starts_with("allow: "));
    let is_json = headers.iter().any(|line| line.contains("application/json"));
    Some(Recorded { path, status, is_json, body: body.concat() })
}

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
    for Recorded { path, status, is_json, body } in recorded(file).into_iter().flatten() {
        let Some(ours) = ours(&path) else { continue };
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
    assert!(compared > 20 || recorded(file).is_none(), "{file}: only {compared} were compared");
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
