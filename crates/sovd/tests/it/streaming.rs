//! Answers in parts.
//! The server decides when bytes leave; no test waits for time to pass.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use fleetwire_sovd::{Acknowledged, Answer, Client, Error, Part, Parts};

use crate::server::{Server, read_request, response};

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    write!(stream, "{:x}\r\n{text}\r\n", text.len())
}

/// A server that streams `pieces`, each in a chunk of its own, and `end` as the last bytes.
fn streaming(pieces: &[&str], end: &'static str) -> Server {
    let pieces: Vec<String> = pieces.iter().map(|&piece| piece.to_owned()).collect();
    Server::raw(move |mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(HEAD).unwrap();
        for piece in &pieces {
            chunk(&mut stream, piece).unwrap();
        }
        stream.write_all(end.as_bytes()).unwrap();
    })
}

const END: &str = "0\r\n\r\n";

async fn ask(client: &Client) -> Answer<Acknowledged> {
    let faults = client.link("/v1/components/ecu/faults").unwrap();
    client.clear_fault(&faults).streaming().await.unwrap()
}

async fn parts(server: &Server) -> Box<Parts> {
    match ask(&server.client()).await {
        Answer::Stream(parts) => parts,
        Answer::Document(document) => panic!("a document: {document:?}"),
    }
}

async fn rest(parts: &mut Parts) -> Vec<Result<Part, Error>> {
    let mut rest = Vec::new();
    while let Some(part) = parts.next().await {
        rest.push(part);
    }
    rest
}

fn numbers(parts: &[Result<Part, Error>]) -> Vec<u32> {
    parts.iter().flatten().map(|part| part.part).collect()
}

#[tokio::test]
async fn parts_come_one_by_one_as_the_vehicle_wrote_them() {
    let server = streaming(
        &[
            "data: {\"part\":1,\"payload\":{\"z\": 1.50,",
            " \"a\":2}}\n\ndata: {\"part\":2,\"is_fi",
            "nal\":true,\"payload\":null}\n\n",
        ],
        END,
    );
    let parts = rest(&mut *parts(&server).await).await;
    assert_eq!(numbers(&parts), [1, 2]);
    let first = parts[0].as_ref().unwrap();
    assert_eq!((first.is_final, first.payload.get()), (false, "{\"z\": 1.50, \"a\":2}"));
    let last = parts[1].as_ref().unwrap();
    assert_eq!((last.is_final, last.payload.get()), (true, "null"));
}

#[tokio::test]
async fn parts_are_handed_on_twice_and_out_of_order_if_they_come_so() {
    let server = streaming(
        &[
            "data: {\"part\":2,\"is_final\":true,\"payload\":1}\n\n",
            "data: {\"part\":1,\"payload\":1}\n\ndata: {\"part\":1,\"payload\":1}\n\n",
        ],
        END,
    );
    assert_eq!(numbers(&rest(&mut *parts(&server).await).await), [2, 1, 1]);
}

#[tokio::test]
async fn comments_other_events_and_split_data_lines_do_no_harm() {
    let server = streaming(
        &[
            ": hello\r\n\r\nevent: heartbeat\r\ndata: x\r\n\r\n",
            "id: 4\r\ndata: {\"part\":1,\r\ndata: \"payload\":[]}\r\n\r\n",
        ],
        END,
    );
    assert_eq!(numbers(&rest(&mut *parts(&server).await).await), [1]);
}

#[tokio::test]
async fn a_document_is_an_answer_too() {
    let server = Server::http(|_| response(204, "", ""));
    assert!(matches!(ask(&server.client()).await, Answer::Document(Acknowledged { raw: None })));
    let head = server.seen()[0].head.clone();
    assert!(head.contains("accept: text/event-stream, application/json\r\n"), "{head}");
}

#[tokio::test]
async fn a_stream_that_ends_early_in_good_order_just_ends() {
    let server = streaming(&["data: {\"part\":1,\"payload\":1}\n\n"], END);
    let parts = rest(&mut *parts(&server).await).await;
    assert!(matches!(parts.as_slice(), [Ok(Part { is_final: false, .. })]));
}

#[tokio::test]
async fn a_last_part_without_its_blank_line_counts() {
    let server = streaming(&["data: {\"part\":1,\"payload\":1}"], END);
    assert_eq!(numbers(&rest(&mut *parts(&server).await).await), [1]);
}

#[tokio::test]
async fn half_a_part_at_the_end_is_truncated() {
    let server = streaming(&["data: {\"part\":1,\"pay"], END);
    assert!(matches!(rest(&mut *parts(&server).await).await.as_slice(), [Err(Error::Truncated)]));
}

#[tokio::test]
async fn a_connection_that_ends_amid_the_stream_is_truncated() {
    let server = streaming(&["data: {\"part\":1,\"payload\":1}\n\n"], "ff\r\ndata: {");
    let parts = rest(&mut *parts(&server).await).await;
    assert!(matches!(parts.as_slice(), [Ok(_), Err(Error::Truncated)]), "{parts:?}");
}

#[tokio::test]
async fn a_part_over_the_limit_is_refused() {
    let long = format!("data: {{\"part\":2,\"payload\":\"{}\"}}\n\n", "x".repeat(200_000));
    let server = streaming(&["data: {\"part\":1,\"payload\":1}\n\n", &long], END);
    let parts = rest(&mut *parts(&server).await).await;
    assert!(matches!(parts.as_slice(), [Ok(_), Err(Error::TooLarge { limit: 200_000 })]));
}

#[tokio::test]
async fn a_part_that_cannot_be_read_ends_the_stream() {
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    let deep = format!("{{\"part\":1,\"payload\":{deep}}}");
    for bad in ["{\"part\":0,\"payload\":1}", "{\"part\":1}", "nonsense", &deep] {
        let bad = format!("data: {bad}\n\ndata: {{\"part\":1,\"payload\":1}}\n\n");
        let server = streaming(&[&bad], END);
        let parts = rest(&mut *parts(&server).await).await;
        assert!(matches!(parts.as_slice(), [Err(Error::Malformed { .. })]), "{parts:?}");
    }
}

#[tokio::test]
async fn a_wait_that_is_given_up_loses_nothing() {
    let (go, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let server = Server::raw(move |mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(HEAD).unwrap();
        for part in 1..=3 {
            chunk(&mut stream, &format!("data: {{\"part\":{part},")).unwrap();
            gate.lock().unwrap().recv().unwrap();
            chunk(&mut stream, "\"payload\":1}\n\n").unwrap();
        }
        stream.write_all(END.as_bytes()).unwrap();
    });
    let mut parts = parts(&server).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        tokio::select! {
            biased;
            part = parts.next() => panic!("a part too early: {part:?}"),
            () = std::future::ready(()) => go.send(()).unwrap(),
        }
        seen.push(parts.next().await.unwrap().unwrap().part);
    }
    assert_eq!(seen, [1, 2, 3]);
}

#[tokio::test]
async fn a_slow_reader_holds_the_vehicle_back() {
    let (stuck, report) = mpsc::channel::<usize>();
    let server = Server::raw(move |mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(HEAD).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let padding = "x".repeat(100_000);
        let part = format!("data: {{\"part\":1,\"payload\":\"{padding}\"}}\n\n");
        let written = (0..1000).take_while(|_| chunk(&mut stream, &part).is_ok()).count();
        stuck.send(written).unwrap();
    });
    let mut parts = parts(&server).await;
    parts.next().await.unwrap().unwrap();
    let written = tokio::task::spawn_blocking(move || report.recv().unwrap()).await.unwrap();
    assert!(written < 1000, "100 MB went into some buffer");
}

#[tokio::test]
async fn a_stream_that_was_not_asked_for_is_malformed() {
    let server = streaming(&["data: {\"part\":1,\"payload\":1}\n\n"], END);
    let client = server.client();
    let error = client.clear_fault(&client.link("/v1/x").unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }));
}
