//! A server that lets itself be watched: subscriptions and triggers with streams of events.
//! Every stream is as its script says; what is deleted ends its streams.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::park_timeout;
use std::time::Duration;

use fleetwire_connect::Address;

use crate::odd::{Reply, Request, Server, plain};

const ITEMS: &str = r#"{"items":[{"id":"speed"},{"id":"torque"}]}"#;
const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// How a stream of events goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    /// After so many events the connection is closed; `None` = never.
    pub(crate) events: Option<u32>,
    pub(crate) pace: Duration,
    pub(crate) padding: usize,
}

/// What has become of the server.
#[derive(Default)]
pub(crate) struct State {
    /// No request is answered any more, and every stream is cut.
    pub(crate) is_dead: AtomicBool,
    pub(crate) is_deleted: AtomicBool,
    pub(crate) refuses_deletion: AtomicBool,
    /// What a read of the faults answers.
    pub(crate) faults: Mutex<String>,
    pub(crate) written: AtomicU64,
    events: AtomicU64,
}

pub(crate) struct Watchable {
    pub(crate) server: Server,
    pub(crate) state: Arc<State>,
}

impl Script {
    pub(crate) const ENDLESS: Self =
        Self { events: None, pace: Duration::from_millis(20), padding: 0 };

    pub(crate) fn of(events: u32) -> Self {
        Self { events: Some(events), ..Self::ENDLESS }
    }
}

impl Watchable {
    /// The streams follow the scripts in their order, the last one for ever.
    pub(crate) fn start(scripts: &[Script]) -> Self {
        let faults = Mutex::new(r#"{"items":[]}"#.to_owned());
        let state = Arc::new(State { faults, ..State::default() });
        let scripts = Mutex::new(scripts.to_vec());
        let kept = Arc::clone(&state);
        let server = Server::beside(move |request| kept.reply(request, &scripts));
        Self { server, state }
    }

    pub(crate) fn address(&self) -> Address {
        self.server.address()
    }

    pub(crate) fn starting(&self, line: &str) -> usize {
        self.server.seen().iter().filter(|request| request.line.starts_with(line)).count()
    }
}

impl State {
    fn reply(self: &Arc<Self>, request: &Request, scripts: &Mutex<Vec<Script>>) -> Option<Reply> {
        if self.is_dead.load(Ordering::SeqCst) {
            return Some(Reply::Answer(plain(0, "")));
        }
        let (method, path) = request.line.split_once(' ').unwrap();
        let path = path.strip_prefix("/v1/components/rich/")?;
        if path.ends_with("/events") {
            return Some(self.streamed(scripts));
        }
        let one = |kind: &str, id: &str| {
            let place = format!("/v1/components/rich/{kind}/{id}");
            let body = format!(r#"{{"id":"{id}","event_source":"{place}/events"}}"#);
            (201, format!("location: {place}\r\n"), body)
        };
        let subscribed = self.events.fetch_add(0, Ordering::SeqCst);
        let answer = match (method, path.split('?').next().unwrap()) {
            ("GET", "data") => plain(200, ITEMS),
            ("GET", "faults") => plain(200, &self.faults.lock().unwrap()),
            ("POST", "cyclic-subscriptions") => one("cyclic-subscriptions", "s1"),
            ("POST", "triggers") => one("triggers", &format!("t{subscribed}")),
            ("GET", _) if self.is_deleted.load(Ordering::SeqCst) => plain(404, ""),
            ("GET", _) => plain(200, "{}"),
            ("DELETE", _) if self.refuses_deletion.load(Ordering::SeqCst) => plain(500, ""),
            ("DELETE", _) => {
                self.is_deleted.store(true, Ordering::SeqCst);
                plain(204, "")
            }
            _ => return None,
        };
        Some(Reply::Answer(answer))
    }

    fn streamed(self: &Arc<Self>, scripts: &Mutex<Vec<Script>>) -> Reply {
        if self.is_deleted.load(Ordering::SeqCst) {
            return Reply::Answer(plain(404, ""));
        }
        let mut scripts = scripts.lock().unwrap();
        let script = if scripts.len() > 1 { scripts.remove(0) } else { scripts[0] };
        let state = Arc::clone(self);
        Reply::Writes(Box::new(move |stream| state.stream(script, stream)))
    }

    fn stream(&self, script: Script, stream: &mut dyn Write) {
        let mut left = script.events;
        let mut is_open = stream.write_all(HEAD.as_bytes()).is_ok();
        let is_over =
            || [&self.is_dead, &self.is_deleted].iter().any(|it| it.load(Ordering::SeqCst));
        while is_open && left != Some(0) && !is_over() {
            let number = self.events.fetch_add(1, Ordering::SeqCst) + 1;
            let padding = "x".repeat(script.padding);
            let event = format!(
                "data: {{\"timestamp\":\"2026-01-01T00:00:00.{number:03}Z\",\
                 \"payload\":{{\"id\":\"speed\",\"data\":{number},\"p\":\"{padding}\"}}}}\n\n"
            );
            is_open = stream.write_all(event.as_bytes()).is_ok();
            self.written.fetch_add(event.len() as u64, Ordering::SeqCst);
            left = left.map(|left| left - 1);
            park_timeout(script.pace);
        }
    }
}
