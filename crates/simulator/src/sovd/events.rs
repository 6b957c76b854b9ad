//! Event streams: samples of subscriptions, and triggers that fire.
//!
//! Has no ids and repeats nothing: what nobody listens to is lost, as the standard has it.

use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::At;
use super::observed::observe;
use crate::refusal::Refusal;

/// How often a trigger's resource is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Silence after which a comment is sent, so that a client that has left is noticed.
const SILENCE: Duration = Duration::from_secs(15);

struct Sampling {
    at: At,
    id: String,
    due: Instant,
}

struct Watch {
    at: At,
    id: String,
    due: Instant,
    sent: Instant,
}

/// What a look at a trigger's resource brings.
enum Sight {
    Nothing,
    Fires(Bytes),
    /// The trigger will not fire again.
    Over,
}

/// Samples of a subscription until it is over.
pub(super) fn samples(at: At, id: String) -> Response {
    let sampling = Sampling { at, id, due: Instant::now() };
    answer(stream::unfold(sampling, Sampling::next))
}

/// One event each time that a trigger fires, until it is over.
pub(super) fn firings(at: At, id: String) -> Response {
    let now = Instant::now();
    answer(stream::unfold(Watch { at, id, due: now, sent: now }, Watch::next))
}

impl Sampling {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        sleep_until(self.due).await;
        self.at = self.at.at_present();
        let subscription = self.at.memory().subscriptions.get(&self.id).ok()?.clone();
        if subscription.expires <= self.at.now {
            return None;
        }
        // A client that takes slowly misses samples instead of getting a burst of them.
        self.due = Instant::now().max(self.due + subscription.interval.duration());
        let event = envelope(&self.at, observe(&self.at, &subscription.resource));
        Some((event, self))
    }
}

impl Watch {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            sleep_until(self.due).await;
            self.due = Instant::now() + LOOK;
            self.at = self.at.at_present();
            let event = match self.look() {
                Sight::Over => return None,
                Sight::Fires(event) => event,
                Sight::Nothing if self.sent.elapsed() < SILENCE => continue,
                Sight::Nothing => Bytes::from_static(b": silence\n\n"),
            };
            self.sent = Instant::now();
            return Some((event, self));
        }
    }

    fn look(&self) -> Sight {
        let at = &self.at;
        let resource = {
            let memory = at.memory();
            let active = memory.triggers.get(&self.id).ok().filter(|it| it.is_active(at.now));
            active.map(|trigger| trigger.resource.clone())
        };
        let Some(resource) = resource else { return Sight::Over };
        // What cannot be read now has not changed.
        let Ok(body) = observe(at, &resource) else { return Sight::Nothing };
        match at.memory().triggers.get_mut(&self.id).map(|trigger| trigger.judge(&body)) {
            Err(_) => Sight::Over,
            Ok(false) => Sight::Nothing,
            Ok(true) => Sight::Fires(envelope(at, Ok(body))),
        }
    }
}

fn answer(events: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(events.map(Ok::<_, std::io::Error>))).into_response()
}

fn envelope(at: &At, read: Result<Value, Refusal>) -> Bytes {
    let timestamp = at.utc(at.now);
    let event = match read {
        Ok(payload) => json!({"timestamp": timestamp, "payload": payload}),
        Err(refusal) => json!({"timestamp": timestamp, "error": refusal.body()}),
    };
    format!("data: {event}\n\n").into()
}
