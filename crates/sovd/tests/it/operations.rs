//! Operations, executions, modes and scripts beyond starting and polling.
//! The JSON is worded here.

use std::time::Duration;

use fleetwire_sovd::{
    Capability, Entity, Error, ExecutionState, HeaderValue, ScriptEnd, ScriptRun, Started, Upload,
};
use serde_json::json;

use crate::server::{Server, bare_entity, response};

const ECU: &str = r#"{"id":"ecu","operations":"/v1/ecu/operations","modes":"/v1/ecu/modes",
    "scripts":"/v1/ecu/scripts"}"#;

fn server(routes: &[(&str, u16, &str)]) -> Server {
    let routes: Vec<_> = [("GET /v1/ecu", 200, ECU)].iter().chain(routes).copied().collect();
    Server::json(&routes)
}

async fn ecu(server: &Server) -> Entity {
    bare_entity(&server.client(), "/v1/ecu").await
}

#[tokio::test]
async fn an_operation_tells_its_challenge_and_modes() {
    let server = server(&[
        (
            "GET /v1/ecu/operations?include-proximity-proof=true",
            200,
            r#"{"items":[{"id":"a","proximity_proof_required":true,"tags":["t"]}]}"#,
        ),
        (
            "GET /v1/ecu/operations/a?include-schema=true",
            200,
            r#"{"item":{"id":"a","asynchronous_execution":true},"schema":{"x":1},
                "proximity_challenge":{"challenge":"c","valid_until":"U"},
                "modes":{"session":"extended"}}"#,
        ),
    ]);
    let client = server.client();
    let operations = client.operations(&ecu(&server).await).with_proximity_proof().await.unwrap();
    assert_eq!((operations[0].proximity_proof_required, operations[0].tags.len()), (Some(true), 1));
    let operation = client.operation(&operations[0].href).with_schema().await.unwrap();
    let challenge = operation.challenge.unwrap();
    assert_eq!((challenge.challenge.as_str(), challenge.valid_until.as_deref()), ("c", Some("U")));
    assert_eq!(operation.modes.unwrap().get(), r#"{"session":"extended"}"#);
    assert_eq!(operation.schema.unwrap().get(), r#"{"x":1}"#);
}

#[tokio::test]
async fn a_start_carries_time_limit_and_proximity_response() {
    let server = server(&[
        ("GET /v1/op", 200, r#"{"id":"op"}"#),
        ("POST /v1/op/executions", 202, r#"{"id":"7","status":"running"}"#),
        ("POST /v1/op", 202, r#"{"id":"8","href":"/v1/op/executions/8"}"#),
    ]);
    let client = server.client();
    let operation = client.operation(&client.link("/v1/op").unwrap()).await.unwrap();
    let start = client.start(&operation, None).time_limit(Duration::from_millis(2500));
    start.proximity_response("r").await.unwrap();
    assert_eq!(server.body(1), json!({"timeout": 3, "proximity_response": "r"}));
    let started = client.start_at(&operation.href, Some(json!(1))).await.unwrap();
    let Started::Running { location, .. } = started else { panic!("over at once") };
    assert_eq!(location.to_string(), "/v1/op/executions/8");
    assert_eq!(server.body(2), json!({"parameters": 1}));
}

#[tokio::test]
async fn executions_are_listed_as_ids_or_as_objects() {
    let list = r#"{"items":["1",{"id":"2"},{"execution_id":"3","href":"/v1/x/3"}]}"#;
    let server =
        server(&[("GET /v1/op", 200, r#"{"id":"op"}"#), ("GET /v1/op/executions", 200, list)]);
    let client = server.client();
    let operation = client.operation(&client.link("/v1/op").unwrap()).await.unwrap();
    let executions = client.executions(&operation).await.unwrap();
    let places: Vec<String> = executions.iter().map(|it| it.href.to_string()).collect();
    assert_eq!(places, ["/v1/op/executions/1", "/v1/op/executions/2", "/v1/x/3"]);
}

#[tokio::test]
async fn an_execution_is_told_what_to_do_and_stays_or_moves() {
    let server = Server::http(|request| match request.line.as_str() {
        "PUT /v1/e/1" => response(202, "", r#"{"id":"1","status":"running"}"#),
        "PUT /v1/e/2" => response(202, "location: /v1/e/3\r\n", "{}"),
        "GET /v1/e/1" => response(200, "", r#"{"status":"completed","capability":"freeze"}"#),
        _ => response(405, "", ""),
    });
    let client = server.client();
    let at = |path: &str| client.link(path).unwrap();
    let told = client.control(&at("/v1/e/1"), &Capability::Freeze, Some(json!({"a": 1})));
    let told = told.time_limit(Duration::from_secs(9)).proximity_response("r").await.unwrap();
    assert_eq!(told.location.to_string(), "/v1/e/1");
    assert_eq!(told.execution.state, ExecutionState::Running);
    let expected = json!({"capability": "freeze", "parameters": {"a": 1}, "timeout": 9,
        "proximity_response": "r"});
    assert_eq!(server.body(0), expected);
    let own = Capability::Other("x-oem-ramp".to_owned());
    let told = client.control(&at("/v1/e/2"), &own, None).await.unwrap();
    assert_eq!(told.location.to_string(), "/v1/e/3");
    let seen = client.execution(&at("/v1/e/1")).await.unwrap();
    assert_eq!(seen.capability, Some(Capability::Freeze));
    let error = client.control(&at("/v1/e/9"), &Capability::Stop, None).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { status: 405, .. }), "{error:?}");
}

#[tokio::test]
async fn an_execution_is_stopped_with_or_without_last_words() {
    let server = server(&[
        ("DELETE /v1/e/1", 204, ""),
        ("DELETE /v1/e/2?x-sovd2uds-force=true", 200, r#"{"parameters":{"a":1}}"#),
    ]);
    let client = server.client();
    let at = |path: &str| client.link(path).unwrap();
    assert!(client.stop(&at("/v1/e/1")).await.unwrap().raw.is_none());
    let forced = client.stop(&at("/v1/e/2")).query("x-sovd2uds-force", "true").await.unwrap();
    assert_eq!(forced.raw.unwrap().get(), r#"{"parameters":{"a":1}}"#);
}

#[tokio::test]
async fn a_waiting_execution_counts_as_running() {
    let server = server(&[("GET /v1/e", 200, r#"{"id":"1","status":"pending"}"#)]);
    let client = server.client();
    let execution = client.execution(&client.link("/v1/e").unwrap()).await.unwrap();
    assert_eq!(execution.state, ExecutionState::Running);
}

#[tokio::test]
async fn modes_are_listed_read_and_set_for_a_time() {
    let server = server(&[
        ("GET /v1/ecu/modes", 200, r#"{"items":[{"id":"session","name":"S"}]}"#),
        ("GET /v1/ecu/modes/session", 200, r#"{"name":"S","value":"default"}"#),
        ("PUT /v1/ecu/modes/session", 200, r#"{"id":"session","value":"extended"}"#),
        ("PUT /v1/ecu/modes/dtcsetting", 204, ""),
    ]);
    let client = server.client();
    let ecu = ecu(&server).await;
    let mode = client.modes(&ecu).await.unwrap().remove(0);
    assert_eq!(client.mode(&mode.href).await.unwrap().value, Some(json!("default")));
    let set = client.set_mode(&mode.href, "extended").expiring_after(Duration::from_secs(30));
    assert_eq!(set.await.unwrap().value, Some(json!("extended")));
    assert_eq!(server.body(3), json!({"value": "extended", "mode_expiration": 30}));
    let unlisted = ecu.place_of("modes", "dtcsetting");
    assert_eq!(client.set_mode(&unlisted, "off").await.unwrap().value, None);
}

#[tokio::test]
async fn a_security_level_takes_a_seed_and_a_key() {
    let server = server(&[(
        "PUT /v1/ecu/modes/security",
        200,
        r#"{"id":"security","seed":{"Request_Seed":"0x11"}}"#,
    )]);
    let client = server.client();
    let security = ecu(&server).await.place_of("modes", "security");
    let asked = client.set_mode(&security, "Level_7_RequestSeed").await.unwrap();
    assert_eq!(asked.seed.unwrap().get(), r#"{"Request_Seed":"0x11"}"#);
    client.set_mode(&security, "Level_7").key(json!({"Send_Key": "0x22"})).await.unwrap();
    assert_eq!(server.body(2), json!({"value": "Level_7", "key": {"Send_Key": "0x22"}}));
}

#[tokio::test]
async fn an_entity_without_modes_says_so() {
    let server = Server::json(&[("GET /v1/ecu", 200, r#"{"id":"ecu"}"#)]);
    let error = server.client().modes(&ecu(&server).await).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
}

#[tokio::test]
async fn a_script_is_brought_run_ended_and_removed() {
    let scripts = "/v1/ecu/scripts";
    let run = r#"{"id":"1","status":"terminated","result":{"a":1}}"#;
    let server = server(&[
        (&format!("POST {scripts}"), 201, r#"{"id":"s"}"#),
        (&format!("GET {scripts}"), 200, r#"{"items":[{"id":"s","name":"S"}]}"#),
        (&format!("GET {scripts}/s"), 200, r#"{"item":{"id":"s","description":"D"}}"#),
        (&format!("POST {scripts}/s/executions"), 202, r#"{"id":"1","status":"prepared"}"#),
        (&format!("GET {scripts}/s/executions"), 200, r#"{"items":["1"]}"#),
        (&format!("GET {scripts}/s/executions/1"), 200, run),
        (&format!("PUT {scripts}/s/executions/1"), 204, ""),
        (&format!("DELETE {scripts}/s/executions/1"), 204, ""),
        (&format!("DELETE {scripts}/s"), 204, ""),
    ]);
    let client = server.client();
    let ecu = ecu(&server).await;
    let content = Upload::bytes(HeaderValue::from_static("text/x-python"), "print()");
    let created = client.upload_script(&ecu, content).await.unwrap();
    let listed = client.scripts(&ecu).await.unwrap().remove(0);
    assert_eq!(listed.href, created.href);
    let script = client.script(&listed.href).await.unwrap();
    assert_eq!(script.description.as_deref(), Some("D"));
    let started = client.run_script(&script, ScriptRun::OnceOnRestart, Some(json!(1)));
    let Started::Running { location, .. } = started.await.unwrap() else { panic!("over") };
    assert_eq!(server.body(4), json!({"execution_type": "once_on_restart", "parameters": 1}));
    assert_eq!(client.script_executions(&script).await.unwrap()[0].href, location);
    client.end_script(&location, ScriptEnd::ForcedTermination).await.unwrap();
    assert_eq!(server.body(6), json!({"action": "forced_termination"}));
    let execution = client.execution(&location).await.unwrap();
    assert_eq!(execution.state, ExecutionState::Stopped);
    assert_eq!(execution.result.unwrap().get(), r#"{"a":1}"#);
    client.stop(&location).await.unwrap();
    client.delete_script(&script.href).await.unwrap();
}
