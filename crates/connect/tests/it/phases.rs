//! Updates and scripts: what is begun is followed, and begun once.
//! The simulated update takes eight seconds.

use fleetwire_connect::End;
use model::command::Refusal;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, Outcome, connector, order, run, run_until};
use crate::odd::Server;

const ROOT: &str = "GET /v1/updates";
const LISTED: (&str, u16, &str) = (ROOT, 200, r#"{"items":["p"]}"#);
const PREPARE: (&str, u16, &str) = ("PUT /v1/updates/p/prepare", 202, "");
const EXECUTE: (&str, u16, &str) = ("PUT /v1/updates/p/execute", 202, "");
const STATUS: &str = "GET /v1/updates/p/status";

async fn ask(server: &Server, name: &str, params: Value) -> Outcome {
    run(&connector(1 << 20), order(&server.address(), name, params)).await
}

async fn package(bench: &Bench) -> Value {
    let listed = bench.run("update.list", json!({})).await.only();
    let ids = listed["items"].as_array().unwrap().clone();
    ids.into_iter().find(|id| id != "autonomous").unwrap()
}

#[tokio::test]
async fn an_update_is_prepared_and_installed_with_progress() {
    let bench = Bench::full().await;
    let id = package(&bench).await;
    let inspected = bench.run("update.inspect", json!({"id": id})).await;
    assert!(inspected.only()["update_name"].is_string());
    let early = bench.run("update.execute", json!({"id": id})).await;
    early.refused(Refusal::Precondition);
    for (name, phase) in [("update.prepare", "prepare"), ("update.execute", "execute")] {
        let outcome = bench.run(name, json!({"id": id})).await;
        assert_eq!(outcome.end, End::Answered, "{name}");
        let payloads = outcome.payloads();
        assert!(payloads.len() >= 3, "{payloads:?}");
        let last = payloads.last().unwrap();
        assert_eq!((&last["phase"], &last["status"]), (&json!(phase), &json!("completed")));
        assert_eq!(payloads[0]["status"], "inProgress");
        assert_eq!(bench.counts(&outcome).await.executions, 1);
    }
    let status = bench.run("update.status", json!({"id": id})).await;
    assert_eq!(status.only()["status"], "completed");
    let gone = bench.run("update.cancel", json!({"id": id})).await;
    assert_eq!(gone.only(), json!({"confirmed": true}));
    let left = bench.run("update.status", json!({"id": id})).await;
    left.refused(Refusal::Unsupported);
}

#[tokio::test]
async fn an_update_that_fails_says_what_failed_where() {
    let failed = r#"{"phase":"prepare","status":"failed","error":[{"path":"/","error":
        {"error_code":"vendor-specific","vendor_code":"E7","message":"no space"}}],
        "subprogress":[{"entity":"ecu","status":"failed","error":
        {"error_code":"error-response","message":"flash"}}]}"#;
    let pending = (STATUS, 200, r#"{"phase":"prepare","status":"pending"}"#);
    let server = Server::start(&[LISTED, PREPARE, pending, (STATUS, 200, failed)]);
    let outcome = ask(&server, "update.prepare", json!({"id": "p"})).await;
    assert_eq!(outcome.vehicle_error(), "no space (E7); ecu: flash (error-response)");
    assert_eq!(server.count(PREPARE.0), 1);
}

#[tokio::test]
async fn the_end_of_the_phase_before_is_not_the_end_of_this_one() {
    let server = Server::start(&[
        LISTED,
        EXECUTE,
        (STATUS, 200, r#"{"phase":"prepare","status":"completed"}"#),
        (STATUS, 0, ""),
        (STATUS, 503, ""),
        (STATUS, 200, r#"{"phase":"execute","status":"completed"}"#),
    ]);
    let outcome = ask(&server, "update.execute", json!({"id": "p"})).await;
    assert_eq!(outcome.only()["phase"], "execute");
    assert_eq!(server.count(EXECUTE.0), 1);
}

#[tokio::test]
async fn the_failure_of_the_same_phase_before_is_not_the_failure_of_this_one() {
    let failed = (STATUS, 200, r#"{"phase":"execute","status":"failed"}"#);
    let server = Server::start(&[
        LISTED,
        EXECUTE,
        failed,
        failed,
        (STATUS, 200, r#"{"phase":"execute","status":"inProgress"}"#),
        (STATUS, 200, r#"{"phase":"execute","status":"completed"}"#),
    ]);
    let outcome = ask(&server, "update.execute", json!({"id": "p"})).await;
    assert_eq!(outcome.end, End::Answered);
    let states: Vec<Value> = outcome.payloads().iter().map(|it| it["status"].clone()).collect();
    assert_eq!(states, ["inProgress", "completed"]);
}

#[tokio::test]
async fn an_update_that_the_vehicle_no_longer_knows_has_an_unknown_outcome() {
    let server = Server::start(&[LISTED, EXECUTE]);
    let outcome = ask(&server, "update.execute", json!({"id": "p"})).await;
    assert_eq!(outcome.end, End::Lost);
}

#[tokio::test]
async fn an_update_without_answer_is_not_begun_twice() {
    let server = Server::start(&[LISTED, ("PUT /v1/updates/p/execute", 0, "")]);
    let outcome = ask(&server, "update.execute", json!({"id": "p"})).await;
    assert_eq!(outcome.end, End::Lost);
    assert_eq!(server.count(EXECUTE.0), 1);
}

#[tokio::test]
async fn an_update_that_runs_is_refused_by_the_vehicle_in_its_words() {
    let busy = r#"{"error_code":"update-execution-in-progress","message":"wait"}"#;
    let server = Server::start(&[LISTED, ("PUT /v1/updates/p/prepare", 409, busy)]);
    let outcome = ask(&server, "update.prepare", json!({"id": "p"})).await;
    assert_eq!(outcome.vehicle_error(), "wait (update-execution-in-progress)");
}

const SCRIPTS: (&str, u16, &str) =
    ("GET /v1/components/rich/scripts", 200, r#"{"items":[{"id":"s"}]}"#);
const START: &str = "POST /v1/components/rich/scripts/s/executions";
const RUN: &str = "GET /v1/components/rich/scripts/s/executions/7";
const CONTROL: &str = "PUT /v1/components/rich/scripts/s/executions/7";
const FORGET: &str = "DELETE /v1/components/rich/scripts/s/executions/7";
const STARTED: (&str, u16, &str) = (START, 202, r#"{"id":"7","status":"prepared"}"#);

fn script(kind: &str) -> Value {
    json!({"entity": "components/rich", "id": "s", "params": {"n": 1}, "type": kind,
        "proximity_response": "4711"})
}

#[tokio::test]
async fn a_script_is_run_to_its_end_and_forgotten() {
    let server = Server::start(&[
        SCRIPTS,
        STARTED,
        (RUN, 200, r#"{"status":"running","result":1}"#),
        (RUN, 200, r#"{"status":"completed","result":2}"#),
        (FORGET, 204, ""),
    ]);
    let outcome = ask(&server, "script.run", script("now")).await;
    assert_eq!(outcome.end, End::Answered);
    let results: Vec<Value> =
        outcome.payloads().iter().map(|part| part["result"].clone()).collect();
    assert_eq!(results, [json!(null), json!(1), json!(2)]);
    assert_eq!((server.count(START), server.count(FORGET)), (1, 1));
    let started = server.seen().into_iter().find(|request| request.line == START).unwrap();
    let body: Value = serde_json::from_str(&started.body).unwrap();
    let expected = json!({"execution_type": "now", "parameters": {"n": 1},
        "proximity_response": "4711"});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_script_that_a_restart_will_repeat_is_not_forgotten() {
    let table = [SCRIPTS, STARTED, (RUN, 200, r#"{"status":"completed"}"#)];
    let server = Server::start(&table);
    let outcome = ask(&server, "script.run", script("now_and_on_restart")).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(server.count(FORGET), 0);
    let server = Server::start(&table);
    let outcome = ask(&server, "script.run", script("once_on_restart")).await;
    assert_eq!(outcome.only()["status"], "prepared");
    assert_eq!((server.count(RUN), server.count(FORGET)), (0, 0));
}

#[tokio::test]
async fn a_cancelled_script_is_stopped_at_the_vehicle() {
    let server = Server::start(&[
        SCRIPTS,
        STARTED,
        (CONTROL, 204, ""),
        (RUN, 200, r#"{"status":"running"}"#),
        (RUN, 200, r#"{"status":"terminated"}"#),
        (FORGET, 204, ""),
    ]);
    let stop = CancellationToken::new();
    let order = order(&server.address(), "script.run", script("now"));
    let cancel = async {
        while server.count(START) == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let sovd = connector(1 << 20);
    let (outcome, ()) = tokio::join!(run_until(&sovd, order, stop.clone()), cancel);
    assert_eq!(outcome.end, End::Stopped);
    assert_eq!((server.count(CONTROL), server.count(FORGET)), (1, 1));
}

#[tokio::test]
async fn a_script_that_fails_is_the_vehicles_failure() {
    let failed = r#"{"status":"failed","error":{"error_code":"vendor-specific","message":"boom"}}"#;
    let server = Server::start(&[SCRIPTS, STARTED, (RUN, 200, failed), (FORGET, 204, "")]);
    let outcome = ask(&server, "script.run", script("now")).await;
    assert_eq!(outcome.vehicle_error(), "boom (vendor-specific)");
}

#[tokio::test]
async fn a_run_of_a_script_is_stopped_by_its_id() {
    let runs = ("GET /v1/components/rich/scripts/s/executions", 200, r#"{"items":["7"]}"#);
    let stopped = (RUN, 200, r#"{"status":"terminated"}"#);
    let server = Server::start(&[SCRIPTS, runs, (CONTROL, 204, ""), stopped]);
    let params = json!({"entity": "components/rich", "id": "s", "exec_id": "7",
        "action": "forced_termination"});
    let outcome = ask(&server, "script.stop", params.clone()).await;
    assert_eq!(outcome.only()["status"], "terminated");
    let told = server.seen().into_iter().find(|request| request.line == CONTROL).unwrap();
    assert_eq!(told.body, r#"{"action":"forced_termination"}"#);
    let mut other = params;
    other["exec_id"] = json!("8");
    let outcome = ask(&server, "script.stop", other).await;
    assert_eq!(outcome.refused(Refusal::Unsupported), "no execution 8; this entity has 7");
}
