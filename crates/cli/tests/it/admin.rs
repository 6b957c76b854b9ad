//! `fleetwire admin` beside a running server.

use crate::outcome::Outcome;
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{Backend, Client, PASSWORD, Site, eventually};

/// How soon a user who is disabled is out: a second, and one more for a slow machine.
const CUT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_disabled_is_out_everywhere_on_sqlite() {
    disabled_and_enabled(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_disabled_is_out_everywhere_on_postgres() {
    disabled_and_enabled(Backend::Postgres).await;
}

async fn disabled_and_enabled(backend: Backend) {
    let mut site = Site::new(backend, 1).await;
    site.start().await;
    let client = site.engineer().await;
    site.set(0, &json!({ "delay_ms": 20_000 })).await;
    let params = json!({ "ecuAddress": "0x10" });
    let id = client.submit(&site.vehicle_ids[0], "ReadDTC", params).await;
    let mut watch = client.watch(&id).await;

    let disable = site.admin_command(&["user", "disable", "engineer"]);
    assert_eq!(Outcome::of(disable).await.code, Some(0));
    let disabled = Instant::now();
    assert_eq!(watch.close_code().await, 1008);
    println!("{backend:?}: the socket was cut after {:?}", disabled.elapsed());
    assert!(disabled.elapsed() <= CUT);
    assert_eq!(client.get("/api/v1/auth/me").await.status, 401);
    let login = json!({ "username": "engineer", "password": PASSWORD });
    let anonymous = Client::anonymous(&site.url);
    assert_eq!(anonymous.post("/api/v1/auth/login", login.clone()).await.status, 401);

    let enable = site.admin_command(&["user", "enable", "engineer"]);
    assert_eq!(Outcome::of(enable).await.code, Some(0));
    eventually("a login", async || {
        anonymous.post("/api/v1/auth/login", login.clone()).await.status == 200
    })
    .await;
    site.assert_no_errors();
}

#[tokio::test]
async fn a_token_is_made_listed_and_revoked() {
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.start().await;
    let run = async |args: &[&str]| {
        let outcome = Outcome::of(site.admin_command(args)).await;
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        outcome.stdout.trim_end().to_owned()
    };
    let add = ["token", "add", "engineer", "--name", "bench 7", "--role", "viewer"];
    let token = run(&add).await;
    let machine = Client::anonymous(&site.url).with_token(&token);
    let me = machine.get("/api/v1/auth/me").await.json;
    assert_eq!((&me["username"], &me["role"]), (&json!("engineer"), &json!("viewer")));
    let listed = run(&["token", "ls", "engineer"]).await;
    let (id, rest) = listed.split_once('\t').unwrap();
    assert!(rest.starts_with("viewer\t") && rest.ends_with("\tbench 7"), "{listed}");
    assert_eq!(run(&["token", "rm", id]).await, "");
    let revoked = Instant::now();
    eventually("the end", async || machine.get("/api/v1/auth/me").await.status == 401).await;
    assert!(revoked.elapsed() <= CUT);
    assert_eq!(run(&["token", "ls", "engineer"]).await, "");
    site.assert_no_errors();
}

#[tokio::test]
async fn what_cannot_be_done_is_one_sentence() {
    let site = Site::new(Backend::Sqlite, 1).await;
    let refused =
        async |args: &[&str]| Outcome::of(site.admin_command(args)).await.sentence().to_owned();
    let vin = &site.vins[0];
    let twice = ["vehicle", "add", "--vin", vin, "--sovd-url", "http://127.0.0.1:1/sovd"];
    assert_eq!(refused(&twice).await, format!("vehicle {vin} is registered already"));
    let nobody = refused(&["user", "disable", "nobody"]).await;
    assert_eq!(nobody, "there is no user \"nobody\"");
    let more = ["token", "add", "engineer", "--name", "x", "--role", "admin"];
    let too_much = "the token: its role must not permit what its owner may not do";
    assert_eq!(refused(&more).await, too_much);
    let nowhere = ["token", "add", "engineer", "--name", "x", "--fleet", "moon"];
    assert_eq!(refused(&nowhere).await, "its owner sees no fleet \"moon\"");
    let without_password = ["user", "add", "anna", "--role", "viewer", "--password-stdin"];
    assert!(refused(&without_password).await.contains("password"));
}
