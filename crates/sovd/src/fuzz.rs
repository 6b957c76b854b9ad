//! What fuzz targets ask of the readers of this crate: each takes what a server might answer.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use std::fmt::Debug;
use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::FutureExt;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use crate::answer::Parts;
use crate::call::Call;
use crate::client::Client;
use crate::event::Events;
use crate::event_stream::{Decoder, Event};
use crate::http::{Http, Limits};
use crate::relation::Relation;
use crate::{Collection, Encoding, Entity, Grant, VersionInfo};

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// Bytes of the longest event that is read here.
const EVENT: usize = 256;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let base = Url::parse("http://vehicle/sovd/v1");
    let both = base.ok().zip(Http::new(Limits::default()).ok());
    let Some((base, http)) = both else { unreachable!("a client of plain HTTP can be made") };
    Client::new(base, http)
});

/// A part of the server, as if it had described itself.
static ENTITY: LazyLock<Entity> = LazyLock::new(|| {
    let document = r#"{"id":"ecu","name":"ECU","data":"/v1/c/data","faults":"/v1/c/faults"}"#;
    let call = CLIENT.entity(CLIENT.base());
    match given(call, answer(200, "", document.as_bytes())) {
        Some(entity) => entity,
        None => unreachable!("it is one"),
    }
});

/// A status, the `Location`, the media type and the body that a server answers with.
///
/// # Panics
///
/// If what was read leads to another server, or cannot be decoded by whoever it is handed on to.
pub fn answers(data: &[u8]) {
    let [noun, status, rest @ ..] = data else { return };
    let mut halves = rest.splitn(2, |byte| *byte == b'\n');
    let location = halves.next().and_then(|it| str::from_utf8(it).ok()).unwrap_or_default();
    let body = halves.next().unwrap_or_default();
    let status = [200, 201, 202, 204, 400, 404, 409, 500].get(usize::from(status % 8));
    read(*noun, answer(status.copied().unwrap_or(200), location, body));
}

/// Events, in pieces of some size and in one: the same, and none over the limit.
///
/// # Panics
///
/// If they are not.
pub fn streams(data: &[u8]) {
    let [size, stream @ ..] = data else { return };
    let whole = cut(stream, stream.len().max(1));
    assert_eq!(cut(stream, usize::from(*size).max(1)), whole);
    assert!(whole.0.iter().all(|event| event.data.len() <= EVENT && event.kind.len() <= EVENT));
    let stream = || answer(200, "", stream);
    let mut events = Events::new(stream(), EVENT);
    while let Some(Some(Ok(event))) = events.next().now_or_never() {
        seen(&event);
    }
    let mut parts = Parts::new(stream(), EVENT);
    while let Some(Some(Ok(part))) = parts.next().now_or_never() {
        assert!(part.part > 0);
    }
}

/// References and names that a server gives: they stay on it, and below where they were given.
///
/// # Panics
///
/// If they do not.
pub fn links(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let base = CLIENT.base();
    if let Some(link) = CLIENT.link(text) {
        assert_eq!(link.url().origin(), base.url().origin());
        assert!(link.url().fragment().is_none());
        seen(&link.decoded_name());
        seen(&link.parent());
        assert_eq!(CLIENT.link(&link.to_string()).as_ref(), Some(&link), "{text:?}");
    }
    let child = base.child(text);
    assert_eq!(child.parent(), *base, "{text:?} leads to {child}");
    let place = ENTITY.place_of("data", text);
    assert!(place.to_string().starts_with("/v1/c/data/"), "{text:?} leads to {place}");
    seen(&ENTITY.relative(&child));
}

/// All events of a stream that comes in pieces, and whether it was refused.
fn cut(stream: &[u8], size: usize) -> (Vec<Event>, bool) {
    let mut decoder = Decoder::new(EVENT);
    let mut events = Vec::new();
    for piece in stream.chunks(size) {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match decoder.next(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    let last = decoder.finish();
    let is_refused = last.is_err();
    events.extend(last.ok().flatten());
    (events, is_refused)
}

fn answer(status: u16, location: &str, body: &[u8]) -> Response {
    let head =
        || hyper::Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    let whole = head().header(LOCATION, location).body(body.to_vec());
    // A location with control characters is one that no connection would let through.
    match whole.or_else(|_| head().body(body.to_vec())) {
        Ok(response) => Response::from(response),
        Err(_) => unreachable!("it has nothing odd"),
    }
}

/// What a call makes of an answer.
fn given<T: Debug>(call: Call<T>, response: Response) -> Option<T> {
    let read = call.given(response).now_or_never()?;
    match read {
        Ok(noun) => {
            seen(&noun);
            Some(noun)
        }
        Err(error) => {
            seen(&(error.to_string(), error.lock_trouble()));
            None
        }
    }
}

/// Everything of it is looked at.
fn seen(noun: &impl Debug) {
    std::hint::black_box(format!("{noun:?}"));
}

/// What is handed on undecoded has to be good for whoever decodes it.
fn decoded(raw: &RawValue) {
    let read = serde_json::from_str::<Value>(raw.get());
    assert!(read.is_ok(), "{read:?}: {raw}");
}

fn read(noun: u8, response: Response) {
    let (client, entity, place) = (&*CLIENT, &*ENTITY, CLIENT.base());
    match noun % 42 {
        0 => drop(given(client.faults(entity), response)),
        1 => drop(given(client.fault(place), response)),
        2 => drop(given(client.data_items(entity), response)),
        3 => drop(given(client.data_categories(entity), response)),
        4 => drop(given(client.data_groups(entity), response)),
        5 => given(client.read(place), response).iter().for_each(|it| decoded(&it.raw)),
        6 => drop(given(client.operations(entity), response)),
        7 => drop(given(client.operation(place), response)),
        8 => drop(given(client.start_at(place, None), response)),
        9 => drop(given(client.execution(place), response)),
        10 => drop(given(client.root(), response)),
        11 => drop(given(client.entities(Collection::Components), response)),
        12 => drop(given(client.entity(place), response)),
        13 => drop(given(client.description(place), response)),
        14 => drop(given(client.related(entity, Relation::ALL[0]), response)),
        15 => drop(given(client.modes(entity), response)),
        16 => drop(given(client.mode(place), response)),
        17 => drop(given(client.set_mode(place, "on"), response)),
        18 => drop(given(client.locks(entity), response)),
        19 => drop(given(client.lock(place), response)),
        20 => drop(given(client.logs(entity), response)),
        21 => drop(given(client.log_entries(place), response)),
        22 => drop(given(client.log_config(place), response)),
        23 => drop(given(client.updates(entity), response)),
        24 => drop(given(client.update(place), response)),
        25 => drop(given(client.update_status(place), response)),
        26 => drop(given(client.bulk_items(place), response)),
        27 => drop(given(client.bulk_categories(entity), response)),
        28 => drop(given(client.delete_bulk_category(place), response)),
        29 => drop(given(client.configurations(entity), response)),
        30 => drop(given(client.scripts(entity), response)),
        31 => drop(given(client.triggers(entity), response)),
        32 => drop(given(client.subscriptions(entity), response)),
        33 => drop(given(client.clearable(entity), response)),
        34 => drop(given(client.clear_status(place), response)),
        35 => drop(given(client.entity_status(entity), response)),
        36 => drop(given(client.communication_logs(entity), response)),
        37 => drop(given(client.data_lists(entity), response)),
        38 => drop(given(client.create_data_list(entity, &["a"]), response)),
        39 => drop(given(Call::get(client, place, VersionInfo::decode), response)),
        40 => drop(given(client.token(&Grant::of(&[]), Encoding::Form), response)),
        _ => drop(given(client.faults(entity).page(), response)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_survived() {
        replay::seeds("answers", answers);
        replay::seeds("streams", streams);
        replay::seeds("links", links);
    }
}
