//! What the commands of all nouns have in common: handing on what the vehicle says.
//!
//! Reshapes nothing: what a vehicle says is handed on as it is.

use ::sovd::{Acknowledged, Call, Error};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::attempt::Attempt;
use super::lock::Last;
use super::{failure, outbox, pages};
use crate::order::End;

/// A change that the vehicle confirmed and whose result could not be read afterwards.
#[derive(Debug, Serialize)]
pub(super) struct Confirmed {
    confirmed: bool,
    pub(super) message: String,
}

impl Confirmed {
    pub(super) fn unread(error: &Error) -> Self {
        tracing::warn!(error = error as &dyn std::error::Error, "a change was not read back");
        let message = format!("the vehicle confirmed it, but reading back failed: {error}");
        Self { confirmed: true, message }
    }
}

impl Attempt<'_> {
    /// Answers with what the vehicle says, as it is.
    pub(super) async fn hand_on<T>(&mut self, call: Call<T>) -> Result<(), End> {
        self.hand_on_with(call, |raw| Ok(raw.to_owned())).await
    }

    /// Answers with what the vehicle says, and what is added beside it.
    pub(super) async fn hand_on_with<T>(
        &mut self,
        call: Call<T>,
        add: fn(&RawValue) -> Result<Box<RawValue>, End>,
    ) -> Result<(), End> {
        match self.read(call.raw()).await? {
            Some(answer) => self.outbox.last(&add(&answer)?).await,
            None => Ok(()),
        }
    }

    /// Answers with a list as the vehicle writes it, all pages of it, and what is added beside it.
    pub(super) async fn hand_on_list<T: 'static>(
        &mut self,
        call: impl Fn() -> Call<Vec<T>>,
        add: fn(&RawValue) -> Result<Box<RawValue>, End>,
    ) -> Result<(), End> {
        let Some(first) = self.read(call().raw_page()).await? else { return Ok(()) };
        let list = pages::rest(first, call).await.map_err(failure::of_read)?;
        self.outbox.last(&add(&list)?).await
    }

    /// Carries out a change, and says so.
    pub(super) async fn acknowledge(&mut self, call: Call<Acknowledged>) -> Result<(), End> {
        match self.change(call).await? {
            Some(answer) => self.finish(confirmation(answer.raw)?).await,
            None => Ok(()),
        }
    }

    /// Sends the last part, unless the vehicle's own parts have been handed on.
    pub(super) async fn finish(&mut self, last: Last) -> Result<(), End> {
        match last {
            Some(last) => self.outbox.last(&last).await,
            None => Ok(()),
        }
    }

    /// A request of a read failed that may have been answered in part.
    pub(super) fn failed(&self, error: Error) -> End {
        let end = failure::of_read(error);
        if self.outbox.has_sent() { failure::after_begin(end) } else { end }
    }
}

/// Adds nothing.
#[expect(clippy::unnecessary_wraps, reason = "one of what is added beside a list")]
pub(super) fn plain(raw: &RawValue) -> Result<Box<RawValue>, End> {
    Ok(raw.to_owned())
}

/// What the vehicle said to a change, or that it said nothing against it.
pub(super) fn confirmation(raw: Option<Box<RawValue>>) -> Result<Last, End> {
    let raw = raw.filter(|raw| raw.get() != RawValue::NULL.get());
    raw.map_or_else(|| outbox::json(&json!({ "confirmed": true })), Ok).map(Some)
}

/// What was to be read before a change; `None` if the vehicle knows nothing of the kind yet.
pub(super) fn read_before<T>(reading: Result<T, Error>) -> Result<Option<T>, End> {
    match reading {
        Ok(reading) => Ok(Some(reading)),
        Err(Error::Refused { status: ..500, .. } | Error::Unsupported { .. }) => Ok(None),
        Err(error) => Err(failure::of_read(error)),
    }
}

/// What was read back after a change that the vehicle has confirmed.
pub(super) fn read_back(reading: Result<Box<RawValue>, Error>) -> Result<Last, End> {
    match reading {
        Ok(reading) => Ok(Some(reading)),
        Err(error) => outbox::json(&Confirmed::unread(&error)).map(Some),
    }
}
