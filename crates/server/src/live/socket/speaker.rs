//! The writing half of a session: gives out what is followed, as fast as the client takes it.
//!
//! Refuses to queue events, and to write them one by one: what is there goes out with one write, and
//! what the client does not take stays where it is.

use super::batch::{Batch, Entry, Mark, Reached};
use super::desk::{Desk, Inbox, Order};
use super::following::{Log, News, Stand};
use super::{Context, Dialect, End};
use crate::live::audience::Listener;
use crate::live::bell::{Bell, Marks};
use crate::live::lane::Lent;
use crate::live::outlet::Outlet;
use crate::live::pages::Page;
use crate::live::rights::Target;
use crate::live::wire::Wire;
use crate::observe;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, Stream};
use slab::Slab;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waking, Poll};
use std::time::Duration;
use store::StoreError;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout_at};

/// The mark of the desk's cord; those of what is followed count from 0.
pub(super) const DESK: usize = usize::MAX;
/// How long pages of the store are kept for a client that takes nothing.
const PAGES_KEPT: Duration = Duration::from_millis(500);
/// How many writes are made before others get a turn.
const TURN: usize = 4;

/// Something that is followed.
enum Following {
    Log(Log),
    News(News),
}

/// A place among what is followed.
struct Place {
    what: Following,
    /// Whether it is in the queue of those that may have something to give.
    is_queued: bool,
}

/// A page that was read for one of the logs, and which of all that were ever followed that was.
type Reading = BoxFuture<'static, (usize, Target, Result<Page, StoreError>)>;

/// How far writing came.
enum Flow {
    /// Everything is written.
    Idle,
    /// The client has to take something first.
    Blocked,
    /// There is more to write.
    Busy,
}

pub(super) struct Speaker {
    outlet: Arc<Outlet>,
    context: Arc<Context>,
    desk: Arc<Desk>,
    bell: Arc<Bell>,
    dialect: Dialect,
    /// The rest of a frame that was written in part.
    rest: Bytes,
    words: BytesMut,
    places: Slab<Place>,
    /// Those that may have something to give.
    ready: VecDeque<usize>,
    marks: Marks,
    readings: FuturesUnordered<Reading>,
    /// When a client that asks for nothing more is let go; `None` = not yet, or never.
    idle: Option<Pin<Box<Sleep>>>,
    behind: Option<observe::Counted>,
    /// The connection, while the one thing that is followed writes to it by itself.
    lent: Option<Lent>,
}

impl Speaker {
    pub(super) fn new(
        outlet: Arc<Outlet>,
        context: Arc<Context>,
        (desk, bell): (Arc<Desk>, Arc<Bell>),
    ) -> Self {
        Self {
            outlet,
            dialect: context.dialect,
            context,
            desk,
            bell,
            rest: Bytes::new(),
            words: BytesMut::new(),
            places: Slab::new(),
            ready: VecDeque::new(),
            marks: Marks::new(),
            readings: FuturesUnordered::new(),
            idle: None,
            behind: None,
            lent: None,
        }
    }

    /// Speaks until the end of the session.
    pub(super) async fn run(&mut self) -> End {
        loop {
            let done = match self.speak() {
                Ok(Flow::Busy) => {
                    tokio::task::yield_now().await;
                    Ok(())
                }
                Ok(Flow::Blocked) => self.room().await,
                Ok(Flow::Idle) => {
                    self.lend();
                    let done = poll_fn(|cx| self.poll_news(cx)).await;
                    self.take_back();
                    done
                }
                Err(end) => Err(end),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// What has to be written before a close frame.
    pub(super) fn into_last_words(mut self) -> (Arc<Outlet>, Vec<u8>) {
        self.words.unsplit(self.desk.clear().words);
        (self.outlet, [&*self.rest, &*self.words].concat())
    }

    /// Writes what there is, a few times.
    fn speak(&mut self) -> Result<Flow, End> {
        for _ in 0..TURN {
            self.attend()?;
            if !self.write_rest()? {
                return Ok(self.blocked());
            }
            let batch = self.gather();
            let wanted = self.words.len() + batch.len();
            let written = self.written(|wire| batch.write(&self.words, wire))?;
            self.settle(batch, written);
            if written < wanted || !self.has_gone()? {
                return Ok(self.blocked());
            }
            if self.ready.is_empty() && self.words.is_empty() {
                self.behind = None;
                return Ok(Flow::Idle);
            }
        }
        Ok(Flow::Busy)
    }

    /// Whether the client has taken what is left of a frame: for one who has not nothing is read.
    fn write_rest(&mut self) -> Result<bool, End> {
        if !self.rest.is_empty() {
            let written = self.written(|wire| wire.try_write(&self.rest))?;
            self.rest.advance(written);
        }
        Ok(self.rest.is_empty() && self.has_gone()?)
    }

    /// Whether nothing of what was written waits for the kernel.
    fn has_gone(&self) -> Result<bool, End> {
        self.outlet.wire.has_gone().map_err(|_| End::ClientLeft)
    }

    /// How much the connection takes of what is written.
    fn written(&self, write: impl Fn(&Wire) -> io::Result<usize>) -> Result<usize, End> {
        match write(&self.outlet.wire) {
            Ok(written) => Ok(written),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(_) => Err(End::ClientLeft),
        }
    }

    fn blocked(&mut self) -> Flow {
        self.behind.get_or_insert_with(observe::watcher_behind);
        Flow::Blocked
    }

    /// Whoever follows one thing and has all there is of it need not be woken for what comes next.
    fn lend(&mut self) {
        let is_elsewhere = !self.readings.is_empty() || self.idle.is_some();
        if is_elsewhere || self.places.len() != 1 {
            return;
        }
        if let Some((_, Place { what: Following::Log(log), .. })) = self.places.iter_mut().next() {
            self.lent = log.lend(&self.outlet, self.dialect);
        }
    }

    /// Goes on where the topic has come to.
    fn take_back(&mut self) {
        let Some(reached) = self.lent.take().and_then(Lent::take_back) else { return };
        self.rest = reached.rest;
        let Some((key, place)) = self.places.iter_mut().next() else { return };
        if let Following::Log(log) = &mut place.what {
            log.take_back(reached.cursor);
            self.queue(key);
        }
    }

    /// Waits until the client takes something.
    async fn room(&mut self) -> Result<(), End> {
        let blocked_at = Instant::now();
        let stuck_at = blocked_at + self.context.limits.stuck_after;
        let mut forgotten = false;
        loop {
            let mut marks = Marks::new();
            tokio::select! {
                room = timeout_at(stuck_at, self.outlet.wire.writable()) => {
                    self.desk.took();
                    return match room {
                        Ok(Ok(())) => Ok(()),
                        Ok(Err(_)) => Err(End::ClientLeft),
                        Err(_) => Err(End::Stuck),
                    };
                }
                () = poll_fn(|cx| self.bell.poll(cx, &mut marks)) => {}
                () = sleep_until(blocked_at + PAGES_KEPT), if !forgotten => {
                    forgotten = true;
                    self.forget_pages();
                }
            }
            // News can wait, and its cords ring no more until they have been answered.
            for mark in marks {
                if mark == DESK {
                    self.clear_desk()?;
                } else {
                    self.marks.push(mark);
                }
            }
        }
    }

    /// A client that takes nothing costs as little as one that does not exist: what was read for it is
    /// read again.
    fn forget_pages(&mut self) {
        for (_, place) in &mut self.places {
            if let Following::Log(log) = &mut place.what {
                log.forget_page();
            }
        }
    }

    /// Waits until there is something to say, or nothing will be.
    fn poll_news(&mut self, cx: &mut Waking<'_>) -> Poll<Result<(), End>> {
        if self.bell.poll(cx, &mut self.marks).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !self.readings.is_empty()
            && let Poll::Ready(Some((key, target, page))) =
                Pin::new(&mut self.readings).poll_next(cx)
        {
            return Poll::Ready(self.take_page(key, target, page));
        }
        match self.idle.as_mut().map(|idle| idle.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Err(End::CommandOver)),
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }

    fn take_page(
        &mut self,
        key: usize,
        target: Target,
        page: Result<Page, StoreError>,
    ) -> Result<(), End> {
        match self.following(key) {
            // Something else may have taken the place of what it was read for.
            Some(Following::Log(log)) if log.target() == target => match page {
                Ok(page) => log.take(page),
                Err(error) => {
                    tracing::warn!(%error, "cannot read events for a watcher");
                    return Err(End::StoreFailed);
                }
            },
            _ => return Ok(()),
        }
        self.queue(key);
        Ok(())
    }

    fn following(&mut self, key: usize) -> Option<&mut Following> {
        self.places.get_mut(key).map(|place| &mut place.what)
    }

    /// It may have something to give. Within one batch each gives once: its cursor moves later.
    fn queue(&mut self, key: usize) {
        if let Some(place) = self.places.get_mut(key)
            && !std::mem::replace(&mut place.is_queued, true)
        {
            self.ready.push_back(key);
        }
    }

    /// Looks at what the bell rang for.
    fn attend(&mut self) -> Result<(), End> {
        if self.marks.is_empty() {
            self.bell.take(&mut self.marks);
        }
        let mut marks = std::mem::take(&mut self.marks);
        for mark in marks.drain(..) {
            if mark == DESK {
                self.clear_desk()?;
            } else {
                self.answer(mark)?;
            }
        }
        self.marks = marks;
        Ok(())
    }

    /// There is news of something that is followed.
    fn answer(&mut self, key: usize) -> Result<(), End> {
        let moved = match self.following(key) {
            Some(Following::Log(log)) => {
                log.listener.cord.answer();
                log.new_fleet().map(|fleet| (fleet, log.target()))
            }
            Some(Following::News(news)) => {
                news.listener.cord.answer();
                None
            }
            None => return Ok(()),
        };
        match moved {
            Some((fleet, target)) if !self.context.sees(fleet) => self.lose(key, target),
            _ => {
                self.queue(key);
                Ok(())
            }
        }
    }

    fn clear_desk(&mut self) -> Result<(), End> {
        let Inbox { words, orders, end } = self.desk.clear();
        if self.words.is_empty() {
            self.words = words;
        } else {
            self.words.extend_from_slice(&words);
        }
        for order in orders {
            self.carry_out(order);
        }
        if self.desk.has_acted() {
            self.idle = None;
        }
        end.map_or(Ok(()), Err)
    }

    fn carry_out(&mut self, order: Order) {
        let place = self.places.vacant_entry();
        let key = place.key();
        let what = match order {
            Order::Watch(topic, after) => {
                Following::Log(Log::new(Listener::join(topic, self.bell.cord(key)), after))
            }
            Order::Follow(board) => {
                Following::News(News::new(Listener::join(board, self.bell.cord(key))))
            }
            Order::Stop(target) => {
                return self.places.retain(|_, place| place.what.target() != target);
            }
        };
        place.insert(Place { what, is_queued: false });
        self.idle = None;
        self.queue(key);
    }

    /// The right to follow something is lost.
    fn lose(&mut self, key: usize, target: Target) -> Result<(), End> {
        let word = self.context.lose(target)?;
        self.places.try_remove(key);
        self.words.extend_from_slice(&word.frame());
        Ok(())
    }

    /// What goes out next.
    fn gather(&mut self) -> Batch {
        let mut batch = Batch::default();
        // Each gets one turn.
        for _ in 0..self.ready.len() {
            if batch.is_full() {
                break;
            }
            let Some(key) = self.ready.pop_front() else { break };
            match self.give(key, &mut batch) {
                Stand::More => self.queue(key),
                Stand::Waits => {}
                Stand::Reads(target, page) => {
                    self.readings.push(page.map(move |page| (key, target, page)).boxed());
                }
            }
        }
        batch
    }

    fn give(&mut self, key: usize, batch: &mut Batch) -> Stand {
        let Some(place) = self.places.get_mut(key) else { return Stand::Waits };
        place.is_queued = false;
        let (context, dialect) = (&self.context, self.dialect);
        match &mut place.what {
            Following::Log(log) => log.give(key, batch, (dialect, &context.live.store)),
            Following::News(news) => news.give(key, batch, dialect, |fleet| context.sees(fleet)),
        }
    }

    /// Notes what has been written. What has not goes back to where it came from.
    fn settle(&mut self, batch: Batch, written: usize) {
        let words = written.min(self.words.len());
        self.words.advance(words);
        let (mut written, mut delivered) = (written - words, 0);
        let mut is_all = self.words.is_empty();
        for Entry { key, piece } in batch.entries {
            if is_all {
                let Reached { mark, events, rest } = piece.reached(written);
                mark.inspect(|mark| self.reached(key, *mark));
                delivered += events;
                is_all = written >= piece.wire().len();
                written = written.saturating_sub(piece.wire().len());
                self.rest = rest;
            }
            if !is_all {
                self.queue(key);
            }
        }
        if delivered > 0 {
            if self.dialect == Dialect::Full {
                self.outlet.spoke();
            }
            observe::events_delivered(delivered);
        }
    }

    fn reached(&mut self, key: usize, mark: Mark) {
        match (self.following(key), mark) {
            (Some(Following::Log(log)), Mark::Event(offset)) => log.cursor.advance(offset),
            (Some(Following::Log(log)), Mark::Live) => log.is_live_now(),
            (Some(Following::News(news)), Mark::News(number)) => news.told(number),
            (Some(Following::News(news)), Mark::Live) => news.is_live_now(),
            (Some(following), Mark::Over) => {
                let target = following.target();
                self.context.followed.remove(target);
                self.places.try_remove(key);
                self.rest();
            }
            _ => {}
        }
    }

    /// Starts the idle clock when nothing more can come to a client that never asked for anything.
    fn rest(&mut self) {
        let patience = self.context.limits.idle_close;
        if self.places.is_empty() && !self.desk.has_acted() && !patience.is_zero() {
            self.idle = Some(Box::pin(sleep(patience)));
        }
    }
}

impl Following {
    fn target(&self) -> Target {
        match self {
            Self::Log(log) => log.target(),
            Self::News(news) => news.target(),
        }
    }
}
