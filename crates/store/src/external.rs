//! Recording what other programs, acting as vehicle connectors, said of a command.
//!
//! Refuses to record it twice: every node that hears a message brings it here, and one records it.

use crate::drive::{Applied, fold};
use crate::ledger::Needs;
use crate::writer::{Tx, Write};
use crate::{Store, StoreError};
use model::command::external::External;
use model::command::{Command, Input, Lease, Queued, State, later};
use model::id::{CommandId, NodeId};
use std::time::Duration;

/// Something that another program said of a command, as a node heard it.
#[derive(Debug, Clone)]
pub struct Spoken {
    /// The command.
    pub command_id: CommandId,
    /// The node that heard it; it drives the command from now on if none did.
    pub node: NodeId,
    /// How long that node drives it, unless it renews.
    pub lease: Duration,
    /// The name of what was said: the same from every node, another for everything else said of
    /// this command.
    pub source: String,
    /// What was said.
    pub external: External,
}

/// What came of something that was heard.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is answered")]
pub enum Heard {
    /// It is stored.
    Recorded(Applied),
    /// It had been stored before.
    Duplicate,
    /// It changes nothing: the command has ended, or its time is over and it is about to, or nobody has
    /// approved it.
    Ended,
    /// There is no such command.
    UnknownCommand,
}

impl Store {
    /// Records what another program said, once for all nodes that heard it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn hear(&self, spoken: Spoken) -> Result<Heard, StoreError> {
        self.write(spoken).await
    }
}

impl Write for Spoken {
    type Done = Heard;

    fn ask(&self, needs: &mut Needs) {
        needs.command(self.command_id);
        needs.said(self.command_id, &self.source);
    }

    async fn run(&self, tx: &mut Tx) -> Result<Heard, StoreError> {
        let Some(command) = tx.ledger.command(self.command_id)? else {
            return Ok(Heard::UnknownCommand);
        };
        if command.phase().is_terminal() {
            return Ok(Heard::Ended);
        }
        if tx.ledger.is_known(self.command_id, &self.source) {
            return Ok(Heard::Duplicate);
        }
        let inputs = self.inputs(&command, tx);
        let applied = fold(tx, expectant(command), inputs, Some(&self.source));
        // Refused is only the claim, or the start, of a command that is due, which the sweep ends, or
        // that is not the one that was approved; and whatever is said of one that nobody approved.
        Ok(if applied.refused.is_none() { Heard::Recorded(applied) } else { Heard::Ended })
    }
}

impl Spoken {
    /// An answer implies that the order was taken and begun, whoever was told to take it.
    fn inputs(&self, command: &Command, tx: &Tx) -> Vec<Input> {
        let lease = Lease { owner: self.node, until: later(tx.now, self.lease) };
        let said = Input::External(self.external.clone());
        match &command.state {
            State::Queued(_) => vec![Input::Claim(lease), Input::Start, said],
            State::Dispatched(_) => vec![Input::Start, said],
            // The model refuses it of what waits for a person.
            State::AwaitingApproval(_)
            | State::Running(_)
            | State::Cancelling(_)
            | State::Ended(_) => vec![said],
        }
    }
}

/// A command that paused before its next attempt does not have to: the answer to the last is here.
fn expectant(command: Command) -> Command {
    match command.state {
        State::Queued(_) => {
            Command { state: State::Queued(Queued { not_before: None }), ..command }
        }
        State::AwaitingApproval(_)
        | State::Dispatched(_)
        | State::Running(_)
        | State::Cancelling(_)
        | State::Ended(_) => command,
    }
}
