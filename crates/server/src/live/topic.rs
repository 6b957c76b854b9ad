//! One watched command: its newest frames, its audience, and the pages that it reads together.
//!
//! Refuses to wait for a watcher, and to keep anything for one: slowness costs the slow one.

use super::Limits;
use super::audience::{Audience, Listener, Staged};
use super::bell::Bell;
use super::crier::Criers;
use super::cursor::Cursor;
use super::frame::Frame;
use super::hub::Home;
use super::lane::{Lanes, Lent};
use super::lock;
use super::outlet::{News, Outlet};
use super::pages::{Page, PageRead, Pages};
use super::ring::Ring;
use crate::observe;
use model::command::Phase;
use model::id::CommandId;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::{Head, Store};
use tokio_util::task::TaskTracker;

/// How long it is believed where a command belongs: a right that is lost is lost within a second.
const BELIEVED: Duration = Duration::from_millis(750);

/// One watched command.
pub(crate) struct Topic {
    command_id: CommandId,
    limits: Limits,
    tasks: TaskTracker,
    ring: Mutex<Ring>,
    audience: Audience,
    lanes: Lanes,
    criers: Arc<Criers>,
    pages: Mutex<Pages>,
    /// What the store said last, and when.
    head: Mutex<Option<(Head, Instant)>>,
    /// How often the command has moved to another fleet, with its vehicle.
    moves: AtomicU32,
    home: Home,
    _counted: observe::Counted,
}

impl Staged for Topic {
    fn audience(&self) -> &Audience {
        &self.audience
    }
}

impl Topic {
    pub(super) fn new(
        command_id: CommandId,
        (limits, tasks): (Limits, TaskTracker),
        criers: Arc<Criers>,
        home: Home,
    ) -> Self {
        Self {
            command_id,
            limits,
            tasks,
            ring: Mutex::new(Ring::new(limits.ring_bytes)),
            audience: Audience::default(),
            lanes: Lanes::default(),
            criers,
            pages: Mutex::default(),
            head: Mutex::default(),
            moves: AtomicU32::new(0),
            home,
            _counted: observe::topic_open(),
        }
    }

    /// The command.
    pub(crate) fn command_id(&self) -> CommandId {
        self.command_id
    }

    /// Looks at the newest frames. Whatever it does must be short: nothing is published meanwhile.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Ring) -> T) -> T {
        look(&mut lock(&self.ring))
    }

    /// Whether the end of the log has been seen.
    pub(crate) fn is_ended(&self) -> bool {
        self.look(|ring| ring.is_ended())
    }

    /// Waits for the end of the log.
    pub(crate) async fn ended(self: &Arc<Self>) {
        let bell = Arc::new(Bell::default());
        let place = Listener::join(Arc::clone(self), bell.cord(0));
        while !self.is_ended() {
            bell.pulled(&place.cord).await;
        }
    }

    /// Changes the ring, and has the audience told if there is news for it.
    pub(super) fn change(self: &Arc<Self>, change: impl FnOnce(&mut Ring) -> bool) {
        let is_news = change(&mut lock(&self.ring));
        if is_news {
            self.audience.wake();
            self.lanes.call(self, &self.criers);
        }
    }

    /// Lends the connection of somebody who has caught up: for as long, the cord is not pulled by
    /// news, but by everything else.
    pub(crate) fn lend(
        &self,
        outlet: &Arc<Outlet>,
        listener: &mut Listener<Self>,
        cursor: Cursor,
    ) -> Lent {
        let lent = self.lanes.lend(outlet, &listener.cord, cursor);
        // In this order nothing is missed; what comes in between does both.
        listener.leave();
        lent
    }

    /// What whoever has lent a connection is told.
    pub(super) fn news(&self) -> News<'_> {
        News::of(&self.ring)
    }

    /// Learns what this node has stored.
    pub(super) fn stored(self: &Arc<Self>, frames: Vec<Frame>, phase: Phase) {
        // Where it belongs is as old as it was.
        if let (Some((head, _)), Some(last)) = (&mut *lock(&self.head), frames.last())
            && head.offset < last.offset
        {
            (head.offset, head.phase) = (last.offset, phase);
        }
        self.change(|ring| ring.extend(frames));
    }

    /// Learns what the store says.
    pub(super) fn confirm(self: &Arc<Self>, head: &Head) {
        let before = lock(&self.head).replace((*head, Instant::now()));
        self.change(|ring| ring.confirm(head.offset, head.phase.is_terminal()));
        // Whoever does not see the new fleet has to notice.
        if before.is_some_and(|(before, _)| before.fleet_id != head.fleet_id) {
            self.moves.fetch_add(1, Ordering::Release);
            self.audience.wake();
            self.lanes.wake();
        }
    }

    /// How often the command has moved to another fleet: then rights have to be looked at again.
    pub(crate) fn moves(&self) -> u32 {
        self.moves.load(Ordering::Acquire)
    }

    /// The command as the store had it a moment ago, unless something has been heard of it since.
    pub(crate) fn fresh_head(&self) -> Option<Head> {
        let newest = self.look(|ring| ring.head());
        let known = *lock(&self.head);
        let fresh = known.filter(|(head, at)| head.offset >= newest && at.elapsed() < BELIEVED);
        fresh.map(|(head, _)| head)
    }

    /// The command as the store had it when it was last asked.
    pub(crate) fn last_head(&self) -> Option<Head> {
        lock(&self.head).map(|(head, _)| head)
    }

    /// A page of the log with what follows an offset: read once, whoever waits for it.
    pub(crate) fn page(self: &Arc<Self>, store: &Store, after: u64) -> PageRead {
        let size = self.limits.page;
        let read = || Page::read(self, store.clone(), after, (size, &self.tasks));
        lock(&self.pages).get(after, size.events, read)
    }

    /// A page has nothing that somebody who comes later could use.
    pub(super) fn forget_page(&self, after: u64) {
        lock(&self.pages).forget(after);
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        self.home.leave(self.command_id);
    }
}
