//! Subscriptions of SOVDd: to one data item each, streamed from the subscription itself.
//!
//! Counts the events, for the standard does not.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::documents::data_id;
use super::unprocessable;
use crate::dialect::asked::{Asked, Need};
use crate::dialect::place::{Kind, Place};
use crate::dialect::stamp;
use crate::dialect::told::Told;
use crate::dialect::tongue::{each_item, set, text};

/// Subscriptions whose beginning is remembered; the oldest goes first.
const MAX_KEPT: usize = 64;

/// When the subscriptions of one vehicle began.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    begun: Mutex<VecDeque<(String, String)>>,
}

/// Points a subscription to its item by the id of the standard, and a stream to its source.
pub(super) fn hear(asked: &mut Asked) -> Result<(), Told> {
    match (asked.kind(), asked.method.as_str()) {
        (Kind::Subscriptions, "POST") => subscribe(asked),
        (Kind::Subscription, "GET") if asked.wants_stream() => {
            let source = text(asked.known(Need::Itself), "event_source").to_owned();
            if !source.is_empty() {
                asked.place = Place::parse(&source, crate::sovd::BASE, "");
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn subscribe(asked: &mut Asked) -> Result<(), Told> {
    let mut body = asked.json().unwrap_or_default();
    let resource = body.get("resource").and_then(Value::as_str);
    let resource = resource.ok_or_else(|| unprocessable("resource"))?.to_owned();
    let id = resource.strip_prefix("data/");
    let item = id.and_then(|id| asked.listed(Need::DataItems, |item| data_id(item) == id));
    let Some(item) = item else {
        let message =
            format!("subscription resource {resource:?} is not a single same-entity parameter");
        return Err(Told::error(StatusCode::BAD_REQUEST, "incomplete-request", &message));
    };
    let resource = format!("{}/data/{}", asked.place.entity(), text(item, "id"));
    set(&mut body, "resource", resource);
    asked.set_json(&body);
    Ok(())
}

/// One event: a number, and the value under the identifier of its item.
pub(super) fn event(asked: &Asked, number: u64, mut data: Value) -> Value {
    let payload = data.get_mut("payload").map(Value::take).unwrap_or_default();
    let item = asked.listed(Need::DataItems, |item| item.get("id") == payload.get("id"));
    let id = data_id(item.unwrap_or(&payload)).to_owned();
    let value = payload.get("data").cloned().unwrap_or_default();
    let values = Map::from_iter([(id, value)]);
    set(&mut data, "payload", json!({"seq": number, "values": values}));
    data
}

impl Subscriptions {
    pub(super) fn tell(&self, asked: &Asked, told: Told) -> Told {
        let is_list = asked.kind() == Kind::Subscriptions && asked.is_get();
        told.map(|document| {
            if is_list {
                each_item(document, |item| self.worded(asked, &item))
            } else {
                self.worded(asked, &document)
            }
        })
    }

    fn worded(&self, asked: &Asked, subscription: &Value) -> Value {
        let id = text(subscription, "id");
        let observed = text(subscription, "observed_resource");
        let observed = observed.rsplit('/').next().unwrap_or_default();
        let item = asked.listed(Need::DataItems, |item| text(item, "id") == observed);
        json!({
            "subscription_id": id,
            "component_id": asked.place.segment(1),
            "resource": item.map_or(observed, data_id),
            "interval": text(subscription, "interval"),
            "protocol": "sse",
            "status": "active",
            "created_at": self.begin(id),
            "expires_at": text(subscription, "expires"),
        })
    }

    /// When a subscription began: now, if it is new.
    fn begin(&self, id: &str) -> String {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, at)) = begun.iter().find(|(known, _)| known == id) {
            return at.clone();
        }
        if begun.len() >= MAX_KEPT {
            begun.pop_front();
        }
        let at = stamp::now();
        begun.push_back((id.to_owned(), at.clone()));
        at
    }
}
