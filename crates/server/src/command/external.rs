//! Vehicles that somebody else's program reaches: orders go out and answers come in over the bus.
//!
//! Refuses to believe the program's numbers, and to record the same answer twice.

use super::dispatch::Reins;
use super::record::{self, traceparent};
use super::{AGAIN, Commands, insist};
use crate::auth::opaque::sha256;
use crate::live::bus::{Heard, OrderError};
use crate::observe;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;
use model::catalog::StateNeed;
use model::command::external;
use model::command::{Command, ErrorCode, Input, Refusal};
use model::id::{CommandId, VehicleId};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::Duration;
use store::Spoken;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many answers are recorded together.
const TOGETHER: usize = 128;

/// What an external connector is told to do: the text on `command:{vehicle_id}`.
#[derive(Serialize)]
struct OrderMessage<'a> {
    event: &'static str,
    command_id: CommandId,
    vehicle_id: VehicleId,
    command_name: &'a str,
    command_params: &'a RawValue,
    attempt: u32,
    /// After it nobody waits for an answer.
    deadline: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

/// Hands a running command to the connector of its vehicle, and keeps listening until it has ended. The
/// state of such a vehicle is not seen from here: what needs one is refused.
pub(super) async fn drive(
    commands: Commands,
    command: Command,
    needs: Vec<StateNeed>,
    limit: Duration,
    reins: &Reins,
) {
    let claim = (command.order.command_id, command.fence);
    if let Some(need) = needs.first() {
        let words = format!("policy.conditions wants {need}: of this vehicle that cannot be seen");
        return commands.conclude(claim, Input::Refused(Refusal::Precondition, words)).await;
    }
    let sent = async {
        if !commands.settings.hears_external {
            return Err(OrderError::NotSent);
        }
        // First the ears, then the order: the answer may come at once.
        let topic = commands.bus.attend(claim.0).await.ok_or(OrderError::NotSent)?;
        let send_by = reins.send_by.clone();
        commands.bus.order(command.order.vehicle_id, order(&command), send_by).await?;
        Ok(topic)
    };
    let end = match sent.await {
        Ok(topic) => match tokio::time::timeout(limit, topic.ended()).await {
            Ok(()) => return,
            Err(_) => Input::Due,
        },
        Err(OrderError::NotSent) => Input::NotSent,
        Err(OrderError::Lost) => Input::Lost,
    };
    commands.conclude(claim, end).await;
}

/// Listens to a program that has begun to answer a command which nobody had given it.
pub(super) async fn listen_out(commands: Commands, command_id: CommandId) {
    let topic = commands.bus.topic(command_id);
    let command = loop {
        match commands.store.command(command_id).await {
            Ok(Some(command)) => break command,
            Ok(None) => return,
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    };
    let limit = record::remaining(&commands, &command);
    if tokio::time::timeout(limit, topic.ended()).await.is_err() {
        commands.conclude((command_id, command.fence), Input::Due).await;
    }
}

fn order(command: &Command) -> String {
    let message = OrderMessage {
        event: "command",
        command_id: command.order.command_id,
        vehicle_id: command.order.vehicle_id,
        command_name: &command.order.name,
        command_params: &command.order.params,
        attempt: command.attempt,
        deadline: command.run_deadline(),
        traceparent: traceparent(command),
    };
    // Ids, texts and a time: encoding them cannot fail.
    serde_json::to_string(&message).unwrap_or_default()
}

impl Commands {
    /// Does what comes over the bus, until `shutdown` or the end of the bus.
    pub(crate) async fn listen(
        &self,
        mut heard: mpsc::Receiver<Heard>,
        shutdown: CancellationToken,
    ) {
        let mut batch = Vec::with_capacity(TOGETHER);
        while let Some(1..) =
            shutdown.run_until_cancelled(heard.recv_many(&mut batch, TOGETHER)).await
        {
            // In order for each command; side by side, and so in one commit, for different ones.
            let mut spoken: HashMap<CommandId, Vec<String>> = HashMap::new();
            for heard in batch.drain(..) {
                match heard {
                    Heard::Stop(command_id) => self.doorbell.stop(command_id),
                    Heard::External(command_id, text) => {
                        spoken.entry(command_id).or_default().push(text);
                    }
                }
            }
            let hearing: Vec<_> = spoken
                .into_iter()
                .map(|(command_id, texts)| self.hear(command_id, texts))
                .collect();
            futures_util::future::join_all(hearing).await;
        }
    }

    async fn hear(&self, command_id: CommandId, texts: Vec<String>) {
        for text in texts {
            let became = match external::Heard::read(command_id, &text) {
                Ok(heard) => self.take(command_id, heard, &text).await,
                Err(junk) => {
                    tracing::debug!(%command_id, %junk, "ignored what another program said");
                    "junk"
                }
            };
            observe::external_event(became);
        }
    }

    async fn take(
        &self,
        command_id: CommandId,
        heard: external::Heard,
        text: &str,
    ) -> &'static str {
        let source = match heard.given_id {
            Some(response_id) => response_id.to_string(),
            None => fingerprint(text),
        };
        let (node, lease, external) = (self.node, self.settings.lease, heard.external);
        let spoken = Spoken { command_id, node, lease, source, external };
        let hear = || self.store.hear(spoken.clone());
        match insist(command_id, "what another program said", hear).await {
            Some(store::Heard::Recorded(applied)) => {
                let is_too_long = applied.command.last_offset >= self.settings.max_events;
                let command = self.announce(applied);
                if is_too_long {
                    let words = "Vehicle response too large";
                    let claim = (command_id, command.fence);
                    self.conclude(claim, Input::Unusable(ErrorCode::TooLarge, words)).await;
                }
                "recorded"
            }
            Some(store::Heard::Duplicate) => "duplicate",
            Some(store::Heard::Ended) => "late",
            Some(store::Heard::UnknownCommand) => "junk",
            None => "failed",
        }
    }
}

/// What a text without an id of its own is recognised by.
fn fingerprint(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()))
}
