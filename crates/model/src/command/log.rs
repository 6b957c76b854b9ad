//! Writes what happens to a command as events, numbered and encoded.
//!
//! Refuses to decide whether it may happen: that is [`super::reduce`]'s.

use super::external::ExternalResponse;
use super::{Command, Ended, Failure, Outcome, State, Step};
use crate::Timestamp;
use crate::event::{ErrorEvent, Event, Kind, Response, ResponseEvent, StatusEvent};
use crate::id::{CommandId, ResponseId};
use serde::Serialize;
use serde_json::value::RawValue;

/// What a response event repeats outside its `response` object.
struct Flat<'a> {
    response_id: ResponseId,
    payload: &'a RawValue,
    is_final: bool,
}

/// A command being moved, and the events that this makes.
pub(super) struct Log {
    pub(super) command: Command,
    pub(super) now: Timestamp,
    events: Vec<Event>,
}

impl Log {
    pub(super) fn new(command: Command, now: Timestamp) -> Self {
        Self { command, now, events: Vec::new() }
    }

    pub(super) fn step(self) -> Step {
        Step { command: self.command, events: self.events }
    }

    pub(super) fn enter(&mut self, state: State, reason: Option<&str>, by: Option<&str>) {
        self.command.state = state;
        self.status(reason, by);
    }

    pub(super) fn end(mut self, ended: Ended, by: Option<&str>) -> Step {
        if let Outcome::Failed(failure) = &ended.outcome {
            self.error(failure);
        }
        self.command.state = State::Ended(ended);
        self.status(None, by);
        self.step()
    }

    pub(super) fn response(
        &mut self,
        is_final: bool,
        response_id: ResponseId,
        payload: Box<RawValue>,
    ) {
        let sequence_number = self.command.last_sequence.saturating_add(1);
        self.command.last_sequence = sequence_number;
        let response = Response {
            response_id,
            response_payload: payload,
            sequence_number,
            is_final,
            received_at: self.now,
        };
        let part = Some(self.command.last_part);
        let flat = Flat { response_id, payload: &response.response_payload, is_final };
        self.append_response(part, &response, &flat);
    }

    /// A response that another program gave, under our own number. It is no part of an attempt.
    pub(super) fn external(&mut self, answer: &ExternalResponse) {
        let sequence_number = self.command.last_sequence.saturating_add(1);
        self.command.last_sequence = sequence_number;
        let response = answer.completed(sequence_number, self.now);
        let ExternalResponse { response_id, payload, is_final, .. } = answer;
        let flat = Flat { response_id: *response_id, payload, is_final: *is_final };
        self.append_response(None, &response, &flat);
    }

    fn append_response(&mut self, part: Option<u32>, response: &impl Serialize, flat: &Flat<'_>) {
        let (command_id, sequence_number) = (self.id(), self.command.last_sequence);
        self.append(Kind::Response, Some((sequence_number, part)), |offset| ResponseEvent {
            event: "response",
            command_id,
            sequence_number,
            offset,
            response,
            response_id: flat.response_id,
            response_payload: flat.payload,
            is_final: flat.is_final,
        });
    }

    fn error(&mut self, failure: &Failure) {
        let command_id = self.id();
        self.append(Kind::Error, None, |offset| ErrorEvent {
            event: "error",
            command_id,
            offset,
            error_message: &failure.message,
            error_code: failure.code,
        });
    }

    pub(super) fn status(&mut self, reason: Option<&str>, by: Option<&str>) {
        let (command_id, at, attempt) = (self.id(), self.now, self.command.attempt);
        let state = self.command.phase();
        let kind = if state.is_terminal() { Kind::End } else { Kind::Status };
        self.append(kind, None, |offset| StatusEvent {
            event: "status",
            command_id,
            offset,
            status: state.status(),
            state,
            at,
            attempt,
            reason,
            by,
            completed_at: state.is_terminal().then_some(at),
        });
    }

    fn append<E: Serialize>(
        &mut self,
        kind: Kind,
        response: Option<(u32, Option<u32>)>,
        event: impl FnOnce(u64) -> E,
    ) {
        let offset = self.command.last_offset.saturating_add(1);
        self.command.last_offset = offset;
        self.events.push(Event {
            offset,
            kind,
            sequence_number: response.map(|(sequence, _)| sequence),
            attempt: self.command.attempt,
            part: response.and_then(|(_, part)| part),
            recorded_at: self.now,
            frame: encode(&event(offset)),
        });
    }

    fn id(&self) -> CommandId {
        self.command.order.command_id
    }
}

/// Event structs have text keys and no maps of their own: encoding them cannot fail.
fn encode(event: &impl Serialize) -> String {
    serde_json::to_string(event).unwrap_or_default()
}
