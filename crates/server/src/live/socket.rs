//! A WebSocket session: what a client asks, what it is sent, and when it ends.
//!
//! Refuses to queue: what a client does not take stays in the log until it does.

mod action;
mod batch;
mod desk;
mod ear;
#[cfg(test)]
mod echo;
mod end;
mod following;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod hearing;
mod speaker;
mod word;

pub(crate) use end::End;

use super::Live;
use super::bell::Bell;
use super::frame;
use super::guard::{Over, rights_end, token_end};
use super::outlet::Outlet;
use super::rights::{self, Followed, Target};
use super::topic::Topic;
use super::wire::Wire;
use crate::auth::{Auth, Pass, Session as Somebody};
use action::Wish;
use bytes::Bytes;
use desk::Desk;
use ear::Ear;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hearing::Hearing;
use model::event::Kind;
use model::id::{CommandId, FleetId};
use speaker::Speaker;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use store::Head;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use word::{Gone, Word};

/// How long a close frame, and the peer's answer to it, may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Over how long the clients of a server that goes down spread their return, in ms.
const RETURN_WITHIN: u64 = 3_000;

/// The name of the full protocol, as a WebSocket subprotocol.
pub(crate) const FULL: &str = "fleetwire.v1";

/// What a session may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a session without anything to come stays open; zero = for ever.
    pub(crate) idle_close: Duration,
    /// How often the peer is asked whether it is there.
    pub(crate) ping_interval: Duration,
    /// How long a peer may be silent, pongs included.
    pub(crate) peer_timeout: Duration,
    /// How long a peer may take nothing of what is written.
    pub(crate) stuck_after: Duration,
    /// How long a session may last after its token has ended, if it speaks the full protocol.
    pub(crate) auth_grace: Duration,
    /// How many commands and channels one session may follow.
    pub(crate) max_subscriptions: usize,
    /// How many frames a client may send in a second, pings and pongs included.
    pub(crate) max_actions_per_second: u32,
    /// How many bytes a message of a client may have.
    pub(crate) max_frame_bytes: usize,
}

/// Which protocol a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The inherited one: responses, errors and the terminal status.
    Plain,
    /// `fleetwire.v1`: every event, and words about the session itself.
    Full,
}

impl Dialect {
    fn shows(self, kind: Kind) -> bool {
        self == Self::Full || kind.is_plain()
    }
}

/// What a client came for.
pub(crate) struct Visit {
    pub(crate) pass: Pass,
    /// The only command that may be followed; `None` = any that is seen.
    pub(crate) bound_to: Option<CommandId>,
    /// The command in the path, whose right has been checked.
    pub(crate) command: Option<Wanted>,
}

/// A command that a client came for.
pub(crate) struct Wanted {
    pub(crate) topic: Arc<Topic>,
    pub(crate) head: Head,
    /// The offset after which its events are wanted.
    pub(crate) after: u64,
}

/// Cancels a command for somebody.
pub(crate) type Cancel =
    Box<dyn Fn(Arc<Somebody>, CommandId) -> BoxFuture<'static, Result<(), Refusal>> + Send + Sync>;

/// Why something was not done.
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// What all halves of a session know.
struct Context {
    live: Arc<Live>,
    auth: Auth,
    pass: watch::Sender<Pass>,
    followed: Followed,
    bound_to: Option<CommandId>,
    dialect: Dialect,
    limits: Limits,
}

impl Context {
    fn sees(&self, fleet: FleetId) -> bool {
        rights::sees(&self.live.store, &self.pass, fleet)
    }

    fn is_bound_elsewhere(&self, command_id: CommandId) -> bool {
        self.bound_to.is_some_and(|bound| bound != command_id)
    }

    /// The right to follow something is lost: what is said about it, unless that ends the session.
    fn lose(&self, target: Target) -> Result<Word<'static>, Over> {
        match self.dialect {
            Dialect::Plain => Err(Over::SessionEnded),
            Dialect::Full => {
                self.followed.remove(target);
                Ok(Word::Unsubscribed { id: None, target, code: Gone::Forbidden })
            }
        }
    }
}

/// An upgraded connection.
pub(crate) struct Socket {
    outlet: Arc<Outlet>,
    ear: Ear,
    bell: Arc<Bell>,
    desk: Arc<Desk>,
    dialect: Dialect,
    limits: Limits,
}

impl Socket {
    /// `early` is what the client said before the upgrade was complete.
    pub(crate) fn new((wire, early): (Wire, Bytes), dialect: Dialect, limits: Limits) -> Self {
        let outlet = Arc::new(Outlet::new(wire));
        let ear = Ear::new(Arc::clone(&outlet), &early, &limits);
        let bell = Arc::new(Bell::default());
        let desk = Arc::new(Desk::new(bell.cord(speaker::DESK), Arc::clone(&outlet)));
        Self { outlet, ear, bell, desk, dialect, limits }
    }

    /// The token that the client sends with its first frame.
    pub(crate) async fn introduction(&mut self, within: Duration) -> Result<String, End> {
        let first = async {
            loop {
                match self.ear.next(&self.desk).await? {
                    Message::Text(text) => match action::parse(&text).wish {
                        Ok(Wish::Auth { token }) => return Ok(token),
                        _ => return Err(End::Denied("say who you are first: auth")),
                    },
                    Message::Ping(_) | Message::Pong(_) => {}
                    Message::Binary(_) | Message::Frame(_) => return Err(End::BadFrame),
                    Message::Close(_) => return Err(End::ClientLeft),
                }
            }
        };
        timeout(within, first).await.unwrap_or(Err(End::Denied("token missing")))
    }

    /// Refuses a session with its close code.
    pub(crate) async fn turn_away(self, end: End) {
        let last = self.desk.clear().words;
        goodbye(&self.outlet.wire, &last, end.close(self.dialect)).await;
    }
}

/// A session whose client has been let in.
pub(crate) struct Session {
    ear: Ear,
    hearing: Hearing,
    speaker: Speaker,
    shutdown: CancellationToken,
}

impl Session {
    pub(crate) fn begin(
        socket: Socket,
        visit: Visit,
        (live, auth): (Arc<Live>, Auth),
        cancel: Cancel,
        shutdown: CancellationToken,
    ) -> Box<Self> {
        let Socket { outlet, ear, bell, desk, dialect, limits } = socket;
        let expires_at = visit.pass.expires_at;
        let (pass, followed) = (watch::Sender::new(visit.pass), Followed::default());
        let bound_to = visit.bound_to;
        let context = Context { live, auth, pass, followed, bound_to, dialect, limits };
        let context = Arc::new(context);
        let speaker = Speaker::new(outlet, Arc::clone(&context), (Arc::clone(&desk), bell));
        let hearing = Hearing { context, desk, cancel };
        hearing.greet(expires_at, visit.command);
        Box::new(Self { ear, hearing, speaker, shutdown })
    }

    /// Serves the session until its end.
    pub(crate) async fn serve(self: Box<Self>) -> End {
        let Self { ear, hearing, mut speaker, shutdown } = *self;
        let dialect = hearing.context.dialect;
        // A task of its own: what rarely has anything to do is not looked at with every event.
        let mut aside = JoinSet::new();
        aside.spawn(async move {
            let end = beside(&hearing, ear, shutdown).await;
            hearing.desk.end(end);
        });
        let end = speaker.run().await;
        drop(aside);
        let (outlet, last) = speaker.into_last_words();
        goodbye(&outlet.wire, &last, end.close(dialect)).await;
        end
    }
}

/// Everything of a session but the writing.
async fn beside(hearing: &Hearing, mut ear: Ear, shutdown: CancellationToken) -> End {
    let Context { auth, live, pass, followed, dialect, limits, .. } = &*hearing.context;
    let (grace, manners) = match dialect {
        Dialect::Plain => (Duration::ZERO, pending().boxed()),
        Dialect::Full => (limits.auth_grace, hearing.mind_manners().boxed()),
    };
    let lose = |target| hearing.lose(target);
    tokio::select! {
        () = shutdown.cancelled() => hearing.drain(),
        over = token_end(pass, grace) => over.into(),
        over = rights_end((auth, &live.store), pass, followed, lose) => over.into(),
        end = hearing.listen(&mut ear) => end,
        end = hearing.keep_alive() => end,
        end = manners => end,
    }
}

/// Writes what has to be written, and the close frame.
async fn goodbye(wire: &Wire, last: &[u8], close: Option<(u16, &str)>) {
    let close = close.map(|(code, reason)| frame::close(code, reason)).unwrap_or_default();
    let going = async {
        wire.write_all(&[last, &*close].concat()).await?;
        wire.hang_up().await?;
        // Reading on until the peer has closed too: unread bytes would turn into a reset that
        // overtakes the close frame.
        let mut unread = [0; 512];
        loop {
            wire.readable().await?;
            match wire.try_read(&mut unread) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    };
    drop(timeout(FAREWELL, Box::pin(going)).await);
}
