//! The hearing half of a session: what a client asks for, checked and handed to the speaker.
//!
//! Refuses what may not be seen with the same words as what does not exist.

use super::action::{self, Problem, Request, Wish};
use super::desk::{Desk, Order};
use super::ear::Ear;
use super::word::{Gone, Stand, Standing, Word};
use super::{Cancel, Context, Dialect, End, RETURN_WITHIN, Refusal, Wanted};
use crate::clock;
use crate::live::channel::Channel;
use crate::live::frame;
use crate::live::guard::{Over, passed};
use crate::live::rights::{self, Target};
use model::Timestamp;
use model::id::CommandId;
use model::user::Action;
use std::sync::Arc;
use std::time::Duration;
use store::{Head, StoreError};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

/// How long before the end of a token its holder is told to renew it.
const WARNING: Duration = Duration::from_mins(1);
/// How often it is looked, in the time after which silence is broken, whether there is silence.
const LOOKS: u32 = 4;

/// What came of a request.
type Done = Result<Result<(), Problem>, End>;

pub(super) struct Hearing {
    pub(super) context: Arc<Context>,
    pub(super) desk: Arc<Desk>,
    pub(super) cancel: Cancel,
}

impl Hearing {
    /// Hears the client out, and does what it asks.
    pub(super) async fn listen(&self, ear: &mut Ear) -> End {
        let mut second = (Instant::now(), 0);
        loop {
            let message = match self.heard(ear).await {
                Ok(message) => message,
                Err(end) => return end,
            };
            // Pings are not free: each is answered.
            if second.0.elapsed() >= Duration::from_secs(1) {
                second = (Instant::now(), 0);
            }
            second.1 += 1;
            if second.1 > self.context.limits.max_actions_per_second {
                return End::OverLimit("too many frames in a second");
            }
            let done = match message {
                Message::Text(text) => Box::pin(self.act(action::parse(&text))).await,
                Message::Ping(_) | Message::Pong(_) => Ok(()),
                Message::Binary(_) | Message::Frame(_) => Err(End::BadFrame),
                Message::Close(_) => Err(End::ClientLeft),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// The next message. A client that says nothing is given up, unless it is busy taking what was
    /// written: its answers to pings wait behind that.
    async fn heard(&self, ear: &mut Ear) -> Result<Message, End> {
        let patience = self.context.limits.peer_timeout;
        let mut silent_since = Instant::now();
        loop {
            if let Ok(heard) = timeout_at(silent_since + patience, ear.next(&self.desk)).await {
                return heard;
            }
            silent_since = self.desk.took_at();
            if silent_since.elapsed() >= patience {
                return Err(End::Stuck);
            }
        }
    }

    async fn act(&self, request: Request) -> Result<(), End> {
        self.desk.acted();
        let id = request.id.as_deref();
        let done = match request.wish {
            Ok(wish) => self.carry_out(id, wish).await?,
            Err(problem) => Err(problem),
        };
        match done {
            Ok(()) => Ok(()),
            Err(problem) => self.desk.say(&problem.word(id)),
        }
    }

    async fn carry_out(&self, id: Option<&str>, wish: Wish) -> Done {
        match wish {
            Wish::Watch(commands) => return self.watch(id, &commands).await,
            Wish::Follow(channel) => return self.follow(id, channel).await,
            Wish::Stop(targets) => self.stop(id, targets)?,
            Wish::Auth { token } => return self.renew(&token).await,
            Wish::Cancel(command_id) => return self.cancel(command_id).await,
            Wish::Ping => self.desk.say(&Word::Pong { id })?,
        }
        Ok(Ok(()))
    }

    async fn watch(&self, id: Option<&str>, commands: &[(CommandId, u64)]) -> Done {
        let wanted: Vec<_> = commands.iter().map(|(command_id, _)| *command_id).collect();
        let found = self.context.live.heads(&wanted).await.map_err(|error| failed(&error))?;
        for &(command_id, after) in commands {
            if self.context.followed.contains(Target::Command(command_id)) {
                continue;
            }
            if self.is_full() {
                return Ok(Err(full()));
            }
            match found.get(&command_id) {
                Some((topic, head)) if self.may_watch(head) => {
                    let (topic, head) = (Arc::clone(topic), *head);
                    self.note(&head, after);
                    self.begin(id, Wanted { topic, head, after })?;
                }
                _ => self.desk.say(&unknown_command(command_id).word(id))?,
            }
        }
        Ok(Ok(()))
    }

    fn may_watch(&self, head: &Head) -> bool {
        !self.context.is_bound_elsewhere(head.command_id) && self.context.sees(head.fleet_id)
    }

    /// Writes down who follows what.
    fn note(&self, head: &Head, after: u64) {
        let session = Arc::clone(&self.context.pass.borrow().session);
        let (user_id, username) = (session.user_id(), session.username());
        let Head { command_id, vehicle_id, .. } = head;
        tracing::info!(%command_id, %vehicle_id, %user_id, username, after, "websocket_subscribed");
    }

    /// Follows a command whose right has been checked.
    pub(super) fn begin(&self, id: Option<&str>, wanted: Wanted) -> Result<(), End> {
        let Wanted { topic, head, after } = wanted;
        let Head { command_id, phase, offset, .. } = head;
        let target = Target::Command(command_id);
        self.context.followed.insert(target);
        let newest = offset.max(topic.look(|ring| ring.head()));
        let (state, status) = (phase, phase.status());
        let stand = Some(Stand { from: after, head: newest, state, status });
        self.order(&Word::Subscribed { id, target, stand }, Order::Watch(topic, after))
    }

    /// Something may not be followed any more.
    pub(super) fn lose(&self, target: Target) -> Result<(), Over> {
        let word = self.context.lose(target)?;
        self.desk.order(Some(&word), Order::Stop(target)).map_err(|_| Over::SessionEnded)
    }

    /// The server goes down: clients come back spread over a while.
    pub(super) fn drain(&self) -> End {
        if self.context.dialect == Dialect::Full {
            let (_, random) = Uuid::new_v4().as_u64_pair();
            let word = Word::Drain { reconnect_after_ms: random % RETURN_WITHIN };
            if let Err(end) = self.desk.say(&word) {
                return end;
            }
        }
        End::ShuttingDown
    }

    async fn follow(&self, id: Option<&str>, channel: Channel) -> Done {
        let target = Target::Channel(channel);
        let Context { live, pass, followed, .. } = &*self.context;
        if followed.contains(target) {
            return Ok(Ok(()));
        }
        if self.is_full() {
            return Ok(Err(full()));
        }
        let is_bound = self.context.bound_to.is_some();
        let may_follow = rights::may_follow(&live.store, pass, channel).await;
        if is_bound || !may_follow.map_err(|error| failed(&error))? {
            return Ok(Err(Problem::new("unknown-channel", "no such fleet or vehicle")));
        }
        let board = live.channels.open(channel).await.map_err(|error| failed(&error))?;
        followed.insert(target);
        self.order(&Word::Subscribed { id, target, stand: None }, Order::Follow(board))?;
        Ok(Ok(()))
    }

    fn stop(&self, id: Option<&str>, targets: Vec<Target>) -> Result<(), End> {
        for target in targets {
            if self.context.followed.remove(target) {
                let word = Word::Unsubscribed { id, target, code: Gone::Requested };
                self.order(&word, Order::Stop(target))?;
            }
        }
        Ok(())
    }

    /// Clients of the inherited protocol do not know the word.
    fn order(&self, word: &Word<'_>, order: Order) -> Result<(), End> {
        let is_said = self.context.dialect == Dialect::Full;
        self.desk.order(is_said.then_some(word), order)
    }

    async fn renew(&self, token: &str) -> Done {
        let Context { auth, pass, .. } = &*self.context;
        let problem = match auth.verify(token).await {
            Ok(next) if next.session.user_id() == pass.borrow().session.user_id() => {
                let expires_at = next.expires_at;
                pass.send_replace(next);
                if self.context.dialect == Dialect::Full {
                    self.desk.say(&Word::Auth { state: Standing::Ok, expires_at })?;
                }
                return Ok(Ok(()));
            }
            Ok(_) => Problem::new("wrong-subject", "the token is another user's"),
            Err(error) => Problem::new("bad-token", error.reason()),
        };
        Ok(Err(problem))
    }

    async fn cancel(&self, command_id: CommandId) -> Done {
        let session = Arc::clone(&self.context.pass.borrow().session);
        if !session.may(Action::Watch) || self.context.is_bound_elsewhere(command_id) {
            return Ok(Err(unknown_command(command_id)));
        }
        let cancelled = (self.cancel)(session, command_id).await;
        Ok(cancelled.map_err(|Refusal { code, message }| Problem::new(code, message)))
    }

    fn is_full(&self) -> bool {
        self.context.followed.len() >= self.context.limits.max_subscriptions
    }

    /// Says the first words. The desk is empty, and has room for them.
    pub(super) fn greet(&self, expires_at: Timestamp, wanted: Option<Wanted>) {
        let is_full = self.context.dialect == Dialect::Full;
        let greeting = Word::Auth { state: Standing::Ok, expires_at };
        let greeted = if is_full { self.desk.say(&greeting) } else { Ok(()) };
        let begun = wanted.map_or(Ok(()), |wanted| self.begin(None, wanted));
        debug_assert!(greeted.and(begun).is_ok(), "an empty desk takes it");
    }

    /// Asks now and then whether the peer is there.
    pub(super) async fn keep_alive(&self) -> End {
        loop {
            sleep(self.context.limits.ping_interval).await;
            if let Err(end) = self.desk.send(&frame::ping()) {
                return end;
            }
        }
    }

    /// Breaks long silence, and says when the token is about to end.
    pub(super) async fn mind_manners(&self) -> End {
        tokio::select! {
            end = self.beat() => end,
            end = self.warn() => end,
        }
    }

    async fn beat(&self) -> End {
        let mut silence = 0;
        loop {
            // Asking now and then is cheaper than reading the clock with every event.
            sleep(self.context.limits.ping_interval / LOOKS).await;
            silence = if self.desk.has_spoken() { 0 } else { silence + 1 };
            if silence < LOOKS {
                continue;
            }
            if let Err(end) = self.desk.say(&Word::Heartbeat { at: clock::now() }) {
                return end;
            }
        }
    }

    async fn warn(&self) -> End {
        let mut renewed = self.context.pass.subscribe();
        loop {
            let expires_at = renewed.borrow_and_update().expires_at;
            let warn_at = expires_at.checked_sub(WARNING).unwrap_or(expires_at);
            tokio::select! {
                () = passed(Some(warn_at), clock::now()) => {}
                _ = renewed.changed() => continue,
            }
            let warning = Word::Auth { state: Standing::Expiring, expires_at };
            if let Err(end) = self.desk.say(&warning) {
                return end;
            }
            // Other rights make no other end; and the sender outlives this.
            drop(renewed.wait_for(|pass| pass.expires_at != expires_at).await);
        }
    }
}

fn failed(error: &StoreError) -> End {
    tracing::warn!(%error, "cannot check a watcher's right");
    End::StoreFailed
}

fn full() -> Problem {
    Problem::new("too-many-subscriptions", "this socket follows as much as it may")
}

fn unknown_command(command_id: CommandId) -> Problem {
    Problem::new("unknown-command", format!("no such command: {command_id}"))
}
