//! The software updates of a vehicle, one at a time, phase by phase.
//!
//! Fetches and installs nothing: how far a phase is follows from the time that has passed.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Moment;
use crate::refusal::{Refusal, unknown};

/// An id that stands for whatever the vehicle does on its own.
pub(crate) const AUTONOMOUS: &str = "autonomous";
const PREPARE: Duration = Duration::from_secs(3);
const EXECUTE: Duration = Duration::from_secs(5);
/// Packages that clients may register.
const MAX_REGISTERED: usize = 8;
const MAX_ID_BYTES: usize = 64;

/// A package as the vehicle knows it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdatePlan {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) size_kb: u64,
    #[serde(default)]
    pub(crate) is_automated: bool,
    pub(crate) origin: String,
    pub(crate) target_version: Option<String>,
    pub(crate) notes: Option<String>,
    #[serde(default)]
    pub(crate) components: Vec<String>,
}

/// What is asked of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Prepare,
    Execute,
    /// Both, one after the other.
    Automated,
}

/// The updates of one vehicle.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    registered: Vec<UpdatePlan>,
    deleted: Vec<String>,
    /// The latest phase of each package that had one.
    runs: Vec<Run>,
}

#[derive(Debug, Clone)]
struct Run {
    package: String,
    phase: Phase,
    began: Moment,
}

impl Updates {
    /// The packages of the plan and those that were registered.
    pub(crate) fn list<'a>(
        &'a self,
        plans: &'a [UpdatePlan],
    ) -> impl Iterator<Item = &'a UpdatePlan> {
        let known = plans.iter().chain(&self.registered);
        known.filter(|plan| !self.deleted.contains(&plan.id))
    }

    /// # Errors
    ///
    /// [`Refusal::Unknown`].
    pub(crate) fn get<'a>(
        &'a self,
        plans: &'a [UpdatePlan],
        id: &str,
    ) -> Result<&'a UpdatePlan, Refusal> {
        self.list(plans).find(|plan| plan.id == id).ok_or_else(|| unknown("update", id))
    }

    /// # Errors
    ///
    /// [`Refusal::TooMany`], [`Refusal::Precondition`] if the id is taken or no id.
    pub(crate) fn register(
        &mut self,
        plans: &[UpdatePlan],
        plan: UpdatePlan,
    ) -> Result<(), Refusal> {
        if plan.id.is_empty() || plan.id.len() > MAX_ID_BYTES || self.get(plans, &plan.id).is_ok() {
            return Err(Refusal::Precondition(format!("the id `{}` is not free", plan.id)));
        }
        if self.registered.len() >= MAX_REGISTERED {
            return Err(Refusal::TooMany("update"));
        }
        self.deleted.retain(|deleted| *deleted != plan.id);
        self.registered.push(plan);
        Ok(())
    }

    /// # Errors
    ///
    /// [`Refusal::Unknown`], [`Refusal::NoSuchMethod`] for the autonomous one, or
    /// [`Refusal::Update`] while it runs.
    pub(crate) fn delete(
        &mut self,
        plans: &[UpdatePlan],
        id: &str,
        now: Moment,
    ) -> Result<(), Refusal> {
        if self.get(plans, id)?.id == AUTONOMOUS {
            return Err(Refusal::NoSuchMethod);
        }
        if self.run(id).is_some_and(|run| run.is_running(now)) {
            return Err(Refusal::Update("update-process-in-progress"));
        }
        self.registered.retain(|plan| plan.id != id);
        self.runs.retain(|run| run.package != id);
        if plans.iter().any(|plan| plan.id == id) {
            self.deleted.push(id.to_owned());
        }
        Ok(())
    }

    /// Begins a phase.
    ///
    /// # Errors
    ///
    /// [`Refusal::Update`] while another phase runs, of whatever package, or if the package is not
    /// for that; [`Refusal::Precondition`] to execute what is not prepared.
    pub(crate) fn begin(
        &mut self,
        plans: &[UpdatePlan],
        id: &str,
        phase: Phase,
        now: Moment,
    ) -> Result<(), Refusal> {
        let is_automated = self.get(plans, id)?.is_automated;
        if let Some(running) = self.runs.iter().find(|run| run.is_running(now)) {
            return Err(Refusal::Update(running.word(now)));
        }
        if phase == Phase::Automated && !is_automated {
            return Err(Refusal::Update("update-automated-not-supported"));
        }
        if phase == Phase::Execute && self.run(id).is_none() {
            return Err(Refusal::Precondition(format!("`{id}` is not prepared")));
        }
        self.runs.retain(|run| run.package != id);
        self.runs.push(Run { package: id.to_owned(), phase, began: now });
        Ok(())
    }

    /// Where a package stands.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`].
    pub(crate) fn status(
        &self,
        plans: &[UpdatePlan],
        id: &str,
        now: Moment,
    ) -> Result<Value, Refusal> {
        let plan = self.get(plans, id)?;
        let Some(run) = self.run(id) else {
            return Ok(json!({"phase": "prepare", "status": "pending"}));
        };
        let (phase, progress) = run.progress(now);
        let status = if progress < 100 { "inProgress" } else { "completed" };
        let step = if phase == "prepare" { "transfer" } else { "install" };
        let of_entity = |entity| json!({"entity": entity, "status": status, "progress": progress});
        let subprogress: Vec<Value> = plan.components.iter().map(of_entity).collect();
        Ok(json!({"phase": phase, "status": status, "progress": progress,
            "subprogress": subprogress, "step": step}))
    }

    fn run(&self, id: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.package == id)
    }
}

impl Run {
    fn is_running(&self, now: Moment) -> bool {
        now.since(self.began) < self.phase.duration()
    }

    /// Why another one has to wait.
    fn word(&self, now: Moment) -> &'static str {
        match self.progress(now).0 {
            "prepare" => "update-preparation-in-progress",
            _ => "update-execution-in-progress",
        }
    }

    /// The phase that the vehicle is in, and how far, in percent.
    fn progress(&self, now: Moment) -> (&'static str, u128) {
        let passed = now.since(self.began);
        let percent =
            |passed: Duration, of: Duration| (passed.as_millis() * 100 / of.as_millis()).min(100);
        match self.phase {
            Phase::Prepare => ("prepare", percent(passed, PREPARE)),
            Phase::Execute => ("execute", percent(passed, EXECUTE)),
            Phase::Automated if passed < PREPARE => ("prepare", percent(passed, PREPARE)),
            Phase::Automated => ("execute", percent(passed.saturating_sub(PREPARE), EXECUTE)),
        }
    }
}

impl Phase {
    fn duration(self) -> Duration {
        match self {
            Self::Prepare => PREPARE,
            Self::Execute => EXECUTE,
            Self::Automated => PREPARE + EXECUTE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(s: u64) -> Moment {
        Moment::at(Duration::from_secs(s))
    }

    fn plans() -> Vec<UpdatePlan> {
        let plan = |id: &str| UpdatePlan {
            id: id.to_owned(),
            name: id.to_owned(),
            size_kb: 1,
            is_automated: true,
            origin: "remote".to_owned(),
            target_version: None,
            notes: None,
            components: vec!["hpc".to_owned()],
        };
        vec![plan("a"), plan("b")]
    }

    #[test]
    fn one_update_runs_at_a_time() {
        let (mut updates, plans) = (Updates::default(), plans());
        updates.begin(&plans, "a", Phase::Prepare, second(0)).unwrap();
        let early = updates.begin(&plans, "b", Phase::Prepare, second(2)).unwrap_err();
        assert!(matches!(early, Refusal::Update("update-preparation-in-progress")));
        updates.begin(&plans, "b", Phase::Prepare, second(3)).unwrap();
    }

    #[test]
    fn an_automated_update_goes_through_both_phases() {
        let (mut updates, plans) = (Updates::default(), plans());
        updates.begin(&plans, "a", Phase::Automated, second(0)).unwrap();
        let status = |s| updates.status(&plans, "a", second(s)).unwrap();
        assert_eq!(status(2)["phase"], "prepare");
        assert_eq!((&status(4)["phase"], &status(4)["progress"]), (&json!("execute"), &json!(20)));
        assert_eq!(status(8)["status"], "completed");
    }
}
