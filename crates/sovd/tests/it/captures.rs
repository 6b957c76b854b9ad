//! The client against recorded answers of servers that others wrote.
//! What was not recorded is an empty 404.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use fleetwire_sovd::{
    ClearState, Client, Collection, Entity, Envelope, Error, ExecutionState, Interval, LockRequest,
    Operation, Started, StatusChange, UpdateState, UpdateStep,
};
use serde_json::json;

use crate::recording::{Exchange, exchanges};
use crate::server::{Server, bare_entity, response};

/// Replays recordings: each request gets its answers in their order, the last one again and again.
fn replay(files: &[&str]) -> Server {
    let mut answers: HashMap<String, VecDeque<Vec<u8>>> = HashMap::new();
    for Exchange { line, status, headers, body } in files.iter().flat_map(|it| exchanges(it)) {
        answers.entry(line).or_default().push_back(response(status, &headers, &body));
    }
    let answers = Mutex::new(answers);
    Server::http(move |request| {
        let mut answers = answers.lock().unwrap();
        let Some(recorded) = answers.get_mut(&request.line) else {
            return response(404, "", "");
        };
        let answer = recorded.front().cloned().unwrap();
        if recorded.len() > 1 {
            recorded.pop_front();
        }
        answer
    })
}

fn gateway() -> Server {
    replay(&["opensovd-gateway.http"])
}

async fn engine(client: &Client) -> Entity {
    bare_entity(client, "/vehicle/v1/components/engine_ecu").await
}

fn operation<'a>(operations: &'a [Operation], id: &str) -> &'a Operation {
    operations.iter().find(|operation| operation.id == id).unwrap()
}

#[tokio::test]
async fn the_gateway_is_discovered_from_its_host() {
    let server = gateway();
    let client = server.client_at("/").discover().await.unwrap();
    assert_eq!(client.base().to_string(), "/sovd/v1");
    let info = client.version_info().await.unwrap();
    assert_eq!(info.versions[0].version, "1.1");
}

#[tokio::test]
async fn the_gateway_is_walked_without_leaving_for_its_recorded_host() {
    let server = gateway();
    let client = server.client_at("/sovd/v1").discover().await.unwrap();
    for collection in [Collection::Components, Collection::Apps, Collection::Areas] {
        assert!(!client.entities(collection).await.unwrap().is_empty());
    }
    let ecu = client.components().await.unwrap().remove(0);
    assert_eq!(ecu.href.to_string(), "/sovd/v1/components/ecu");
    let entity = client.entity(&ecu.href).await.unwrap();
    let links: Vec<&str> = entity.links.keys().map(String::as_str).collect();
    assert_eq!(links, ["belongs-to", "data", "hosts"]);
    assert_eq!(entity.variant.unwrap().raw["manufacturer"], "ACME");
}

#[tokio::test]
async fn the_gateway_has_data_but_neither_faults_nor_functions() {
    let server = gateway();
    let client = server.client_at("/sovd/v1");
    let entity = bare_entity(&client, "/sovd/v1/components/ecu").await;
    let items = client.data_items(&entity).await.unwrap();
    let voltage = client.read(&items[0].href).with_schema().await.unwrap();
    assert_eq!((voltage.value.get(), voltage.envelope), (r#"{"value":12.6}"#, Envelope::Data));
    let faults = client.faults(&entity).await.unwrap_err();
    assert!(matches!(faults, Error::Unsupported { status: 404, .. }));
    let functions = client.entities(Collection::Functions).await.unwrap_err();
    assert!(matches!(functions, Error::Unsupported { status: 404, .. }));
}

#[tokio::test]
async fn refusals_of_the_gateway_are_told_apart() {
    let server = gateway();
    let client = server.client_at("/sovd/v1");
    let at = |path: &str| client.link(path).unwrap();
    let unknown = client.entity(&at("/sovd/v1/components/nope")).await.unwrap_err();
    assert_eq!(unknown.to_string(), "refused with 404: entity-not-found: Entity not found: nope");
    let voltage = at("/sovd/v1/components/ecu/data/voltage");
    let read_only = client.write(&voltage, json!(13.1), Envelope::Data).await.unwrap_err();
    assert_eq!(read_only.status(), Some(400));
}

#[tokio::test]
async fn sovdd_is_discovered_although_its_base_has_no_page() {
    let server = replay(&["sovdd-get.http"]);
    for path in ["/vehicle/v1", "/"] {
        let client = server.client_at(path).discover().await.unwrap();
        assert_eq!(client.base().to_string(), "/vehicle/v1");
        assert_eq!(client.components().await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn sovdd_lists_faults_and_clears_them() {
    let server = replay(&["sovdd-stateful-mock.http", "sovdd-get.http"]);
    let client = server.client_at("/vehicle/v1");
    let entity = engine(&client).await;
    let faults = client.faults(&entity).await.unwrap();
    let read: Vec<_> =
        faults.iter().map(|f| (f.code.as_str(), f.status["mask"].as_str())).collect();
    assert_eq!(read, [("P0123", Some("0x09")), ("P0678", Some("0x28"))]);
    assert_eq!(faults[0].href.to_string(), "/vehicle/v1/components/engine_ecu/faults/012345");
    client.clear_faults(&entity).await.unwrap();
    assert!(client.faults(&entity).await.unwrap().is_empty());
}

#[tokio::test]
async fn sovdd_cannot_clear_a_single_fault_and_says_so() {
    let server = replay(&["sovdd-write.http", "sovdd-get.http"]);
    let client = server.client_at("/vehicle/v1");
    let fault = client.faults(&engine(&client).await).await.unwrap().remove(0);
    assert_eq!(client.fault(&fault.href).await.unwrap().fault.code, "P0123");
    let error = client.clear_fault(&fault.href).await.unwrap_err();
    let Error::Unsupported { status: 501, error } = error else { panic!("{error:?}") };
    assert!(error.message.contains("clear the whole memory"));
}

#[tokio::test]
async fn sovdd_takes_values_as_it_gives_them() {
    let server = replay(&["sovdd-stateful-mock.http"]);
    let client = server.client_at("/vehicle/v1");
    let vin = client.link("components/engine_ecu/data/F190").unwrap();
    assert_eq!(vin.to_string(), "/vehicle/components/engine_ecu/data/F190");
    let vin = client.link("/vehicle/v1/components/engine_ecu/data/F190").unwrap();
    client.write(&vin, json!("WDB11111111111111"), Envelope::Value).await.unwrap();
    let read = client.read(&vin).await.unwrap();
    assert_eq!((read.value.get(), read.envelope), ("\"WDB11111111111111\"", Envelope::Value));
    assert_eq!(read.bytes.as_deref(), Some("5744423131313131313131313131313131"));
    let speed = client.link("/vehicle/v1/components/engine_ecu/data/F40C").unwrap();
    assert_eq!(client.read(&speed).await.unwrap().unit.as_deref(), Some("rpm"));
}

#[tokio::test]
async fn sovdd_runs_an_operation_to_its_end() {
    let server = replay(&["sovdd-stateful-mock.http"]);
    let client = server.client_at("/vehicle/v1");
    let entry = "/vehicle/v1/components/engine_ecu/operations/self_test/executions/\
                 bc84685e-b086-4de0-a8ff-0c093d12375b";
    let location = client.link(entry).unwrap();
    let done = client.execution(&location).await.unwrap();
    assert_eq!(done.state, ExecutionState::Completed);
    assert_eq!(done.result.unwrap().get(), r#"{"routine_result":"00"}"#);
}

#[tokio::test]
async fn sovdd_starts_what_it_describes_and_fails_in_words() {
    let server = replay(&["sovdd-write.http", "sovdd-get.http"]);
    let client = server.client_at("/vehicle/v1");
    let self_test = client.link("/vehicle/v1/components/engine_ecu/operations/self_test").unwrap();
    let described = [client.operation(&self_test).await.unwrap()];
    let started = client.start(operation(&described, "self_test"), None).await.unwrap();
    let Started::Running { location, execution } = started else { panic!("over at once") };
    assert_eq!(execution.state, ExecutionState::Running);
    let failed = client.execution(&location).await.unwrap();
    assert_eq!(failed.state, ExecutionState::Failed);
    assert!(failed.errors[0].message.contains("Routine response too short"));
    assert_eq!(client.stop(&location).await.unwrap_err().status(), Some(404));
}

#[tokio::test]
async fn the_gateway_takes_a_category_only_as_the_standard_spells_it() {
    let server = gateway();
    let client = server.client_at("/sovd/v1");
    let entity = bare_entity(&client, "/sovd/v1/components/ecu").await;
    let items = client.data_items(&entity).categories(&["identData"]).await.unwrap();
    assert!(!items.is_empty());
    assert!(items.iter().all(|item| item.category.as_deref() == Some("identData")));
    let categories = client.data_categories(&entity).await.unwrap();
    assert!(categories.iter().any(|category| category.name == "identData"));
    let other = client.data_items(&entity).query("categories", "identData").await.unwrap_err();
    assert_eq!(other.status(), Some(400));
}

#[tokio::test]
async fn sovdd_subscribes_without_an_event_source() {
    let server = replay(&["sovdd-sse.http", "sovdd-get.http"]);
    let client = server.client_at("/vehicle/v1");
    let entity = engine(&client).await;
    let item = entity.place_of("data", "F405");
    assert_eq!(entity.relative(&item), "data/F405");
    let second = std::time::Duration::from_secs(20);
    let made = client.subscribe(&entity, "data/F405", Interval::Normal, second).await.unwrap();
    assert_eq!(made.events, made.href);
    assert_eq!(made.expires.as_deref(), Some("2026-11-22T21:07:22.183049921Z"));
    let changed = client.change_subscription(&made.href, Some(Interval::Fast), Some(second));
    assert_eq!(changed.await.unwrap().interval, Some(Interval::Fast));
    client.delete_subscription(&made.href).await.unwrap();
}

#[tokio::test]
async fn sovdd_has_modes_that_it_does_not_list() {
    let server = replay(&["sovdd-stateful-mock.http", "sovdd-write.http", "sovdd-get.http"]);
    let client = server.client_at("/vehicle/v1");
    let entity = engine(&client).await;
    let error = client.modes(&entity).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { status: 404, .. }));
    let session = client.mode(&entity.place_of("modes", "session")).await.unwrap();
    assert_eq!(session.value, Some(json!("default")));
    let security = entity.place_of("modes", "security");
    let asked = client.set_mode(&security, "level1_requestseed").await.unwrap();
    assert_eq!(asked.seed.unwrap().get(), "\"11223344\"");
    let opened = client.set_mode(&security, "level1").key("11223344").await.unwrap();
    assert_eq!(opened.value, Some(json!("level1")));
}

#[tokio::test]
async fn sovdd_says_what_it_does_not_do() {
    let server = replay(&["sovdd-write.http", "sovdd-get.http"]);
    let client = server.client_at("/vehicle/v1");
    let entity = engine(&client).await;
    let lock = LockRequest::lasting(std::time::Duration::from_mins(1));
    let errors = [
        client.acquire_lock(&entity, &lock).await.unwrap_err(),
        client.create_data_list(&entity, &["F190", "F405"]).await.unwrap_err(),
        client.bulk_categories(&entity).await.unwrap_err(),
        client.logs(&entity).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
    }
    assert!(client.locks(&entity).await.unwrap().is_empty());
    let entries = client.log_entries(&entity.place_of("logs", "entries")).await.unwrap();
    assert!(entries.is_empty());
}

#[tokio::test]
async fn sovdd_updates_a_component_and_not_the_vehicle() {
    let server = replay(&["sovdd-write.http", "sovdd-get.http"]);
    let client = server.client_at("/vehicle/v1");
    let entity = engine(&client).await;
    let update = client.register_update(&entity, json!({"id": "pkg1"})).await.unwrap();
    assert_eq!(update.id, "pkg1");
    assert!(client.updates(&entity).await.unwrap().is_empty());
    assert_eq!(client.update(&update.href).await.unwrap().origins, ["proximity"]);
    let status = client.update_status(&update.href).await.unwrap();
    assert_eq!((status.phase.as_deref(), status.state), (Some("prepare"), UpdateState::Pending));
    let early = client.begin_update(&update.href, UpdateStep::Execute).await.unwrap_err();
    assert_eq!(early.status(), Some(409));
    client.delete_update(&update.href).await.unwrap();
}

#[tokio::test]
async fn sovdd_restarts_and_clears_by_its_own_lists() {
    let server = replay(&["sovdd-get.http"]);
    let client = server.client_at("/vehicle/v1");
    let entity = engine(&client).await;
    let status = client.entity_status(&entity).await.unwrap();
    assert_eq!(status.ready, Some(true));
    let restart = &status.changes[&StatusChange::Restart];
    assert_eq!(restart.to_string(), "/vehicle/v1/components/engine_ecu/status/restart");
    let clearable = client.clearable(&entity).await.unwrap();
    assert_eq!(clearable.kinds.len(), 3);
    let status = client.clear_status(&clearable.status).await.unwrap();
    assert_eq!(status.state, ClearState::NotRequested);
}

#[tokio::test]
async fn a_recording_that_was_cut_off_is_malformed() {
    let server = replay(&["sovdd-get.http"]);
    let client = server.client_at("/vehicle/v1");
    let error = client.data_items(&engine(&client).await).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
}
