//! What a transaction holds and has decided: read in one go before its writes run, and posted in one
//! go after them.
//!
//! Refuses to decide: how a command moves is the model's rule, and a ledger only keeps what came of it.

use crate::audit::Deed;
use crate::drive::Applied;
use crate::engine::{fetch_each, statements};
use crate::fault_reads::{self, Kept};
use crate::idempotency::{self, KeyName, KeyUse};
use crate::row::{self, CommandRow};
use crate::writer::Tx;
use crate::{StoreError, audit, post};
use model::command::{Command, Step};
use model::event::{Event, Kind};
use model::id::CommandId;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// How many bytes of events may be kept before they are posted.
const LONG: usize = 4 << 20;

statements! {
    // In the order of their ids: no two transactions wait for each other.
    LOCK_COMMANDS = {
        row::select_commands!("where c.command_id = $1"),
        postgres: row::select_commands!(
            "where c.command_id = any(cast($1 as uuid[])) order by c.command_id for update"
        )
    }
    KNOWN = {
        "select command_id, source from events where command_id = $1 and source = $2",
        // Also what was said of another of these commands, which does no harm.
        postgres: "select command_id, source from events
        where command_id = any(cast($1 as uuid[])) and source = any(cast($2 as text[]))"
    }
}

/// A thing that was said of a command, by the name that another program gave to it.
type Said = (CommandId, String);

/// What the writes of a transaction ask for before any of them runs.
#[derive(Default)]
pub(crate) struct Needs {
    commands: BTreeSet<CommandId>,
    said: BTreeSet<Said>,
    keys: BTreeMap<KeyName, KeyUse>,
}

impl Needs {
    /// The command, as it stands and locked to the end of the transaction.
    pub(crate) fn command(&mut self, id: CommandId) {
        self.commands.insert(id);
    }

    /// Whether this is recorded already.
    pub(crate) fn said(&mut self, id: CommandId, source: &str) {
        self.said.insert((id, source.to_owned()));
    }

    /// The key, for this use unless it has another: the first that asks for it gets it.
    pub(crate) fn key(&mut self, name: KeyName, wanted: KeyUse) {
        self.keys.entry(name).or_insert(wanted);
    }
}

/// An event that is to be stored.
pub(crate) struct Entry {
    pub(crate) command_id: CommandId,
    pub(crate) event: Event,
    /// The name that another program gave to what made it.
    pub(crate) source: Option<String>,
}

/// A command as it stands now, whose newest stored event is `before`.
pub(crate) struct Move<'a> {
    pub(crate) before: u64,
    pub(crate) command: &'a Command,
}

/// The books of one transaction.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Commands as they stand after every write so far.
    held: HashMap<CommandId, Result<Command, StoreError>>,
    said: HashSet<Said>,
    keys: HashMap<KeyName, KeyUse>,
    accepted: Vec<Command>,
    /// The newest stored event of each command that has moved since.
    moved: BTreeMap<CommandId, u64>,
    entries: Vec<Entry>,
    bytes: usize,
    pub(crate) deeds: Vec<Deed>,
    /// What commands that have ended told of the faults of their vehicles.
    pub(crate) readings: Vec<Kept>,
}

impl Ledger {
    /// A command that was asked for, as it stands now; `None` if there is none of that id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if its row does not read as what we write.
    pub(crate) fn command(&self, id: CommandId) -> Result<Option<Command>, StoreError> {
        self.held.get(&id).cloned().transpose()
    }

    /// Whether what was asked for is recorded.
    pub(crate) fn is_known(&self, id: CommandId, source: &str) -> bool {
        self.said.contains(&(id, source.to_owned()))
    }

    /// What a key that was asked for is used for.
    pub(crate) fn key_use(&self, name: &KeyName) -> Option<&KeyUse> {
        self.keys.get(name)
    }

    /// A command that was accepted and is not posted yet.
    pub(crate) fn accepted(&self, id: CommandId) -> Option<&Command> {
        self.accepted.iter().find(|command| command.order.command_id == id)
    }

    /// Takes in a new command.
    pub(crate) fn accept(&mut self, step: &Step) {
        self.accepted.push(step.command.clone());
        self.log(step.command.order.command_id, &step.events, None);
    }

    /// Takes in what inputs made of a command whose newest event was `before`.
    pub(crate) fn move_on(&mut self, before: u64, applied: &Applied, source: Option<&str>) {
        let id = applied.command.order.command_id;
        self.moved.entry(id).or_insert(before);
        self.held.insert(id, Ok(applied.command.clone()));
        self.said.extend(source.map(|source| (id, source.to_owned())));
        self.log(id, &applied.events, source);
    }

    /// The source stands where it belongs: at what was said, not at what that led to.
    fn log(&mut self, command_id: CommandId, events: &[Event], source: Option<&str>) {
        let says = |event: &Event| matches!(event.kind, Kind::Response | Kind::Error);
        let said = events.iter().position(says).or(events.len().checked_sub(1));
        for (index, event) in events.iter().enumerate() {
            let source = source.filter(|_| Some(index) == said).map(str::to_owned);
            self.bytes = self.bytes.saturating_add(event.frame.len());
            self.entries.push(Entry { command_id, event: event.clone(), source });
        }
    }

    /// Whether it should be posted before more is added: neither engine likes statements without limit.
    pub(crate) fn is_long(&self) -> bool {
        self.bytes > LONG
    }
}

impl Tx {
    /// Brings what the writes need, in the order in which every transaction waits for it.
    pub(crate) async fn bring(&mut self, needs: Needs) -> Result<(), StoreError> {
        let Needs { commands, said, keys } = needs;
        if !keys.is_empty() {
            self.ledger.keys = idempotency::take(self, keys).await?;
        }
        if !commands.is_empty() {
            self.hold(commands.into_iter().collect()).await?;
        }
        // Under the locks of the commands: whoever heard it first has committed.
        if !said.is_empty() {
            self.recall(said.into_iter().collect()).await?;
        }
        Ok(())
    }

    async fn hold(&mut self, ids: Vec<CommandId>) -> Result<(), StoreError> {
        let rows =
            fetch_each!(&mut self.conn, LOCK_COMMANDS, &ids, |id| [Uuid::from(*id)], CommandRow);
        self.ledger.held =
            rows.into_iter().map(|row| (row.command_id.into(), row.try_into())).collect();
        Ok(())
    }

    async fn recall(&mut self, said: Vec<Said>) -> Result<(), StoreError> {
        let known = fetch_each!(
            &mut self.conn,
            KNOWN,
            &said,
            |said| [Uuid::from(said.0), said.1.as_str()],
            (Uuid, String)
        );
        self.ledger.said = known.into_iter().map(|(id, source)| (id.into(), source)).collect();
        Ok(())
    }

    /// Stores what the writes so far have decided: from here on it can be read.
    pub(crate) async fn post(&mut self) -> Result<(), StoreError> {
        let now = self.now;
        let Ledger { held, accepted, moved, entries, bytes, deeds, readings, .. } =
            &mut self.ledger;
        let accepted = std::mem::take(accepted);
        let moves: Vec<Move<'_>> = std::mem::take(moved)
            .into_iter()
            .filter_map(|(id, before)| {
                Some(Move { before, command: held.get(&id)?.as_ref().ok()? })
            })
            .collect();
        let (entries, deeds) = (std::mem::take(entries), std::mem::take(deeds));
        let readings = std::mem::take(readings);
        *bytes = 0;
        if !accepted.is_empty() {
            post::accepted(&mut self.conn, &accepted).await?;
        }
        if !moves.is_empty() {
            post::moves(&mut self.conn, &moves).await?;
        }
        let is_decided = |it: &&Command| it.decision.as_ref().is_some_and(|it| it.at == now);
        let decided: Vec<_> = moves.iter().map(|it| it.command).filter(is_decided).collect();
        if !decided.is_empty() {
            post::decisions(&mut self.conn, &decided).await?;
        }
        if !entries.is_empty() {
            post::entries(&mut self.conn, &entries).await?;
        }
        if !deeds.is_empty() {
            audit::post(&mut self.conn, &deeds).await?;
        }
        fault_reads::post(&mut self.conn, now, readings).await
    }
}
