//! What waits for a second person outlives whatever becomes of the server, and runs once.

use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{Backend, Client, PASSWORD, Site};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_and_what_waits_for_one_survive_crashes() {
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.set_variable("FLEETWIRE_POLICY_APPROVAL", "ClearDTC,R3");
    site.admin(&["user", "add", "anna", "--role", "approver", "--password-stdin"]);
    site.start().await;
    let clear = json!({ "vehicle_id": site.vehicle_ids[0], "command_name": "ClearDTC",
        "command_params": { "ecuAddress": "0x10" }, "deliver_within_ms": 60_000 });
    let id = site.engineer().await.submit_body(clear).await;
    site.kill9();
    site.start().await;
    let anna = Client::login(&site.url, "anna", PASSWORD).await;
    let waiting = anna.command(&id).await;
    assert_eq!(waiting["state"], "awaiting_approval", "{waiting}");
    assert!(!site.executions().await.contains_key(&id));
    let body = json!({ "approval_hash": waiting["approval_hash"] });
    let approved = anna.post(&format!("/api/v1/commands/{id}/approve"), body).await;
    assert_eq!(approved.status, 200, "{}", approved.json);
    site.kill9();
    site.start().await;
    let begun = Instant::now();
    loop {
        let now = anna.command(&id).await;
        if now["completed_at"].is_string() {
            // Killed while it was on its way, it may have run: that is told, and it is not sent again.
            assert!(["completed", "unknown"].contains(&now["state"].as_str().unwrap()), "{now}");
            assert_eq!(now["decided_by"], "anna");
            break;
        }
        assert!(begun.elapsed() < SOON, "{now}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(site.executions().await.get(&id).copied().unwrap_or(0) <= 1);
}
