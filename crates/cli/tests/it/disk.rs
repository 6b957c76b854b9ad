//! The disk of the data directory fills up: refusals for now, reads go on, nothing accepted is lost.

use crate::outcome::Outcome;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use testkit::{Backend, Binary, Load, Process, Site, assert_try_again, eventually};

const VEHICLES: u32 = 4;
/// Bytes of the disk that are taken from the start, to be given back.
const BALLAST: usize = 16 * 1024 * 1024;
/// Mounts a disk, and takes it away when told to end or when the test process has ended.
const HOLD: &str = "
trap 'umount --lazy \"$0\"; kill $!; exit' TERM
mount -t tmpfs -o size=24m,mode=700 tmpfs \"$0\" || exit
echo '{}'
sleep 600 & wait
";
/// How long mounting may take.
const MOUNT: Duration = Duration::from_secs(5);

/// A small disk of its own.
struct Disk {
    place: tempfile::TempDir,
    holder: Process,
}

impl Disk {
    /// Mounts one; needs the right to.
    fn mount() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--", "sh", "-c", HOLD]).arg(place.path());
        let holder = Process::spawn(command);
        holder.ready_line::<serde_json::Value>(MOUNT);
        Self { place, holder }
    }

    fn path(&self) -> &Path {
        self.place.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.holder.terminate();
        self.holder.wait(MOUNT);
    }
}

/// Whether the system lets us mount.
async fn may_mount() -> bool {
    let place = tempfile::tempdir().unwrap();
    let mut probe = Command::new("sh");
    probe.args(["-c", "mount -t tmpfs tmpfs \"$0\" && umount \"$0\""]).arg(place.path());
    Outcome::of(probe).await.code == Some(0)
}

#[tokio::test]
async fn a_start_on_a_full_disk_says_that_there_must_be_room() {
    if !may_mount().await {
        println!("skipped: mounting a small disk is not permitted here");
        return;
    }
    let disk = Disk::mount();
    let data = disk.path().join("data");
    let mut filling = Command::new("sh");
    filling.args(["-c", "cat /dev/zero > \"$0\""]).arg(disk.path().join("ballast"));
    assert_eq!(Outcome::of(filling).await.code, Some(1));
    let mut command = Binary::fleetwire().command();
    command.args(["demo", "--json", "--port", "0", "--data-dir"]).arg(&data);
    let outcome = Outcome::of(command).await;
    let wanted = format!("the disk of the data directory {} is full: make room", data.display());
    assert!(outcome.sentence().starts_with(&wanted), "{outcome:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_nothing_that_was_accepted() {
    if !may_mount().await {
        println!("skipped: mounting a small disk is not permitted here");
        return;
    }
    let disk = Disk::mount();
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; BALLAST]).unwrap();
    let mut site = Site::in_dir(Backend::Sqlite, VEHICLES, &disk.path().join("data")).await;
    site.start().await;
    for vehicle in 0..site.vehicle_ids.len() {
        let large = json!({ "delay_ms": 0, "parts": 10, "part_bytes": 20_000 });
        site.set(vehicle, &large).await;
    }
    let client = site.engineer().await;
    let load = Load::begin(&site).await;

    let body = json!({ "vehicle_id": site.vehicle_ids[0], "command_name": "ReadDTC",
        "command_params": { "ecuAddress": "0x10" } });
    // The load alone may come to a halt: its commands cannot end while nothing can be stored.
    let mut accepted = Vec::new();
    let refused = loop {
        let reply = client.post("/api/v1/commands", body.clone()).await;
        if reply.status != 201 {
            break reply;
        }
        accepted.push(reply.json["command_id"].as_str().unwrap().to_owned());
    };
    println!("full: {} {}", refused.status, refused.json);
    assert_try_again(&refused);
    for path in ["/api/v1/vehicles", "/api/v1/commands", "/readyz", "/livez"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }

    for vehicle in 0..site.vehicle_ids.len() {
        site.set(vehicle, &json!({ "delay_ms": 0 })).await;
    }
    fs::remove_file(ballast).unwrap();
    eventually("an acceptance", async || {
        client.post("/api/v1/commands", body.clone()).await.status == 201
    })
    .await;
    load.accepts(20).await;
    let harvest = load.end().await;
    println!("{harvest}");
    harvest.check(&site).await;
    for id in &accepted {
        client.command(id).await;
    }
    site.assert_no_errors();
}
