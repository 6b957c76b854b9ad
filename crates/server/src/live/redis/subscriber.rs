//! The one connection of a node that hears: subscribed to each command that somebody watches here.
//!
//! Refuses to give up, and to trust that nothing was missed: after every break the store is asked.

use super::line::{Line, Place};
use super::{Ears, Health, NOTICES, PATIENCE, PING, Pauses, response_channel};
use crate::live::bus::{Heard, Notice};
use crate::live::ring::Frame;
use crate::observe;
use ::redis::{FromRedisValue, PushInfo, PushKind, RedisResult};
use model::event::Kind;
use model::id::CommandId;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The task that hears.
pub(super) struct Subscriber {
    place: Place,
    ears: Ears,
    health: Arc<Health>,
    /// A connection broke.
    broken: Arc<Notify>,
}

impl Subscriber {
    pub(super) fn new(place: Place, ears: Ears, health: Arc<Health>) -> Self {
        Self { place, ears, health, broken: Arc::default() }
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
        let (ears, broken) = (self.ears.clone(), Arc::clone(&self.broken));
        let hear = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                broken.notify_one();
            } else {
                ears.hear(&push);
            }
            Ok::<_, Infallible>(())
        };
        let mut line = self.place.connect(hear).await?;
        let hub = &self.ears.hub;
        // Changes first, the list later: whatever comes in between is in one of them.
        hub.interest.follow();
        line.subscribe(&[NOTICES.to_owned()]).await?;
        self.join(&mut line, hub.all()).await?;
        self.health.subscribes(true);
        tracing::info!("the bus is heard");
        *pauses = Pauses::new();
        let mut ping = tokio::time::interval(PING);
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                changed = hub.interest.changes() => self.follow(&mut line, changed).await?,
                () = self.broken.notified() => self.mend(&line)?,
                _ = ping.tick() => self.check(&mut line).await?,
            }
        }
    }

    /// Subscribes to what is watched now, and unsubscribes from what is not any more.
    async fn follow(&self, line: &mut Line, changed: Vec<CommandId>) -> RedisResult<()> {
        let hub = &self.ears.hub;
        let (come, gone): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|&command_id| hub.is_watched(command_id));
        let is_new = |command_id: &CommandId| !hub.interest.is_subscribed(*command_id);
        self.join(line, come.into_iter().filter(is_new).collect()).await?;
        let gone: Vec<_> = gone.into_iter().filter(|id| !is_new(id)).collect();
        if !gone.is_empty() {
            line.unsubscribe(&channels(&gone)).await?;
            hub.interest.revoke(&gone);
        }
        Ok(())
    }

    /// Subscribes, and then asks what was missed until then.
    async fn join(&self, line: &mut Line, commands: Vec<CommandId>) -> RedisResult<()> {
        if commands.is_empty() {
            return Ok(());
        }
        line.subscribe(&channels(&commands)).await?;
        self.ears.hub.interest.confirm(&commands);
        self.ears.hub.doubt(commands);
        Ok(())
    }

    /// A connection broke. One of a cluster comes back by itself, without what was said meanwhile.
    fn mend(&self, line: &Line) -> RedisResult<()> {
        if line.heals_itself() {
            self.ears.hub.doubt(self.ears.hub.unfinished());
            return Ok(());
        }
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
    }

    /// Asks whether Redis is there: one that is frozen says nothing else.
    async fn check(&self, line: &mut Line) -> RedisResult<()> {
        match tokio::time::timeout(2 * PATIENCE, line.ping()).await {
            Ok(Ok(())) => {
                if !self.health.hears() {
                    self.health.subscribes(true);
                    self.ears.hub.doubt(self.ears.hub.unfinished());
                }
                Ok(())
            }
            // The rest of the cluster goes on.
            _ if line.heals_itself() => {
                self.health.subscribes(false);
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }
}

fn channels(commands: &[CommandId]) -> Vec<String> {
    commands.iter().copied().map(response_channel).collect()
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
        if !matches!(push.kind, PushKind::Message | PushKind::SMessage) {
            return;
        }
        let heard = self.understand(push);
        observe::bus_heard(if heard.is_some() { "event" } else { "junk" });
    }

    /// `None` = it is nothing that concerns us.
    fn understand(&self, push: &PushInfo) -> Option<()> {
        let [channel, text] = push.data.as_slice() else { return None };
        let channel = String::from_redis_value_ref(channel).ok()?;
        let text = String::from_redis_value_ref(text).ok()?;
        if channel == NOTICES {
            return self.notice(serde_json::from_str(&text).ok()?);
        }
        let command_id = channel.strip_prefix("response:")?.parse().ok()?;
        let envelope: Envelope<'_> = serde_json::from_str(&text).ok()?;
        if envelope.command_id != command_id {
            return None;
        }
        match envelope.offset {
            Some(offset) => {
                let kind = envelope.kind()?;
                self.hub.hear(command_id, Frame { offset, kind, text: text.into() });
                Some(())
            }
            None if self.longest_external.is_some_and(|longest| text.len() <= longest) => {
                self.pass(Heard::External(command_id, text))
            }
            None => None,
        }
    }

    fn notice(&self, notice: Notice) -> Option<()> {
        match notice {
            Notice::Vehicle(news) => {
                self.channels.publish(news);
                Some(())
            }
            Notice::Stop(command_id) => self.pass(Heard::Stop(command_id)),
        }
    }

    fn pass(&self, heard: Heard) -> Option<()> {
        self.heard.try_send(heard).inspect_err(|_| observe::bus_dropped(1)).ok()
    }
}
