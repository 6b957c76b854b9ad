//! What the rows of the catalogue say about who may submit them, and how long they may take.

use model::user::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Backend, Client, Platform};

const HOUR_MS: u64 = 3_600_000;

async fn submit(
    p: &Platform,
    who: &Client,
    name: &str,
    params: Value,
    run_timeout_ms: Option<u64>,
) -> StatusCode {
    let mut body = json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": name,
        "command_params": params });
    if let Some(milliseconds) = run_timeout_ms {
        body["run_timeout_ms"] = milliseconds.into();
    }
    who.post("/api/v1/commands", body).await.status
}

#[tokio::test]
async fn a_row_is_for_the_role_that_it_names_and_not_only_for_its_risk_class() {
    let p = Platform::start().await;
    let senior = p.user("sam", Role::Senior, &[p.fleet_id()]).await;
    let (engineer, admin) = (p.engineer().await, p.admin().await);
    let entity = "components/engine_ecu";
    let (forbidden, created) = (StatusCode::FORBIDDEN, StatusCode::CREATED);
    for (name, params, expected) in [
        ("lock.list", json!({ "entity": entity }), [created; 3]),
        (
            "data.write",
            json!({ "entity": entity, "id": "idle_speed_target", "value": 800 }),
            [forbidden, created, created],
        ),
        (
            "lock.break",
            json!({ "entity": entity, "expiration": 1 }),
            [forbidden, forbidden, created],
        ),
    ] {
        for (who, expected) in [&engineer, &senior, &admin].into_iter().zip(expected) {
            assert_eq!(submit(&p, who, name, params.clone(), None).await, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_row_with_a_longer_limit_may_be_given_more_time_than_others() {
    let settings = [("commands.run_timeout", "10s"), ("commands.run_timeout_max", "30s")];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    let engineer = p.engineer().await;
    let entity = json!({ "entity": "components/engine_ecu" });
    let list = |milliseconds| submit(&p, &engineer, "faults.list", entity.clone(), milliseconds);
    assert_eq!(list(Some(30_000)).await, StatusCode::CREATED);
    assert_eq!(list(Some(30_001)).await, StatusCode::UNPROCESSABLE_ENTITY);
    let run = json!({ "entity": "components/engine_ecu", "id": "self_test" });
    let run = |milliseconds| submit(&p, &engineer, "operation.run", run.clone(), milliseconds);
    assert_eq!(run(Some(24 * HOUR_MS)).await, StatusCode::CREATED);
    assert_eq!(run(Some(24 * HOUR_MS + 1)).await, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_row_with_a_usual_time_has_it_instead_of_the_installations() {
    let p = Platform::start_with(Backend::Sqlite, &[("commands.run_timeout", "1s")]).await;
    let engineer = p.engineer().await;
    p.vehicle().set(json!({ "delay_ms": 2_000 })).await;
    for (name, params, state) in [
        ("faults.scan", json!({ "entities": ["components/engine_ecu"] }), "completed"),
        ("faults.list", json!({ "entity": "components/engine_ecu" }), "failed"),
    ] {
        let id = engineer.submit(p.vehicle().vehicle_id, name, params).await;
        let events = engineer.watch(&id).await.until_end().await;
        assert_eq!(events.last().unwrap()["state"], state, "{name}: {events:?}");
    }
}

#[tokio::test]
async fn what_the_installation_has_not_switched_on_is_not_there() {
    let uds = json!({ "entity": "components/engine_ecu", "request": "22F190" });
    let unlock =
        json!({ "entity": "components/engine_ecu", "level": "Level_1", "key_source": "a" });
    let settings = [("vehicles.raw_uds", "true"), ("vehicles.key_sources", "/nowhere")];
    for (settings, is_on) in [(&settings[..], true), (&[], false)] {
        let p = Platform::start_with(Backend::Sqlite, settings).await;
        let admin = p.admin().await;
        let rows = admin.get("/api/v1/catalog").await.json;
        for (name, setting, params) in
            [("uds.raw", "raw_uds", &uds), ("security.unlock", "key_sources", &unlock)]
        {
            let is_listed = rows.as_array().unwrap().iter().any(|row| row["name"] == name);
            let body = json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": name,
                "command_params": params, "reason": "a test" });
            let reply = admin.post("/api/v1/commands", body).await;
            assert_eq!((is_listed, reply.status == 201), (is_on, is_on), "{name}: {}", reply.json);
            if !is_on {
                assert_eq!(
                    (reply.status.as_u16(), &reply.json["type"]),
                    (403, &json!("/problems/switched-off"))
                );
                assert!(reply.json["detail"].as_str().unwrap().contains(setting), "{}", reply.json);
            }
        }
    }
}
