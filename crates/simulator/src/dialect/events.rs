//! Streams of events, translated line by line as they pass.
//!
//! Holds one line at a time, and gives up on a stream whose line does not end.

use std::io;
use std::sync::Arc;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;

use super::asked::Asked;
use super::interpreter::Interpreter;

/// The longest line that is translated.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// A stream that is being translated.
struct Passage {
    interpreter: Arc<Interpreter>,
    asked: Asked,
    source: BodyDataStream,
    rest: Vec<u8>,
    events: u64,
}

/// The body of an event stream in the dialect.
pub(super) fn translated(interpreter: Arc<Interpreter>, asked: Asked, body: Body) -> Body {
    let source = body.into_data_stream();
    Body::from_stream(lines(Passage { interpreter, asked, source, rest: Vec::new(), events: 0 }))
}

fn lines(passage: Passage) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(passage), async |passage| {
        let mut passage = passage?;
        match passage.next().await? {
            Ok(lines) => Some((Ok(lines), Some(passage))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

impl Passage {
    /// All lines that the next chunks complete; `None` at the end.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            let chunk = match self.source.next().await? {
                Ok(chunk) => chunk,
                Err(error) => return Some(Err(io::Error::other(error))),
            };
            self.rest.extend_from_slice(&chunk);
            if let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') {
                let left = self.rest.split_off(end + 1);
                let whole = std::mem::replace(&mut self.rest, left);
                return Some(Ok(self.told(&whole)));
            }
            if self.rest.len() > MAX_LINE_BYTES {
                return Some(Err(io::ErrorKind::InvalidData.into()));
            }
        }
    }

    fn told(&mut self, lines: &[u8]) -> Bytes {
        let text = String::from_utf8_lossy(lines);
        text.split_inclusive('\n').map(|line| self.line(line)).collect::<String>().into()
    }

    fn line(&mut self, line: &str) -> String {
        let data = line.strip_prefix("data:").map(str::trim);
        let Some(data) = data.and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
            return line.to_owned();
        };
        self.events += 1;
        format!("data: {}\n", self.interpreter.event(&self.asked, self.events, data))
    }
}
