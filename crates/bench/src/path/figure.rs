//! The figures by name, and what each has to be.
//!
//! Refuses to measure anything itself: every figure has a file of its own.

use super::installation::{Backend, Ground};
use super::{events, first, reconnect, replay, submits};
use crate::goal::Goal;
use std::time::Duration;

/// A row, or a few, of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Figure {
    /// 64 clients submit to vehicles that are offline.
    #[value(name = "submits")]
    Submits,
    /// From a submit to the vehicle's answer on an open socket, 100 in a second.
    #[value(name = "first")]
    First,
    /// One command whose vehicle streams as fast as it is heard.
    #[value(name = "events1")]
    EventsOfOne,
    /// The same with 16 commands.
    #[value(name = "events16")]
    EventsOfSixteen,
    /// The same with 64 commands.
    #[value(name = "events64")]
    EventsOfSixtyFour,
    /// 10,000 watchers of one command come back at once.
    #[value(name = "reconnect1")]
    ReconnectToOne,
    /// 10,000 watchers of 100 commands come back at once.
    #[value(name = "reconnect100")]
    ReconnectToHundred,
    /// A finished log is read from its start.
    #[value(name = "replay")]
    Replay,
}

/// A measured quantity by name.
pub(super) type Measured = Vec<(&'static str, f64)>;

impl Figure {
    /// As tables call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Submits => "64 clients, vehicles offline",
            Self::First => "submit to first event, 100/s",
            Self::EventsOfOne => "1 command streams",
            Self::EventsOfSixteen => "16 commands stream",
            Self::EventsOfSixtyFour => "64 commands stream",
            Self::ReconnectToOne => "10,000 watchers return to 1 command",
            Self::ReconnectToHundred => "10,000 watchers return to 100 commands",
            Self::Replay => "log of 50,000 events",
        }
    }

    /// Measures it on a fresh installation.
    pub(super) fn measure(self, ground: Ground, span: Duration) -> Measured {
        match self {
            Self::Submits => submits::measure(ground, span),
            Self::First => first::measure(ground, span),
            Self::EventsOfOne => events::measure(ground, 1, span),
            Self::EventsOfSixteen => events::measure(ground, 16, span),
            Self::EventsOfSixtyFour => events::measure(ground, 64, span),
            Self::ReconnectToOne => reconnect::measure(ground, 1),
            Self::ReconnectToHundred => reconnect::measure(ground, 100),
            Self::Replay => replay::measure(ground),
        }
    }

    /// What a quantity of it has to be; `None` = it only explains another.
    pub(super) fn goal(self, quantity: &str, backend: Backend) -> Option<Goal> {
        match (self, quantity, backend) {
            (Self::Submits, submits::RATE, Backend::Sqlite) => Some(Goal::at_least(3e3, 10e3)),
            (Self::First, first::RATIO, _) => Some(Goal::at_most(6.0, 3.0)),
            (
                Self::EventsOfOne | Self::EventsOfSixteen | Self::EventsOfSixtyFour,
                events::RATE,
                Backend::Sqlite,
            ) => Some(Goal::at_least(10e3, 30e3)),
            (
                Self::EventsOfOne | Self::EventsOfSixteen | Self::EventsOfSixtyFour,
                events::RATE,
                Backend::Postgres,
            ) => Some(Goal::at_least(5e3, 20e3)),
            (Self::ReconnectToOne | Self::ReconnectToHundred, reconnect::ALL_LIVE, _) => {
                Some(Goal::at_most(3.0, 1.0))
            }
            _ => None,
        }
    }
}
