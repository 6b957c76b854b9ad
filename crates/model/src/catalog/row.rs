//! Building a row of the catalogue, so that it reads like one of a table.
//!
//! Refuses a row without a risk class: it begins as a read or as a change of a class.

use super::params::Params;
use super::{Entry, Lock, ModeNeed, Streaming, Switch};
use crate::command::Risk;
use crate::user::Role;
use std::time::Duration;

const SESSION: ModeNeed = ModeNeed { id: "session", value: Some("extended") };
const SECURITY: ModeNeed = ModeNeed { id: "security", value: None };

/// The longest that any installation lets a vehicle work.
const DAY: Duration = Duration::from_hours(24);

impl Entry {
    /// R0, for engineers, one response, no lock, no mode, the installation's times.
    pub(super) fn read(name: &'static str, description: &'static str, params: Params) -> Self {
        Self {
            name,
            alias_of: None,
            description,
            risk: Risk::R0,
            role: Role::Engineer,
            senior_params: &[],
            is_beside: false,
            streaming: Streaming::One,
            lock: Lock::None,
            modes: &[],
            switch: None,
            run_timeout: None,
            run_timeout_max: None,
            schema: params.schema(),
        }
    }

    /// A row of a risk class, for the least role that may submit this class.
    pub(super) fn change(
        risk: Risk,
        name: &'static str,
        description: &'static str,
        params: Params,
    ) -> Self {
        let role = if risk == Risk::R3 { Role::Senior } else { Role::Engineer };
        Self { risk, role, ..Self::read(name, description, params) }
    }

    pub(super) fn alias_of(self, name: &'static str) -> Self {
        Self { alias_of: Some(name), ..self }
    }

    pub(super) fn senior(self) -> Self {
        Self { role: Role::Senior, ..self }
    }

    pub(super) fn senior_for(self, senior_params: &'static [&'static str]) -> Self {
        Self { senior_params, ..self }
    }

    pub(super) fn beside(self) -> Self {
        Self { is_beside: true, ..self }
    }

    pub(super) fn admin(self) -> Self {
        Self { role: Role::Admin, ..self }
    }

    pub(super) fn many(self) -> Self {
        Self { streaming: Streaming::Many, ..self }
    }

    /// Its duration ends it, not a shorter run timeout.
    pub(super) fn live(self) -> Self {
        Self { streaming: Streaming::Live, ..self }.taking(DAY, DAY)
    }

    pub(super) fn locked(self) -> Self {
        Self { lock: Lock::Needed, ..self }
    }

    /// There only where the installation says so.
    pub(super) fn switched(self, switch: Switch) -> Self {
        Self { switch: Some(switch), ..self }
    }

    pub(super) fn in_session(self) -> Self {
        Self { modes: &[SESSION], ..self }
    }

    pub(super) fn unlocked(self) -> Self {
        Self { modes: &[SESSION, SECURITY], ..self }
    }

    /// Asks many entities, or waits for one that starts.
    pub(super) fn minutes(self) -> Self {
        self.taking(Duration::from_mins(2), Duration::from_hours(1))
    }

    /// Works as long as a routine does.
    pub(super) fn routine(self) -> Self {
        self.taking(Duration::from_mins(5), DAY)
    }

    /// Moves or installs much data.
    pub(super) fn hours(self) -> Self {
        self.taking(Duration::from_hours(2), DAY)
    }

    fn taking(self, usual: Duration, longest: Duration) -> Self {
        Self { run_timeout: Some(usual), run_timeout_max: Some(longest), ..self }
    }
}
