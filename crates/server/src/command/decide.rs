//! The second person: approving and denying what somebody else has submitted.
//!
//! Refuses to know better than the model who may decide about what; it finds the command, and says in
//! words what the model refused.

use super::Commands;
use super::accept::{UnseenError, object};
use crate::auth::{Origin, Session};
use model::command::{ApprovalHash, Command, Decider, Input, Phase, Refused};
use model::id::CommandId;
use store::{AuditEntry, StoreError};

/// Why a decision was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecideError {
    #[error(transparent)]
    Unseen(#[from] UnseenError),
    #[error("nobody decides about a command of their own")]
    Own,
    #[error("the hash is not of this command: read it again")]
    OtherOrder,
    #[error("the time for a decision is over")]
    Late,
    #[error("nobody has to decide about it")]
    NotAwaiting(Box<Command>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Commands {
    /// Permits a command, exactly as the caller saw it.
    pub(crate) async fn approve(
        &self,
        session: &Session,
        command_id: CommandId,
        hash: ApprovalHash,
        from: &Origin,
    ) -> Result<Command, DecideError> {
        let details = serde_json::json!({ "approval_hash": hash });
        let object = object(command_id);
        let deed = from.detailed_deed_of(session, "command_approved", object, details);
        let input = Input::Approve { hash, by: decider(session) };
        self.decide(session, command_id, input, deed).await
    }

    /// Forbids a command.
    pub(crate) async fn deny(
        &self,
        session: &Session,
        command_id: CommandId,
        reason: String,
        from: &Origin,
    ) -> Result<Command, DecideError> {
        let deed = from.deed_of(session, "command_denied", object(command_id));
        let deed = AuditEntry { reason: Some(reason.clone()), ..deed };
        self.decide(session, command_id, Input::Deny { reason, by: decider(session) }, deed).await
    }

    async fn decide(
        &self,
        session: &Session,
        command_id: CommandId,
        input: Input,
        deed: AuditEntry,
    ) -> Result<Command, DecideError> {
        self.visible(session, command_id).await?;
        let applied = self.store.apply(command_id, None, vec![input], Some(deed)).await?;
        let applied = applied.ok_or(UnseenError::UnknownCommand)?;
        if let Some(refused) = applied.refused {
            return Err(words(refused, applied.command, self.store.now()));
        }
        let vehicle_id = applied.command.order.vehicle_id;
        let command = self.announce(applied);
        self.doorbell.ring(vehicle_id);
        Ok(command)
    }
}

fn words(refused: Refused, command: Command, now: model::Timestamp) -> DecideError {
    let is_over = command.order.approve_by.is_some_and(|until| until <= now);
    let is_undecided = command.decision.is_none();
    match (refused, command.phase()) {
        (Refused::Own, _) => DecideError::Own,
        (Refused::OtherOrder, _) => DecideError::OtherOrder,
        (_, Phase::AwaitingApproval | Phase::Expired) if is_over && is_undecided => {
            DecideError::Late
        }
        _ => DecideError::NotAwaiting(Box::new(command)),
    }
}

fn decider(session: &Session) -> Decider {
    Decider { user_id: session.user_id(), name: session.username().to_owned() }
}
