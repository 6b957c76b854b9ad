//! The log of a command, event by event, through connections that come and go.
//!
//! Refuses to skip: an event that is not the next one ends it.

use super::access::Access;
use super::failure::{Failure, Kind};
use super::said::{number, word};
use super::socket::{Closed, Socket};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long it is tried to come back.
const PATIENCE: Duration = Duration::from_mins(2);
/// The pause before the first try, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Where a watcher is in a log.
pub(super) struct Watch<'a> {
    access: &'a Access,
    command_id: &'a str,
    /// The offset of the last event.
    cursor: u64,
    socket: Option<Socket>,
    /// How often the login was renewed since something was heard.
    renewals: u32,
}

impl<'a> Watch<'a> {
    pub(super) fn new(access: &'a Access, command_id: &'a str) -> Self {
        Self { access, command_id, cursor: 0, socket: None, renewals: 0 }
    }

    /// The next event of the log.
    ///
    /// # Errors
    ///
    /// [`Kind::Lost`] if the server stays away, or leaves an event out; [`Kind::Denied`] if the right
    /// to watch has ended.
    pub(super) async fn next(&mut self) -> Result<Value, Failure> {
        loop {
            let event = match self.hear().await? {
                Ok(event) => event,
                Err(closed) => {
                    self.left(closed)?;
                    continue;
                }
            };
            if let Some(event) = self.taken(event).await? {
                return Ok(event);
            }
        }
    }

    /// What is said next; connects if need be.
    async fn hear(&mut self) -> Result<Result<Value, Closed>, Failure> {
        if self.socket.is_none() {
            let mut socket = self.connect().await?;
            socket.follow(self.command_id, self.cursor).await;
            self.socket = Some(socket);
        }
        match &mut self.socket {
            Some(socket) => Ok(socket.next().await),
            None => Ok(Err(Closed::Gone)),
        }
    }

    async fn connect(&self) -> Result<Socket, Failure> {
        let (mut pause, longest) = PAUSES;
        let until = Instant::now() + PATIENCE;
        loop {
            match Socket::open(self.access).await {
                Ok(Some(socket)) => return Ok(socket),
                // A login cannot be renewed while nobody answers.
                Err(failure) if failure.kind != Kind::Other => return Err(failure),
                Ok(None) | Err(_) if Instant::now() < until => {}
                Ok(None) | Err(_) => {
                    let message = format!("no way back to the stream, after #{}", self.cursor);
                    return Err(Failure::new(Kind::Lost, message));
                }
            }
            eprintln!("no connection yet");
            sleep(pause).await;
            pause = (2 * pause).min(longest);
        }
    }

    /// What the end of a connection means.
    fn left(&mut self, closed: Closed) -> Result<(), Failure> {
        self.socket = None;
        match closed {
            Closed::Gone => {
                eprintln!("the connection broke: goes on after #{}", self.cursor);
                Ok(())
            }
            // Once with a new token; one that is refused too is not asked for again and again.
            Closed::Ended if self.renewals == 0 => {
                self.renewals += 1;
                Ok(())
            }
            Closed::Ended => Err(Failure::new(Kind::Denied, "the login has ended")),
            Closed::Forbidden => Err(Failure::new(Kind::Denied, "this user may not watch")),
        }
    }

    /// The event if it is of the log, and has not been there before.
    async fn taken(&mut self, event: Value) -> Result<Option<Value>, Failure> {
        match word(&event, "event") {
            "auth" if word(&event, "state") == "expiring" => {
                let token = self.access.token().await?;
                if let Some(socket) = &mut self.socket {
                    socket.renew(&token).await;
                }
            }
            "problem" => {
                return Err(Failure::new(Kind::NotFound, word(&event, "message")));
            }
            "unsubscribed" if word(&event, "code") == "forbidden" => {
                return Err(Failure::new(Kind::Denied, "the right to watch has ended"));
            }
            _ => {}
        }
        let Some(offset) = number(&event, "offset") else { return Ok(None) };
        self.renewals = 0;
        if offset <= self.cursor {
            return Ok(None);
        }
        if offset > self.cursor + 1 {
            let message = format!("events are missing after #{}", self.cursor);
            return Err(Failure::new(Kind::Lost, message));
        }
        self.cursor = offset;
        Ok(Some(event))
    }
}
