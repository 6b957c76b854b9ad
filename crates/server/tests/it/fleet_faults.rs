//! The faults of the fleet: what reads have shown, counted over the vehicles that the caller sees.

use crate::on_both;
use model::user::Role;
use serde_json::{Value, json};
use testkit::{Backend, Client, Platform, SimulatedVehicle, audit};

on_both! {
    vehicles_are_counted_by_code_and_nothing_is_said_of_those_that_were_not_read
    what_a_later_read_does_not_show_any_more_is_not_counted
    an_entity_that_does_not_answer_keeps_what_it_had_and_the_vehicle_is_read_in_part
    a_read_with_a_filter_changes_nothing
    the_older_commands_count_for_their_control_unit
    what_was_cleared_is_not_counted_until_it_is_read_again
    nobody_learns_of_vehicles_that_they_do_not_see
    pages_follow_one_another
}

const ENGINE: &str = "components/engine_ecu";

async fn run(who: &Client, vehicle: &SimulatedVehicle, name: &str, params: Value) -> Value {
    let reason = "workshop order 7";
    let body = json!({ "vehicle_id": vehicle.vehicle_id.to_string(), "command_name": name,
        "command_params": params, "reason": reason });
    let id = who.submit_body(body).await;
    who.watch(&id).await.until_end().await;
    let command = who.command(&id).await;
    assert_eq!(command["state"], "completed", "{command:#}");
    command
}

async fn scan(who: &Client, vehicle: &SimulatedVehicle) -> Value {
    run(who, vehicle, "faults.scan", json!({})).await
}

async fn page(who: &Client, query: &str) -> Value {
    let reply = who.get(&format!("/api/v1/faults?limit=100&{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    reply.json
}

/// How many vehicles have it, by code, in the engine.
async fn count(who: &Client, code: &str) -> Value {
    let query = format!("entity={ENGINE}&search={code}");
    page(who, &query).await["faults"][0]["vehicles"].clone()
}

async fn coverage(who: &Client) -> [u64; 4] {
    let found = page(who, "").await["coverage"].clone();
    ["vehicles", "read", "partly_read", "unread"].map(|name| found[name].as_u64().unwrap())
}

async fn vehicles_of(who: &Client, code: &str) -> Vec<Value> {
    let path = format!("/api/v1/faults/vehicles?code={code}&entity={ENGINE}");
    let reply = who.get(&path).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    reply.json["vehicles"].as_array().unwrap().clone()
}

async fn vehicles_are_counted_by_code_and_nothing_is_said_of_those_that_were_not_read(
    backend: Backend,
) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    let before = page(&engineer, "").await;
    assert_eq!(before["faults"], json!([]));
    let nothing = json!({ "vehicles": 2, "read": 0, "partly_read": 0, "unread": 2,
        "oldest_read_at": null, "newest_read_at": null });
    assert_eq!(before["coverage"], nothing);

    let first = scan(&engineer, p.vehicle()).await;
    assert_eq!(coverage(&engineer).await, [2, 1, 0, 1]);
    scan(&engineer, p.other_vehicle()).await;
    let all = page(&engineer, "").await;
    assert_eq!(coverage(&engineer).await, [2, 2, 0, 0]);
    let found = all["faults"].as_array().unwrap();
    let p0420 = found.iter().find(|it| it["code"] == "P0420" && it["entity"] == ENGINE).unwrap();
    assert_eq!((&p0420["vehicles"], &p0420["severity"]), (&json!(2), &json!("error")), "{p0420:#}");
    assert_eq!(p0420["text"], "Catalyst system efficiency below threshold, bank 1");
    assert_eq!(
        (&p0420["statuses"]["active"], &p0420["statuses"]["unknown"]),
        (&json!(2), &json!(0))
    );
    assert!(p0420["oldest_read_at"].as_str() < p0420["newest_read_at"].as_str(), "{p0420:#}");
    assert_eq!(all["coverage"]["oldest_read_at"], p0420["oldest_read_at"]);
    let counts: Vec<_> = found.iter().map(|it| it["vehicles"].as_u64()).collect();
    assert!(counts.is_sorted_by(|one, next| one >= next), "{counts:?}");

    let [one, other] = <[Value; 2]>::try_from(vehicles_of(&engineer, "P0420").await).unwrap();
    assert_eq!(
        (&one["vin"], &other["vin"]),
        (&json!(p.vehicle().vin), &json!(p.other_vehicle().vin))
    );
    assert_eq!((&one["status"], &one["command_id"]), (&json!("active"), &first["command_id"]));
    for (query, is_there) in [
        ("severity=error", true),
        ("severity=fatal", false),
        ("status=active", true),
        ("status=history", false),
        ("search=catalyst", true),
        ("search=P04%25", false),
        ("entity=components/abs_ecu", false),
    ] {
        let found = page(&engineer, query).await["faults"].to_string();
        assert_eq!(found.contains("P0420"), is_there, "{query}: {found}");
    }
}

async fn what_a_later_read_does_not_show_any_more_is_not_counted(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    for vehicle in [p.vehicle(), p.other_vehicle()] {
        scan(&engineer, vehicle).await;
    }
    assert_eq!(count(&engineer, "P0420").await, 2);
    // What is done to one memory says nothing of the others.
    run(&engineer, p.vehicle(), "faults.clear", json!({ "entity": ENGINE, "scope": "emission" }))
        .await;
    assert_eq!(count(&engineer, "P0420").await, 2);
    scan(&engineer, p.vehicle()).await;
    assert_eq!(count(&engineer, "P0420").await, 1);
    assert_eq!(vehicles_of(&engineer, "P0420").await.len(), 1);

    let deed = audit("vehicle_removed");
    p.store().remove_vehicle(p.other_vehicle().vehicle_id, None, deed).await.unwrap();
    assert_eq!(count(&engineer, "P0420").await, Value::Null);
    assert_eq!(coverage(&engineer).await, [1, 1, 0, 0]);
}

async fn an_entity_that_does_not_answer_keeps_what_it_had_and_the_vehicle_is_read_in_part(
    backend: Backend,
) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    let whole = scan(&engineer, p.vehicle()).await;
    p.vehicle()
        .set(json!({ "delay_ms": 0, "inject": "5xx=100%@/components/engine_ecu/faults" }))
        .await;
    let part = scan(&engineer, p.vehicle()).await;
    assert_eq!(coverage(&engineer).await, [2, 0, 1, 1]);
    assert_eq!(vehicles_of(&engineer, "P0420").await[0]["command_id"], whole["command_id"]);
    let brakes = "/api/v1/faults/vehicles?code=C0035&entity=components/abs_ecu";
    let brakes = engineer.get(brakes).await.json;
    assert_eq!(brakes["vehicles"][0]["command_id"], part["command_id"]);

    p.vehicle().set(json!({ "delay_ms": 0, "inject": "" })).await;
    run(&engineer, p.vehicle(), "faults.list", json!({ "entity": ENGINE })).await;
    assert_eq!(coverage(&engineer).await, [2, 1, 0, 1]);
}

async fn a_read_with_a_filter_changes_nothing(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    let filters = [json!({ "severity": 1 }), json!({ "status": { "confirmedDtc": false } })];
    let ask = async || {
        for filter in &filters {
            run(&engineer, p.vehicle(), "faults.scan", filter.clone()).await;
            let mut listed = filter.clone();
            listed["entity"] = json!(ENGINE);
            run(&engineer, p.vehicle(), "faults.list", listed).await;
        }
    };
    ask().await;
    assert_eq!(coverage(&engineer).await, [2, 0, 0, 2]);
    scan(&engineer, p.vehicle()).await;
    let before = page(&engineer, "").await;
    ask().await;
    assert_eq!(page(&engineer, "").await, before);
}

async fn the_older_commands_count_for_their_control_unit(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    run(&engineer, p.vehicle(), "ReadDTC", json!({ "ecuAddress": "0x10" })).await;
    let found = page(&engineer, "").await;
    let codes: Vec<_> = found["faults"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["P0171", "P0420"], "{found:#}");
    assert_eq!(
        (&found["faults"][1]["entity"], &found["faults"][1]["severity"]),
        (&json!(ENGINE), &Value::Null)
    );
    assert_eq!(
        coverage(&engineer).await,
        [2, 0, 1, 1],
        "of the other control units nothing is known"
    );
    scan(&engineer, p.vehicle()).await;
    run(&engineer, p.vehicle(), "ReadDTC", json!({ "ecuAddress": "engine_ecu" })).await;
    let found = page(&engineer, "search=P0420").await;
    assert_eq!(found["faults"][0]["severity"], "error", "what it does not say stays known");
    assert_eq!(coverage(&engineer).await, [2, 1, 0, 1]);
}

async fn what_was_cleared_is_not_counted_until_it_is_read_again(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    for vehicle in [p.vehicle(), p.other_vehicle()] {
        scan(&engineer, vehicle).await;
    }
    run(&engineer, p.vehicle(), "faults.clear", json!({ "entity": ENGINE, "code": "P0420" })).await;
    assert_eq!([count(&engineer, "P0420").await, count(&engineer, "P0171").await], [1, 1]);
    assert_eq!(coverage(&engineer).await, [2, 2, 0, 0], "what remained has been read");

    run(&engineer, p.other_vehicle(), "ClearDTC", json!({ "ecuAddress": "0x10" })).await;
    assert_eq!(count(&engineer, "P0420").await, Value::Null);
    assert_eq!(coverage(&engineer).await, [2, 1, 1, 0], "nobody has read what remained");
}

async fn nobody_learns_of_vehicles_that_they_do_not_see(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    scan(&engineer, p.vehicle()).await;
    let south = p.store().fleet_named("south", audit("fleet_created")).await.unwrap().fleet_id;
    let stranger = p.user("sven", Role::Engineer, &[south]).await;
    let found = page(&stranger, "").await;
    assert_eq!((&found["faults"], &found["coverage"]["vehicles"]), (&json!([]), &json!(0)));
    assert!(vehicles_of(&stranger, "P0420").await.is_empty());

    let admin = p.admin().await;
    assert_eq!(page(&admin, &format!("fleet_id={south}")).await["faults"], json!([]));
    let north = page(&admin, &format!("fleet_id={}", p.fleet_id())).await;
    assert_eq!(north, page(&engineer, "").await);

    let viewer = p.user("vera", Role::Viewer, &[p.fleet_id()]).await;
    let shown = vehicles_of(&viewer, "P0420").await;
    assert_eq!(shown.len(), 1);
    assert!(!json!(shown).to_string().contains(&p.vehicle().vin), "{shown:#?}");
    let auditor = p.user("udo", Role::Auditor, &[p.fleet_id()]).await;
    assert_eq!(auditor.get("/api/v1/faults").await.status, 403);
}

async fn pages_follow_one_another(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    for vehicle in [p.vehicle(), p.other_vehicle()] {
        scan(&engineer, vehicle).await;
    }
    let all = page(&engineer, "").await;
    let (mut found, mut offset) = (Vec::new(), 0);
    loop {
        let reply = engineer.get(&format!("/api/v1/faults?limit=2&offset={offset}")).await.json;
        found.extend(reply["faults"].as_array().unwrap().clone());
        let Some(next) = reply["next_offset"].as_u64() else { break };
        assert_eq!(next, offset + 2);
        offset = next;
    }
    assert!(found.len() > 4, "{found:#?}");
    assert_eq!(json!(found), all["faults"]);

    let path = format!("/api/v1/faults/vehicles?code=P0420&entity={ENGINE}&limit=1");
    let first = engineer.get(&path).await.json;
    let next = first["next_cursor"].as_str().unwrap();
    let second = engineer.get(&format!("{path}&cursor={next}")).await.json;
    let vins = [&first, &second].map(|page| &page["vehicles"][0]["vin"]);
    assert_eq!(vins, [&json!(p.vehicle().vin), &json!(p.other_vehicle().vin)]);
    for wrong in ["limit=0", "offset=-1", "severity=bad", "sort=code"] {
        assert_eq!(engineer.get(&format!("/api/v1/faults?{wrong}")).await.status, 422, "{wrong}");
    }
    assert_eq!(engineer.get("/api/v1/faults/vehicles?code=P0420").await.status, 422);
}
