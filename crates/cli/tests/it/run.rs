//! `fleetwire run` and `login`, against a server as it is installed: what a script can rely on.

use crate::outcome::Outcome;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use testkit::{Backend, Binary, Client, FaultProxy, Process, Site, eventually};
use tokio::io::AsyncWriteExt;

/// How long a program may take to end after it was interrupted.
const END: Duration = Duration::from_secs(10);

/// A server with one vehicle, and somebody at a terminal.
pub(crate) struct Desk {
    pub(crate) site: Site,
    pub(crate) engineer: Client,
    home: tempfile::TempDir,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        let mut site = Site::new(Backend::Sqlite, 1).await;
        site.set(0, &json!({ "delay_ms": 0 })).await;
        site.start().await;
        let engineer = site.engineer().await;
        Self { site, engineer, home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Binary::fleetwire().command();
        command.args(args).env("FLEETWIRE_SERVER", &self.site.url);
        command.env("XDG_CONFIG_HOME", self.home.path());
        command
    }

    /// `fleetwire run` on the vehicle, with a token.
    fn run_command(&self, args: &[&str]) -> Command {
        let args = [&["run", &self.site.vins[0]], args].concat();
        let mut command = self.command(&args);
        command.env("FLEETWIRE_TOKEN", self.engineer.token());
        command
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(self.run_command(args)).await
    }

    async fn login(&self, password: &str) -> Option<i32> {
        let args = ["login", "--username", "engineer", "--password-stdin"];
        let mut command = tokio::process::Command::from(self.command(&args));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(format!("{password}\n").as_bytes()).await.unwrap();
        drop(stdin);
        child.wait_with_output().await.unwrap().status.code()
    }

    fn credentials(&self) -> std::path::PathBuf {
        self.home.path().join("fleetwire/credentials.json")
    }
}

/// The numbers of the answers on standard output.
fn numbers(outcome: &Outcome) -> Vec<u64> {
    let answers = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    answers.map(|answer| answer["sequence_number"].as_u64().unwrap()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_writes_its_answers_and_nothing_else_and_ends_with_0() {
    let desk = Desk::open().await;
    let ended = desk.run(&["ReadDTC", "-p", "ecuAddress=0x10"]).await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let answers = numbers(&ended);
    assert_eq!(answers, (1..=answers.len() as u64).collect::<Vec<_>>());
    assert!(ended.stderr.lines().any(|line| line == "completed"), "{ended:#?}");

    let ended = desk.run(&["faults.scan", "-o", "json", "--reason", "a look"]).await;
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["command"]["state"], "completed");
    assert_eq!(document["command"]["reason"], "a look");
    assert!(document["responses"].as_array().unwrap().len() > 3);

    let ended = desk.run(&["ReadDTC", "-p", "ecuAddress=0x10", "-o", "table"]).await;
    assert!(ended.stdout.starts_with("#1 "), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_code_says_what_went_wrong() {
    let desk = Desk::open().await;
    assert_eq!(desk.run(&["ReadDTC", "-p", "ecuAddress=7"]).await.code, Some(2));
    assert_eq!(desk.run(&["NoSuchCommand"]).await.code, Some(2));
    let refused = desk.run(&["ReadDTC", "-p", "ecuAddress=0x7F"]).await;
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    let stranger = Outcome::of(desk.command(&["run", "0001", "faults.scan"])).await;
    assert_eq!(stranger.code, Some(4), "{stranger:#?}");
    assert!(stranger.stderr.contains("fleetwire login"), "{stranger:#?}");
    let mut elsewhere = desk.command(&["run", "ZZZZ", "faults.scan"]);
    elsewhere.env("FLEETWIRE_TOKEN", desk.engineer.token());
    assert_eq!(Outcome::of(elsewhere).await.code, Some(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_costs_no_answer() {
    let desk = Desk::open().await;
    let slow = json!({ "delay_ms": 0, "parts": 60, "part_bytes": 50, "part_interval_ms": 50 });
    desk.site.set(0, &slow).await;
    let proxy = FaultProxy::to(desk.site.url.trim_start_matches("http://").parse().unwrap());
    let mut command = desk.run_command(&["ReadDTC", "-p", "ecuAddress=0x10", "-o", "json"]);
    command.env("FLEETWIRE_SERVER", format!("http://{}", proxy.address()));
    let (ended, ()) = tokio::join!(Outcome::of(command), async {
        let listed = || async { desk.engineer.get("/api/v1/commands").await.json };
        eventually("the run has begun", async || {
            listed().await["commands"][0]["last_offset"].as_u64() > Some(10)
        })
        .await;
        proxy.reset();
    });
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("goes on after #"), "{ended:#?}");
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let answers = document["responses"].as_array().unwrap();
    let numbers: Vec<_> = answers.iter().filter_map(|it| it["sequence_number"].as_u64()).collect();
    assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_leaves_the_run_alone_unless_it_shall_be_cancelled() {
    let desk = Desk::open().await;
    let slow = json!({ "delay_ms": 0, "parts": 400, "part_bytes": 50, "part_interval_ms": 100 });
    desk.site.set(0, &slow).await;
    for (more, state) in [(&[][..], "running"), (&["--cancel-on-interrupt"][..], "cancelled")] {
        let args = [&["ReadDTC", "-p", "ecuAddress=0x10"][..], more].concat();
        let mut process = Process::spawn(desk.run_command(&args));
        process.log_line("running", END);
        let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.unwrap(), Signal::INT).unwrap();
        assert_eq!(process.wait(END).code(), Some(130), "{:#?}", process.log());
        let newest = desk.engineer.get("/api/v1/commands").await.json["commands"][0].clone();
        assert_eq!(newest["state"], state, "{newest:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_is_kept_where_only_its_owner_reads_it() {
    let desk = Desk::open().await;
    assert_eq!(desk.login("something else entirely").await, Some(4));
    assert_eq!(desk.login(testkit::PASSWORD).await, Some(0));
    assert_eq!(mode(&desk.credentials()), 0o600);
    let run = || Outcome::of(desk.command(&["run", &desk.site.vins[0], "faults.scan"]));
    assert_eq!(run().await.code, Some(0));

    // An access token that has ended is renewed, and what renews it the next time is kept.
    let mut kept: Value = serde_json::from_slice(&fs::read(desk.credentials()).unwrap()).unwrap();
    kept["ends_at"] = json!(0);
    fs::write(desk.credentials(), kept.to_string()).unwrap();
    assert_eq!(run().await.code, Some(0));
    let now: Value = serde_json::from_slice(&fs::read(desk.credentials()).unwrap()).unwrap();
    assert_ne!(now["refresh_token"], kept["refresh_token"]);
    assert_eq!(mode(&desk.credentials()), 0o600);

    fs::set_permissions(desk.credentials(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run().await.code, Some(4), "others can read it");
    fs::set_permissions(desk.credentials(), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(Outcome::of(desk.command(&["logout"])).await.code, Some(0));
    assert_eq!(run().await.code, Some(4));
}
