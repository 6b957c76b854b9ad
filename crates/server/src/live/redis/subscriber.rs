//! The one connection of a node that hears: subscribed to each command that somebody watches here.
//!
//! Refuses to give up, and to trust that nothing was missed: after every break the store is asked.

use super::line::{Line, Place};
use super::{Ears, Health, NOTICES, PING, Pauses, in_time, response_channel};
use crate::live::bus::{Heard, Notice};
use crate::live::frame::Frame;
use crate::observe;
use ::redis::{FromRedisValue, PushInfo, PushKind, RedisResult};
use model::event::Kind;
use model::id::CommandId;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The task that hears.
pub(super) struct Subscriber {
    place: Place,
    ears: Ears,
    health: Arc<Health>,
}

impl Subscriber {
    pub(super) fn new(place: Place, ears: Ears, health: Arc<Health>) -> Self {
        Self { place, ears, health }
    }

    /// Runs until `shutdown`.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let mut pauses = Pauses::new();
        loop {
            let Some(session) = shutdown.run_until_cancelled(self.session(&mut pauses)).await
            else {
                return;
            };
            self.ears.hub.interest.forget();
            if self.health.hears_no_more() {
                tracing::warn!(error = %session, "the bus has gone silent");
            }
            if shutdown.run_until_cancelled(pauses.next()).await.is_none() {
                return;
            }
        }
    }

    /// Listens for as long as the connection stands; answers why it does not.
    async fn session(&self, pauses: &mut Pauses) -> redis::RedisError {
        match self.listen(pauses).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn listen(&self, pauses: &mut Pauses) -> RedisResult<Infallible> {
        // Of this connection alone: what became of an earlier one is no news.
        let broken = Arc::new(Notify::new());
        let (ears, breaks) = (self.ears.clone(), Arc::clone(&broken));
        let hear = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                breaks.notify_one();
            } else {
                ears.hear(&push);
            }
            Ok::<_, Infallible>(())
        };
        let mut session = Session {
            line: self.place.connect(hear).await?,
            ears: &self.ears,
            health: &self.health,
            hears_notices: false,
        };
        // Changes first, the list later: whatever comes in between is in one of them.
        self.ears.hub.interest.follow();
        session.join(self.ears.hub.all()).await?;
        session.check().await?;
        tracing::info!("the bus is heard");
        *pauses = Pauses::new();
        let mut ping = tokio::time::interval(PING);
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                changed = self.ears.hub.interest.changes() => session.follow(changed).await?,
                () = broken.notified() => session.mend()?,
                _ = ping.tick() => session.check().await?,
            }
        }
    }
}

/// A connection that hears.
struct Session<'a> {
    line: Line,
    ears: &'a Ears,
    health: &'a Health,
    hears_notices: bool,
}

impl Session<'_> {
    /// Subscribes to what is watched now, and unsubscribes from what is not any more.
    async fn follow(&mut self, changed: Vec<CommandId>) -> RedisResult<()> {
        let Ears { hub, .. } = self.ears;
        let (come, gone): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|&command_id| hub.watched(command_id).is_some());
        let is_new = |command_id: &CommandId| !hub.interest.is_subscribed(*command_id);
        let come = come.into_iter().filter(is_new).collect();
        let gone: Vec<_> = gone.into_iter().filter(|id| !is_new(id)).collect();
        if !gone.is_empty() {
            // Before it is true: whoever comes now must not take it for subscribed.
            hub.interest.revoke(&gone);
            self.line.unsubscribe(&channels(&gone)).await?;
        }
        self.join(come).await
    }

    /// Subscribes, and then asks what was missed until then. What did not succeed is tried again with
    /// the next look at the connection.
    async fn join(&mut self, commands: Vec<CommandId>) -> RedisResult<()> {
        if commands.is_empty() {
            return Ok(());
        }
        let failed: HashSet<_> =
            self.line.subscribe(&channels(&commands)).await?.into_iter().collect();
        let is_heard = |id: &CommandId| !failed.contains(&response_channel(*id));
        let heard: Vec<_> = commands.into_iter().filter(is_heard).collect();
        self.ears.hub.interest.confirm(&heard);
        self.ears.hub.doubt(heard);
        Ok(())
    }

    /// A connection broke. One of a cluster comes back by itself, without what was said meanwhile.
    fn mend(&self) -> RedisResult<()> {
        if self.line.heals_itself() {
            self.ears.hub.doubt(self.ears.hub.unfinished());
            return Ok(());
        }
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
    }

    /// Asks whether Redis is there: one that is frozen says nothing else. A cluster that lacks a node
    /// goes on with the others.
    async fn check(&mut self) -> RedisResult<()> {
        let answer = in_time(self.line.ping()).await;
        let is_whole = answer.is_ok();
        if !self.line.heals_itself() {
            answer?;
        }
        if !self.hears_notices {
            self.hears_notices = self.line.subscribe(&[NOTICES.to_owned()]).await?.is_empty();
        }
        let Ears { hub, .. } = self.ears;
        let is_deaf = |id: &CommandId| !hub.interest.is_subscribed(*id);
        self.join(hub.all().into_iter().filter(is_deaf).collect()).await?;
        let was_well = self.health.hears();
        let is_well = is_whole && self.hears_notices;
        self.health.subscribes(is_well);
        if is_well && !was_well {
            hub.doubt(hub.unfinished());
        }
        Ok(())
    }
}

fn channels(commands: &[CommandId]) -> Vec<String> {
    commands.iter().copied().map(response_channel).collect()
}

/// What a message is.
pub(super) enum Told {
    /// What nodes tell each other.
    Notice(Notice),
    /// An event that a node has stored.
    Event(CommandId, Frame),
    /// The words of another program, which acts as a connector.
    External(CommandId),
}

/// What a text on a channel is; `None` = nothing that concerns us.
pub(super) fn told(channel: &str, text: &str) -> Option<Told> {
    if channel == NOTICES {
        return serde_json::from_str(text).ok().map(Told::Notice);
    }
    let command_id = channel.strip_prefix("response:")?.parse().ok()?;
    let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    if envelope.command_id != command_id {
        return None;
    }
    let Some(offset) = envelope.offset else { return Some(Told::External(command_id)) };
    let kind = envelope.kind()?;
    Some(Told::Event(command_id, Frame::new(offset, kind, text)))
}

/// What has to be known of a text on the channel of a command.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    command_id: CommandId,
    offset: Option<u64>,
    completed_at: Option<IgnoredAny>,
}

impl Envelope<'_> {
    fn kind(&self) -> Option<Kind> {
        match (&*self.event, self.completed_at) {
            ("response", _) => Some(Kind::Response),
            ("error", _) => Some(Kind::Error),
            ("status", None) => Some(Kind::Status),
            ("status", Some(_)) => Some(Kind::End),
            _ => None,
        }
    }
}

impl Ears {
    /// Takes a push from Redis. Runs inside the connection: it never waits.
    fn hear(&self, push: &PushInfo) {
        if push.kind == PushKind::SUnsubscribe {
            self.lose(push);
        }
        if !matches!(push.kind, PushKind::Message | PushKind::SMessage) {
            return;
        }
        let heard = self.understand(push);
        observe::bus_heard(heard.is_some());
    }

    /// `None` = it is nothing that concerns us.
    fn understand(&self, push: &PushInfo) -> Option<()> {
        let [channel, text] = push.data.as_slice() else { return None };
        let channel = String::from_redis_value_ref(channel).ok()?;
        let text = String::from_redis_value_ref(text).ok()?;
        match told(&channel, &text)? {
            Told::Notice(notice) => self.notice(notice),
            Told::Event(command_id, frame) => {
                self.hub.hear(command_id, frame);
                Some(())
            }
            Told::External(command_id)
                if self.longest_external.is_some_and(|longest| text.len() <= longest) =>
            {
                self.pass(Heard::External(command_id, text))
            }
            Told::External(_) => None,
        }
    }

    /// A channel has moved to another node of the cluster, and left its subscribers behind.
    fn lose(&self, push: &PushInfo) {
        let channel = push.data.first().and_then(|it| String::from_redis_value_ref(it).ok());
        let command = channel.as_deref().and_then(|it| it.strip_prefix("response:")?.parse().ok());
        // What was given up on purpose is not among the subscriptions any more.
        if let Some(command_id) = command.filter(|&id| self.hub.interest.is_subscribed(id)) {
            self.hub.interest.revoke(&[command_id]);
            self.hub.interest.changed(command_id);
        }
    }

    fn notice(&self, notice: Notice) -> Option<()> {
        match notice {
            Notice::Vehicle(news) => {
                self.channels.publish(&news);
                Some(())
            }
            Notice::Moved(vehicles) => {
                self.channels.moved(&vehicles);
                Some(())
            }
            Notice::Stop(command_id) => self.pass(Heard::Stop(command_id)),
        }
    }

    fn pass(&self, heard: Heard) -> Option<()> {
        self.heard.try_send(heard).inspect_err(|_| observe::bus_dropped(1)).ok()
    }
}
