//! `fleetwire run` and `login` where things are not as usual: who is away, in the way, or not to be
//! believed, and who looks over one's shoulder.

use crate::outcome::Outcome;
use crate::run::Desk;
use crate::terminal::Terminal;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use testkit::{Binary, Platform, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

const READ: [&str; 3] = ["ReadDTC", "-p", "ecuAddress=0x10"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vehicle_that_is_away_is_waited_for_as_long_as_one_likes() {
    let desk = Desk::open().await;
    desk.site.set(0, &json!({ "fault": "unreachable" })).await;
    let is_away = async || {
        let listed = desk.engineer.get("/api/v1/vehicles").await.json;
        listed[0]["connection_status"] == "disconnected"
    };
    eventually("it is away", is_away).await;
    for deadline in ["0s", "300ms"] {
        let ended = desk.run(&[&READ[..], &["--deadline", deadline]].concat()).await;
        assert_eq!(ended.code, Some(6), "{deadline}: {ended:#?}");
    }
    let listed = desk.engineer.get("/api/v1/commands").await.json;
    let listed = listed["commands"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "now or never leaves no command behind: {listed:#?}");
    assert_eq!(listed[0]["state"], "expired");
    assert_eq!(desk.run(&[&READ[..], &["--deadline", "30"]].concat()).await.code, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vehicle_that_takes_too_long_is_given_up() {
    let desk = Desk::open().await;
    desk.site.set(0, &json!({ "delay_ms": 600_000 })).await;
    let ended = desk.run(&[&READ[..], &["--timeout", "300ms"]].concat()).await;
    assert_eq!(ended.code, Some(6), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_somebody_else_is_a_conflict() {
    let desk = Desk::open().await;
    let place = format!("{}/components/engine_ecu/locks", desk.site.vehicle_urls[0]);
    let lock = reqwest::Client::new().post(place).header("x-client-id", "stranger");
    let taken = lock.json(&json!({ "lock_expiration": 600 })).send().await.unwrap();
    assert!(taken.status().is_success(), "{taken:?}");
    let ended = desk.run(&["faults.clear", "-p", "entity=components/engine_ecu"]).await;
    assert_eq!(ended.code, Some(8), "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_believed_by_an_authority_of_ones_own_and_by_no_other() {
    let p = Platform::start_tls(&[]).await;
    let (engineer, home) = (p.engineer().await, tempfile::tempdir().unwrap());
    let authority = home.path().join("authority.pem");
    std::fs::write(&authority, p.authority().pem()).unwrap();
    let run = || {
        let mut command = Binary::fleetwire().command();
        command.args(["run", &p.vehicle().vin]).args(READ);
        command.env("FLEETWIRE_SERVER", p.url()).env("FLEETWIRE_TOKEN", engineer.token());
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        command
    };
    let strange = Outcome::of(run()).await;
    assert_eq!((strange.code, &*strange.stdout), (Some(1), ""), "{strange:#?}");
    let listed = engineer.get("/api/v1/commands").await.json;
    assert!(listed["commands"].as_array().unwrap().is_empty(), "nothing was sent: {listed:#}");
    let mut trusting = run();
    trusting.env("SSL_CERT_FILE", &authority);
    let ended = Outcome::of(trusting).await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(!ended.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_not_shown_while_it_is_typed() {
    let desk = Desk::open().await;
    for (password, code) in [("something else entirely", 4), (testkit::PASSWORD, 0)] {
        let mut terminal = Terminal::open();
        let mut login = terminal.run(desk.command(&["login"]));
        terminal.until("Username: ");
        terminal.enter("engineer");
        terminal.until("Password: ");
        assert!(!terminal.echoes());
        terminal.enter(password);
        terminal.until(if code == 0 { "logged in to" } else { "error: " });
        assert_eq!(login.wait().unwrap().code(), Some(code), "{}", terminal.screen());
        assert!(terminal.echoes(), "as it was before");
        assert!(terminal.screen().contains("engineer"), "the name is shown");
        assert!(!terminal.screen().contains(password), "{}", terminal.screen());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_leaves_an_event_out_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let mut command = Binary::fleetwire().command();
    command.args(["run", COMMAND]).args(READ);
    command.env("FLEETWIRE_SERVER", server).env("FLEETWIRE_TOKEN", "any");
    let ended = tokio::select! {
        ended = Outcome::of(command) => ended,
        () = forget_an_event(listener) => unreachable!("it goes on for ever"),
    };
    assert_eq!(ended.code, Some(7), "{ended:#?}");
    assert!(ended.stderr.contains("events are missing after #1"), "{ended:#?}");
}

/// Serves as any id.
const COMMAND: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A server of another make, which takes each command and skips the second of its events.
async fn forget_an_event(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut first = [0; 4];
        while stream.peek(&mut first).await.unwrap() < first.len() {}
        if &first == b"POST" {
            take(&mut stream).await;
            continue;
        }
        let mut socket = accept_async(stream).await.unwrap();
        for offset in [1, 3] {
            let event = json!({ "event": "status", "command_id": COMMAND, "offset": offset,
                "state": "running" });
            socket.send(Message::text(event.to_string())).await.unwrap();
        }
        while socket.next().await.is_some_and(|heard| heard.is_ok()) {}
    }
}

/// Takes a command.
async fn take(stream: &mut TcpStream) {
    let mut asked = Vec::new();
    while !asked.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
    }
    let body = json!({ "command_id": COMMAND, "state": "queued" }).to_string();
    let head = "HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-type: application/json";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
}
