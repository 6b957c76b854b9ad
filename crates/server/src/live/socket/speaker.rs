//! The writing half of a session: carries out actions and sends what is there.
//!
//! Refuses to send one frame at a time: whatever is ready goes out with one flush.

use super::action::{Action, Heard, Problem};
use super::{End, Limits};
use crate::auth::{Auth, Pass};
use crate::live::Live;
use crate::live::channel::{Channel, News};
use crate::live::rights::{self, Followed};
use crate::live::ring::Frame;
use crate::live::watch::Watcher;
use crate::observe;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{self, BoxStream, SelectAll, SplitSink};
use futures_util::{FutureExt, SinkExt, StreamExt};
use model::event::Kind;
use model::id::CommandId;
use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

type Frames = Result<Vec<Frame>, StoreError>;

pub(super) struct Speaker {
    sink: SplitSink<WebSocket, Message>,
    live: Live,
    auth: Auth,
    pass: watch::Sender<Pass>,
    limits: Limits,
    commands: SelectAll<BoxStream<'static, (CommandId, Frames)>>,
    stops: HashMap<CommandId, AbortHandle>,
    followed: watch::Sender<Followed>,
    /// When the client last took something that had had to wait for it.
    progress: watch::Sender<Instant>,
    news: Option<broadcast::Receiver<News>>,
    /// When a client that asks for nothing more has been served; `None` = not yet, or never.
    idle_at: Option<Instant>,
    has_acted: bool,
}

impl Speaker {
    pub(super) fn new(
        sink: SplitSink<WebSocket, Message>,
        (live, auth): (Live, Auth),
        pass: watch::Sender<Pass>,
        limits: Limits,
    ) -> Self {
        Self {
            sink,
            live,
            auth,
            pass,
            limits,
            commands: SelectAll::new(),
            stops: HashMap::new(),
            followed: watch::Sender::default(),
            progress: watch::Sender::new(Instant::now()),
            news: None,
            idle_at: None,
            has_acted: false,
        }
    }

    /// What it is following.
    pub(super) fn followed(&self) -> watch::Receiver<Followed> {
        self.followed.subscribe()
    }

    /// When the client last took something that had had to wait for it.
    pub(super) fn progress(&self) -> watch::Receiver<Instant> {
        self.progress.subscribe()
    }

    pub(super) fn into_sink(self) -> SplitSink<WebSocket, Message> {
        self.sink
    }

    /// Follows a command whose right has been checked. Watching twice changes nothing.
    pub(super) fn watch(&mut self, command_id: CommandId, after: u64) {
        if self.stops.contains_key(&command_id) {
            return;
        }
        let (handle, registration) = AbortHandle::new_pair();
        let pages = pages(self.live.watch(command_id, after));
        self.commands.push(Abortable::new(pages, registration).boxed());
        self.stops.insert(command_id, handle);
        self.followed.send_modify(|followed| {
            followed.commands.insert(command_id);
        });
        self.idle_at = None;
    }

    /// Speaks until the end of the session.
    pub(super) async fn run(&mut self, mut actions: mpsc::Receiver<Heard>) -> End {
        let mut ping = interval(self.limits.ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            let done = tokio::select! {
                Some(heard) = actions.recv() => self.act(heard).await,
                Some((id, frames)) = self.commands.next(), if !self.commands.is_empty() => {
                    self.deliver(id, frames).await
                }
                news = hear(&mut self.news) => self.tell(news).await,
                _ = ping.tick() => self.send(Message::Ping(Bytes::new())).await,
                () = idle(self.idle_at) => Err(End::CommandOver),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn deliver(&mut self, command_id: CommandId, frames: Frames) -> Result<(), End> {
        let frames = frames.map_err(|error| {
            tracing::warn!(%command_id, %error, "cannot read events for a watcher");
            End::StoreFailed
        })?;
        let is_over = frames.last().is_none_or(|frame| frame.kind == Kind::End);
        let mut delivered = 0;
        for frame in frames.into_iter().filter(|frame| frame.kind.is_plain()) {
            self.feed(Message::Text(frame.text)).await?;
            delivered += 1;
        }
        self.flush().await?;
        observe::events_delivered(delivered);
        if is_over {
            self.stop_watching(command_id);
            self.rest();
        }
        Ok(())
    }

    fn stop_watching(&mut self, command_id: CommandId) {
        if let Some(stop) = self.stops.remove(&command_id) {
            stop.abort();
        }
        self.followed.send_modify(|followed| {
            followed.commands.remove(&command_id);
        });
    }

    /// Starts the idle clock when nothing more can come to a client that never asked for anything.
    fn rest(&mut self) {
        let may_close = !self.has_acted && !self.limits.idle_close.is_zero();
        if self.stops.is_empty() && may_close {
            self.idle_at = Some(Instant::now() + self.limits.idle_close);
        }
    }

    async fn act(&mut self, heard: Heard) -> Result<(), End> {
        self.has_acted = true;
        self.idle_at = None;
        let done = match heard {
            Ok(action) => self.carry_out(action).await?,
            Err(problem) => Err(problem),
        };
        match done {
            Ok(()) => Ok(()),
            Err(problem) => self.send(Message::Text(problem.frame().into())).await,
        }
    }

    async fn carry_out(&mut self, action: Action) -> Result<Result<(), Problem>, End> {
        match action {
            Action::Watch { command_id, after } => return self.subscribe(command_id, after).await,
            Action::Unwatch { command_id } => self.stop_watching(command_id),
            Action::Follow(channel) => return self.follow(channel).await,
            Action::Unfollow(channel) => {
                self.followed.send_modify(|followed| {
                    followed.channels.remove(&channel);
                });
                if self.followed.borrow().channels.is_empty() {
                    self.news = None;
                }
            }
            Action::Auth { token } => return self.renew(&token).await,
            Action::Ping => self.send(Message::Text(r#"{"event":"pong"}"#.into())).await?,
        }
        Ok(Ok(()))
    }

    fn is_full(&self) -> bool {
        self.followed.borrow().len() >= self.limits.max_subscriptions
    }

    async fn subscribe(
        &mut self,
        command_id: CommandId,
        after: u64,
    ) -> Result<Result<(), Problem>, End> {
        if self.stops.contains_key(&command_id) {
            return Ok(Ok(()));
        }
        if self.is_full() {
            return Ok(Err(full()));
        }
        let may_watch = rights::may_watch(&self.live.store, &self.pass, command_id).await;
        if !may_watch.map_err(|error| failed(&error))? {
            return Ok(Err(Problem::new("unknown-command", "no such command")));
        }
        let session = Arc::clone(&self.pass.borrow().session);
        let (user_id, username) = (session.user_id(), session.username());
        tracing::info!(%command_id, %user_id, username, after, "websocket_subscribed");
        self.watch(command_id, after);
        Ok(Ok(()))
    }

    async fn follow(&mut self, channel: Channel) -> Result<Result<(), Problem>, End> {
        if self.followed.borrow().channels.contains(&channel) {
            return Ok(Ok(()));
        }
        if self.is_full() {
            return Ok(Err(full()));
        }
        let may_follow = rights::may_follow(&self.live.store, &self.pass, channel).await;
        if !may_follow.map_err(|error| failed(&error))? {
            return Ok(Err(Problem::new("unknown-channel", "no such fleet or vehicle")));
        }
        self.followed.send_modify(|followed| {
            followed.channels.insert(channel);
        });
        // Listen first, look later: news in between may come twice, and carries its revision.
        self.news.get_or_insert_with(|| self.live.channels.listen());
        self.show(channel).await?;
        Ok(Ok(()))
    }

    /// Sends what is known on a channel now.
    async fn show(&mut self, channel: Channel) -> Result<(), End> {
        let present = rights::present(&self.live.store, channel).await;
        self.announce(present.map_err(|error| failed(&error))?.iter()).await
    }

    async fn tell(&mut self, news: Result<News, broadcast::error::RecvError>) -> Result<(), End> {
        match news {
            Ok(news) if self.is_wanted(&news) => self.announce(std::iter::once(&news)).await,
            Ok(_) => Ok(()),
            // Too far behind: the latest of everything is as good as the history.
            Err(_) => {
                let channels = self.followed.borrow().channels.clone();
                for channel in channels {
                    self.show(channel).await?;
                }
                Ok(())
            }
        }
    }

    /// Whether news is on a channel that is followed, of a vehicle that has not moved out of sight.
    fn is_wanted(&self, news: &News) -> bool {
        self.followed.borrow().channels.iter().any(|&channel| news.is_on(channel))
            && rights::sees(&self.live.store, &self.pass, news.fleet_id)
    }

    async fn announce(&mut self, all: impl Iterator<Item = &News>) -> Result<(), End> {
        for news in all {
            self.feed(Message::Text(news.frame().into())).await?;
        }
        self.flush().await
    }

    async fn renew(&mut self, token: &str) -> Result<Result<(), Problem>, End> {
        let problem = match self.auth.verify(token).await {
            Ok(next) if next.session.user_id() == self.pass.borrow().session.user_id() => {
                self.pass.send_replace(next);
                return Ok(Ok(()));
            }
            Ok(_) => Problem::new("wrong-subject", "the token is another user's"),
            Err(error) => Problem::new("bad-token", error.reason()),
        };
        Ok(Err(problem))
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        self.feed(message).await?;
        self.flush().await
    }

    async fn feed(&mut self, message: Message) -> Result<(), End> {
        taken(self.sink.feed(message), self.limits.stuck_after, &self.progress).await
    }

    async fn flush(&mut self) -> Result<(), End> {
        taken(self.sink.flush(), self.limits.stuck_after, &self.progress).await
    }
}

/// Waits until a write is taken. One that had to wait and went on is a sign of life.
async fn taken(
    write: impl Future<Output = Result<(), axum::Error>>,
    patience: Duration,
    progress: &watch::Sender<Instant>,
) -> Result<(), End> {
    let mut write = pin!(write);
    if let Some(written) = write.as_mut().now_or_never() {
        return written.map_err(|_| End::ClientLeft);
    }
    let waited = tokio::time::timeout(patience, write).await.map_err(|_| End::Stuck)?;
    progress.send_replace(Instant::now());
    waited.map_err(|_| End::ClientLeft)
}

fn failed(error: &StoreError) -> End {
    tracing::warn!(%error, "cannot check a watcher's right");
    End::StoreFailed
}

fn full() -> Problem {
    Problem::new("too-many-subscriptions", "this socket follows as much as it may")
}

/// The pages of a log, up to its end.
fn pages(watcher: Watcher) -> impl stream::Stream<Item = (CommandId, Frames)> + Send + 'static {
    stream::unfold(Some(watcher), |watcher| async {
        let mut watcher = watcher?;
        let command_id = watcher.command_id();
        let frames = watcher.next().await;
        let goes_on = frames
            .as_ref()
            .is_ok_and(|frames| frames.last().is_some_and(|frame| frame.kind != Kind::End));
        Some(((command_id, frames), goes_on.then_some(watcher)))
    })
}

async fn hear(
    news: &mut Option<broadcast::Receiver<News>>,
) -> Result<News, broadcast::error::RecvError> {
    match news {
        Some(news) => news.recv().await,
        None => pending().await,
    }
}

async fn idle(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
