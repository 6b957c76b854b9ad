//! The writing half of a session: carries out actions and sends what is there.
//!
//! Refuses to send one frame at a time: whatever is ready goes out with one flush.

use super::action::{Action, Heard, Problem};
use super::{End, Limits, rights};
use crate::auth::{Auth, Pass, Session};
use crate::live::Live;
use crate::live::channel::{Channel, News};
use crate::live::hub::Frame;
use crate::live::watch::Watcher;
use crate::observe;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{self, BoxStream, SelectAll, SplitSink};
use futures_util::{SinkExt, StreamExt};
use model::event::Kind;
use model::id::CommandId;
use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::sync::Arc;
use store::StoreError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

type Frames = Result<Vec<Frame>, StoreError>;

pub(super) struct Speaker {
    sink: SplitSink<WebSocket, Message>,
    live: Live,
    auth: Auth,
    pass: watch::Sender<Pass>,
    rights: watch::Receiver<Pass>,
    limits: Limits,
    commands: SelectAll<BoxStream<'static, (CommandId, Frames)>>,
    watched: HashMap<CommandId, AbortHandle>,
    channels: HashSet<Channel>,
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
        let rights = pass.subscribe();
        Self {
            sink,
            live,
            auth,
            pass,
            rights,
            limits,
            commands: SelectAll::new(),
            watched: HashMap::new(),
            channels: HashSet::new(),
            news: None,
            idle_at: None,
            has_acted: false,
        }
    }

    pub(super) fn pass(&self) -> watch::Sender<Pass> {
        self.pass.clone()
    }

    pub(super) fn into_sink(self) -> SplitSink<WebSocket, Message> {
        self.sink
    }

    /// Follows a command whose right has been checked. Watching twice changes nothing.
    pub(super) fn watch(&mut self, command_id: CommandId, after: u64) {
        if self.watched.contains_key(&command_id) {
            return;
        }
        let (handle, registration) = AbortHandle::new_pair();
        let pages = pages(self.live.watch(command_id, after));
        self.commands.push(Abortable::new(pages, registration).boxed());
        self.watched.insert(command_id, handle);
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
                _ = self.rights.changed() => self.check_rights().await,
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
            self.watched.remove(&command_id);
            self.rest();
        }
        Ok(())
    }

    /// Starts the idle clock when nothing more can come to a client that never asked for anything.
    fn rest(&mut self) {
        let may_close = !self.has_acted && !self.limits.idle_close.is_zero();
        if self.watched.is_empty() && may_close {
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
            Action::Watch { command_id, after } => {
                if self.is_full() {
                    return Ok(Err(full()));
                }
                if !rights::may_watch(&self.live.store, &self.session(), command_id).await? {
                    return Ok(Err(Problem::new("unknown-command", "no such command")));
                }
                tracing::info!(%command_id, after, "websocket_subscribed");
                self.watch(command_id, after);
            }
            Action::Unwatch { command_id } => {
                if let Some(handle) = self.watched.remove(&command_id) {
                    handle.abort();
                }
            }
            Action::Follow(channel) => return self.follow(channel).await,
            Action::Unfollow(channel) => {
                self.channels.remove(&channel);
                if self.channels.is_empty() {
                    self.news = None;
                }
            }
            Action::Auth { token } => return self.renew(&token).await,
            Action::Ping => self.send(Message::Text(r#"{"event":"pong"}"#.into())).await?,
        }
        Ok(Ok(()))
    }

    fn session(&self) -> Arc<Session> {
        Arc::clone(&self.pass.borrow().session)
    }

    fn is_full(&self) -> bool {
        self.watched.len() + self.channels.len() >= self.limits.max_subscriptions
    }

    async fn follow(&mut self, channel: Channel) -> Result<Result<(), Problem>, End> {
        if self.channels.contains(&channel) {
            return Ok(Ok(()));
        }
        if self.is_full() {
            return Ok(Err(full()));
        }
        // Listen first, look later: news in between may come twice, and carries its revision.
        let news = self.live.channels.listen();
        let Some(present) = rights::present(&self.live.store, &self.session(), channel).await?
        else {
            return Ok(Err(Problem::new("unknown-channel", "no such fleet or vehicle")));
        };
        self.channels.insert(channel);
        self.news.get_or_insert(news);
        self.announce(present.iter()).await?;
        Ok(Ok(()))
    }

    async fn tell(&mut self, news: Result<News, broadcast::error::RecvError>) -> Result<(), End> {
        match news {
            Ok(news) if self.channels.iter().any(|&channel| news.is_on(channel)) => {
                self.announce(std::iter::once(&news)).await
            }
            Ok(_) => Ok(()),
            // Too far behind: the latest of everything is as good as the history.
            Err(_) => {
                for channel in self.channels.clone() {
                    let present = rights::present(&self.live.store, &self.session(), channel)
                        .await?
                        .unwrap_or_default();
                    self.announce(present.iter()).await?;
                }
                Ok(())
            }
        }
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

    /// A right may have been lost: whatever is watched has to be allowed anew.
    async fn check_rights(&mut self) -> Result<(), End> {
        self.rights.mark_unchanged();
        let watched: Vec<CommandId> = self.watched.keys().copied().collect();
        for command_id in watched {
            if !rights::may_watch(&self.live.store, &self.session(), command_id).await? {
                return Err(End::SessionEnded);
            }
        }
        for channel in self.channels.clone() {
            if rights::present(&self.live.store, &self.session(), channel).await?.is_none() {
                return Err(End::SessionEnded);
            }
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        self.feed(message).await?;
        self.flush().await
    }

    async fn feed(&mut self, message: Message) -> Result<(), End> {
        taken(tokio::time::timeout(self.limits.stuck_after, self.sink.feed(message)).await)
    }

    async fn flush(&mut self) -> Result<(), End> {
        taken(tokio::time::timeout(self.limits.stuck_after, self.sink.flush()).await)
    }
}

fn taken(written: Result<Result<(), axum::Error>, Elapsed>) -> Result<(), End> {
    written.map_err(|_| End::Stuck)?.map_err(|_| End::ClientLeft)
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
