//! Numbered parts as server-sent events, made one at a time as the client takes them.
//!
//! Never holds a whole body: all lines share their padding.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};

use crate::setting::{Failure, Parts};

/// The lines of a streamed answer, in the order in which they are sent.
#[derive(Debug, Clone, Copy)]
struct Lines {
    parts: u32,
    fault: Option<Failure>,
}

/// Answers with all parts, as far as the fault lets them through.
pub(super) fn answer(parts: Parts, fault: Option<Failure>) -> Response {
    let Parts { count, interval, tail, .. } = parts;
    let lines = Lines { parts: count, fault };
    let frames = stream::iter(0..lines.count())
        .then(move |line| paced(lines.head(line), line, interval))
        .flat_map(move |head| stream::iter([head, tail.clone()]))
        .map(Ok::<_, Infallible>);
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(frames)).into_response()
}

/// Waits before every line but the first.
async fn paced(head: Bytes, line: u32, interval: Duration) -> Bytes {
    if line > 0 && !interval.is_zero() {
        tokio::time::sleep(interval).await;
    }
    head
}

impl Lines {
    fn count(self) -> u32 {
        match self.fault {
            Some(Failure::Truncated) => self.parts.saturating_sub(1),
            Some(Failure::Duplicate) => self.parts.saturating_mul(2),
            _ => self.parts,
        }
    }

    /// The part that a line carries, counted from 1; lines are counted from 0.
    fn part(self, line: u32) -> u32 {
        match self.fault {
            Some(Failure::Duplicate) => line / 2 + 1,
            // The last line of an odd number has no neighbour to swap with.
            Some(Failure::Reorder) if line ^ 1 < self.parts => (line ^ 1) + 1,
            _ => line + 1,
        }
    }

    /// A line up to its padding.
    fn head(self, line: u32) -> Bytes {
        let (part, of) = (self.part(line), self.parts);
        let is_final = part == of;
        let envelope = format!(r#"{{"part":{part},"is_final":{is_final},"payload":"#);
        format!(r#"data: {envelope}{{"part":{part},"of":{of},"data":""#).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(parts: u32, fault: Option<Failure>) -> Vec<u32> {
        let lines = Lines { parts, fault };
        (0..lines.count()).map(|line| lines.part(line)).collect()
    }

    #[test]
    fn parts_are_sent_in_order() {
        assert_eq!(sent(3, None), [1, 2, 3]);
    }

    #[test]
    fn reorder_swaps_neighbours() {
        assert_eq!(sent(5, Some(Failure::Reorder)), [2, 1, 4, 3, 5]);
    }

    #[test]
    fn duplicate_repeats_every_line() {
        assert_eq!(sent(2, Some(Failure::Duplicate)), [1, 1, 2, 2]);
    }

    #[test]
    fn truncated_leaves_out_the_last_part() {
        assert_eq!(sent(3, Some(Failure::Truncated)), [1, 2]);
    }
}
