//! Every noun against a simulated vehicle that has all of SOVD, and wants a lock for every change.
//! Each test also looks at what is left behind at the vehicle: nothing.

use fleetwire_connect::{End, Order};
use model::command::Refusal;
use model::id::UserId;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, holder, run, run_until};

const HPC: &str = "components/hpc";
const ENGINE: &str = "components/engine_ecu";

async fn locks(bench: &Bench, entity: &str) -> Value {
    bench.ask(&format!("{entity}/locks")).await["items"].clone()
}

async fn take_lock(bench: &Bench, client: &str, entity: &str) {
    let place = format!("{entity}/locks");
    let lock = bench.post_as(client, &place, json!({"lock_expiration": 60})).await;
    assert!(lock["id"].is_string(), "{lock}");
}

async fn session(bench: &Bench, entity: &str) -> Value {
    bench.ask(&format!("{entity}/modes/session")).await["value"].clone()
}

#[tokio::test]
async fn the_version_is_the_vehicles_own_word() {
    let bench = Bench::strict().await;
    let info = bench.run("vehicle.version", json!({})).await.only();
    assert!(info["sovd_info"][0]["version"].is_string(), "{info}");
}

#[tokio::test]
async fn a_discovery_walks_the_tree_with_its_relations() {
    let bench = Bench::strict().await;
    let outcome = bench.run("vehicle.discover", json!({})).await;
    assert_eq!(outcome.end, End::Answered);
    let trees: Vec<Value> = outcome.payloads().iter().map(|part| part["tree"].clone()).collect();
    let of = |path: &str| trees.iter().find(|tree| tree["entity"] == path).unwrap();
    let hpc = of(HPC);
    assert_eq!(hpc["depth"], 1);
    assert!(hpc["relations"]["subcomponents"].as_array().unwrap().len() >= 2, "{hpc}");
    let paths: Vec<&Value> = trees.iter().map(|tree| &tree["entity"]).collect();
    for collection in ["areas/", "components/", "apps/", "functions/"] {
        assert!(paths.iter().any(|path| path.as_str().unwrap().starts_with(collection)));
    }
    let finals: Vec<bool> = outcome.parts.iter().map(|part| part.is_final).collect();
    assert_eq!(finals.iter().filter(|is_final| **is_final).count(), 1);
    assert!(finals.last().unwrap());
    let all = trees.len();
    let flat = bench.run("vehicle.discover", json!({"depth": 1})).await.payloads();
    assert!(flat.len() <= all && flat.iter().all(|part| part["tree"]["depth"] == 1));
}

#[tokio::test]
async fn a_part_of_an_entity_is_addressed_by_its_id() {
    let bench = Bench::strict().await;
    let listed = bench.run("faults.list", json!({"entity": "components/adas_soc"})).await.only();
    assert_eq!(listed["items"][0]["code"], "C1A60");
}

#[tokio::test]
async fn an_entity_describes_itself_and_its_capabilities() {
    let bench = Bench::strict().await;
    let params = json!({"entity": HPC, "include_schema": true});
    let described = bench.run("entity.describe", params).await.only();
    assert_eq!(described["id"], "hpc");
    assert!(described["docs"]["openapi"].is_string(), "{described}");
}

#[tokio::test]
async fn health_is_a_part_per_entity() {
    let bench = Bench::strict().await;
    let params = json!({"entities": [HPC, ENGINE]});
    let outcome = bench.run("vehicle.health", params).await;
    assert_eq!(outcome.end, End::Answered);
    let [hpc, engine] = outcome.payloads().try_into().unwrap();
    assert_eq!((&hpc["entity"], &engine["entity"]), (&json!(HPC), &json!(ENGINE)));
    assert_eq!(engine["faults"]["decoded"][0]["dtc"]["code"], "P0420");
    assert_eq!(engine["status"]["status"], "ready");
    assert!(engine["identification"].as_array().unwrap().len() >= 3, "{engine}");
}

#[tokio::test]
async fn a_raw_read_stays_on_the_vehicles_server() {
    let bench = Bench::strict().await;
    let path = "/components/engine_ecu/data?category=identData";
    let raw = bench.run("http.raw", json!({"path": path})).await.only();
    assert_eq!(raw, bench.ask(path.trim_start_matches('/')).await);
    let outcome = bench.run("http.raw", json!({"path": "/../control"})).await;
    outcome.refused(Refusal::Unsupported);
}

#[tokio::test]
async fn faults_are_decoded_beside_what_the_vehicle_says() {
    let bench = Bench::strict().await;
    let mut listed = bench.run("faults.list", json!({"entity": ENGINE})).await.only();
    let decoded = listed.as_object_mut().unwrap().remove("decoded").unwrap();
    assert_eq!(listed, bench.ask(&format!("{ENGINE}/faults")).await);
    assert_eq!(decoded[0]["status"]["confirmedDtc"], true);
    let params = json!({"entity": ENGINE, "severity": 3});
    let severe = bench.run("faults.list", params).await.only();
    assert_eq!(severe["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_fault_is_found_in_any_notation() {
    let bench = Bench::strict().await;
    let params = json!({"entity": ENGINE, "code": "042000", "snapshot": true});
    let fault = bench.run("faults.get", params).await.only();
    assert_eq!(fault["item"]["code"], "P0420");
    assert_eq!(fault["decoded"]["dtc"]["system"], "powertrain");
    let outcome = bench.run("faults.get", json!({"entity": ENGINE, "code": "U0100"})).await;
    assert!(outcome.refused(Refusal::Unsupported).starts_with("no fault U0100"));
}

#[tokio::test]
async fn a_scan_is_a_part_per_entity_that_has_faults() {
    let bench = Bench::strict().await;
    let outcome = bench.run("faults.scan", json!({})).await;
    assert_eq!(outcome.end, End::Answered);
    let parts = outcome.payloads();
    let engine = parts.iter().find(|part| part["entity"] == ENGINE).unwrap();
    assert_eq!(engine["decoded"].as_array().unwrap().len(), 2);
    let discovered = bench.run("vehicle.discover", json!({})).await.payloads();
    let with_faults = discovered.iter().filter(|entity| entity["faults"].is_string()).count();
    assert_eq!(parts.len(), with_faults);
    let two = bench.run("faults.scan", json!({"entities": [ENGINE, HPC]})).await.payloads();
    assert_eq!(two.len(), 2);
}

#[tokio::test]
async fn clearing_tells_before_and_after_and_leaves_no_lock() {
    let bench = Bench::strict().await;
    let params = json!({"entity": ENGINE, "code": "P0171"});
    let outcome = bench.run("faults.clear", params).await;
    let [before, after] = outcome.payloads().try_into().unwrap();
    assert_eq!(before["items"].as_array().unwrap().len(), 2);
    assert_eq!(after["items"].as_array().unwrap().len(), 1);
    assert_eq!(bench.counts(&outcome).await.executions, 1);
    assert_eq!(locks(&bench, ENGINE).await, json!([]));
}

#[tokio::test]
async fn the_older_clearing_works_under_a_lock_too() {
    let bench = Bench::strict().await;
    let cleared = bench.run("ClearDTC", json!({"ecuAddress": "0x10"})).await.only();
    assert_eq!(cleared["clearedCount"], 2);
    assert_eq!(locks(&bench, ENGINE).await, json!([]));
}

#[tokio::test]
async fn many_values_are_read_by_a_list_that_is_deleted() {
    let bench = Bench::strict().await;
    let ids = ["vin", "part_number", "engine_speed", "idle_speed_target"];
    let params = json!({"entity": ENGINE, "ids": ids, "include_schema": true});
    let outcome = bench.run("data.read", params).await;
    assert_eq!(outcome.end, End::Answered);
    let read: Vec<Value> = outcome.payloads().iter().map(|part| part["id"].clone()).collect();
    assert_eq!(read, ids);
    assert_eq!(bench.ask(&format!("{ENGINE}/data-lists")).await["items"], json!([]));
    assert_eq!(bench.counts(&outcome).await.executions, 0);
}

#[tokio::test]
async fn a_unit_stands_beside_its_value() {
    let bench = Bench::strict().await;
    let params = json!({"entity": ENGINE, "ids": ["engine_speed"], "include_schema": true});
    let value = bench.run("data.read", params).await.only();
    let units = value["units"].as_object().unwrap();
    assert!(units.values().any(|unit| unit["display_name"] == "rpm"), "{value}");
}

#[tokio::test]
async fn categories_and_groups_are_listed() {
    let bench = Bench::strict().await;
    let categories = bench.run("data.categories", json!({"entity": ENGINE})).await.only();
    assert!(!categories["items"].as_array().unwrap().is_empty());
    let params = json!({"entity": ENGINE, "category": "currentData"});
    let groups = bench.run("data.groups", params).await.only();
    assert!(groups["items"].is_array());
    let params = json!({"entity": ENGINE, "category": "identData"});
    let items = bench.run("data.list", params).await.only();
    let items = items["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["category"] == "identData") && !items.is_empty());
}

#[tokio::test]
async fn a_write_leaves_neither_lock_nor_session() {
    let bench = Bench::strict().await;
    let params = json!({"entity": ENGINE, "id": "idle_speed_target", "value": 850});
    let outcome = bench.run("data.write", params).await;
    assert_eq!(outcome.only()["data"], 850.0);
    assert_eq!(bench.counts(&outcome).await.executions, 1);
    assert_eq!(locks(&bench, ENGINE).await, json!([]));
    assert_eq!(session(&bench, ENGINE).await, "default");
}

#[tokio::test]
async fn data_is_cleared_to_the_end() {
    let bench = Bench::strict().await;
    let params = json!({"entity": HPC, "kind": "learned-data"});
    let outcome = bench.run("data.clear", params).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(outcome.payloads().last().unwrap()["status"], "completed");
    assert_eq!(locks(&bench, HPC).await, json!([]));
}

#[tokio::test]
async fn an_entity_restarts_and_is_ready_then() {
    let bench = Bench::strict().await;
    let params = json!({"entity": ENGINE});
    assert_eq!(bench.run("entity.restart", params.clone()).await.only()["status"], "ready");
    let off = bench.run("entity.shutdown", params.clone()).await.only();
    assert_eq!(off["status"], "notReady");
    assert_eq!(bench.run("entity.start", params).await.only()["status"], "ready");
}

#[tokio::test]
async fn an_operation_is_described_and_runs_under_a_lock() {
    let bench = Bench::strict().await;
    let params = json!({"entity": HPC, "id": "calibration"});
    let described = bench.run("operations.describe", params).await.only();
    assert_eq!(described["item"]["id"], "calibration");
    let params = json!({"entity": HPC, "id": "calibration", "params": {"duration_ms": 600}});
    let outcome = bench.run("operation.run", params).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(outcome.payloads().last().unwrap()["status"], "completed");
    assert_eq!(locks(&bench, HPC).await, json!([]));
}

#[tokio::test]
async fn an_execution_of_another_is_controlled_and_stopped() {
    let bench = Bench::strict().await;
    let place = format!("{HPC}/operations/calibration/executions");
    take_lock(&bench, &holder(), HPC).await;
    let body = json!({"parameters": {"duration_ms": 60_000}});
    let started = bench.post_as(&holder(), &place, body).await;
    let params =
        json!({"entity": HPC, "id": "calibration", "exec_id": started["id"], "capability": "stop"});
    let outcome = bench.run("operation.control", params).await;
    assert_eq!(outcome.end, End::Answered, "{outcome:?}");
    let params = json!({"entity": HPC, "id": "calibration", "exec_id": started["id"]});
    bench.run("operation.stop", params.clone()).await.only();
    assert_eq!(bench.ask(&place).await["items"], json!([]));
    let gone = bench.run("operation.stop", params).await;
    assert!(gone.refused(Refusal::Unsupported).starts_with("no execution"));
    assert_eq!(locks(&bench, HPC).await.as_array().unwrap().len(), 1, "the user's lock stays");
}

#[tokio::test]
async fn an_output_is_given_back_when_its_time_is_over() {
    let bench = Bench::strict().await;
    let params =
        json!({"entity": HPC, "id": "fan_control", "action": "adjust", "value": 80, "duration": 1});
    let outcome = bench.run("output.actuate", params).await;
    assert_eq!(outcome.end, End::Answered, "{outcome:?}");
    assert_eq!(outcome.payloads().last().unwrap()["returned"], true);
    let place = format!("{HPC}/operations/fan_control/executions");
    assert_eq!(bench.ask(&place).await["items"], json!([]));
    assert_eq!(locks(&bench, HPC).await, json!([]));
    assert_eq!(session(&bench, HPC).await, "default");
    assert_eq!(bench.counts(&outcome).await.executions, 1);
}

#[tokio::test]
async fn an_output_is_given_back_when_its_command_is_stopped_or_dropped() {
    let bench = Bench::strict().await;
    let params = json!({"entity": HPC, "id": "fan_control", "action": "adjust", "value": 80, "duration": 60});
    let place = format!("{HPC}/operations/fan_control/executions");
    let stop = CancellationToken::new();
    let order = bench.order("output.actuate", params.clone());
    let command_id = order.command_id;
    let cancel = async {
        bench.executed(command_id).await;
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(run_until(&bench.sovd, order, stop.clone()), cancel);
    assert_eq!(outcome.end, End::Stopped);
    assert_eq!(bench.ask(&place).await["items"], json!([]));

    let order = bench.order("output.actuate", params);
    let (sender, mut receiver) = tokio::sync::mpsc::channel(4);
    tokio::select! {
        end = bench.sovd.execute(order, sender, CancellationToken::new()) => panic!("{end:?}"),
        part = receiver.recv() => assert!(part.is_some()),
    }
    bench.sovd.settle().await;
    assert_eq!(bench.ask(&place).await["items"], json!([]));
    assert_eq!(locks(&bench, HPC).await, json!([]));
    assert_eq!(session(&bench, HPC).await, "default");
}

#[tokio::test]
async fn modes_are_listed_read_and_set() {
    let bench = Bench::strict().await;
    let listed = bench.run("modes.list", json!({"entity": ENGINE})).await.only();
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);
    let params = json!({"entity": ENGINE, "id": "dtcsetting", "value": "off", "expiration": 60});
    assert_eq!(bench.run("mode.set", params).await.only()["value"], "off");
    let params = json!({"entity": ENGINE, "id": "dtcsetting"});
    assert_eq!(bench.run("mode.get", params).await.only()["value"], "off");
    assert_eq!(locks(&bench, ENGINE).await, json!([]));
    let outcome = bench.run("mode.get", json!({"entity": ENGINE, "id": "mood"})).await;
    assert!(outcome.refused(Refusal::Unsupported).starts_with("no mode mood"));
}

#[tokio::test]
async fn a_users_lock_serves_the_commands_that_follow() {
    let bench = Bench::strict().await;
    let params = json!({"entity": ENGINE, "expiration": 300});
    let id = bench.run("lock.acquire", params).await.only()["id"].clone();
    let params = json!({"entity": ENGINE, "id": "idle_speed_target", "value": 850});
    bench.run("data.write", params).await.only();
    let listed = bench.run("lock.list", json!({"entity": ENGINE})).await.only();
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["owned"]), (&id, &json!(true)));
    let params = json!({"entity": ENGINE, "id": id, "expiration": 60});
    assert_eq!(bench.run("lock.renew", params).await.only(), json!({"confirmed": true}));
    let params = json!({"entity": ENGINE, "id": id});
    bench.run("lock.release", params.clone()).await.only();
    assert_eq!(locks(&bench, ENGINE).await, json!([]));
    bench.run("lock.release", params).await.refused(Refusal::Unsupported);
}

#[tokio::test]
async fn a_strangers_lock_refuses_until_it_is_broken() {
    let bench = Bench::strict().await;
    take_lock(&bench, "stranger", ENGINE).await;
    let write = json!({"entity": ENGINE, "id": "idle_speed_target", "value": 850});
    let refused = bench.run("data.write", write.clone()).await;
    let words = refused.refused(Refusal::Locked);
    assert!(words.contains("another client holds the lock"), "{words}");
    assert_eq!(bench.counts(&refused).await.executions, 0);
    bench.run("lock.break", json!({"entity": ENGINE, "expiration": 60})).await.only();
    bench.run("data.write", write).await.only();
}

#[tokio::test]
async fn what_one_user_has_locked_another_can_neither_use_nor_give_back() {
    let bench = Bench::strict().await;
    let id =
        bench.run("lock.acquire", json!({"entity": ENGINE, "expiration": 60})).await.only()["id"]
            .clone();
    let by_another = async |name, params| {
        let order = Order { user_id: UserId::new(), ..bench.order(name, params) };
        run(&bench.sovd, order).await.end
    };
    let write = json!({"entity": ENGINE, "id": "idle_speed_target", "value": 800});
    let end = by_another("data.write", write.clone()).await;
    assert!(matches!(end, End::Refused(Refusal::Locked, _)), "{end:?}");
    let end = by_another("lock.release", json!({"entity": ENGINE, "id": id})).await;
    assert!(matches!(end, End::Refused(..) | End::VehicleError(_)), "{end:?}");
    assert_eq!(bench.run("data.write", write).await.end, End::Answered);
}
