//! What needs a second person: who may be one, for what, until when, and what their word is worth.

use crate::on_both;
use model::user::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Backend, Client, Platform, eventually};

on_both! {
    a_command_waits_for_its_second_person_and_then_runs
    of_two_second_persons_one_is_first
}

const OTHER_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The commands that somebody has to approve here.
const RULES: (&str, &str) = ("policy.approval", "R3,ClearDTC");

async fn guarded(backend: Backend) -> Platform {
    Platform::start_with(backend, &[RULES]).await
}

async fn approver(p: &Platform) -> Client {
    p.user("anna", Role::Approver, &[p.fleet_id()]).await
}

fn clear(p: &Platform) -> Value {
    json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": "ClearDTC",
        "command_params": { "ecuAddress": "0x10" } })
}

async fn approve(who: &Client, id: &str, hash: &str) -> (u16, Value) {
    let body = json!({ "approval_hash": hash });
    let reply = who.post(&format!("/api/v1/commands/{id}/approve"), body).await;
    (reply.status.as_u16(), reply.json)
}

/// Approves what the approver sees.
async fn approve_as_seen(who: &Client, id: &str) -> (u16, Value) {
    let seen = who.command(id).await;
    approve(who, id, seen["approval_hash"].as_str().unwrap()).await
}

async fn deny(who: &Client, id: &str) -> (u16, Value) {
    let body = json!({ "reason": "the car is on the road" });
    let reply = who.post(&format!("/api/v1/commands/{id}/deny"), body).await;
    (reply.status.as_u16(), reply.json)
}

fn problem((status, body): &(u16, Value)) -> (u16, &str) {
    (*status, body["type"].as_str().unwrap_or_default())
}

async fn a_command_waits_for_its_second_person_and_then_runs(backend: Backend) {
    let p = guarded(backend).await;
    let (engineer, anna) = (p.engineer().await, approver(&p).await);
    let id = engineer.submit_body(clear(&p)).await;
    let waiting = engineer.command(&id).await;
    assert_eq!(
        (&waiting["state"], &waiting["status"]),
        (&json!("awaiting_approval"), &json!("pending"))
    );
    // One that needs nobody overtakes it.
    let read =
        engineer.submit(p.vehicle().vehicle_id, "ReadDTC", json!({ "ecuAddress": "0x10" })).await;
    engineer.watch(&read).await.until_end().await;
    assert_eq!(p.vehicle().executions_of(&id).await, 0);

    let found = anna.get("/api/v1/commands?state=awaiting_approval").await.json;
    assert_eq!(found["commands"].as_array().unwrap().len(), 1);
    let seen = &found["commands"][0];
    assert_eq!(
        (&seen["command_id"], &seen["command_params"]["ecuAddress"]),
        (&json!(id), &json!("0x10"))
    );
    assert_eq!(problem(&approve(&anna, &id, OTHER_HASH).await), (409, "/problems/other-order"));
    let (status, approved) = approve(&anna, &id, seen["approval_hash"].as_str().unwrap()).await;
    assert_eq!((status, &approved["decided_by"]), (200, &json!("anna")));
    let events = engineer.watch(&id).await.until_end().await;
    assert_eq!(events.last().unwrap()["state"], "completed");
    assert_eq!(p.vehicle().executions_of(&id).await, 1);
    let again = approve(&anna, &id, seen["approval_hash"].as_str().unwrap()).await;
    assert_eq!((again.0, &again.1["state"]), (200, &json!("completed")));

    let admin = p.admin().await;
    let deeds = admin.get(&format!("/api/v1/audit?object=command/{id}")).await.json;
    let actions: Vec<_> = deeds["entries"].as_array().unwrap().iter().collect();
    let named = |name: &str| actions.iter().filter(|it| it["action"] == name).count();
    assert_eq!((named("command_submitted"), named("command_approved")), (1, 1), "{deeds}");
}

async fn of_two_second_persons_one_is_first(backend: Backend) {
    let p = guarded(backend).await;
    let engineer = p.engineer().await;
    let anna = approver(&p).await;
    let berta = p.user("berta", Role::Approver, &[p.fleet_id()]).await;
    for _ in 0..5 {
        let id = engineer.submit_body(clear(&p)).await;
        let (first, second) = tokio::join!(approve_as_seen(&anna, &id), deny(&berta, &id));
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{first:?} {second:?}");
        let end = engineer.watch(&id).await.until_end().await;
        let expected = if first.0 == 200 { "completed" } else { "rejected" };
        assert_eq!(end.last().unwrap()["state"], expected);
        assert_eq!(p.vehicle().executions_of(&id).await, u64::from(first.0 == 200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_the_second_person_for_their_own_command() {
    let p = guarded(Backend::Sqlite).await;
    let admin = p.admin().await;
    let id = admin.submit_body(clear(&p)).await;
    assert_eq!(problem(&approve_as_seen(&admin, &id).await), (403, "/problems/own-command"));
    assert_eq!(problem(&deny(&admin, &id).await), (403, "/problems/own-command"));
    // Nor by another session of the same user.
    let again = Client::login(p.url(), "admin", testkit::PASSWORD).await;
    assert_eq!(problem(&approve_as_seen(&again, &id).await), (403, "/problems/own-command"));
    assert_eq!(admin.command(&id).await["state"], "awaiting_approval");
    let other = p.user("other-admin", Role::Admin, &[]).await;
    assert_eq!(approve_as_seen(&other, &id).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_approvers_and_admins_decide_and_only_about_what_they_see() {
    let p = guarded(Backend::Sqlite).await;
    let engineer = p.engineer().await;
    let id = engineer.submit_body(clear(&p)).await;
    let hash = engineer.command(&id).await["approval_hash"].as_str().unwrap().to_owned();
    for role in Role::ALL {
        let name = format!("foreign-{}", role.word());
        let who = p.user(&name, role, &[]).await;
        let expected = match role {
            Role::Admin => continue,
            Role::Approver => 404,
            Role::Viewer | Role::Engineer | Role::Senior | Role::Auditor => 403,
        };
        assert_eq!(approve(&who, &id, &hash).await.0, expected, "{name}");
        assert_eq!(deny(&who, &id).await.0, expected, "{name}");
    }
    for role in [Role::Viewer, Role::Engineer, Role::Senior, Role::Auditor] {
        let who = p.user(&format!("own-{}", role.word()), role, &[p.fleet_id()]).await;
        assert_eq!(approve(&who, &id, &hash).await.0, 403, "{role:?}");
        assert_eq!(deny(&who, &id).await.0, 403, "{role:?}");
    }
    let viewer = p.user("own-viewer-2", Role::Viewer, &[p.fleet_id()]).await;
    assert_eq!(viewer.command(&id).await["approval_hash"], Value::Null);
    let anna = approver(&p).await;
    let missing = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(problem(&approve(&anna, missing, &hash).await), (404, "/problems/unknown-command"));
    assert_eq!(problem(&approve(&anna, &id, "0x").await), (422, "/problems/invalid-parameters"));
    let empty = anna.post(&format!("/api/v1/commands/{id}/deny"), json!({ "reason": "" })).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, denied) = deny(&anna, &id).await;
    assert_eq!(
        (status, &denied["state"], &denied["error_code"]),
        (200, &json!("rejected"), &json!("denied"))
    );
    assert_eq!(denied["error_message"], "Denied by anna: the car is on the road");
    assert_eq!(deny(&anna, &id).await.0, 200, "said again");
    assert_eq!(
        problem(&approve_as_seen(&anna, &id).await),
        (409, "/problems/not-awaiting-approval")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_approves_in_time_expires_and_is_gone() {
    let p = Platform::start_with(Backend::Sqlite, &[RULES, ("policy.approval_life", "1s")]).await;
    let (engineer, anna) = (p.engineer().await, approver(&p).await);
    let id = engineer.submit_body(clear(&p)).await;
    let events = engineer.watch(&id).await.until_end().await;
    assert_eq!(events[0]["error_message"], "Nobody approved it in time");
    assert_eq!(events[1]["state"], "expired");
    assert_eq!(problem(&approve_as_seen(&anna, &id).await), (410, "/problems/approval-expired"));
    assert_eq!(problem(&deny(&anna, &id).await), (410, "/problems/approval-expired"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_submitted_it_may_take_it_back_and_submit_it_twice_only_once() {
    let p = guarded(Backend::Sqlite).await;
    let (engineer, anna) = (p.engineer().await, approver(&p).await);
    let key = [("idempotency-key", "one")];
    let submit = async || {
        let path = "/api/v1/commands";
        engineer.send(reqwest::Method::POST, path, Some(clear(&p)), &key).await.json
    };
    let (first, second) = (submit().await, submit().await);
    assert_eq!(first["command_id"], second["command_id"]);
    assert_eq!(second["state"], "awaiting_approval");
    let id = first["command_id"].as_str().unwrap();
    let cancelled = engineer.post(&format!("/api/v1/commands/{id}/cancel"), json!({})).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json["state"]), (200, &json!("cancelled")));
    assert_eq!(
        problem(&approve_as_seen(&anna, id).await),
        (409, "/problems/not-awaiting-approval")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_says_what_an_installation_asks_for() {
    let asked = async |settings: &[(&str, &str)]| {
        let p = Platform::start_with(Backend::Sqlite, settings).await;
        let rows = p.engineer().await.get("/api/v1/catalog").await.json;
        let all = |key: &str| {
            let rows = rows.as_array().unwrap().iter().filter(|row| row[key] == true);
            rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let dangerous = rows.as_array().unwrap().iter().filter(|row| row["risk"] == "R3").count();
        (all("needs_reason"), all("needs_approval"), dangerous)
    };
    let (reason, approval, dangerous) = asked(&[]).await;
    assert_eq!((reason.len(), approval.len()), (dangerous, 0), "one person can work alone");
    assert!(dangerous > 0 && !reason.contains(&"ClearDTC".to_owned()));
    let (reason, approval, _) = asked(&[RULES, ("policy.reason", "uds.raw,ClearDTC")]).await;
    assert_eq!(reason, ["ClearDTC", "faults.clear"], "by either of its names");
    assert_eq!(approval.len(), dangerous + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_is_asked_for_where_the_installation_says_so() {
    let p = Platform::start_with(Backend::Sqlite, &[("policy.reason", "ClearDTC")]).await;
    let engineer = p.engineer().await;
    let refused = engineer.post("/api/v1/commands", clear(&p)).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json["errors"][0]["pointer"]),
        (422, &json!("/reason"))
    );
    let mut body = clear(&p);
    body["reason"] = json!("workshop order 7");
    let id = engineer.submit_body(body).await;
    eventually("it ends", async || engineer.command(&id).await["completed_at"].is_string()).await;
    let read =
        engineer.submit(p.vehicle().vehicle_id, "ReadDTC", json!({ "ecuAddress": "0x10" })).await;
    assert_eq!(engineer.command(&read).await["reason"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_runs_only_while_the_vehicle_is_as_the_installation_wants_it() {
    const NEED: &str = "components/engine_ecu/data/idle_speed_target = 780";
    let rule = format!("ClearDTC: {NEED}");
    let p = Platform::start_with(Backend::Sqlite, &[("policy.conditions", &rule)]).await;
    let engineer = p.engineer().await;
    let ended = async |id: &str| {
        eventually("it ends", async || engineer.command(id).await["completed_at"].is_string())
            .await;
        engineer.command(id).await
    };
    let rows = engineer.get("/api/v1/catalog").await.json;
    let row = |name: &str| {
        let mut rows = rows.as_array().unwrap().iter();
        rows.find(|row| row["name"] == name).unwrap()["needs_state"].clone()
    };
    assert_eq!([row("ClearDTC"), row("ReadDTC")], [json!([NEED]), json!([])]);

    let first = engineer.submit_body(clear(&p)).await;
    assert_eq!(ended(&first).await["state"], "completed");
    let params =
        json!({ "entity": "components/engine_ecu", "id": "idle_speed_target", "value": 850 });
    let write = json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": "data.write",
        "command_params": params, "reason": "workshop order 7" });
    let written = p.admin().await.submit_body(write).await;
    assert_eq!(ended(&written).await["state"], "completed");
    let second = engineer.submit_body(clear(&p)).await;
    let refused = ended(&second).await;
    assert_eq!(
        (&refused["state"], &refused["error_code"]),
        (&json!("rejected"), &json!("precondition"))
    );
    let words = refused["error_message"].as_str().unwrap();
    assert!(words.contains(NEED) && words.contains("850"), "{words}");
    let executions = [&first, &second].map(|id| p.vehicle().executions_of(id));
    let [first, second] = executions;
    assert_eq!((first.await, second.await), (1, 0));
}

/// The detector of losses sleeps for longer than this waits: what comes was published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_is_told_that_a_command_is_not_what_was_approved() {
    let settings = [RULES, ("live.detector_interval", "60s")];
    let p = Platform::start_with(Backend::Postgres, &settings).await;
    let engineer = p.engineer().await;
    let id = engineer.submit_body(clear(&p)).await;
    let mut watch = engineer.watch(&id).await;
    p.tamper("update commands set state = 'queued', due_at = deliver_by");
    let told = tokio::time::timeout(Duration::from_secs(30), watch.until_end()).await;
    let events = told.expect("it is told before the detector wakes");
    assert_eq!(events.last().unwrap()["state"], "rejected", "{events:?}");
    assert_eq!(engineer.command(&id).await["error_code"], "altered");
    assert_eq!(p.log().take_lines_with("is not the one that was approved").len(), 1);
    assert_eq!(p.vehicle().executions_of(&id).await, 0);
}
