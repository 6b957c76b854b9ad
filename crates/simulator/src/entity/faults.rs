//! The fault memory of an entity: what it came with, and what comes and goes.
//!
//! Needs no timer: whether a fault is there follows from the time that has passed.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Moment;
use crate::refusal::{Refusal, unknown};

/// The status byte of a fault that was there and is not now.
const HEALED: u8 = 0x28;

/// An entry of the fault memory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) code: String,
    /// What to show instead of a code that is not for people; `None` means the code itself.
    pub(crate) display_code: Option<String>,
    pub(crate) name: String,
    pub(crate) scope: String,
    /// 1 fatal, 2 error, 3 warning, 4 information.
    pub(crate) severity: u8,
    /// The status byte of ISO 14229, bit 0 first.
    pub(crate) status: u8,
    pub(crate) symptom: Option<String>,
    pub(crate) environment: Value,
    /// Is not cleared from afar.
    #[serde(default)]
    pub(crate) safety_relevant: bool,
    /// When it comes and goes; `None` is there from the start and stays.
    pub(crate) recurs: Option<Recurrence>,
}

/// The rhythm of a fault, in seconds since the vehicle woke up.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recurrence {
    first: u64,
    lasts: u64,
    every: u64,
}

/// A fault as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    pub(crate) fault: Arc<Fault>,
    pub(crate) status: u8,
    /// How often it has come since it was cleared.
    occurrences: u64,
}

/// When which faults were cleared.
#[derive(Debug, Default)]
pub(crate) struct FaultMemory {
    cleared: Vec<(Arc<Fault>, Moment)>,
}

impl FaultMemory {
    /// The faults that are there.
    pub(crate) fn present(&self, plan: &[Arc<Fault>], now: Moment) -> Vec<Present> {
        plan.iter().filter_map(|fault| self.standing(fault, now)).collect()
    }

    /// Clears the faults of one scope, or all of them; those that matter for safety stay.
    pub(crate) fn clear_all(&mut self, plan: &[Arc<Fault>], scope: Option<&str>, now: Moment) {
        let meant = |fault: &&Arc<Fault>| {
            !fault.safety_relevant && scope.is_none_or(|scope| fault.scope == scope)
        };
        for fault in plan.iter().filter(meant) {
            self.clear(fault, now);
        }
    }

    /// Clears one fault.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if it is not there, [`Refusal::Precondition`] if safety forbids it.
    pub(crate) fn clear_one(
        &mut self,
        plan: &[Arc<Fault>],
        code: &str,
        now: Moment,
    ) -> Result<(), Refusal> {
        let present = self.present(plan, now);
        let found = present.iter().find(|present| present.fault.code == code);
        let Present { fault, .. } = found.ok_or_else(|| unknown("fault", code))?;
        if fault.safety_relevant {
            let reason = format!("`{code}` is relevant for safety: it is cleared at the vehicle");
            return Err(Refusal::Precondition(reason));
        }
        self.clear(fault, now);
        Ok(())
    }

    fn clear(&mut self, fault: &Arc<Fault>, now: Moment) {
        self.cleared.retain(|(other, _)| !Arc::ptr_eq(other, fault));
        self.cleared.push((Arc::clone(fault), now));
    }

    fn standing(&self, fault: &Arc<Fault>, now: Moment) -> Option<Present> {
        let cleared = self.cleared.iter().find(|(other, _)| Arc::ptr_eq(other, fault));
        let cleared = cleared.map(|(_, at)| *at);
        let (status, occurrences) = match fault.recurs {
            None if cleared.is_some() => return None,
            None => (fault.status, 1),
            Some(recurs) => recurs.standing(fault.status, cleared, now)?,
        };
        Some(Present { fault: Arc::clone(fault), status, occurrences })
    }
}

impl Recurrence {
    /// Status byte and number of times since the clearing; `None` if it has not come since.
    fn standing(self, active: u8, cleared: Option<Moment>, now: Moment) -> Option<(u8, u64)> {
        let times = |until: Moment| {
            let since_first = until.since_waking().checked_sub(Duration::from_secs(self.first));
            since_first.map_or(0, |it| it.as_secs() / self.every.max(1) + 1)
        };
        let before = cleared.map_or(0, times);
        let since = times(now).checked_sub(before).filter(|since| *since > 0)?;
        let last = self.first + (times(now) - 1) * self.every;
        let is_active = now.since_waking().as_secs() < last + self.lasts;
        Some((if is_active { active } else { HEALED }, since))
    }
}

impl Present {
    /// What was recorded with the fault; frames and counters on request, as they are large.
    pub(crate) fn environment(&self, snapshot: bool, extended: bool) -> Value {
        let mut environment = self.fault.environment.clone();
        let Some(fields) = environment.as_object_mut() else { return environment };
        if snapshot {
            let frame = fields.get("freeze_frame").cloned().unwrap_or_default();
            let record = json!({"record_number": 1, "data": frame});
            fields.insert("snapshots".to_owned(), json!([record]));
        }
        if extended {
            let counters = json!({
                "occurrence_counter": self.occurrences,
                "aging_counter": u8::from(self.status & 1 == 0),
                "warning_lamp": self.status & 0x80 != 0,
            });
            let record = json!({"record_number": 1, "data": counters});
            fields.insert("extended_data_records".to_owned(), json!([record]));
        }
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECURS: Recurrence = Recurrence { first: 10, lasts: 5, every: 60 };

    fn second(s: u64) -> Moment {
        Moment::at(Duration::from_secs(s))
    }

    #[test]
    fn a_fault_appears_and_heals_at_its_times() {
        let standing = |s| RECURS.standing(0x2F, None, second(s));
        assert_eq!(standing(9), None);
        assert_eq!(standing(10), Some((0x2F, 1)));
        assert_eq!(standing(15), Some((0x28, 1)));
        assert_eq!(standing(70), Some((0x2F, 2)));
    }

    #[test]
    fn a_cleared_fault_comes_back_with_its_next_occurrence() {
        let standing = |s| RECURS.standing(0x2F, Some(second(12)), second(s));
        assert_eq!(standing(13), None);
        assert_eq!(standing(70), Some((0x2F, 1)));
    }
}
