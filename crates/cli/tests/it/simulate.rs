//! `fleetwire simulate`: vehicles in a process of their own.

use crate::outcome::Outcome;
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use testkit::{Binary, Process, site::START};

/// How long it may take to end.
const END: Duration = Duration::from_secs(10);

fn simulate(args: &[&str]) -> Command {
    let mut command = Binary::fleetwire().command();
    command.arg("simulate").args(args);
    command
}

#[tokio::test]
async fn the_line_leads_to_vehicles_that_can_be_set_and_end_on_request() {
    let mut process = Process::spawn(simulate(&["--json", "--vehicles", "3"]));
    let ready: Value = process.ready_line(START);
    let vehicles = ready["vehicles"].as_array().unwrap();
    assert_eq!(vehicles.len(), 3, "{ready:#}");
    for vehicle in vehicles {
        let base = vehicle["base_url"].as_str().unwrap();
        let components = reqwest::get(format!("{base}/components")).await.unwrap();
        assert!(components.status().is_success(), "{vehicle:#}: {components:?}");
        let vin = vehicle["vin"].as_str().unwrap();
        let control = format!("{}/control/vehicles/{vin}", ready["control_url"].as_str().unwrap());
        let setting = json!({ "delay_ms": 1 });
        let set = reqwest::Client::new().put(control).json(&setting).send().await.unwrap();
        assert!(set.status().is_success(), "{vin}: {set:?}");
    }
    process.terminate();
    assert_eq!(process.wait(END).code(), Some(0), "{:#?}", process.log());
}

#[tokio::test]
async fn without_a_number_the_vehicles_of_the_demo_run() {
    let process = Process::spawn(simulate(&["--json"]));
    let ready: Value = process.ready_line(START);
    let vehicles = ready["vehicles"].as_array().unwrap();
    let offline = vehicles.iter().filter(|vehicle| vehicle["offline"] == true).count();
    assert_eq!((vehicles.len(), offline), (4, 1), "{ready:#}");
}

#[tokio::test]
async fn dialects_take_turns_and_links_have_the_faults_that_are_asked_for() {
    let faults = "latency=1ms,truncate=100%@/components/engine_ecu";
    let args = ["--json", "--vehicles", "3", "--dialect", "spec,cda", "--faults", faults];
    let process = Process::spawn(simulate(&args));
    let ready: Value = process.ready_line(START);
    let vehicles = ready["vehicles"].as_array().unwrap();
    let dialects: Vec<_> = vehicles.iter().map(|it| it["dialect"].as_str().unwrap()).collect();
    assert_eq!(dialects, ["spec", "cda", "spec"]);
    for vehicle in vehicles {
        let base = vehicle["base_url"].as_str().unwrap();
        let components = reqwest::get(format!("{base}/components")).await.unwrap();
        assert!(components.json::<Value>().await.is_ok(), "{base}");
        let cut = reqwest::get(format!("{base}/components/engine_ecu")).await.unwrap();
        assert!(cut.bytes().await.is_err(), "{base}");
    }
}

#[tokio::test]
async fn a_wrong_word_is_named_beside_the_right_ones() {
    let wrong = [
        (["--dialect", "spec,klingon"], "klingon", "medkit"),
        (["--faults", "5xx=1%,explosion=2%"], "explosion", "cut-sse"),
        (["--faults", "5xx=often"], "often", "5%"),
    ];
    for (args, named, offered) in wrong {
        let outcome = Outcome::of(simulate(&args)).await;
        assert_eq!(outcome.code, Some(2), "{args:?}");
        assert!(outcome.stderr.contains(named), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(offered), "{args:?}: {}", outcome.stderr);
    }
}

#[tokio::test]
async fn no_vehicles_at_all_is_an_error_of_use() {
    assert_eq!(Outcome::of(simulate(&["--vehicles", "0"])).await.code, Some(2));
}
