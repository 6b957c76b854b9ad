//! Which faults hold at a moment.
//! It does not make them: each connection looks here and acts.

use std::future;
use std::time::Duration;

use tokio::sync::watch;

use super::Direction;

/// The faults of a proxy. Every connection sees each change.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) delay: Duration,
    pub(super) refuse: bool,
    /// Grows by one with each reset.
    pub(super) resets: u64,
    to_target_stalled: bool,
    to_client_stalled: bool,
    /// `None` lets connections live.
    pub(super) cut: Option<Cut>,
    cuts: u64,
}

/// The end of each connection after so many bytes to its client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Tells this order from an earlier one for the same number of bytes.
    pub(super) number: u64,
    pub(super) bytes: u64,
}

impl Faults {
    pub(super) fn stall(&mut self, direction: Direction) {
        match direction {
            Direction::ToTarget => self.to_target_stalled = true,
            Direction::ToClient => self.to_client_stalled = true,
        }
    }

    pub(super) fn is_stalled(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToTarget => self.to_target_stalled,
            Direction::ToClient => self.to_client_stalled,
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.to_target_stalled && self.to_client_stalled
    }

    pub(super) fn is_stall_free(&self) -> bool {
        !self.to_target_stalled && !self.to_client_stalled
    }

    pub(super) fn cut_after(&mut self, bytes: u64) {
        self.cuts += 1;
        self.cut = Some(Cut { number: self.cuts, bytes });
    }

    /// The counters stay: a connection compares them with what it has seen.
    pub(super) fn heal(&mut self) {
        *self = Self { resets: self.resets, cuts: self.cuts, ..Self::default() };
    }
}

/// Waits until the faults have been switched.
pub(super) async fn changed(faults: &mut watch::Receiver<Faults>) {
    if faults.changed().await.is_err() {
        future::pending::<()>().await;
    }
}

/// Waits until the faults are as wanted.
pub(super) async fn until(
    faults: &mut watch::Receiver<Faults>,
    wanted: impl FnMut(&Faults) -> bool,
) {
    if faults.wait_for(wanted).await.is_err() {
        future::pending::<()>().await;
    }
}
