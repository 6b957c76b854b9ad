//! Cyclic subscriptions: samples of a resource that the server takes by itself.
//! Refuses to end one by itself: whoever subscribed deletes, or waits for the end of its duration.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::event::Events;
use crate::fields::{self, Fields};
use crate::link::Link;
use crate::receipt::{Acknowledged, IDS};

const SUBSCRIPTIONS: &str = "cyclic-subscriptions";

/// How often a sample is taken; the server says what that is in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interval {
    /// As often as the server will.
    Fast,
    /// In between.
    Normal,
    /// As seldom as the server will.
    Slow,
}

impl Interval {
    /// The word for it, e.g. `fast`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Normal => "normal",
            Self::Slow => "slow",
        }
    }

    fn named(word: &str) -> Option<Self> {
        [Self::Fast, Self::Normal, Self::Slow].into_iter().find(|interval| interval.word() == word)
    }
}

/// A subscription that the server keeps.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Unique in its entity; `None` if the server gave none.
    pub id: Option<String>,
    /// What is sampled, as the server writes it; `None` if it did not say.
    pub resource: Option<String>,
    /// `None` if the server did not say.
    pub interval: Option<Interval>,
    /// When it ends, RFC 3339; `None` if the server did not say.
    pub expires: Option<String>,
    /// Where the samples come: at the `event_source`, else at the subscription itself.
    pub events: Link,
    /// Where to change and delete it.
    pub href: Link,
    /// The whole entry; `null` if the server said nothing.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The subscriptions of an entity.
    pub fn subscriptions(&self, entity: &Entity) -> Call<Vec<Subscription>> {
        let (place, announced) = entity.collection(SUBSCRIPTIONS);
        let decode = |document: &Document| document.items("subscriptions", Subscription::listed);
        Call::get(self, &place, decode).announced(announced)
    }

    /// Subscribes to a resource of the entity, for `duration` (whole seconds, rounded up).
    ///
    /// `resource` is what [`Entity::relative`] gives, or the text of its [`Link`]: a server may insist
    /// on one of them. No sample is taken before [`Client::events`] is called, unless the
    /// server likes to.
    pub fn subscribe(
        &self,
        entity: &Entity,
        resource: &str,
        interval: Interval,
        duration: Duration,
    ) -> Call<Subscription> {
        let (place, announced) = entity.collection(SUBSCRIPTIONS);
        let body = Value::from_iter([
            ("resource", Value::from(resource)),
            ("interval", Value::from(interval.word())),
            ("duration", fields::seconds(duration).into()),
            ("protocol", "sse".into()),
        ]);
        Call::post(self, &place, body, Subscription::created).announced(announced)
    }

    /// The subscription at `href`.
    pub fn subscription(&self, href: &Link) -> Call<Subscription> {
        Call::get(self, href, Subscription::itself)
    }

    /// Changes the subscription at `href`: how often, and for how long from now on; `None` leaves
    /// either as it is.
    pub fn change_subscription(
        &self,
        href: &Link,
        interval: Option<Interval>,
        duration: Option<Duration>,
    ) -> Call<Subscription> {
        let interval = interval.map(|interval| ("interval", Value::from(interval.word())));
        let duration =
            duration.map(|duration| ("duration", Value::from(fields::seconds(duration))));
        let body: Value = interval.into_iter().chain(duration).collect();
        Call::put(self, href, body, Subscription::itself)
    }

    /// Ends the subscription at `href`, and with it its stream of events.
    pub fn delete_subscription(&self, href: &Link) -> Call<Acknowledged> {
        Call::delete(self, href, Acknowledged::decode)
    }

    /// Opens the samples of a subscription.
    ///
    /// # Errors
    ///
    /// As [`Client::events_at`].
    pub async fn events(&self, subscription: &Subscription) -> Result<Events, Error> {
        self.events_at(&subscription.events).await
    }
}

impl Subscription {
    fn listed(place: &Link, raw: &RawValue) -> Result<Self, Error> {
        let fields = Fields::of(raw, "subscription")?;
        let id = fields.id(IDS, "subscription")?;
        Ok(Self::of(&fields, fields.href(place, &id), raw))
    }

    fn created(document: &Document) -> Result<Self, Error> {
        let raw = document.json().unwrap_or(RawValue::NULL);
        let fields = Fields::of_any(raw);
        let named = || fields.text(IDS).map(|id| fields.href(document.place(), &id));
        let href = document.location().cloned().or_else(named);
        let href = href.ok_or_else(|| Error::malformed("subscribed, but nowhere to be found"))?;
        Ok(Self::of(&fields, href, raw))
    }

    #[expect(clippy::unnecessary_wraps, reason = "one of the decoders, which may fail")]
    fn itself(document: &Document) -> Result<Self, Error> {
        let raw = document.json().unwrap_or(RawValue::NULL);
        Ok(Self::of(&Fields::of_any(raw), document.place().clone(), raw))
    }

    fn of(fields: &Fields, href: Link, raw: &RawValue) -> Self {
        Self {
            id: fields.text(IDS).or_else(|| href.decoded_name()),
            resource: fields.text(&["observed_resource", "resource"]),
            interval: fields.text(&["interval"]).and_then(|word| Interval::named(&word)),
            expires: fields.text(&["expires", "expires_at"]),
            events: fields.link("event_source", &href).unwrap_or_else(|| href.clone()),
            href,
            raw: raw.to_owned(),
        }
    }
}
