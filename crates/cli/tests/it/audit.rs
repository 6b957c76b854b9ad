//! `fleetwire audit` beside a running server and without one, and a verifier that is not ours.

use crate::outcome::Outcome;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use testkit::{Backend, Site, eventually};

const FINDINGS: Option<i32> = Some(9);

/// Runs `fleetwire audit …` on the site's store.
async fn audit(site: &Site, args: &[&str]) -> Outcome {
    Outcome::of(site.command(&[&["audit"], args].concat())).await
}

async fn verdict(site: &Site, args: &[&str]) -> (Option<i32>, Value) {
    let outcome = audit(site, &[&["verify", "--json"], args].concat()).await;
    let verdict = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:#?}"));
    (outcome.code, verdict)
}

async fn is_sealed(site: &Site) {
    eventually("the seal", async || verdict(site, &[]).await.1["unsealed"] == 0).await;
}

fn line_of(export: &str, position: usize) -> &str {
    let start = format!(r#"{{"kind":"row","position":{position},"#);
    export.lines().find(|line| line.starts_with(&start)).unwrap()
}

async fn the_log_is_verified_exported_and_verified_elsewhere(backend: Backend) {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let mut site = Site::new(backend, 1).await;
    site.start().await;
    let engineer = site.engineer().await;
    for _ in 0..5 {
        let params = json!({ "ecuAddress": "0x10" });
        let id = engineer.submit(&site.vehicle_ids[0], "ReadDTC", params).await;
        engineer.watch(&id).await.until_end().await;
    }
    is_sealed(&site).await;
    let (code, seen) = verdict(&site, &[]).await;
    assert_eq!((code, &seen["verified"], &seen["first"]), (Some(0), &json!(true), &json!(1)));
    let said = audit(&site, &["verify"]).await;
    assert!(said.stdout.starts_with("verified\n"), "{said:#?}");

    let (pem, file) = (path("audit.pem"), path("audit.ndjson"));
    fs::write(&pem, audit(&site, &["public-key"]).await.stdout).unwrap();
    let exported = audit(&site, &["export", "--output", &file]).await;
    assert_eq!(exported.code, Some(0), "{exported:#?}");
    let (code, elsewhere) = verdict(&site, &[&file, "--public-key", &pem]).await;
    assert_eq!((code, &elsewhere["rows"]), (Some(0), &seen["rows"]));
    // That the log was taken away is in it, and by now sealed.
    is_sealed(&site).await;
    let printed = audit(&site, &["export"]).await.stdout;
    assert!(printed.contains(r#""action":"export_created""#));

    let export = fs::read_to_string(&file).unwrap();
    foreign_verifier(Path::new(&file), &export, &elsewhere["rows"]);
    let forged =
        export.replace(line_of(&export, 5), &line_of(&export, 5).replace("success", "failure"));
    let changed = path("changed.ndjson");
    fs::write(&changed, forged).unwrap();
    let (code, found) = verdict(&site, &[&changed, "--public-key", &pem]).await;
    assert_eq!((code, &found["finding"]["position"]), (FINDINGS, &json!(5)), "{found}");
    let said = audit(&site, &["verify", &changed, "--public-key", &pem]).await;
    let id: Value = serde_json::from_str(line_of(&export, 5)).unwrap();
    let wanted = format!("row 5 ({}) is not what was sealed", id["audit_id"].as_str().unwrap());
    assert_eq!(said.stdout.lines().next(), Some(&*wanted));
    let cut: String = export.split_inclusive('\n').take(9).collect();
    fs::write(&changed, cut).unwrap();
    assert_eq!(verdict(&site, &[&changed, "--public-key", &pem]).await.0, FINDINGS);
    site.assert_no_errors();
}

/// The program of the page hashes to what we hash to.
fn foreign_verifier(file: &Path, export: &str, rows: &Value) {
    let page = include_str!("../../../../docs/operate/evidence.md");
    let program = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let run = Command::new("python3").args(["-c", program]).arg(file).output();
    let Ok(run) = run else { return println!("skipped: needs python3") };
    let last: Value = serde_json::from_str(export.lines().last().unwrap()).unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let wanted = format!("{rows} rows hash to {}\n", last["row_hash"].as_str().unwrap());
    assert_eq!(said, wanted, "{}", String::from_utf8_lossy(&run.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_verified_exported_and_verified_elsewhere_on_sqlite() {
    the_log_is_verified_exported_and_verified_elsewhere(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_verified_exported_and_verified_elsewhere_on_postgres() {
    the_log_is_verified_exported_and_verified_elsewhere(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_somebody_else_proves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let (mut site, mut other) =
        (Site::new(Backend::Sqlite, 1).await, Site::new(Backend::Sqlite, 1).await);
    site.start().await;
    other.start().await;
    is_sealed(&site).await;
    let (foreign, file) = (path("foreign.pem"), path("audit.ndjson"));
    fs::write(&foreign, audit(&other, &["public-key"]).await.stdout).unwrap();
    let (code, found) = verdict(&site, &["--public-key", &foreign]).await;
    assert_eq!((code, &found["verified"]), (FINDINGS, &json!(false)));
    audit(&site, &["export", "--output", &file]).await;
    assert_eq!(verdict(&site, &[&file, "--public-key", &foreign]).await.0, FINDINGS);
    // What cannot be told is no finding.
    let refused = async |args: &[&str]| audit(&site, args).await.sentence().to_owned();
    assert!(refused(&["verify", &file]).await.contains("--public-key"));
    assert!(refused(&["verify", "--public-key", &file]).await.contains("in PEM"));
    let nowhere = path("nowhere");
    assert!(refused(&["verify", "--data-dir", &nowhere]).await.contains("there is no database"));
    assert!(refused(&["export", "--output", &file]).await.contains("cannot make"));
    assert!(!Path::new(&nowhere).exists(), "nothing is made");
}
