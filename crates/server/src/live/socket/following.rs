//! Things that a session follows, and what each of them has to give out.
//!
//! Refuses to count what has not been written: a cursor moves when its event is on the wire.

use super::Dialect;
use super::batch::{Batch, Mark, Piece};
use super::word::{Gone, Word};
use crate::live::audience::Listener;
use crate::live::channel::Board;
use crate::live::cursor::{Cursor, Next};
use crate::live::frame::Frame;
use crate::live::lane::Lent;
use crate::live::outlet::Outlet;
use crate::live::pages::{Page, PageRead};
use crate::live::rights::Target;
use crate::live::topic::Topic;
use bytes::Bytes;
use model::id::FleetId;
use std::sync::Arc;
use store::Store;

/// How something stands after it has given what it had.
pub(super) enum Stand {
    /// There is more, or there may be.
    More,
    /// Nothing, until its cord is pulled.
    Waits,
    /// Nothing, until this has been read.
    Reads(Target, PageRead),
}

/// A command that is followed.
pub(super) struct Log {
    pub(super) listener: Listener<Topic>,
    pub(super) cursor: Cursor,
    page: Option<Page>,
    is_reading: bool,
    is_live: bool,
    /// How often its place had changed when its right was last looked at.
    moves: u32,
}

impl Log {
    pub(super) fn new(listener: Listener<Topic>, after: u64) -> Self {
        let (cursor, moves) = (Cursor::new(after), listener.stage.moves());
        Self { listener, cursor, page: None, is_reading: false, is_live: false, moves }
    }

    pub(super) fn target(&self) -> Target {
        Target::Command(self.listener.stage.command_id())
    }

    /// The fleet that it has moved to since this was last asked, if it has.
    pub(super) fn new_fleet(&mut self) -> Option<FleetId> {
        let moves = self.listener.stage.moves();
        let has_moved = std::mem::replace(&mut self.moves, moves) != moves;
        let head = if has_moved { self.listener.stage.last_head() } else { None };
        head.map(|head| head.fleet_id)
    }

    /// A page has come.
    pub(super) fn take(&mut self, page: Page) {
        self.is_reading = false;
        self.page = Some(page);
    }

    /// What is left of the page will be read again.
    pub(super) fn forget_page(&mut self) {
        self.page = None;
    }

    /// The client knows that it is up to date.
    pub(super) fn is_live_now(&mut self) {
        self.is_live = true;
    }

    /// Has what comes next written without waking the speaker, if nothing else is to be done.
    pub(super) fn lend(&mut self, outlet: &Arc<Outlet>, dialect: Dialect) -> Option<Lent> {
        let is_told = self.is_live || dialect == Dialect::Plain;
        let is_at_rest = is_told && !self.is_reading && self.page.is_none();
        let topic = Arc::clone(&self.listener.stage);
        is_at_rest.then(|| topic.lend(outlet, &mut self.listener, self.cursor))
    }

    /// The speaker goes on from here.
    pub(super) fn take_back(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        self.listener.rejoin();
    }

    /// Adds what comes after the cursor.
    pub(super) fn give(
        &mut self,
        key: usize,
        batch: &mut Batch,
        (dialect, store): (Dialect, &Store),
    ) -> Stand {
        if self.is_reading {
            return Stand::Waits;
        }
        let mut cursor = self.cursor;
        if let Some(page) = self.page.take()
            && let Some(frames) = page.after(cursor.offset())
        {
            push(key, batch, &mut cursor, dialect, frames.iter());
            self.page = Some(page);
            return Stand::More;
        }
        let next = self.listener.stage.look(|ring| {
            while !batch.is_full()
                && let Some(run) = ring.run_after(cursor.offset())
            {
                cursor.advance(run.last());
                batch.push(key, Piece::Run(run));
            }
            if let Some(frames) = ring.after(cursor.offset()) {
                push(key, batch, &mut cursor, dialect, frames);
            }
            cursor.next(ring)
        });
        match next {
            Next::Give => Stand::More,
            // What is in the batch goes first: a page follows the cursor.
            Next::Read if cursor != self.cursor => Stand::More,
            Next::Read => {
                self.is_reading = true;
                Stand::Reads(self.target(), self.listener.stage.page(store, cursor.offset()))
            }
            Next::Wait => {
                self.tell_live(key, batch, dialect);
                Stand::Waits
            }
            Next::Over => {
                self.tell_live(key, batch, dialect);
                batch.push(key, Piece::Frame(Mark::Over, self.farewell(dialect)));
                Stand::Waits
            }
        }
    }

    fn tell_live(&self, key: usize, batch: &mut Batch, dialect: Dialect) {
        if !self.is_live && dialect == Dialect::Full {
            let word = Word::Live { target: self.target() };
            batch.push(key, Piece::Frame(Mark::Live, word.frame()));
        }
    }

    fn farewell(&self, dialect: Dialect) -> Bytes {
        match dialect {
            Dialect::Plain => Bytes::new(),
            Dialect::Full => {
                Word::Unsubscribed { id: None, target: self.target(), code: Gone::Ended }.frame()
            }
        }
    }
}

/// Adds as many of the frames as fit.
fn push<'a>(
    key: usize,
    batch: &mut Batch,
    cursor: &mut Cursor,
    dialect: Dialect,
    frames: impl Iterator<Item = &'a Frame>,
) {
    for frame in frames {
        if batch.is_full() {
            return;
        }
        let wire = if dialect.shows(frame.kind) { frame.wire().clone() } else { Bytes::new() };
        batch.push(key, Piece::Frame(Mark::Event(frame.offset), wire));
        cursor.advance(frame.offset);
    }
}

/// A channel that is followed.
pub(super) struct News {
    pub(super) listener: Listener<Board>,
    /// The number of the last piece of news that was given out.
    told: u64,
    is_live: bool,
}

impl News {
    pub(super) fn new(listener: Listener<Board>) -> Self {
        Self { listener, told: 0, is_live: false }
    }

    pub(super) fn target(&self) -> Target {
        Target::Channel(self.listener.stage.channel())
    }

    pub(super) fn told(&mut self, number: u64) {
        self.told = number;
    }

    /// The client knows that it is up to date.
    pub(super) fn is_live_now(&mut self) {
        self.is_live = true;
    }

    /// Adds the news of vehicles that may be seen.
    pub(super) fn give(
        &self,
        key: usize,
        batch: &mut Batch,
        dialect: Dialect,
        sees: impl Fn(FleetId) -> bool,
    ) -> Stand {
        let room = batch.room();
        let notices = self.listener.stage.after(self.told, room);
        let is_all = notices.len() < room;
        for notice in notices {
            let is_spoken = notice.is_for_all || dialect == Dialect::Full;
            // A vehicle may have moved out of sight.
            let is_shown = is_spoken && sees(notice.fleet_id);
            let wire = if is_shown { notice.wire } else { Bytes::new() };
            batch.push(key, Piece::Frame(Mark::News(notice.number), wire));
        }
        if !is_all {
            return Stand::More;
        }
        if !self.is_live && dialect == Dialect::Full {
            let word = Word::Live { target: self.target() };
            batch.push(key, Piece::Frame(Mark::Live, word.frame()));
        }
        Stand::Waits
    }
}
