//! Vehicles behind TLS that want a token: how they are told of, reached, and kept secret.

use serde_json::{Value, json};
use std::path::Path;
use testkit::{Authority, Backend, Client, Reply, Site, TlsFront, eventually};

const TOKEN: &str = "s3cret-t0ken-of-the-vehicle";
const VIN: &str = "1M8GDM9AXKP042788";

async fn correct(admin: &Client, path: &str, change: Value) -> Reply {
    let any = [("if-match", "*")];
    admin.send(reqwest::Method::PATCH, path, Some(change), &any).await
}

/// How a command ends that reads from a vehicle.
async fn outcome(admin: &Client, id: &str) -> Value {
    let command = admin.submit(id, "vehicle.version", json!({})).await;
    admin.watch(&command).await.until_end().await;
    admin.command(&command).await
}

/// Fails if any file below a directory has the secret in it.
fn assert_unwritten(secret: &str, dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_unwritten(secret, &path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "a secret is in {}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vehicle_behind_tls_is_reached_with_its_own_authority_token_and_identity() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut site = Site::in_dir(Backend::Sqlite, 1, data.path()).await;
    site.set(0, &json!({ "delay_ms": 0 })).await;
    let authority = Authority::default();
    let (certificate, key) = authority.identify("fleetwire");
    let identity = certificate + &key;
    let front = TlsFront::known_to(&authority, &site.vehicle_urls[0], TOKEN);
    let mut add = site.admin_command(&["vehicle", "add", "--vin", VIN, "--sovd-url", &front.url]);
    for (option, text) in [
        ("--sovd-token-file", &*format!("{TOKEN}\n")),
        ("--sovd-ca-file", &front.authority),
        ("--sovd-identity-file", &identity),
    ] {
        let path = files.path().join(option);
        std::fs::write(&path, text).unwrap();
        add.arg(option).arg(&path);
    }
    let added = crate::outcome::Outcome::of(add).await;
    assert_eq!(added.code, Some(0), "{added:#?}");
    let id = added.stdout.trim();
    site.start().await;
    let admin = site.user("admin").await;
    let path = format!("/api/v1/vehicles/{id}");
    eventually("it is connected", async || {
        admin.get(&path).await.json["connection_status"] == "connected"
    })
    .await;
    let command = outcome(&admin, id).await;
    assert_eq!(command["state"], "completed", "{command:#}");

    let seen = admin.get(&path).await.json;
    for field in ["sovd_token", "sovd_ca", "sovd_identity"] {
        assert_eq!(seen[format!("has_{field}")], true, "{field}");
        assert!(seen.get(field).is_none(), "{seen:#}");
    }
    let seen = site.engineer().await.get(&path).await.json;
    assert!(seen.get("has_sovd_token").is_none(), "{seen:#}");
    let same = json!({ "sovd_token": TOKEN, "sovd_identity": identity, "make": "Saab" });
    assert_eq!(correct(&admin, &path, same).await.status, 200);
    let audit = admin.get("/api/v1/audit?limit=100").await.json.to_string();
    assert!(audit.contains("vehicle_changed"), "{audit}");
    for secret in [TOKEN, key.lines().nth(1).unwrap()] {
        assert!(!audit.contains(secret), "{audit}");
        assert!(!site.server().log().iter().any(|line| line.contains(secret)));
        assert_unwritten(secret, data.path());
    }
    // Without it the vehicle does not know us, and says so.
    assert_eq!(correct(&admin, &path, json!({ "sovd_identity": null })).await.status, 200);
    let command = outcome(&admin, id).await;
    assert_eq!(command["error_code"], "precondition", "{command:#}");
    let words = command["error_message"].as_str().unwrap();
    assert!(words.contains("CertificateRequired") && words.contains("sovd_identity"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_the_two_apart_is_named_by_the_command_that_meets_it() {
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.set(0, &json!({ "delay_ms": 0 })).await;
    site.start().await;
    let admin = site.user("admin").await;
    let front = TlsFront::before(&site.vehicle_urls[0], TOKEN);
    let other = TlsFront::before(&site.vehicle_urls[0], TOKEN);
    let id = &site.vehicle_ids[0];
    let path = format!("/api/v1/vehicles/{id}");
    let wrong = json!({ "sovd_url": front.url, "sovd_token": TOKEN, "sovd_ca": other.authority });
    assert_eq!(correct(&admin, &path, wrong).await.status, 200);
    let command = outcome(&admin, id).await;
    assert_eq!(
        (&command["state"], &command["error_code"]),
        (&json!("rejected"), &json!("precondition"))
    );
    let words = command["error_message"].as_str().unwrap();
    assert!(words.contains("invalid peer certificate") && words.contains("sovd_ca"), "{words}");
    // Also once the probes have found out, and nobody waits for a vehicle that will not come.
    eventually("the probes know", async || {
        let status = admin.get(&format!("{path}/status")).await.json;
        status["obstacle"].as_str().is_some_and(|words| words.contains("invalid peer certificate"))
    })
    .await;
    let command = outcome(&admin, id).await;
    assert_eq!(command["error_code"], "precondition", "{command:#}");

    let wrong = json!({ "sovd_token": "another", "sovd_ca": front.authority });
    assert_eq!(correct(&admin, &path, wrong).await.status, 200);
    eventually("the server wants another token", async || {
        let status = admin.get(&format!("{path}/status")).await.json;
        status["obstacle"].as_str().is_some_and(|words| words.contains("401"))
    })
    .await;
    let command = outcome(&admin, id).await;
    assert_eq!(
        (&command["state"], &command["error_code"]),
        (&json!("failed"), &json!("vehicle-error"))
    );
    assert!(command["error_message"].as_str().unwrap().contains("401"), "{command:#}");

    assert_eq!(correct(&admin, &path, json!({ "sovd_token": TOKEN })).await.status, 200);
    eventually("it is connected", async || {
        admin.get(&path).await.json["connection_status"] == "connected"
    })
    .await;
    assert_eq!(outcome(&admin, id).await["state"], "completed");
    assert!(admin.get(&format!("{path}/status")).await.json.get("obstacle").is_none());
}
