//! `fleetwire demo`: what it prints is true, and works as printed.

use crate::outcome::Outcome;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{Binary, Client, Postgres, Process, site::START};
use tokio::io::{AsyncBufReadExt, BufReader};

/// How long the demo may take to be ready, on a slow machine and without optimisation.
const READY: Duration = Duration::from_secs(10);
/// How long the demo may take to end.
const END: Duration = Duration::from_secs(30);

/// A running demo.
struct Demo {
    ready: Ready,
    process: Process,
}

/// The line for scripts, with these keys and no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ready {
    url: String,
    username: String,
    password: String,
    simulator_url: String,
    vehicles: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    vehicle_id: String,
    vin: String,
    connection_status: String,
}

impl Demo {
    fn start(args: &[&str]) -> Self {
        let mut command = Binary::fleetwire().command();
        command.args(["demo", "--json", "--port", "0"]).args(args);
        Self::spawn(command)
    }

    fn spawn(command: Command) -> Self {
        let process = Process::spawn(command);
        Self { ready: process.ready_line(START), process }
    }

    async fn login(&self) -> Client {
        Client::login(&self.ready.url, &self.ready.username, &self.ready.password).await
    }

    /// Reads the faults of the first vehicle; answers the command's id.
    async fn submit(&self, client: &Client) -> String {
        let vehicle_id = &self.ready.vehicles[0].vehicle_id;
        client.submit(vehicle_id, "ReadDTC", json!({ "ecuAddress": "0x10" })).await
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        kill_process(id.unwrap(), signal).unwrap();
    }

    /// Ends it; it has to be content.
    fn end(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.process.wait(END).code(), Some(0), "{:#?}", self.process.log());
    }
}

#[tokio::test]
async fn the_demo_is_ready_with_four_vehicles_of_which_one_is_away() {
    let started = Instant::now();
    let demo = Demo::start(&[]);
    println!("ready after {:?}", started.elapsed());
    assert!(started.elapsed() <= READY);
    let vehicles = &demo.ready.vehicles;
    let statuses: Vec<_> = vehicles.iter().map(|it| it.connection_status.as_str()).collect();
    assert_eq!(statuses.len(), 4);
    assert_eq!(statuses.iter().filter(|status| **status == "connected").count(), 3);
    assert_eq!(statuses.iter().filter(|status| **status == "disconnected").count(), 1);
    assert!(vehicles.iter().all(|vehicle| vehicle.vin.len() == 17));
    assert!(demo.ready.url.starts_with("http://localhost:"), "{}", demo.ready.url);
    assert_eq!(demo.login().await.get("/api/v1/vehicles").await.json.as_array().unwrap().len(), 4);
    demo.end();
}

#[tokio::test]
async fn the_printed_login_leads_to_a_streamed_response() {
    let demo = Demo::start(&[]);
    let began = Instant::now();
    let client = demo.login().await;
    let id = demo.submit(&client).await;
    let mut watch = client.watch(&id).await;
    let first = watch.next().await;
    println!("first response {:?} after the demo was ready", began.elapsed());
    assert_eq!(first["sequence_number"], 1, "{first:#}");
    assert!(began.elapsed() <= READY);
    let events = watch.until_end().await;
    assert_eq!(events.last().unwrap()["status"], "completed", "{events:#?}");
    demo.end();
}

#[tokio::test]
async fn the_printed_simulator_can_be_set() {
    let demo = Demo::start(&[]);
    let vin = &demo.ready.vehicles[0].vin;
    let control = format!("{}/control/vehicles/{vin}", demo.ready.simulator_url);
    let set = reqwest::Client::new().put(control).json(&json!({ "delay_ms": 0, "parts": 1 }));
    assert!(set.send().await.unwrap().status().is_success());
    let client = demo.login().await;
    let events = client.watch(&demo.submit(&client).await).await.until_end().await;
    assert_eq!(events.len(), 2, "{events:#?}");
    assert_eq!(events[0]["is_final"], true, "{events:#?}");
    demo.end();
}

#[tokio::test]
async fn the_demo_answers_on_ipv4_and_ipv6() {
    let demo = Demo::start(&[]);
    let port = demo.ready.url.rsplit(':').next().unwrap();
    let mut hosts = vec!["127.0.0.1", "localhost"];
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        hosts.push("[::1]");
    } else {
        println!("no IPv6: this machine has no [::1]");
    }
    for host in hosts {
        let answer = reqwest::get(format!("http://{host}:{port}/health")).await;
        assert!(answer.unwrap().status().is_success(), "{host}");
    }
    demo.end();
}

#[tokio::test]
async fn a_data_directory_keeps_commands_and_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data");
    keeps_commands_and_no_password(&["--data-dir", dir.to_str().unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_database_keeps_commands_and_no_password() {
    let postgres = Postgres::start();
    let url = postgres.create_database("demo");
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    keeps_commands_and_no_password(&["--database-url", &url, "--data-dir", dir]).await;
}

#[tokio::test]
async fn a_database_without_a_directory_serves_the_next_demo_too() {
    let postgres = Postgres::start();
    let url = postgres.create_database("demo");
    keeps_commands_and_no_password(&["--database-url", &url]).await;
}

async fn keeps_commands_and_no_password(args: &[&str]) {
    let demo = Demo::start(args);
    let client = demo.login().await;
    let id = demo.submit(&client).await;
    let events = client.watch(&id).await.until_end().await;
    let password = demo.ready.password.clone();
    demo.end();

    let demo = Demo::start(args);
    assert_ne!(demo.ready.password, password);
    let body = json!({ "username": demo.ready.username, "password": password });
    let refused = Client::anonymous(&demo.ready.url).post("/api/v1/auth/login", body).await;
    assert_eq!(refused.status, 401, "{}", refused.json);
    let replayed = demo.login().await.watch(&id).await.until_end().await;
    assert_eq!(replayed, events);
    demo.end();
}

#[tokio::test]
async fn without_a_data_directory_nothing_stays() {
    let place = tempfile::tempdir().unwrap();
    let mut command = Binary::fleetwire().command();
    command.args(["demo", "--json", "--port", "0"]).env("TMPDIR", place.path());
    let demo = Demo::spawn(command);
    let entries = || std::fs::read_dir(place.path()).unwrap().count();
    assert_eq!(entries(), 1);
    demo.end();
    assert_eq!(entries(), 0);
}

#[tokio::test]
async fn sigint_ends_the_demo_as_sigterm_does() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut demo = Demo::start(&[]);
        demo.signal(signal);
        let status = demo.process.wait(END);
        assert_eq!(status.code(), Some(0), "{signal:?}: {:#?}", demo.process.log());
        let log = demo.process.log();
        assert!(!log.iter().any(|line| line.contains(r#""level":"ERROR""#)), "{log:#?}");
    }
}

#[tokio::test]
async fn the_printed_commands_stream_as_they_stand() {
    let mut command = Binary::fleetwire().command();
    command.args(["demo", "--port", "0"]).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    let mut demo = command.kill_on_drop(true).spawn().unwrap();
    let mut screen = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut printed = Vec::new();
    let reading = async {
        while let Some(line) = screen.next_line().await.unwrap() {
            let is_last = line.contains("Ctrl-C");
            printed.push(line);
            if is_last {
                break;
            }
        }
    };
    tokio::time::timeout(START, reading).await.expect("it is ready in time");
    let commands: Vec<_> = printed.iter().filter(|line| line.contains("curl ")).cloned().collect();
    assert_eq!(commands.len(), 3, "{printed:#?}");
    let mut bash = Command::new("bash");
    bash.args(["-ec", &commands.join("\n")]);
    let outcome = Outcome::of(bash).await;
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let data = outcome.stdout.lines().filter_map(|line| line.strip_prefix("data:"));
    let events: Vec<Value> = data.map(|json| serde_json::from_str(json).unwrap()).collect();
    assert!(testkit::sequences(&events).starts_with(&[1, 2]), "{outcome:#?}");
    assert_eq!(events.last().unwrap()["status"], "completed", "{outcome:#?}");
    demo.kill().await.unwrap();
}
