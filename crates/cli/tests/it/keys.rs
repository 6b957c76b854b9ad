//! `fleetwire keys rotate` beside servers that are busy.

use crate::outcome::Outcome;
use jsonwebtoken::decode_header;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use testkit::{Backend, Client, PASSWORD, Site};

/// How soon every server signs with the new key.
const TURNED: Duration = Duration::from_secs(20);

fn kid(token: &str) -> String {
    decode_header(token).unwrap().kid.unwrap()
}

/// Renews at one node and uses the new token at another at once, again and again, until every node
/// signs with the new key. Answers how many tokens were used.
async fn renews(client: &Client, urls: &[String], new: &OnceLock<String>) -> usize {
    let begun = Instant::now();
    let login = json!({ "username": "engineer", "password": PASSWORD });
    let login = client.post("/api/v1/auth/login", login).await;
    let mut refresh = login.json["refresh_token"].clone();
    let (mut used, mut turned) = (0, 0);
    while turned < 4 * urls.len() {
        let (here, there) = (&urls[used % urls.len()], &urls[(used + 1) % urls.len()]);
        let body = json!({ "refresh_token": refresh });
        let renewed = client.at(here).post("/api/v1/auth/refresh", body).await;
        assert_eq!(renewed.status, 200, "{}", renewed.json);
        refresh = renewed.json["refresh_token"].clone();
        let token = renewed.json["access_token"].as_str().unwrap();
        let me = client.at(there).with_token(token).get("/api/v1/auth/me").await;
        assert_eq!(me.status, 200, "{}: {}", kid(token), me.json);
        turned = if Some(&kid(token)) == new.get() { turned + 1 } else { 0 };
        used += 1;
        assert!(begun.elapsed() < TURNED, "{used} renewals, and no new key");
    }
    used
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_under_load_refuses_nobody() {
    let mut site = Site::with_nodes(2, 1).await;
    let urls: Vec<String> = site.nodes.iter().map(|node| node.url.clone()).collect();
    let engineer = site.engineer().await;
    let old = kid(engineer.token());
    let new = OnceLock::new();
    let rotate = async {
        let rotated = Outcome::of(site.command(&["keys", "rotate"])).await;
        assert_eq!(rotated.code, Some(0), "{rotated:#?}");
        new.set(rotated.stdout.trim().to_owned()).unwrap();
    };
    let renews = || renews(&engineer, &urls, &new);
    let ((), one, two, three) = tokio::join!(rotate, renews(), renews(), renews());
    let (busy, new) = ([one, two, three], new.get().unwrap());
    assert_ne!(&old, new);
    println!("{busy:?} renewals until every node signed with the new key");
    // What was signed before stays good.
    for url in &urls {
        assert_eq!(engineer.at(url).get("/api/v1/auth/me").await.status, 200);
    }
    let jwks = engineer.get("/.well-known/jwks.json").await.json;
    let kids: Vec<&Value> =
        jwks["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids, [&json!(old), &json!(new)]);
    site.assert_no_errors();
}

#[tokio::test]
async fn a_ring_of_another_master_key_is_not_rotated() {
    let (site, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut site = Site::in_dir(Backend::Sqlite, 1, site.path()).await;
    site.start().await;
    let elsewhere = other.path().join("master.key").display().to_string();
    let setting = format!("master_key_file={elsewhere}");
    let rotate = ["keys", "rotate", "--set", &setting];
    let missing = Outcome::of(site.command(&rotate)).await;
    assert!(missing.sentence().contains("there is no master key"), "{missing:#?}");
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&elsewhere).unwrap();
    file.write_all(&[7; 32]).unwrap();
    let wrong = Outcome::of(site.command(&rotate)).await;
    assert!(wrong.sentence().contains("another master key"), "{wrong:#?}");
}
