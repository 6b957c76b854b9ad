//! The parts on their way out, numbered where the vehicle does not do so.
//!
//! Refuses parts over the limit, and holds none back: it waits until a part is taken.

use ::sovd::Parts;
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::mpsc;

use super::failure;
use crate::order::{End, Part};

/// Parts of which nobody knows yet which is the last: each is held back until the next one comes.
#[derive(Debug, Default)]
pub(super) struct HeldBack(Option<Box<RawValue>>);

/// Where the parts of one order go.
#[derive(Debug)]
pub(super) struct Outbox {
    parts: mpsc::Sender<Part>,
    max_part_bytes: usize,
    sent: u32,
    /// See [`Part::entity`].
    entity: Option<String>,
}

impl Outbox {
    pub(super) fn new(parts: mpsc::Sender<Part>, max_part_bytes: usize) -> Self {
        Self { parts, max_part_bytes, sent: 0, entity: None }
    }

    /// All parts from now on are about this entity.
    pub(super) fn about(&mut self, entity: String) {
        self.entity = Some(entity);
    }

    /// Whether a part has been handed on.
    pub(super) fn has_sent(&self) -> bool {
        self.sent > 0
    }

    /// Bytes of the largest part.
    pub(super) fn max_part_bytes(&self) -> usize {
        self.max_part_bytes
    }

    /// Sends a part after which others follow.
    pub(super) async fn part(&mut self, payload: &impl Serialize) -> Result<(), End> {
        self.answer(false, payload).await
    }

    /// Sends the last part.
    pub(super) async fn last(&mut self, payload: &impl Serialize) -> Result<(), End> {
        self.answer(true, payload).await
    }

    /// Sends a part that is the last or not.
    pub(super) async fn answer(
        &mut self,
        is_final: bool,
        payload: &impl Serialize,
    ) -> Result<(), End> {
        let payload = json(payload)?;
        self.send(self.sent.saturating_add(1), is_final, payload).await
    }

    /// Hands on the parts of a stream as the vehicle numbered them.
    pub(super) async fn forward(&mut self, mut parts: Parts) -> Result<(), End> {
        while let Some(part) = parts.next().await {
            let ::sovd::Part { part, is_final, payload } = part.map_err(failure::of_read)?;
            self.send(part, is_final, payload).await?;
        }
        Ok(())
    }

    /// Sends the part before this one.
    pub(super) async fn push(
        &mut self,
        held: &mut HeldBack,
        payload: Box<RawValue>,
    ) -> Result<(), End> {
        match held.0.replace(payload) {
            Some(before) => self.part(&before).await,
            None => Ok(()),
        }
    }

    /// Sends what is still held back, as the last part; an empty list if there never was any.
    pub(super) async fn close(&mut self, held: HeldBack) -> Result<(), End> {
        match held.0 {
            Some(last) => self.last(&last).await,
            None => self.last(&json!({ "items": [] })).await,
        }
    }

    async fn send(&mut self, part: u32, is_final: bool, payload: Box<RawValue>) -> Result<(), End> {
        if payload.get().len() > self.max_part_bytes {
            return Err(End::TooLarge);
        }
        let part = Part { part, is_final, payload, entity: self.entity.clone() };
        // Nobody takes the parts any more: then nobody learns the end either.
        self.parts.send(part).await.map_err(|_| End::Lost)?;
        self.sent = self.sent.saturating_add(1);
        Ok(())
    }
}

/// A payload as JSON text.
pub(super) fn json(payload: &impl Serialize) -> Result<Box<RawValue>, End> {
    to_raw_value(payload).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        End::Malformed
    })
}
