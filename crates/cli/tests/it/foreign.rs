//! A WebSocket client that is not ours reads the stream as it is documented.

use crate::outcome::Outcome;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{Backend, Site};

/// Prints every frame, then the close code.
const READ: &str = "
import sys
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
with connect(sys.argv[1]) as socket:
    try:
        while True:
            print(socket.recv(timeout=20))
    except ConnectionClosed as closed:
        print(closed.rcvd.code if closed.rcvd else 1006)
";

/// A Python with the package `websockets`.
async fn python() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/python3");
    for python in [tools, "python3".into()] {
        let mut import = Command::new(&python);
        import.args(["-c", "import websockets.sync.client"]);
        if python.is_absolute() && !python.exists() {
            continue;
        }
        if Outcome::of(import).await.code == Some(0) {
            return Some(python);
        }
    }
    None
}

#[tokio::test]
async fn a_python_client_reads_the_stream_as_documented() {
    let Some(python) = python().await else {
        println!("skipped: no Python with websockets; ./scripts/dev-services --check-install");
        return;
    };
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.set_variable("FLEETWIRE_WS_IDLE_CLOSE", "500ms");
    site.start().await;
    let client = site.engineer().await;
    let params = json!({ "ecuAddress": "0x10" });
    let id = client.submit(&site.vehicle_ids[0], "ReadDTC", params).await;
    let url = site.url.replacen("http", "ws", 1);
    let read = async |query: &str| {
        let mut reader = Command::new(&python);
        reader.args(["-c", READ]).arg(format!("{url}/ws/responses/{id}?{query}"));
        let outcome = Outcome::of(reader).await;
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        let lines = outcome.stdout.lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };

    let token = client.token();
    let mut frames = read(&format!("token={token}")).await;
    assert_eq!(frames.pop(), Some(json!(1000)), "{frames:#?}");
    let status = frames.pop().unwrap();
    assert_eq!(status["event"], "status");
    assert_eq!((&status["status"], &status["command_id"]), (&json!("completed"), &json!(id)));
    assert!(status["completed_at"].is_string(), "{status:#}");
    assert!(frames.len() > 1, "{frames:#?}");
    for (number, frame) in frames.iter().enumerate() {
        let response = &frame["response"];
        assert_eq!(frame["event"], "response", "{frame:#}");
        assert_eq!(frame["sequence_number"], number + 1, "{frame:#}");
        assert_eq!(response["sequence_number"], number + 1, "{frame:#}");
        for flat in ["response_id", "response_payload", "is_final"] {
            assert_eq!(frame[flat], response[flat], "{frame:#}");
        }
        assert_eq!(frame["is_final"], number + 1 == frames.len(), "{frame:#}");
    }

    let after = &frames[0]["offset"];
    let mut rest = read(&format!("token={token}&after={after}")).await;
    assert_eq!(rest.pop(), Some(json!(1000)));
    assert_eq!(rest.pop(), Some(status));
    assert_eq!(rest, frames[1..]);
    assert_eq!(read("token=wrong").await, [json!(1008)]);
}
