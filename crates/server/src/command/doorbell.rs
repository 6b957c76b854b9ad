//! How the dispatcher is woken, and handed what has started already.
//!
//! Refuses to be relied on: a ring that is lost is made up for by the dispatcher's next look.

use crate::live::lock;
use model::id::{CommandId, VehicleId};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use store::Claimed;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::Instant;

/// How many rings may wait.
const RINGS: usize = 4096;

/// Something that the dispatcher should look at.
pub(crate) enum Ring {
    Vehicle(VehicleId),
    Stop(CommandId),
    Started(Box<Started>),
}

/// A claim that was made with the commit of a submit.
pub(crate) struct Started {
    pub(super) claimed: Claimed,
    /// Until when something may be sent under it.
    pub(super) send_by: Instant,
    pub(super) _expected: Expected,
}

/// The way to wake the dispatcher; cheap to clone.
#[derive(Clone)]
pub(crate) struct Doorbell {
    rings: mpsc::Sender<Ring>,
    in_flight: Arc<AtomicUsize>,
    /// Commands whose claims are on their way to the dispatcher, or may be.
    expected: Arc<Mutex<HashSet<CommandId>>>,
}

/// What the dispatcher hears.
pub(crate) type Visitors = Receiver<Ring>;

impl Doorbell {
    /// A doorbell, and what the dispatcher hears of it.
    pub(crate) fn new() -> (Self, Visitors) {
        let (rings, heard) = mpsc::channel(RINGS);
        (Self { rings, in_flight: Arc::default(), expected: Arc::default() }, heard)
    }

    /// There may be something to do at this vehicle.
    pub(crate) fn ring(&self, vehicle_id: VehicleId) {
        drop(self.rings.try_send(Ring::Vehicle(vehicle_id)));
    }

    /// A user wants this command stopped.
    pub(crate) fn stop(&self, command_id: CommandId) {
        drop(self.rings.try_send(Ring::Stop(command_id)));
    }

    /// A claim of this command may come, with the commit that accepts it: as long as it is expected, it
    /// is not taken for one that nobody drives.
    pub(super) fn expect(&self, command_id: CommandId) -> Expected {
        lock(&self.expected).insert(command_id);
        Expected { doorbell: self.clone(), command_id }
    }

    pub(super) fn is_expected(&self, command_id: CommandId) -> bool {
        lock(&self.expected).contains(&command_id)
    }

    /// Has a claim driven; it comes back if nobody is there.
    pub(super) fn started(&self, start: Box<Started>) -> Option<Box<Started>> {
        let back = match self.rings.try_send(Ring::Started(start)) {
            Ok(()) => return None,
            Err(TrySendError::Full(ring) | TrySendError::Closed(ring)) => ring,
        };
        if let Ring::Started(start) = back { Some(start) } else { None }
    }

    /// So many commands are driven.
    pub(super) fn count(&self, in_flight: usize) {
        self.in_flight.store(in_flight, Ordering::Relaxed);
    }

    /// Whether as many commands as that are driven, or nobody is there to drive any.
    pub(super) fn is_busy(&self, max: usize) -> bool {
        self.rings.is_closed() || self.in_flight.load(Ordering::Relaxed) >= max
    }
}

/// Ends, when dropped, that a claim is expected.
pub(crate) struct Expected {
    doorbell: Doorbell,
    command_id: CommandId,
}

impl Drop for Expected {
    fn drop(&mut self) {
        lock(&self.doorbell.expected).remove(&self.command_id);
    }
}
