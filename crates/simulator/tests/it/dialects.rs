//! Vehicles that speak a dialect: what each says otherwise than the standard.
//!
//! Whether the words are those of real servers is tested against recordings.

use fleetwire_simulator::{Dialect, fleet};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::garage::{Answer, Garage, answer, ids};

pub(crate) async fn garage(dialect: Dialect) -> Garage {
    let vehicles = fleet(1).into_iter().map(|it| it.speaking(dialect)).collect();
    let garage = Garage::with(vehicles).await;
    garage.set(json!({"delay_ms": 0})).await;
    garage
}

fn keys(document: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

async fn text(garage: &Garage, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
    let mut request = garage.request(method, path);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn every_vehicle_tells_the_base_of_its_dialect_and_answers_there() {
    for dialect in Dialect::ALL {
        let garage = garage(dialect).await;
        let vehicle = garage.vehicle();
        assert_eq!(vehicle.dialect, dialect);
        let base = vehicle.base_url.splitn(4, '/').nth(3).unwrap();
        let components = garage.get(&format!("/{base}/components")).await;
        assert_eq!(components.status, StatusCode::OK, "{dialect}");
        assert!(ids(&components.body, "id").contains(&"engine_ecu".to_owned()));
        let standard = garage.request(Method::GET, "/sovd/v1/components").send().await.unwrap();
        let is_standard = matches!(dialect, Dialect::Spec | Dialect::Opensovd);
        assert_eq!(standard.status().is_success(), is_standard, "{dialect}");
    }
}

#[tokio::test]
async fn versions_are_told_in_the_place_and_under_the_key_of_the_dialect() {
    let places = [
        (Dialect::Spec, "/sovd/version-info", "/sovd_info/0/base_uri", "/sovd/v1"),
        (Dialect::Sovdd, "/version-info", "/versions/0/base_path", "/vehicle/v1"),
        (Dialect::Cda, "/vehicle/v15/data/version", "/data/api/version", "1.1"),
        (Dialect::Medkit, "/api/v1/version-info", "/items/0/base_uri", "/api/v1"),
    ];
    for (dialect, path, pointer, expected) in places {
        let told = garage(dialect).await.get(path).await;
        assert_eq!(told.body.pointer(pointer).unwrap(), expected, "{dialect}: {told:?}");
    }
    let cda = garage(Dialect::Cda).await;
    assert_eq!(cda.get("/vehicle/version-info").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn opensovd_makes_every_address_absolute_from_its_host() {
    let garage = garage(Dialect::Opensovd).await;
    let origin = format!("http://{}", garage.address());
    let info = garage.get("/sovd/version-info").await.body;
    assert_eq!(info["sovd_info"][0]["base_uri"], format!("{origin}/sovd/v1"));
    let ecu = garage.get("/sovd/v1/components/engine_ecu").await.body;
    assert_eq!(ecu["data"], format!("{origin}/sovd/v1/components/engine_ecu/data"));
    assert_eq!(ecu.get("faults"), None);
    let other = garage.request(Method::GET, "/sovd/v1/components").header("host", "car:1");
    let href = &answer(other).await.body["items"][0]["href"];
    assert!(href.as_str().unwrap().starts_with("http://car:1/sovd/v1/components/"), "{href}");
}

#[tokio::test]
async fn opensovd_wraps_values_and_writes_none() {
    let garage = garage(Dialect::Opensovd).await;
    let path = "/sovd/v1/components/engine_ecu/data/idle_speed_target";
    let read = garage.get(&format!("{path}?include-schema=true")).await.body;
    assert_eq!(read["data"], json!({"value": 780.0}));
    assert_eq!(read["schema"]["properties"]["value"]["type"], "number");
    let written = garage.put(path, json!({"data": 800})).await;
    assert_eq!(written.body, json!({"error_code": "error-response", "message": "read only"}));
    let (status, complaint) = text(&garage, Method::PUT, path, Some(json!({"x": 1}))).await;
    assert_eq!(status, 422);
    assert!(complaint.contains("missing field `data`"));
    assert_eq!(text(&garage, Method::PUT, path, None).await.0, 415);
}

#[tokio::test]
async fn opensovd_is_silent_about_what_it_does_not_have() {
    let garage = garage(Dialect::Opensovd).await;
    let nothing = [
        "components/engine_ecu/faults",
        "components/engine_ecu/operations",
        "functions",
        "updates",
        "",
    ];
    for path in nothing {
        let told = text(&garage, Method::GET, &format!("/sovd/v1/{path}"), None).await;
        assert_eq!(told, (404, String::new()), "{path}");
    }
    let unknown = garage.get("/sovd/v1/components/nope/data").await.body;
    assert_eq!(unknown["vendor_code"], "entity-not-found");
    let (status, complaint) =
        text(&garage, Method::GET, "/sovd/v1/components?include-schema=bad", None).await;
    assert_eq!((status, complaint.starts_with("Failed to deserialize")), (400, true));
    let filtered = garage.get("/sovd/v1/components/engine_ecu/data?tags=a").await;
    assert_eq!(filtered.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn sovdd_knows_data_by_identifier_and_says_value() {
    let garage = garage(Dialect::Sovdd).await;
    let ecu = "/vehicle/v1/components/engine_ecu";
    let items = garage.get(&format!("{ecu}/data")).await.body;
    assert_eq!(items["count"], ids(&items, "id").len());
    assert!(ids(&items, "href").contains(&format!("{ecu}/data/F190")));
    let speed = garage.get(&format!("{ecu}/data/F40C")).await.body;
    assert_eq!((&speed["did"], &speed["unit"]), (&json!("F40C"), &json!("rpm")));
    assert!(speed["value"].is_number());
    let vin = garage.get(&format!("{ecu}/data/F190")).await.body;
    assert_eq!((vin["length"].as_u64(), vin["value"].as_str().unwrap().len()), (Some(17), 17));
    let by_name = garage.get(&format!("{ecu}/data/vin")).await;
    assert_eq!(by_name.status, StatusCode::BAD_REQUEST);
    assert_eq!(by_name.body["message"], "Invalid DID: vin");
}

#[tokio::test]
async fn sovdd_takes_values_as_it_gives_them() {
    let garage = garage(Dialect::Sovdd).await;
    let target = "/vehicle/v1/components/engine_ecu/data/0110";
    let (status, complaint) = text(&garage, Method::PUT, target, Some(json!({"data": 900}))).await;
    assert_eq!((status, complaint.contains("missing field `value`")), (422, true));
    assert_eq!(garage.put(target, json!({"value": 900})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.get(target).await.body["value"], 900.0);
}

#[tokio::test]
async fn sovdd_has_faults_whose_address_is_not_their_code() {
    let garage = garage(Dialect::Sovdd).await;
    let faults = "/vehicle/v1/components/engine_ecu/faults";
    let list = garage.get(faults).await.body;
    assert_eq!((&list["total_count"], &list["items"][0]["code"]), (&json!(2), &json!("P0420")));
    let href = list["items"][0]["href"].as_str().unwrap();
    assert_eq!(href, format!("{faults}/042000"));
    let detail = garage.get(href).await.body;
    assert_eq!(detail, list["items"][0]);
    let by_code = garage.get(&format!("{faults}/P0420")).await;
    assert_eq!(by_code.body["message"], "Invalid fault ID: P0420");
    assert_eq!(garage.delete(href).await.status, StatusCode::NOT_IMPLEMENTED);
    let active = garage.get(&format!("{faults}?active_only=true")).await.body;
    assert_eq!(active["total_count"], 1);
    assert_eq!(garage.delete(faults).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.get(faults).await.body["total_count"], 0);
}

#[tokio::test]
async fn sovdd_runs_everything_asynchronously_and_keeps_what_has_ended() {
    let garage = garage(Dialect::Sovdd).await;
    let operations = "/vehicle/v1/components/engine_ecu/operations";
    let listed = garage.get(operations).await.body;
    let executions = listed["items"][0]["href"].as_str().unwrap();
    assert_eq!(executions, format!("{operations}/self_test/executions"));
    let Answer { status, location, body } = garage.post(executions, json!({})).await;
    assert_eq!((status, &body["status"]), (StatusCode::ACCEPTED, &json!("running")));
    let location = location.unwrap();
    assert_eq!(location, format!("{executions}/{}", body["execution_id"].as_str().unwrap()));
    let done = garage.get(&location).await.body;
    assert_eq!(
        (&done["status"], &done["result"]["result"]),
        (&json!("completed"), &json!("passed"))
    );
    assert_eq!(garage.delete(&location).await.status, StatusCode::NOT_FOUND);
    assert_eq!(garage.get(&location).await.body["status"], "completed");
    assert_eq!(garage.get(executions).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn sovdd_forgets_an_execution_only_while_it_runs() {
    let garage = garage(Dialect::Sovdd).await;
    let path = "/vehicle/v1/components/engine_ecu/operations/actuator_sweep/executions";
    let location = garage.post(path, json!({})).await.location.unwrap();
    let running = garage.get(&location).await.body;
    assert_eq!(
        (&running["status"], &running["operation_id"]),
        (&json!("running"), &json!("actuator_sweep"))
    );
    let stop = garage.put(&location, json!({"capability": "stop"})).await;
    assert_eq!(stop.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(garage.delete(&location).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.get(&location).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn sovdd_gives_no_locks() {
    let garage = garage(Dialect::Sovdd).await;
    let locks = "/vehicle/v1/components/engine_ecu/locks";
    assert_eq!(garage.get(locks).await.body, json!({"items": []}));
    let refused = garage.post(locks, json!({"lock_expiration": 60})).await;
    assert_eq!(refused.status, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn cda_names_data_after_odx_and_values_after_parameters() {
    let garage = garage(Dialect::Cda).await;
    let data = "/vehicle/v15/components/engine_ecu/data";
    let items = garage.get(data).await.body;
    assert_eq!(items["items"][0]["id"], "VINDataIdentifier");
    assert_eq!(keys(&items["items"][0]), ["category", "id", "name"]);
    let read = garage.get(&format!("{data}/VINDataIdentifier")).await.body;
    assert_eq!(read["id"], "VINDataIdentifier");
    assert_eq!(read["data"]["VIN"], garage.vehicle().vin.as_str());
    let ecu = garage.get("/vehicle/v15/components/engine_ecu").await.body;
    assert_eq!(ecu["variant"]["logical_address"], "0x0010");
    let unknown = garage.get(&format!("{data}/vin")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.body["x-errorsource"], "CDA");
}

#[tokio::test]
async fn cda_has_hexadecimal_codes_and_an_environment_on_request() {
    let garage = garage(Dialect::Cda).await;
    let faults = "/vehicle/v15/components/engine_ecu/faults";
    let list = garage.get(faults).await.body;
    let first = &list["items"][0];
    assert_eq!((&first["code"], &first["display_code"]), (&json!("042000"), &json!("P0420")));
    let plain = garage.get(&format!("{faults}/042000")).await.body;
    assert_eq!(keys(&plain), ["item"]);
    let full = format!("{faults}/042000?include-snapshot=true&include-extended-data=true");
    let full = garage.get(&full).await.body;
    assert_eq!(keys(&full["environment_data"]), ["extended_data_records", "snapshots"]);
}

#[tokio::test]
async fn cda_changes_nothing_without_a_lock() {
    let garage = garage(Dialect::Cda).await;
    let ecu = "/vehicle/v15/components/engine_ecu";
    let changes = [
        (Method::DELETE, "faults"),
        (Method::DELETE, "faults/042000"),
        (Method::PUT, "data/IdleSpeedTargetDataIdentifier"),
        (Method::POST, "operations/self_test/executions"),
    ];
    for (method, path) in changes {
        let refused =
            answer(garage.request(method, &format!("{ecu}/{path}")).json(&json!({}))).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(refused.body["error_code"], "insufficient-access-rights");
    }
    assert_eq!(ids(&garage.get(&format!("{ecu}/faults")).await.body, "code").len(), 2);
}

#[tokio::test]
async fn cda_streams_nothing_and_logs_nothing() {
    let garage = garage(Dialect::Cda).await;
    for path in ["cyclic-subscriptions", "triggers", "logs", "updates", "data-lists"] {
        let path = format!("/vehicle/v15/components/engine_ecu/{path}");
        assert_eq!(garage.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn medkit_tells_faults_in_its_own_words() {
    let garage = garage(Dialect::Medkit).await;
    let faults = "/api/v1/components/engine_ecu/faults";
    let all = garage.get(&format!("{faults}?status=all")).await.body;
    assert_eq!(ids(&all, "fault_code"), ["P0420", "P0171"]);
    assert_eq!(ids(&all, "severity"), ["ERROR", "WARN"]);
    assert_eq!(all["x-medkit"]["total_count"], 2);
    let confirmed = garage.get(&format!("{faults}?status=confirmed")).await.body;
    assert_eq!(ids(&confirmed, "status"), ["CONFIRMED"]);
    let cleared = garage.get(&format!("{faults}?status=cleared")).await.body;
    assert!(ids(&cleared, "fault_code").is_empty());
    let wrong = garage.get(&format!("{faults}?status=odd")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let detail = garage.get(&format!("{faults}/P0420")).await.body;
    assert_eq!(
        (&detail["item"]["code"], &detail["item"]["status"]["testFailed"]),
        (&json!("P0420"), &json!("1"))
    );
}

#[tokio::test]
async fn medkit_locks_only_for_clients_that_name_themselves() {
    let garage = garage(Dialect::Medkit).await;
    let locks = "/api/v1/components/engine_ecu/locks";
    let refused = garage.post(locks, json!({"lock_expiration": 60})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.body["message"], "X-Client-Id header is required");
}

#[tokio::test]
async fn medkit_begins_executions_as_pending() {
    let garage = garage(Dialect::Medkit).await;
    let path = "/api/v1/components/engine_ecu/operations/actuator_sweep/executions";
    let Answer { location, body, .. } = garage.post(path, json!({})).await;
    assert_eq!(body["status"], "pending");
    let location = location.unwrap();
    assert!(location.starts_with(path), "{location}");
    assert_eq!(garage.get(&location).await.body["status"], "running");
}

#[tokio::test]
async fn requests_of_commands_are_counted_in_every_dialect() {
    for dialect in Dialect::ALL {
        let garage = garage(dialect).await;
        let base = garage.vehicle().base_url.clone();
        let path = base.strip_prefix(&format!("http://{}", garage.address())).unwrap();
        answer(garage.command("a", Method::GET, &format!("{path}/components"))).await;
        assert_eq!(garage.counts().await, json!({"a": {"executions": 0, "reads": 1}}), "{dialect}");
    }
}

#[tokio::test]
async fn cda_changes_things_under_a_lock() {
    let garage = garage(Dialect::Cda).await;
    let ecu = "/vehicle/v15/components/engine_ecu";
    let locked = garage.post(&format!("{ecu}/locks"), json!({"lock_expiration": 60})).await;
    assert_eq!(locked.status, StatusCode::CREATED, "{locked:?}");
    assert!(locked.location.unwrap().starts_with(ecu));
    let target = format!("{ecu}/data/IdleSpeedTargetDataIdentifier");
    let written = garage.put(&target, json!({"data": {"IdleSpeedTarget": 900}})).await;
    assert_eq!(written.status, StatusCode::NO_CONTENT, "{written:?}");
    assert_eq!(garage.get(&target).await.body["data"]["IdleSpeedTarget"], 900.0);
    assert_eq!(garage.delete(&format!("{ecu}/faults")).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn sovdd_streams_numbered_values_from_the_subscription() {
    let garage = garage(Dialect::Sovdd).await;
    let subscriptions = "/vehicle/v1/components/engine_ecu/cyclic-subscriptions";
    let asked = json!({"resource": "data/F40C", "interval": "fast", "duration": 1});
    let created = garage.post(subscriptions, asked).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    assert_eq!(created.body["resource"], "F40C");
    let location = created.location.unwrap();
    assert_eq!(garage.get(&location).await.body["created_at"], created.body["created_at"]);
    let stream = garage.request(Method::GET, &location).header("accept", "text/event-stream");
    let text = stream.send().await.unwrap().text().await.unwrap();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = events.map(|event| serde_json::from_str(event).unwrap()).collect();
    assert!(events.len() > 1, "{text}");
    for (number, event) in (1..).zip(&events) {
        assert_eq!(event["payload"]["seq"], number);
        assert!(event["payload"]["values"]["F40C"].is_number(), "{event}");
    }
}

#[tokio::test]
async fn medkit_keeps_a_lock_for_the_client_that_took_it() {
    let garage = garage(Dialect::Medkit).await;
    let ecu = "/api/v1/components/engine_ecu";
    let lock = garage.request(Method::POST, &format!("{ecu}/locks")).header("x-client-id", "a");
    let locked = answer(lock.json(&json!({"lock_expiration": 60}))).await;
    assert_eq!(locked.status, StatusCode::CREATED, "{locked:?}");
    let clear = |client| {
        let request = garage.request(Method::DELETE, &format!("{ecu}/faults"));
        answer(request.header("x-client-id", client))
    };
    assert_eq!(clear("b").await.status, StatusCode::CONFLICT);
    assert_eq!(clear("a").await.status, StatusCode::NO_CONTENT);
}
