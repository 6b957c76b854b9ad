//! What becomes of a command: every outcome, through the whole product.

use crate::on_both;
use serde_json::{Value, json};
use testkit::{Backend, Client, Platform, sequences};

on_both! {
    the_three_inherited_commands_keep_their_shapes
    every_fault_of_the_vehicle_has_its_outcome
    a_clear_is_executed_once
    duplicated_and_reordered_parts_come_once_and_in_order
    what_waits_for_a_sleeping_vehicle_expires_or_runs
    a_command_can_be_cancelled_at_any_time
    the_same_key_is_the_same_command
}

async fn run(p: &Platform, who: &Client, name: &str, params: Value) -> Vec<Value> {
    let id = who.submit(p.vehicle().vehicle_id, name, params).await;
    who.watch(&id).await.until_end().await
}

fn payload(event: &Value) -> &Value {
    &event["response_payload"]
}

async fn the_three_inherited_commands_keep_their_shapes(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    let engine = json!({ "ecuAddress": "0x10" });

    let events = run(&p, &engineer, "ReadDTC", engine.clone()).await;
    let last = payload(&events[events.len() - 2]);
    assert_eq!(last["status"], "complete");
    assert_eq!(last["totalDtcs"], events.len() - 2);
    let codes: Vec<_> = events.iter().filter_map(|e| payload(e)["dtcCode"].as_str()).collect();
    assert!(codes.contains(&"P0420"), "{codes:?}");

    let params = json!({ "ecuAddress": "0x10", "dataId": "0xF190" });
    let events = run(&p, &engineer, "ReadDataByID", params).await;
    assert_eq!(sequences(&events), [1, 2]);
    assert_eq!(payload(&events[0])["status"], "reading");
    assert_eq!(payload(&events[1])["data"]["value"], p.vehicle().vin);

    let events = run(&p, &engineer, "ClearDTC", engine.clone()).await;
    assert_eq!(sequences(&events), [1]);
    assert_eq!(payload(&events[0])["status"], "success");
    assert_eq!(payload(&events[0])["clearedCount"], codes.len());

    let events = run(&p, &engineer, "ReadDTC", engine).await;
    assert_eq!(payload(&events[0])["totalDtcs"], 0, "cleared faults stay cleared");

    let events = run(&p, &engineer, "ReadDTC", json!({ "ecuAddress": "0x99" })).await;
    assert_eq!(events[0]["error_code"], "unknown-component");
    assert_eq!(events[1]["state"], "rejected");
}

async fn every_fault_of_the_vehicle_has_its_outcome(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    for (fault, name, code, state) in [
        ("malformed", "ReadDTC", "malformed", "failed"),
        ("truncated", "ReadDTC", "truncated", "failed"),
        ("timeout", "ReadDTC", "timeout", "failed"),
        ("malformed", "ClearDTC", "malformed", "unknown"),
        ("timeout", "ClearDTC", "unknown-outcome", "unknown"),
    ] {
        // Warm what the connector remembers of the vehicle, so that the fault hits the command.
        p.vehicle().set(json!({ "delay_ms": 0 })).await;
        run(&p, &engineer, "ReadDTC", json!({ "ecuAddress": "0x10" })).await;
        p.vehicle().set(json!({ "delay_ms": 0, "fault": fault })).await;
        let body = json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": name,
            "command_params": { "ecuAddress": "0x10" }, "run_timeout_ms": 1_500 });
        let id = engineer.submit_body(body).await;
        let events = engineer.watch(&id).await.until_end().await;
        let [.., error, status] = &events[..] else { panic!("{events:?}") };
        assert_eq!(error["error_code"], code, "{fault} {name}: {events:?}");
        assert_eq!(status["state"], state, "{fault} {name}");
        assert!(p.vehicle().executions_of(&id).await <= 1, "{fault} {name}");
    }
}

async fn a_clear_is_executed_once(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    let id =
        engineer.submit(p.vehicle().vehicle_id, "ClearDTC", json!({ "ecuAddress": "0x10" })).await;
    engineer.watch(&id).await.until_end().await;
    assert_eq!(p.vehicle().executions_of(&id).await, 1);
}

async fn duplicated_and_reordered_parts_come_once_and_in_order(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    for fault in ["duplicate", "reorder"] {
        p.vehicle().set(json!({ "delay_ms": 0, "parts": 25, "fault": fault })).await;
        let events = run(&p, &engineer, "ReadDTC", json!({ "ecuAddress": "0x10" })).await;
        assert_eq!(sequences(&events), (1..=25).collect::<Vec<_>>(), "{fault}");
        assert_eq!(events.last().unwrap()["state"], "completed", "{fault}");
    }
}

async fn what_waits_for_a_sleeping_vehicle_expires_or_runs(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    p.vehicle().set(json!({ "delay_ms": 0, "fault": "unreachable" })).await;
    p.has_status(p.vehicle().vehicle_id, model::vehicle::ConnectionStatus::Disconnected).await;
    let body = |deliver_within_ms: u64| {
        json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": "ClearDTC",
            "command_params": { "ecuAddress": "0x10" }, "deliver_within_ms": deliver_within_ms })
    };
    let refused = engineer.post("/api/v1/commands", body(0)).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json["type"]),
        (409, &json!("/problems/vehicle-offline"))
    );

    let short = engineer.submit_body(body(300)).await;
    let long = engineer.submit_body(body(60_000)).await;
    let events = engineer.watch(&short).await.until_end().await;
    assert_eq!(events[0]["error_code"], "expired");
    assert_eq!(events[1]["state"], "expired");
    assert_eq!(engineer.command(&long).await["state"], "queued");
    p.vehicle().set(json!({ "delay_ms": 0 })).await;
    let events = engineer.watch(&long).await.until_end().await;
    assert_eq!(events.last().unwrap()["state"], "completed");
    assert_eq!(p.vehicle().executions_of(&short).await, 0);
    assert_eq!(p.vehicle().executions_of(&long).await, 1);
}

async fn a_command_can_be_cancelled_at_any_time(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engine = json!({ "ecuAddress": "0x10" });
    let cancel =
        async |id: &str| engineer.post(&format!("/api/v1/commands/{id}/cancel"), json!({})).await;
    // A write is on its way: it cannot be stopped, and the one behind it has not begun.
    let running = engineer.submit(p.vehicle().vehicle_id, "ClearDTC", engine.clone()).await;
    testkit::eventually("it runs", async || engineer.command(&running).await["state"] == "running")
        .await;
    let waiting = engineer.submit(p.vehicle().vehicle_id, "ReadDTC", engine.clone()).await;
    let reply = cancel(&waiting).await;
    assert_eq!((reply.status.as_u16(), &reply.json["state"]), (200, &json!("cancelled")));
    let reply = cancel(&running).await;
    assert_eq!((reply.status.as_u16(), &reply.json["state"]), (202, &json!("cancelling")));
    assert_eq!(cancel(&waiting).await.status, 409);

    // A read is given up at once.
    p.other_vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let slow = engineer.submit(p.other_vehicle().vehicle_id, "ReadDTC", engine).await;
    testkit::eventually("it runs", async || engineer.command(&slow).await["state"] == "running")
        .await;
    cancel(&slow).await;
    let events = engineer.watch(&slow).await.until_end().await;
    assert_eq!(events.last().unwrap()["state"], "cancelled");
}

async fn the_same_key_is_the_same_command(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    let body = |ecu: &str| {
        json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": "ClearDTC",
            "command_params": { "ecuAddress": ecu } })
    };
    let post = async |ecu: &str| {
        let key = [("idempotency-key", "one")];
        engineer.send(reqwest::Method::POST, "/api/v1/commands", Some(body(ecu)), &key).await
    };
    let all = futures_util::future::join_all((0..10).map(|_| post("0x10"))).await;
    let id = all[0].json["command_id"].as_str().unwrap();
    assert!(all.iter().all(|reply| reply.status == 201 && reply.json["command_id"] == id));
    let first = all.iter().filter(|reply| !reply.headers.contains_key("idempotent-replayed"));
    assert_eq!(first.count(), 1);
    assert_eq!(post("0x18").await.status, 409);
    engineer.watch(id).await.until_end().await;
    assert_eq!(p.vehicle().executions_of(id).await, 1);
}
