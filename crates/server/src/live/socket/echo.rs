//! A route that answers every message with itself, for a suite of RFC 6455 that is not ours.
//!
//! Refuses to be shipped: it exists for this test, and stands on what sessions stand on.

use super::{Dialect, Ear, End, Limits, Socket, goodbye};
use crate::http::{serve, upgrade};
use crate::live::frame;
use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const LIMITS: Limits = Limits {
    idle_close: Duration::ZERO,
    ping_interval: Duration::from_mins(1),
    peer_timeout: Duration::from_mins(1),
    stuck_after: Duration::from_mins(1),
    auth_grace: Duration::ZERO,
    max_subscriptions: 0,
    max_actions_per_second: 0,
    max_frame_bytes: 100 * 1024,
};

/// Serves the route until the token is cancelled; answers its address.
async fn serve(shutdown: &CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tasks = TaskTracker::new();
    let spawner = tasks.clone();
    let route = get(async move |mut request: Request| {
        let (response, upgrading) = upgrade::begin(&mut request, None)?;
        spawner.spawn(async move {
            let connection = upgrading.bare().await.unwrap();
            echo(Socket::new(connection, Dialect::Full, LIMITS)).await;
        });
        Ok::<_, crate::http::problem::Problem>(response)
    });
    let limits = serve::Limits {
        header_timeout: Duration::from_mins(1),
        connections: Arc::new(Semaphore::new(1000)),
        tls: None,
    };
    let router = Router::new().route("/", route);
    tasks.spawn(serve::accept(listener, router, limits, tasks.clone(), shutdown.clone()));
    address
}

async fn echo(socket: Socket) {
    let Socket { outlet, mut ear, desk, dialect, .. } = socket;
    let end = loop {
        let heard = next(&mut ear, &desk).await;
        if let Err(end) = heard {
            break end;
        }
        if outlet.wire.write_all(&desk.clear().words).await.is_err() {
            break End::ClientLeft;
        }
    };
    goodbye(&outlet.wire, &desk.clear().words, end.close(dialect)).await;
}

async fn next(ear: &mut Ear, desk: &super::Desk) -> Result<(), End> {
    match ear.next(desk).await? {
        Message::Text(text) => desk.send(&frame::text_frame(&text)),
        Message::Binary(bytes) => desk.send(&frame::binary_frame(&bytes)),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        Message::Close(_) => Err(End::ClientLeft),
    }
}

/// Cases 9, 12 and 13 are about speed and compression.
#[expect(clippy::print_stdout, reason = "whoever runs the tests sees what was not run")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_autobahn_cases_pass() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/kosoku");
    if !suite.exists() {
        println!("skipped: no kosoku; ./scripts/dev-services --check-install");
        return;
    }
    let (shutdown, report) = (CancellationToken::new(), tempfile::tempdir().unwrap());
    let address = serve(&shutdown).await;
    let mut run = tokio::process::Command::new(suite);
    run.args(["-x", "9.*", "-x", "12.*", "-x", "13.*", "-p", "8", "-o"]).arg(report.path());
    let ran = run.arg(address).stdout(Stdio::null()).kill_on_drop(true).status().await.unwrap();
    shutdown.cancel();
    assert!(ran.success(), "the suite could not be run: {ran}");
    let index = std::fs::read_to_string(report.path().join("index.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    let cases = index.as_object().unwrap().values().next().unwrap().as_object().unwrap();
    let is_fine =
        |verdict: &Value| matches!(verdict.as_str(), Some("OK" | "NON-STRICT" | "INFORMATIONAL"));
    let failed: Vec<_> = cases
        .iter()
        .filter(|(_, case)| !is_fine(&case["behavior"]) || !is_fine(&case["behaviorClose"]))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(cases.len() > 200, "{} cases", cases.len());
}
