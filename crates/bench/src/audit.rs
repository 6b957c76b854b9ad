//! The audit log as evidence: how many rows a second are sealed, exported and verified.
//!
//! Refuses to call parts of the program: what is measured is what an auditor runs.

use crate::installation::Installation;
use crate::record::median;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use store::{AuditEntry, Store, Target};
use tokio::task::JoinSet;

/// Rows that are recorded at the same time.
const AT_ONCE: u64 = 512;
/// Between two looks at what is not sealed yet.
const LOOK: Duration = Duration::from_millis(20);

/// What is measured.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Setting {
    /// Rows of the log.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// How often it is verified.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Measures, and prints a table.
pub(crate) async fn run(setting: Setting) {
    let files = Installation::new(Vec::new());
    let store = fill(&files, setting.rows).await;
    let sealing = seal(&files, &store).await;
    store.close().await;
    let place = |name: &str| files.place.path().join(name);
    let (pem, export) = (place("audit.pem"), place("audit.ndjson"));
    std::fs::write(&pem, run_to_end(&files, &["public-key"])).expect("there is room");
    let begun = Instant::now();
    run_to_end(&files, &["export", "--output", text(&export)]);
    let exporting = begun.elapsed();
    let of_file = ["verify", text(&export), "--public-key", text(&pem), "--json"];
    println!("| | rows/s |\n|---|---|");
    #[expect(clippy::cast_precision_loss, reason = "nobody measures 2^52 rows")]
    let rate = |took: Duration| setting.rows as f64 / took.as_secs_f64();
    println!("| sealed | {:.0} |", rate(sealing));
    println!("| exported | {:.0} |", rate(exporting));
    println!("| verified in the store | {:.0} |", verified(&files, setting, &["verify", "--json"]));
    println!("| verified in the export | {:.0} |", verified(&files, setting, &of_file));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

/// Records so many rows, of the length that those of commands have.
async fn fill(files: &Installation, rows: u64) -> Store {
    let file = files.place.path().join("fleetwire.db");
    let store = Store::open(&Target::Sqlite(file)).await.expect("it opens");
    let mut recording = JoinSet::new();
    for first in 0..AT_ONCE {
        let store = store.clone();
        recording.spawn(async move {
            for number in (first..rows).step_by(usize::try_from(AT_ONCE).expect("it is small")) {
                store.record_audit(entry(number)).await.expect("there is room");
            }
        });
    }
    recording.join_all().await;
    store
}

fn entry(number: u64) -> AuditEntry {
    AuditEntry {
        action: "command_submitted",
        actor_id: None,
        actor: "engineer@workshop.example".to_owned(),
        session_hash: Some(
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        ),
        address: Some("192.0.2.17".to_owned()),
        request_id: Some(format!("{number:032x}")),
        object: format!("command/01890a5d-ac96-774b-bcce-{number:012x}"),
        outcome: "success",
        reason: Some("workshop order 4711".to_owned()),
        details: Some(json!({ "name": "ReadDTC", "risk": "R0", "vehicle_id": number })),
    }
}

/// Lets a server seal everything; answers how long that took.
async fn seal(files: &Installation, store: &Store) -> Duration {
    let (mut server, address) = files.serve(None);
    crate::installation::listening(address).await;
    let begun = Instant::now();
    while !store.unsealed_audit(1).await.expect("it answers").is_empty() {
        tokio::time::sleep(LOOK).await;
    }
    let took = begun.elapsed();
    server.terminate();
    server.wait(Duration::from_mins(1));
    took
}

/// Verifies again and again; the rows per second of the median.
fn verified(files: &Installation, setting: Setting, args: &[&str]) -> f64 {
    let rates: Vec<f64> = (0..setting.rounds)
        .map(|_| {
            let verdict: Value =
                serde_json::from_str(&run_to_end(files, args)).expect("it is JSON");
            assert_eq!(verdict["verified"], true, "{verdict}");
            let rows = verdict["rows"].as_f64().expect("it counts them");
            rows / verdict["seconds"].as_f64().expect("it says how long")
        })
        .collect();
    median(&rates)
}

fn run_to_end(files: &Installation, args: &[&str]) -> String {
    let mut command = files.program();
    let output = command.arg("audit").args(args).output().expect("fleetwire starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}
