//! Accepting and cancelling: validate, authorize, store, answer.
//!
//! Refuses to answer before the command is durable.

use super::catalog::Fault;
use super::doorbell::Started;
use super::{Commands, dispatch};
use crate::auth::{Origin, Session};
use crate::live::bus::Notice;
use crate::observe;
use model::catalog::Entry;
use model::command::{Command, Input, Refused};
use model::event::Event;
use model::id::{CommandId, VehicleId};
use model::user::Action;
use model::vehicle::Vehicle;
use serde_json::value::RawValue;
use std::time::Duration;
use store::{Accepted, AuditEntry, Draft, Head, IdempotencyKey, Start, StoreError};

/// How long a command that is wanted "now or never" may take to be claimed.
const AT_ONCE: Duration = Duration::from_secs(2);

/// What a user wants done.
pub(crate) struct Submission {
    pub(crate) vehicle_id: VehicleId,
    pub(crate) command_name: String,
    pub(crate) command_params: Box<RawValue>,
    pub(crate) reason: Option<String>,
    pub(crate) priority: i16,
    /// `None` = the installation's default; zero = now or never.
    pub(crate) deliver_within: Option<Duration>,
    /// `None` = the installation's default.
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) key: Option<IdempotencyKey>,
}

/// Why a submission was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    #[error("no such vehicle")]
    UnknownVehicle,
    #[error("no command of that name")]
    UnknownCommand,
    #[error("this installation has not set {0}")]
    SwitchedOff(&'static str),
    #[error("parameters are not as the catalogue says")]
    InvalidParameters(Vec<Fault>),
    #[error("{field}: {fault}")]
    OutOfRange { field: &'static str, fault: String },
    #[error("a reason is needed for this command")]
    ReasonNeeded,
    #[error("your role does not permit this command")]
    NotPermitted,
    #[error("the vehicle is not connected")]
    VehicleOffline,
    #[error("the idempotency key was used for another submission")]
    KeyReused,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a command is not shown to somebody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnseenError {
    /// There is none, or none that they may see: which of the two is not told.
    #[error("no such command")]
    UnknownCommand,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a cancel was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CancelError {
    #[error(transparent)]
    Unseen(#[from] UnseenError),
    #[error("only its owner or an admin may cancel it")]
    NotPermitted,
    #[error("the command has already ended")]
    Ended(Box<Command>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An accepted command.
pub(crate) struct Receipt {
    pub(crate) command: Command,
    /// Whether it had been accepted before, under the same idempotency key.
    pub(crate) is_replay: bool,
}

impl Commands {
    /// Accepts a command: when this answers it survives the end of the process.
    pub(crate) async fn submit(
        &self,
        session: &Session,
        submission: Submission,
        from: &Origin,
    ) -> Result<Receipt, SubmitError> {
        let vehicle = self.vehicle(session, submission.vehicle_id).await?;
        let entry = self.checked(session, &submission)?;
        let deliver_within = self.deliver_within(&submission, &vehicle)?;
        let run_timeout = self.run_timeout(&submission, entry)?;
        let draft = Draft {
            command_id: CommandId::at(self.store.now()),
            vehicle_id: submission.vehicle_id,
            user_id: session.user_id(),
            name: submission.command_name,
            params: submission.command_params,
            risk: entry.risk,
            reason: submission.reason,
            priority: submission.priority,
            approve_within: self.settings.policy.approve_within(entry),
            deliver_within,
            run_timeout,
            trace_id: from.trace_id.clone(),
        };
        let audit = audit_of(session, from, &draft);
        let send_by = dispatch::send_by(self.settings.lease);
        let expected = self.doorbell.expect(draft.command_id);
        let is_connected = vehicle.is_worth_a_try();
        match self.accept(draft, submission.key, audit, is_connected).await? {
            Accepted::New(command, events) => {
                self.welcome(&command, &vehicle, events);
                // One that is away is rung for when it comes back, and one that came back just now is
                // found by the next look at all that waits.
                if is_connected {
                    self.doorbell.ring(vehicle.vehicle_id);
                }
                Ok(Receipt { command: *command, is_replay: false })
            }
            Accepted::Started(command, events, claimed) => {
                self.welcome(&command, &vehicle, events);
                let start = Started { claimed: *claimed, send_by, _expected: expected };
                if let Some(start) = self.doorbell.started(Box::new(start)) {
                    self.give_back(start.claimed).await;
                }
                Ok(Receipt { command: *command, is_replay: false })
            }
            Accepted::Replayed(command) => Ok(Receipt { command: *command, is_replay: true }),
            Accepted::KeyReused => Err(SubmitError::KeyReused),
        }
    }

    /// Tells the world of a new command.
    fn welcome(&self, command: &Command, vehicle: &Vehicle, events: Vec<Event>) {
        observe::command_submitted();
        self.bus.expect(&Head {
            command_id: command.order.command_id,
            vehicle_id: vehicle.vehicle_id,
            fleet_id: vehicle.fleet_id,
            phase: command.phase(),
            offset: 0,
        });
        super::announce(&self.bus, command, events);
    }

    /// Stores a command; one that can start at once starts in the same commit.
    async fn accept(
        &self,
        draft: Draft,
        key: Option<IdempotencyKey>,
        audit: AuditEntry,
        is_connected: bool,
    ) -> Result<Accepted, StoreError> {
        if !is_connected || self.doorbell.is_busy(self.settings.max_in_flight) {
            return self.store.accept(draft, key, audit).await;
        }
        let start = Start { node: self.node, lease: self.settings.lease };
        self.store.accept_and_start(draft, key, audit, start).await
    }

    async fn vehicle(&self, session: &Session, id: VehicleId) -> Result<Vehicle, SubmitError> {
        let vehicle = self.store.vehicle(id).await?;
        // One that may not be seen does not exist.
        vehicle
            .filter(|vehicle| session.sees(vehicle.fleet_id, self.store.now()))
            .ok_or(SubmitError::UnknownVehicle)
    }

    /// The row of a submission, if this user may submit it and it is as the row says.
    fn checked(&self, session: &Session, wanted: &Submission) -> Result<&Entry, SubmitError> {
        let entry = self.catalog.entry(&wanted.command_name).ok_or_else(|| self.absence(wanted))?;
        let params = serde_json::from_str(wanted.command_params.get()).unwrap_or_default();
        if !entry.permits(session.role(), &params) {
            return Err(SubmitError::NotPermitted);
        }
        let faults = self.catalog.faults(entry.name, &params);
        if !faults.is_empty() {
            return Err(SubmitError::InvalidParameters(faults));
        }
        if self.settings.policy.needs_reason(entry) && wanted.reason.is_none() {
            return Err(SubmitError::ReasonNeeded);
        }
        Ok(entry)
    }

    /// Why there is no such row.
    fn absence(&self, wanted: &Submission) -> SubmitError {
        let switch = self.catalog.switch_of(&wanted.command_name);
        switch.map_or(SubmitError::UnknownCommand, |it| SubmitError::SwitchedOff(it.setting()))
    }

    fn deliver_within(
        &self,
        wanted: &Submission,
        vehicle: &Vehicle,
    ) -> Result<Duration, SubmitError> {
        let (usual, longest) = self.settings.deliver_within;
        match wanted.deliver_within {
            Some(Duration::ZERO) if !vehicle.is_worth_a_try() => Err(SubmitError::VehicleOffline),
            Some(Duration::ZERO) => Ok(AT_ONCE),
            Some(span) => within("/deliver_within_ms", span, longest),
            None => Ok(usual),
        }
    }

    /// A row that has times of its own has them instead of the installation's, but for a limit that
    /// is wider there.
    fn run_timeout(&self, wanted: &Submission, entry: &Entry) -> Result<Duration, SubmitError> {
        let (usual, longest) = self.settings.run_timeout;
        let longest = entry.run_timeout_max.map_or(longest, |own| own.max(longest));
        match wanted.run_timeout {
            Some(Duration::ZERO) => {
                let fault = "must be at least 1".to_owned();
                Err(SubmitError::OutOfRange { field: "/run_timeout_ms", fault })
            }
            Some(span) => within("/run_timeout_ms", span, longest),
            None => Ok(entry.run_timeout.unwrap_or(usual)),
        }
    }

    /// Cancels a command: at once if nothing has been sent, else by asking the vehicle.
    pub(crate) async fn cancel(
        &self,
        session: &Session,
        command_id: CommandId,
        from: &Origin,
    ) -> Result<Command, CancelError> {
        let command = self.visible(session, command_id).await?;
        let is_owner = command.order.user_id == session.user_id()
            && session.may(Action::Submit(command.order.risk));
        if !is_owner && !session.may(Action::Administer) {
            return Err(CancelError::NotPermitted);
        }
        let input = Input::Cancel { by: session.username().to_owned() };
        let audit = from.deed_of(session, "command_cancelled", object(command_id));
        let applied = self.store.apply(command_id, None, vec![input], Some(audit)).await?;
        let applied = applied.ok_or(UnseenError::UnknownCommand)?;
        match applied.refused {
            Some(Refused::Ended) => Err(CancelError::Ended(Box::new(applied.command))),
            // It is being cancelled already.
            Some(_) => Ok(applied.command),
            None => {
                self.doorbell.stop(command_id);
                self.bus.tell(&Notice::Stop(command_id));
                Ok(self.announce(applied))
            }
        }
    }

    /// The command, if this user may see it.
    pub(crate) async fn visible(
        &self,
        session: &Session,
        command_id: CommandId,
    ) -> Result<Command, UnseenError> {
        let place = self.store.place_of_command(command_id).await?;
        let now = self.store.now();
        if !place.is_some_and(|(_, fleet)| session.sees(fleet, now)) {
            return Err(UnseenError::UnknownCommand);
        }
        self.store.command(command_id).await?.ok_or(UnseenError::UnknownCommand)
    }
}

fn within(field: &'static str, span: Duration, longest: Duration) -> Result<Duration, SubmitError> {
    if span <= longest {
        return Ok(span);
    }
    let fault = format!("must be at most {}", longest.as_millis());
    Err(SubmitError::OutOfRange { field, fault })
}

/// What the audit calls a command.
pub(super) fn object(command_id: CommandId) -> String {
    format!("command/{command_id}")
}

fn audit_of(session: &Session, from: &Origin, draft: &Draft) -> AuditEntry {
    let details = serde_json::json!({
        "vehicle_id": draft.vehicle_id,
        "command_name": draft.name,
        "command_params": draft.params,
    });
    let object = object(draft.command_id);
    let deed = from.detailed_deed_of(session, "command_submitted", object, details);
    AuditEntry { reason: draft.reason.clone(), ..deed }
}
