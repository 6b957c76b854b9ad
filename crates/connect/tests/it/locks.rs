//! The lock of a change in every exit path: it is taken once, and given back whatever happens.
//! The server is written by each test, so that it can lose a lock at the worst moment.

use std::time::Duration;

use fleetwire_connect::{End, Part, Sovd};
use model::command::Refusal;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bench::{Outcome, connector, holder, order, run, run_until};
use crate::odd::{ROOT, Server};

pub(crate) const ECU: &str = r#"{"id":"ecu","name":"ECU","data":"/v1/components/ecu/data",
    "faults":"/v1/components/ecu/faults","operations":"/v1/components/ecu/operations",
    "modes":"/v1/components/ecu/modes","locks":"/v1/components/ecu/locks"}"#;
const LOCKABLE_ROOT: &str =
    r#"{"id":"","name":"","components":"/v1/components","locks":"/v1/locks"}"#;
const UNLOCKABLE: &str = r#"{"id":"ecu","name":"ECU","data":"/v1/components/ecu/data"}"#;

pub(crate) const LOCKS: &str = "GET /v1/components/ecu/locks";
pub(crate) const ACQUIRE: &str = "POST /v1/components/ecu/locks";
pub(crate) const RENEW: &str = "PUT /v1/components/ecu/locks/1";
pub(crate) const RELEASE: &str = "DELETE /v1/components/ecu/locks/1";
pub(crate) const WRITE: &str = "PUT /v1/components/ecu/data/a";
pub(crate) const SESSION: &str = "PUT /v1/components/ecu/modes/session";
pub(crate) const READ: &str = "GET /v1/components/ecu/data/a";
pub(crate) const START: &str = "POST /v1/components/ecu/operations/purge/executions";
pub(crate) const EXECUTION: &str = "GET /v1/components/ecu/operations/purge/executions/7";
pub(crate) const FORGET: &str = "DELETE /v1/components/ecu/operations/purge/executions/7";

pub(crate) const FREE: (&str, u16, &str) = (LOCKS, 200, r#"{"items":[]}"#);
pub(crate) const OTHERS: (&str, u16, &str) =
    (LOCKS, 200, r#"{"items":[{"id":"9","owned":false,"owner":"bench 7"}]}"#);
pub(crate) const GRANTED: (&str, u16, &str) = (ACQUIRE, 201, r#"{"id":"1"}"#);
pub(crate) const RELEASED: (&str, u16, &str) = (RELEASE, 204, "");
pub(crate) const BROKEN: &str = r#"{"error_code":"lock-broken","message":"the lock was broken"}"#;

pub(crate) type Row = (&'static str, u16, &'static str);

pub(crate) fn server(rows: &[Row]) -> Server {
    let known = [
        ("GET /v1/components/ecu/data", 200, r#"{"items":[{"id":"a"}]}"#),
        (READ, 200, r#"{"data":2}"#),
        ("GET /v1/components/ecu/operations", 200, r#"{"items":[{"id":"purge"}]}"#),
        ("GET /v1/components/ecu/modes", 200, r#"{"items":[]}"#),
    ];
    Server::start_with(ROOT, ECU, &[&known, rows].concat())
}

pub(crate) fn write() -> Value {
    json!({"entity": "components/ecu", "id": "a", "value": 2})
}

pub(crate) fn purge() -> Value {
    json!({"entity": "components/ecu", "id": "purge"})
}

/// A connector that renews every half second.
pub(crate) fn hasty() -> Sovd {
    connector(1 << 20).with_lock_expiration(Duration::from_secs(1))
}

pub(crate) async fn ask(server: &Server, name: &str, params: Value) -> Outcome {
    run(&hasty(), order(&server.address(), name, params)).await
}

/// What the server was asked that changes something, in order.
pub(crate) fn changes(server: &Server) -> Vec<String> {
    let lines = server.seen().into_iter().map(|request| request.line);
    lines.filter(|line| !line.starts_with("GET ")).collect()
}

#[tokio::test]
async fn a_change_works_under_a_lock_that_is_given_back() {
    let server = server(&[FREE, GRANTED, (WRITE, 204, ""), RELEASED]);
    let outcome = ask(&server, "data.write", write()).await;
    assert_eq!(outcome.only(), json!({"data": 2}));
    assert_eq!(changes(&server), [ACQUIRE, WRITE, RELEASE]);
}

#[tokio::test]
async fn locking_is_none_of_the_commands_changes() {
    let server = server(&[FREE, GRANTED, (WRITE, 204, ""), RELEASED]);
    ask(&server, "data.write", write()).await;
    for request in server.seen() {
        let is_named = request.head.contains("x-fleetwire-command-id");
        assert_eq!(is_named && !request.line.starts_with("GET"), request.line == WRITE);
        let names_the_user = request.head.contains(&format!("x-client-id: {}", holder()));
        assert!(names_the_user || !request.line.contains("/ecu"), "{request:?}");
    }
}

#[tokio::test]
async fn a_lock_is_given_back_before_the_last_part() {
    let server = server(&[FREE, GRANTED, (WRITE, 204, ""), RELEASED]);
    let (sender, mut receiver) = mpsc::channel::<Part>(4);
    let order = order(&server.address(), "data.write", write());
    let sovd = hasty();
    let watch = async {
        assert!(receiver.recv().await.unwrap().is_final);
        server.count(RELEASE)
    };
    let (end, released) =
        tokio::join!(sovd.execute(order, sender, CancellationToken::new()), watch);
    assert_eq!((end, released), (End::Answered, 1));
}

#[tokio::test]
async fn a_change_that_fails_gives_its_lock_back() {
    let negative = r#"{"error_code":"error-response","message":"no","parameters":{"nrc":"0x31"}}"#;
    let server = server(&[FREE, GRANTED, (WRITE, 500, negative), RELEASED]);
    let outcome = ask(&server, "data.write", write()).await;
    assert_eq!(outcome.vehicle_error(), "no (error-response, NRC 0x31 requestOutOfRange)");
    assert_eq!(changes(&server), [ACQUIRE, WRITE, RELEASE]);
}

#[tokio::test]
async fn a_lock_that_another_holds_refuses_with_its_holder_and_nothing_is_changed() {
    let denied = r#"{"error_code":"vendor-specific","message":"already locked"}"#;
    let server = server(&[OTHERS, (ACQUIRE, 409, denied)]);
    let outcome = ask(&server, "data.write", write()).await;
    assert_eq!(
        outcome.refused(Refusal::Locked),
        "already locked (vendor-specific); bench 7 holds the lock"
    );
    assert_eq!(changes(&server), [ACQUIRE]);
}

#[tokio::test]
async fn a_stop_gives_the_lock_back() {
    let server = server(&[
        FREE,
        GRANTED,
        (START, 202, r#"{"id":"7"}"#),
        (EXECUTION, 200, r#"{"status":"running"}"#),
        (FORGET, 204, ""),
        RELEASED,
    ]);
    let stop = CancellationToken::new();
    let order = order(&server.address(), "operation.run", purge());
    let cancel = async {
        server.has_seen(EXECUTION).await;
        stop.cancel();
    };
    let (sovd, token) = (connector(1000), stop.clone());
    let (outcome, ()) = tokio::join!(run_until(&sovd, order, token), cancel);
    assert_eq!(outcome.end, End::Stopped);
    assert_eq!(changes(&server), [ACQUIRE, START, FORGET, RELEASE]);
}

#[tokio::test]
async fn a_command_that_is_dropped_gives_its_lock_back() {
    let server = server(&[FREE, GRANTED, (WRITE, 1, ""), RELEASED]);
    let (sender, _receiver) = mpsc::channel(1);
    let order = order(&server.address(), "data.write", write());
    let sovd = connector(1000);
    tokio::select! {
        end = sovd.execute(order, sender, CancellationToken::new()) => panic!("{end:?}"),
        () = server.has_seen(WRITE) => {}
    }
    server.has_seen(RELEASE).await;
    sovd.settle().await;
    assert_eq!(changes(&server), [ACQUIRE, WRITE, RELEASE]);
}

#[tokio::test]
async fn a_command_that_is_dropped_while_its_lock_is_granted_leaves_none_behind() {
    let server = server(&[FREE, GRANTED, RELEASED]);
    let order = order(&server.address(), "data.write", write());
    let (sender, _receiver) = mpsc::channel(1);
    let sovd = connector(1000);
    {
        let execution = sovd.execute(order, sender, CancellationToken::new());
        tokio::select! {
            biased;
            () = server.has_seen(ACQUIRE) => {}
            end = execution => panic!("{end:?}"),
        }
    }
    sovd.settle().await;
    assert_eq!(server.count(ACQUIRE), server.count(RELEASE));
}

#[tokio::test]
async fn a_write_that_meets_a_broken_lock_was_not_done_and_names_the_new_holder() {
    let server = server(&[FREE, OTHERS, GRANTED, (WRITE, 409, BROKEN), (RELEASE, 409, BROKEN)]);
    let outcome = ask(&server, "data.write", write()).await;
    assert_eq!(
        outcome.refused(Refusal::Locked),
        "the lock was broken (lock-broken); bench 7 holds the lock"
    );
    assert_eq!(changes(&server), [ACQUIRE, WRITE, RELEASE]);
}

#[tokio::test]
async fn a_server_that_dies_under_a_lock_leaves_the_outcome_open() {
    let server = server(&[FREE, GRANTED, (WRITE, 0, ""), (RELEASE, 0, "")]);
    let outcome = ask(&server, "data.write", write()).await;
    assert_eq!(outcome.end, End::Lost);
    assert_eq!(changes(&server), [ACQUIRE, WRITE, RELEASE]);
}

#[tokio::test]
async fn a_lock_whose_grant_was_lost_means_that_nothing_was_changed() {
    let server = server(&[FREE, (ACQUIRE, 0, "")]);
    assert_eq!(ask(&server, "data.write", write()).await.end, End::NotSent);
    assert_eq!(changes(&server), [ACQUIRE]);
}

#[tokio::test]
async fn where_only_the_vehicle_has_locks_that_one_is_taken() {
    let server = Server::start_with(
        LOCKABLE_ROOT,
        UNLOCKABLE,
        &[
            ("GET /v1/components/ecu/data", 200, r#"{"items":[{"id":"a"}]}"#),
            (READ, 200, r#"{"data":2}"#),
            (WRITE, 204, ""),
            ("GET /v1/locks", 200, r#"{"items":[]}"#),
            ("POST /v1/locks", 201, r#"{"id":"3"}"#),
            ("DELETE /v1/locks/3", 204, ""),
        ],
    );
    ask(&server, "data.write", write()).await.only();
    assert_eq!(changes(&server), ["POST /v1/locks", WRITE, "DELETE /v1/locks/3"]);
}

#[tokio::test]
async fn where_nobody_has_locks_a_change_goes_without() {
    let server = Server::start_with(
        ROOT,
        UNLOCKABLE,
        &[
            ("GET /v1/components/ecu/data", 200, r#"{"items":[{"id":"a"}]}"#),
            (READ, 200, r#"{"data":2}"#),
            (WRITE, 204, ""),
        ],
    );
    ask(&server, "data.write", write()).await.only();
    assert_eq!(changes(&server), [WRITE]);
}

#[tokio::test]
async fn locks_that_are_linked_and_not_there_are_gone_without() {
    let server = server(&[(LOCKS, 501, ""), (ACQUIRE, 501, ""), (WRITE, 204, "")]);
    ask(&server, "data.write", write()).await.only();
    assert_eq!(changes(&server), [ACQUIRE, WRITE]);
}

/// A server whose control unit has a mode, with what it answers to setting that and to a write.
fn with_session(before: &'static str, set: Row, written: Row) -> Server {
    let known = [
        ("GET /v1/components/ecu/data", 200, r#"{"items":[{"id":"a"}]}"#),
        (READ, 200, r#"{"data":2}"#),
        ("GET /v1/components/ecu/modes", 200, r#"{"items":[{"id":"session"}]}"#),
        ("GET /v1/components/ecu/modes/session", 200, before),
        set,
        written,
        FREE,
        GRANTED,
        RELEASED,
    ];
    Server::start_with(ROOT, ECU, &known)
}

#[tokio::test]
async fn a_mode_is_set_under_the_lock_and_put_back_before_it_goes() {
    let set = (SESSION, 200, r#"{"id":"session","value":"extended"}"#);
    let server = with_session(r#"{"value":"default"}"#, set, (WRITE, 0, ""));
    assert_eq!(ask(&server, "data.write", write()).await.end, End::Lost);
    assert_eq!(changes(&server), [ACQUIRE, SESSION, WRITE, SESSION, RELEASE]);
}

#[tokio::test]
async fn a_mode_that_is_refused_costs_no_lock() {
    let server = with_session(r#"{"value":null}"#, (SESSION, 400, ""), (WRITE, 204, ""));
    ask(&server, "data.write", write()).await.only();
    assert_eq!(changes(&server), [ACQUIRE, SESSION, WRITE, RELEASE]);
}

#[tokio::test]
async fn a_lock_that_is_being_given_back_is_not_taken_for_a_users() {
    let server = server(&[
        FREE,
        (LOCKS, 200, r#"{"items":[{"id":"1","owned":true}]}"#),
        FREE,
        GRANTED,
        (WRITE, 1, ""),
        (WRITE, 204, ""),
        (RELEASE, 1, ""),
        RELEASED,
    ]);
    let sovd = connector(1000);
    let (sender, _receiver) = mpsc::channel(1);
    let first = order(&server.address(), "data.write", write());
    tokio::select! {
        end = sovd.execute(first, sender, CancellationToken::new()) => panic!("{end:?}"),
        () = server.has_seen(WRITE) => {}
    }
    let second = run(&sovd, order(&server.address(), "data.write", write())).await;
    second.only();
    assert_eq!(server.count(ACQUIRE), 2);
}

#[tokio::test]
async fn one_that_is_asleep_is_started_without_a_lock_of_its_own() {
    let asleep = r#"{"error_code":"not-responding","message":"asleep"}"#;
    let ecu = r#"{"id":"ecu","name":"ECU","locks":"/v1/components/ecu/locks",
        "status":"/v1/components/ecu/status"}"#;
    let status = "GET /v1/components/ecu/status";
    let server = Server::start_with(
        ROOT,
        ecu,
        &[
            (LOCKS, 504, asleep),
            (ACQUIRE, 504, asleep),
            (status, 200, r#"{"status":"notReady","start":"/v1/components/ecu/status/start"}"#),
            (status, 200, r#"{"status":"notReady"}"#),
            (status, 200, r#"{"status":"ready"}"#),
            ("PUT /v1/components/ecu/status/start", 202, ""),
        ],
    );
    let outcome = ask(&server, "entity.start", json!({"entity": "components/ecu"})).await;
    assert_eq!(outcome.only()["status"], "ready");
    assert_eq!(changes(&server), [ACQUIRE, "PUT /v1/components/ecu/status/start"]);
}

/// An entity with scripts and configurations, and a lock to be had.
fn stocked(rows: &[Row]) -> Server {
    let ecu = r#"{"id":"ecu","name":"ECU","scripts":"/v1/components/ecu/scripts",
        "configurations":"/v1/components/ecu/configurations",
        "modes":"/v1/components/ecu/modes","locks":"/v1/components/ecu/locks"}"#;
    let known = [
        ("GET /v1/components/ecu/scripts", 200, r#"{"items":[{"id":"s"}]}"#),
        ("GET /v1/components/ecu/configurations", 200, r#"{"items":[{"id":"c"}]}"#),
        FREE,
        GRANTED,
        RELEASED,
    ];
    Server::start_with(ROOT, ecu, &[&known, rows].concat())
}

#[tokio::test]
async fn a_script_runs_under_a_lock_until_its_end() {
    const BEGIN: &str = "POST /v1/components/ecu/scripts/s/executions";
    const RUN: &str = "GET /v1/components/ecu/scripts/s/executions/7";
    const DISMISS: &str = "DELETE /v1/components/ecu/scripts/s/executions/7";
    let server = stocked(&[
        (BEGIN, 202, r#"{"id":"7","status":"running"}"#),
        (RUN, 200, r#"{"status":"running"}"#),
        (RUN, 200, r#"{"status":"completed"}"#),
        (DISMISS, 204, ""),
    ]);
    let params = json!({"entity": "components/ecu", "id": "s"});
    let outcome = ask(&server, "script.run", params).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(outcome.payloads().last().unwrap()["status"], "completed");
    let made: Vec<String> = changes(&server).into_iter().filter(|it| !it.ends_with("/1")).collect();
    assert_eq!(made, [ACQUIRE, BEGIN, DISMISS]);
    assert_eq!((changes(&server).pop().unwrap(), server.count(RELEASE)), (RELEASE.to_owned(), 1));
}

#[tokio::test]
async fn a_script_that_nobody_follows_any_more_is_stopped_and_forgotten() {
    const BEGIN: &str = "POST /v1/components/ecu/scripts/s/executions";
    const RUN: &str = "GET /v1/components/ecu/scripts/s/executions/7";
    const HALT: &str = "PUT /v1/components/ecu/scripts/s/executions/7";
    const DISMISS: &str = "DELETE /v1/components/ecu/scripts/s/executions/7";
    for (moment, made) in [
        ("now", &[ACQUIRE, BEGIN, HALT, DISMISS, RELEASE][..]),
        ("now_and_on_restart", &[ACQUIRE, BEGIN, HALT, RELEASE]),
    ] {
        let server = stocked(&[
            (BEGIN, 202, r#"{"id":"7","status":"running"}"#),
            (RUN, 200, r#"{"status":"running"}"#),
            (HALT, 204, ""),
            (DISMISS, 204, ""),
        ]);
        let sovd = connector(1 << 20);
        let params = json!({"entity": "components/ecu", "id": "s", "type": moment});
        let order = order(&server.address(), "script.run", params);
        let (parts, mut taken) = mpsc::channel(4);
        tokio::select! {
            _ = sovd.execute(order, parts, CancellationToken::new()) => panic!("it runs for ever"),
            _ = taken.recv() => {}
        }
        sovd.settle().await;
        assert_eq!(changes(&server), made, "{moment}");
    }
}

#[tokio::test]
async fn a_script_is_stopped_under_a_lock() {
    const RUNS: &str = "GET /v1/components/ecu/scripts/s/executions";
    const RUN: &str = "GET /v1/components/ecu/scripts/s/executions/7";
    const HALT: &str = "PUT /v1/components/ecu/scripts/s/executions/7";
    let server = stocked(&[
        (RUNS, 200, r#"{"items":[{"id":"7"}]}"#),
        (HALT, 202, ""),
        (RUN, 200, r#"{"status":"stopped"}"#),
    ]);
    let params = json!({"entity": "components/ecu", "id": "s", "exec_id": "7"});
    let outcome = ask(&server, "script.stop", params).await;
    assert_eq!(outcome.only(), json!({"status": "stopped"}));
    assert_eq!(changes(&server), [ACQUIRE, HALT, RELEASE]);
}

#[tokio::test]
async fn a_configuration_is_written_under_a_lock_and_in_its_mode() {
    const PUT: &str = "PUT /v1/components/ecu/configurations/c";
    let server = stocked(&[
        ("GET /v1/components/ecu/modes", 200, r#"{"items":[{"id":"session"}]}"#),
        ("GET /v1/components/ecu/modes/session", 200, r#"{"value":"default"}"#),
        (SESSION, 200, r#"{"id":"session","value":"extended"}"#),
        (PUT, 204, ""),
        ("GET /v1/components/ecu/configurations/c", 200, r#"{"data":{"a":1}}"#),
    ]);
    let params = json!({"entity": "components/ecu", "id": "c", "value": {"a": 1}});
    let outcome = ask(&server, "configuration.write", params).await;
    assert_eq!(outcome.only(), json!({"data": {"a": 1}}));
    assert_eq!(changes(&server), [ACQUIRE, SESSION, PUT, SESSION, RELEASE]);
}

#[tokio::test]
async fn a_configuration_that_the_vehicle_refuses_gives_its_lock_back() {
    const PUT: &str = "PUT /v1/components/ecu/configurations/c";
    let server = stocked(&[
        ("GET /v1/components/ecu/modes", 200, r#"{"items":[]}"#),
        (PUT, 500, r#"{"error_code":"error-response","message":"no"}"#),
    ]);
    let params = json!({"entity": "components/ecu", "id": "c", "value": {"a": 1}});
    let outcome = ask(&server, "configuration.write", params).await;
    assert_eq!(outcome.vehicle_error(), "no (error-response)");
    assert_eq!(changes(&server), [ACQUIRE, PUT, RELEASE]);
}
