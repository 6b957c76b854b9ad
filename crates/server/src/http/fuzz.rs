//! Requests, read by fuzz targets: addresses and headers, and bodies.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use super::socket::{Asked, is_own};
use super::{audit, commands, cookie, encoding, events, fleets, gate, grants, login, origin, page};
use super::{json, registry, request, sessions, text, tickets, upgrade, users, vehicles};
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use serde::de::DeserializeOwned;
use std::net::{IpAddr, Ipv4Addr};
use url::Url;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const ORIGIN: &str = "https://bench.example";

/// An address in the first line, and a header in every other.
///
/// # Panics
///
/// If a stranger is taken for somebody else, or what we made of a request is out of bounds.
pub fn requests(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let Ok(uri) = Uri::try_from(lines.next().unwrap_or_default()) else { return };
    let headers: HeaderMap = lines.take(100).filter_map(header_of).collect();
    if gate::refused(&uri).is_none() {
        address(&uri, &headers);
    }
    who(&headers);
    let names = request::names(&headers);
    assert!((1..=128).contains(&names.request_id.len()) && names.trace_id.len() == 32);
    drop(commands::key(&headers, data));
    assert!(commands::preferred_wait(&headers).is_none_or(|wait| wait.as_secs() <= 60));
    events::last_event_id(&headers);
    drop(registry::Version::named(&headers));
    encoding::reads(&headers, "br");
}

fn header_of(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let mut halves = line.splitn(2, |byte| *byte == b':');
    let name = HeaderName::try_from(halves.next()?).ok()?;
    Some((name, HeaderValue::try_from(halves.next()?).ok()?))
}

fn address(uri: &Uri, headers: &HeaderMap) {
    let query = uri.query().unwrap_or_default();
    drop(Asked::of(query, upgrade::offers(headers)));
    let mut link = HeaderMap::new();
    page::next(&mut link, uri, 7);
    let next = link.get(header::LINK).map(HeaderValue::as_bytes).unwrap_or_default();
    assert!(next.ends_with(br#"offset=7>; rel="next""#), "{uri} goes on at {next:?}");
    asked::<audit::ListQuery>(uri);
    asked::<commands::ListQuery>(uri);
    asked::<events::FollowQuery>(uri);
    asked::<sessions::Owner>(uri);
    asked::<users::ListQuery>(uri);
    asked::<vehicles::ListQuery>(uri);
}

fn asked<T: DeserializeOwned>(uri: &Uri) {
    drop(Query::<T>::try_from_uri(uri));
}

/// Whom a request is from.
fn who(headers: &HeaderMap) {
    assert_eq!(origin::client(PEER, headers, &[]), PEER);
    origin::client(PEER, headers, &[PEER]);
    let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().collect();
    let is_allowed = is_own(headers, &[ORIGIN.to_owned()]);
    assert!(!is_allowed || origins.len() <= 1, "{origins:?}");
    if let Ok(Some(_)) = cookie::token(headers) {
        assert!(origins.len() == 1 && is_own(headers, &[]), "{origins:?}");
    }
}

/// A body, after a byte that says of which kind.
///
/// # Panics
///
/// If a text passes that is not as the description says.
pub fn bodies(data: &[u8]) {
    let [kind, body @ ..] = data else { return };
    match kind % 10 {
        0 => read::<commands::Draft>(body),
        1 => read::<fleets::Draft>(body),
        2 => read::<grants::Term>(body),
        3 => read::<login::Credentials>(body),
        4 => read::<login::Renewal>(body),
        5 => read::<registry::Draft>(body),
        6 => read::<registry::Correction>(body),
        7 => read::<tickets::Draft>(body),
        8 => read::<users::Draft>(body),
        _ => read::<users::Change>(body),
    }
    texts(&String::from_utf8_lossy(body));
}

fn read<T: DeserializeOwned>(body: &[u8]) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    drop(json::body::<T>(&headers, body));
}

fn texts(given: &str) {
    let given = || given.to_owned();
    drop(text::email(given()));
    if let Ok(name) = text::name("/name", given()) {
        assert!(!name.trim().is_empty() && !name.contains(char::is_control));
    }
    if let Ok(username) = text::username(given()) {
        assert!(username.is_ascii() && username.len() <= 64);
    }
    if let Ok(Ok(url)) = text::sovd_url(given()).map(|text| Url::parse(&text)) {
        assert!(url.has_host() && url.username().is_empty() && url.password().is_none());
    }
}
