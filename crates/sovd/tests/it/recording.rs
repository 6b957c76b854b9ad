//! Recorded exchanges with SOVD servers that others wrote, as the files beside the tests have them.
//! Mends none: an answer that was cut off is given as it is.

use std::path::Path;

/// A request and what came back.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// Method and path, e.g. `GET /v1/components`.
    pub(crate) line: String,
    pub(crate) status: u16,
    /// Those that matter, as they stand in an answer.
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// What a file has, in the order in which it was recorded.
pub(crate) fn exchanges(file: &str) -> Vec<Exchange> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sovd/tests/recordings");
    let text = std::fs::read_to_string(directory.join(file)).unwrap();
    text.split("\n### ").filter_map(exchange).collect()
}

fn exchange(block: &str) -> Option<Exchange> {
    let mut lines = block.lines();
    let mut words = lines.next()?.trim_start_matches("### ").split(' ');
    let (method, url) = (words.next()?, words.next()?);
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let (mut headers, mut body) = (String::new(), String::new());
    for line in lines {
        match line.split_once(": ") {
            Some(("content-type" | "location" | "allow", _)) => headers.extend([line, "\r\n"]),
            _ => body += line,
        }
    }
    Some(Exchange { line: format!("{method} /{path}"), status, headers, body })
}
