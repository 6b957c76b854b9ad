//! Vehicles that say more than anybody can hold.
//! What is held of them is bounded, and so is what is told of them.

use fleetwire_connect::End;
use model::command::Refusal;
use serde_json::json;

use crate::bench::{connector, order, run};
use crate::odd::{Reply, Server, plain};

#[tokio::test]
async fn entities_that_describe_themselves_without_end_are_too_many() {
    let page = format!(r#"{{"id":"x","faults":"/v1/f","text":"{}"}}"#, "x".repeat(7 << 20));
    let server = Server::with(move |line| match line.strip_prefix("GET /v1").unwrap_or(line) {
        "" => plain(200, r#"{"id":"","components":"/v1/components"}"#),
        "/components" => {
            let items = (0..20).map(|it| format!(r#"{{"id":"{it}"}}"#));
            plain(200, &format!(r#"{{"items":[{}]}}"#, items.collect::<Vec<_>>().join(",")))
        }
        path if path.starts_with("/components/") => plain(200, &page),
        _ => plain(404, ""),
    });
    let outcome =
        run(&connector(1 << 20), order(&server.address(), "faults.scan", json!({}))).await;
    assert_eq!(outcome.end, End::TooLarge);
}

#[tokio::test]
async fn a_vehicles_words_are_cut_whichever_of_them_are_long() {
    let long = "x".repeat(100_000);
    let error = json!({"error_code": "vendor-specific", "vendor_code": long, "message": "no"});
    let server = Server::beside(move |request| {
        let answer = match request.line.as_str() {
            "DELETE /v1/components/ecu/faults" => plain(400, &error.to_string()),
            "GET /v1/components/ecu/faults" => plain(200, r#"{"items":[{"code":"1"}]}"#),
            "GET /v1/components/ecu/data" => {
                plain(200, &json!({"items": [{"id": "y".repeat(100_000)}]}).to_string())
            }
            _ => return None,
        };
        Some(Reply::Answer(answer))
    });
    let sovd = connector(1 << 20);
    let clear = order(&server.address(), "ClearDTC", json!({"ecuAddress": "ecu"}));
    let outcome = run(&sovd, clear).await;
    assert_eq!(outcome.vehicle_error().chars().count(), 4001);
    let params = json!({"entity": "components/ecu", "ids": ["z"]});
    let outcome = run(&sovd, order(&server.address(), "data.read", params)).await;
    assert!(outcome.refused(Refusal::Unsupported).len() < 5000);
}
