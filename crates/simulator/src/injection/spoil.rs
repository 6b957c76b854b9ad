//! Answers that are spoilt on their way: cut, shortened, mislabelled, broken.
//!
//! The request was carried out all the same.

use std::io;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::{Stream, StreamExt, stream};

use super::Injector;
use super::rule::Kind;

/// Answers up to this size are shortened or broken; larger ones come to an early end.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// An event stream is cut after one to this many of its chunks.
const MAX_CHUNKS: u64 = 8;

/// The answer, with whatever fault hits it.
pub(super) async fn spoilt(injector: &Injector, path: &str, answer: Response) -> Response {
    if says(answer.headers(), "text/event-stream") {
        return cut(injector, path, answer);
    }
    if injector.hit(Kind::Truncate, path).is_some() {
        return shortened(answer).await;
    }
    if !says(answer.headers(), "json") {
        return answer;
    }
    if injector.hit(Kind::Malformed, path).is_some() {
        return broken(answer).await;
    }
    if injector.hit(Kind::ContentType, path).is_some() {
        return mislabelled(answer);
    }
    answer
}

fn cut(injector: &Injector, path: &str, answer: Response) -> Response {
    let (unclean, clean) =
        (injector.hit(Kind::CutStream, path), injector.hit(Kind::EndStream, path));
    let Some((_, lot)) = unclean.or(clean) else { return answer };
    let chunks = usize::try_from(lot % MAX_CHUNKS).unwrap_or_default() + 1;
    let (head, body) = answer.into_parts();
    Response::from_parts(head, first_of(body, chunks, unclean.is_some()))
}

/// The first chunks of a body; then the half of one and a break, or an orderly end.
fn first_of(body: Body, chunks: usize, breaks: bool) -> Body {
    let numbered = body.into_data_stream().take(chunks + usize::from(breaks)).enumerate();
    let sent = numbered.flat_map(move |(number, chunk)| {
        let rest: Vec<io::Result<Bytes>> = match chunk {
            Ok(chunk) if number == chunks => vec![Ok(chunk.slice(..chunk.len() / 2))],
            other => vec![other.map_err(io::Error::other)],
        };
        stream::iter(rest)
    });
    if breaks { Body::from_stream(broken_off(sent)) } else { Body::from_stream(sent) }
}

/// Announces the whole answer, sends half of it and breaks off.
async fn shortened(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let whole = to_bytes(body, MAX_ANSWER_BYTES).await.unwrap_or_default();
    if head.status == StatusCode::NO_CONTENT {
        // An answer without content could not be cut short.
        head.status = StatusCode::OK;
    }
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(1)));
    let half = whole.slice(..whole.len() / 2);
    Response::from_parts(head, Body::from_stream(broken_off(stream::iter([Ok(half)]))))
}

fn broken_off(
    sent: impl Stream<Item = io::Result<Bytes>>,
) -> impl Stream<Item = io::Result<Bytes>> {
    sent.chain(stream::once(async {
        // Not at once: what was sent before has to leave first.
        tokio::task::yield_now().await;
        Err(io::ErrorKind::ConnectionAborted.into())
    }))
}

/// The same length, but its last byte is not what JSON needs.
async fn broken(answer: Response) -> Response {
    let (head, body) = answer.into_parts();
    let whole = to_bytes(body, MAX_ANSWER_BYTES).await.unwrap_or_default();
    let mut bytes = whole.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last = b'{';
    }
    Response::from_parts(head, bytes.into())
}

fn mislabelled(mut answer: Response) -> Response {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, html);
    answer
}

fn says(headers: &HeaderMap, kind: &str) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    said.is_some_and(|said| said.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(chunks: usize, breaks: bool) -> (String, bool) {
        let events = ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"].map(Ok::<_, io::Error>);
        let body = first_of(Body::from_stream(stream::iter(events)), chunks, breaks);
        let (mut text, mut is_broken) = (String::new(), false);
        for chunk in body.into_data_stream().collect::<Vec<_>>().await {
            match chunk {
                Ok(bytes) => text += std::str::from_utf8(&bytes).unwrap(),
                Err(_) => is_broken = true,
            }
        }
        (text, is_broken)
    }

    #[tokio::test]
    async fn a_stream_is_cut_in_the_middle_of_an_event() {
        assert_eq!(sent(1, true).await, ("data: 1\n\ndata".to_owned(), true));
    }

    #[tokio::test]
    async fn a_stream_ends_between_two_events() {
        assert_eq!(sent(2, false).await, ("data: 1\n\ndata: 2\n\n".to_owned(), false));
    }
}
