//! Unlocking a control unit: its seed goes to a key source, and the key to the vehicle.
//!
//! Puts no key into an answer, an error or a log, and sends none that no seed was asked for.

use ::sovd::{Error, Link};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::lock::Last;
use super::{failure, outbox};
use crate::keys::{KeyError, KeySource, Lock};
use crate::order::End;
use model::catalog::Seconds;
use model::command::Refusal;
use std::time::Duration;

/// The mode that is set.
const MODE: &str = "security";
/// What is added to the word for a level to ask for its seed.
const REQUEST: &str = "_RequestSeed";

/// What is to be unlocked, and with what.
pub(super) struct Wish<'a> {
    pub(super) entity: &'a str,
    pub(super) level: &'a str,
    pub(super) key_source: &'a str,
    pub(super) expiration: Option<Seconds>,
}

/// What a vehicle gave to make a key from.
pub(super) struct Seed {
    text: String,
    /// It stood in an object, and so does the key.
    is_named: bool,
}

impl Attempt<'_> {
    pub(super) async fn unlock(
        &mut self,
        stop: &CancellationToken,
        wish: Wish<'_>,
    ) -> Result<(), End> {
        let (source, (target, place)) = preparing(stop, async {
            let source =
                self.reach.keys.find(wish.key_source).await.map_err(|error| keyless(&error))?;
            Ok((source, self.mode(wish.entity, MODE).await?))
        })
        .await?;
        let hold = self.hold(stop, &target, "security.unlock").await?;
        let worked = hold.during(self.unlocked(&target, &place, &source, &wish)).await;
        self.conclude(hold, worked).await
    }

    async fn unlocked(
        &mut self,
        target: &Target<'_>,
        place: &Link,
        source: &KeySource,
        wish: &Wish<'_>,
    ) -> Result<Last, End> {
        if self.is_too_late() {
            return Err(End::NotSent);
        }
        let last = outbox::json(&json!({ "id": MODE, "value": wish.level })).map(Some);
        // To ask for a seed changes nothing: what fails before the key has done nothing.
        let asked = target.client.set_mode(place, format!("{}{REQUEST}", wish.level)).await;
        let asked = asked.map_err(seedless)?;
        let seed = asked.seed.as_deref().and_then(Seed::of).ok_or_else(|| {
            End::Refused(Refusal::Unsupported, "the vehicle gave no seed".to_owned())
        })?;
        // So a control unit says that it is unlocked already.
        if seed.is_zero() {
            return last;
        }
        let lock = Lock {
            sovd_url: &self.address.sovd_url,
            entity: wish.entity,
            level: wish.level,
            seed: &seed.text,
        };
        let key = source.key(&lock).await.map_err(|error| keyless(&error))?;
        let mut call = target.client.set_mode(place, wish.level).key(seed.answered_by(&key));
        if let Some(expiration) = wish.expiration {
            call = call.expiring_after(Duration::from(expiration));
        }
        match self.change(call).await? {
            Some(_) => last,
            None => Ok(None),
        }
    }
}

impl Seed {
    /// A text, or the first text in an object.
    pub(super) fn of(raw: &RawValue) -> Option<Self> {
        match serde_json::from_str(raw.get()).ok()? {
            Value::String(text) => Some(Self { text, is_named: false }),
            Value::Object(members) => {
                let text = members.values().find_map(Value::as_str)?.to_owned();
                Some(Self { text, is_named: true })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        let digits = self.text.trim_start_matches("0x");
        !digits.is_empty() && digits.bytes().all(|digit| digit == b'0' || digit == b' ')
    }

    /// The key as the vehicle wants it; one that is an object already has names of its own.
    pub(super) fn answered_by(&self, key: &SecretString) -> Value {
        let key = key.expose_secret();
        match serde_json::from_str(key) {
            Ok(named @ Value::Object(_)) => named,
            _ if self.is_named => json!({ "Send_Key": key }),
            _ => key.into(),
        }
    }
}

/// A seed that did not come: nothing was unlocked, and it is not asked for again.
fn seedless(error: Error) -> End {
    let end = failure::of_read(error);
    if end != End::Lost {
        return end;
    }
    End::VehicleError("the vehicle gave no seed: the connection was lost".to_owned())
}

fn keyless(error: &KeyError) -> End {
    End::Refused(Refusal::Precondition, error.to_string())
}
