//! VINs are data of persons: who may only watch sees none whole, and no log and no metric has one.

use crate::on_both;
use crate::openapi::operations;
use crate::websocket::read;
use model::user::Role;
use reqwest::StatusCode;
use serde_json::json;
use testkit::{Backend, Client, Platform};

on_both! {
    who_only_watches_sees_no_whole_vin_anywhere
}

const NO_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
/// Of a vehicle that cannot be reached.
const LOST: &str = "WVWZZZ1JZXW000009";

/// What one is answered to every question, about that vehicle and that command.
async fn answers(
    p: &Platform,
    who: &Client,
    vehicle: &str,
    command: &str,
) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for (method, path, _) in operations() {
        if method != "GET" || path.ends_with("/events") || path == "/metrics" {
            continue;
        }
        let fill = |segment: &str| match segment {
            "{vehicle_id}" => vehicle.to_owned(),
            "{command_id}" => command.to_owned(),
            segment if segment.starts_with('{') => NO_ID.to_owned(),
            segment => segment.to_owned(),
        };
        let asked = path.split('/').map(fill).collect::<Vec<_>>().join("/");
        let reply = who.get(&asked).await;
        answers.push((asked, format!("{:?} {}", reply.headers, reply.json)));
    }
    let vin = &p.vehicle().vin;
    for search in [vin.as_str(), vin.split_at(13).1, vin.split_at(8).0] {
        let path = format!("/api/v1/vehicles?search={search}");
        let reply = who.get(&path).await;
        let total = reply.headers.get("x-total-count").map(|it| it.to_str().unwrap().to_owned());
        answers.push((path, format!("{total:?} {}", reply.json)));
    }
    answers
}

async fn who_only_watches_sees_no_whole_vin_anywhere(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    let draft =
        json!({ "vin": LOST, "fleet_id": p.fleet_id(), "sovd_url": "http://127.0.0.1:9/v1" });
    let added = admin.post("/api/v1/vehicles", draft.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.json);
    assert_eq!(admin.post("/api/v1/vehicles", draft).await.status, StatusCode::CONFLICT);
    let command = read(&p, &p.engineer().await).await;
    let vins = [LOST, p.vehicle().vin.as_str(), p.other_vehicle().vin.as_str()];
    let vehicle = p.vehicle().vehicle_id.to_string();
    let fleets = [p.fleet_id()];
    for (name, role) in [("vera", Role::Viewer), ("udo", Role::Auditor)] {
        let who = p.user(name, role, &fleets).await;
        for (path, answer) in answers(&p, &who, &vehicle, &command).await {
            assert!(!vins.iter().any(|vin| answer.contains(vin)), "{name} {path}: {answer}");
            let is_search = path.contains("search=");
            assert!(!is_search || !answer.contains(&vehicle), "{name} {path}: {answer}");
        }
    }
    let viewer = p.user("vera", Role::Viewer, &fleets).await;
    let frames = viewer.watch(&command).await.until_end().await;
    let mut session = viewer.session().await;
    let channel = format!("fleet:{}", p.fleet_id());
    session.send(json!({ "action": "subscribe", "channel": channel })).await;
    let mut heard = vec![json!(frames)];
    while heard.last().is_none_or(|last| last["event"] != "live") {
        heard.push(session.next().await);
    }
    let heard = json!(heard).to_string();
    let metrics = p.nobody().text("/metrics").await;
    assert!(metrics.contains("fleetwire") && heard.contains(&vehicle));
    for vin in vins {
        assert!(!heard.contains(vin), "{heard}");
        assert!(!metrics.contains(vin), "a metric has {vin}");
        let lines = p.log().lines_with(vin);
        assert!(lines.is_empty(), "{lines:?}");
    }
}
