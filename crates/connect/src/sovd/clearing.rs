//! Clearing trouble codes: what is there before, one DELETE, what remains.
//!
//! Never sends a second DELETE, and none for a code that is not there.

use std::collections::BTreeMap;

use ::sovd::{Acknowledged, Call, Entity, Error, Fault};
use model::command::Refusal;
use model::dtc::Dtc;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::catalog::{Confirmed, read_back};
use super::inherited::{Stamp, code};
use super::lock::Last;
use super::pages::{all, whole};
use super::vehicle::ambiguous;
use super::{beside, ecu, failure, outbox};
use crate::order::End;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    status: &'static str,
    message: String,
    /// `None` if nobody knows how many there were.
    cleared_count: Option<usize>,
    #[serde(flatten)]
    stamp: Stamp<'a>,
}

/// What is to be cleared.
enum Scope {
    All,
    One(Box<Fault>),
}

impl Attempt<'_> {
    /// Clears, and says how many are gone.
    pub(super) async fn clear_dtc(
        &mut self,
        stop: &CancellationToken,
        ecu: &str,
        dtc: Option<&str>,
    ) -> Result<(), End> {
        let (target, before) = preparing(stop, async {
            let target = self.ecu(ecu).await?;
            let faults = stored(&target, dtc).await?;
            Ok((target, faults))
        })
        .await?;
        self.outbox.about(ecu::path(&target.entity));
        let Some(scope) = scope(before.as_deref().unwrap_or_default(), dtc)? else {
            let words = format!("Nothing to clear: {} is not stored", dtc.unwrap_or(""));
            return self.outbox.last(&report(ecu, Some(0), words)).await;
        };
        let hold = self.hold(stop, &target, "ClearDTC").await?;
        let work = async {
            if self.change(scope.delete(&target, None)).await?.is_none() {
                return Ok(None);
            }
            let after = all(|| target.client.faults(&target.entity)).await;
            outbox::json(&scope.outcome(ecu, before.as_deref(), after)).map(Some)
        };
        let worked = hold.during(work).await;
        self.conclude(hold, worked).await
    }

    /// Clears: a part with what was there before, then what remained, in the vehicle's own words.
    pub(super) async fn clear_faults(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        (code, memory): (Option<&str>, Option<&str>),
    ) -> Result<(), End> {
        let (target, before) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let faults = all(|| faults_in(&target, memory)).await.map_err(failure::of_read)?;
            Ok((target, faults))
        })
        .await?;
        let listed = listed(&before)?;
        let Some(scope) = scope(&before, code)? else {
            return self.outbox.last(&listed).await;
        };
        let hold = self.hold(stop, &target, "faults.clear").await?;
        let worked = hold.during(self.clear_listed(&target, &scope, memory, &listed)).await;
        self.conclude(hold, worked).await
    }

    /// What was there before is told also when nobody knows what became of it; not when nothing was
    /// done, because then there is nothing to compare it with.
    async fn clear_listed(
        &mut self,
        target: &Target<'_>,
        scope: &Scope,
        memory: Option<&str>,
        before: &RawValue,
    ) -> Result<Last, End> {
        let cleared = self.change(scope.delete(target, memory)).await;
        match &cleared {
            Ok(None) => return Ok(None),
            Err(End::NotSent | End::Refused(..)) => {}
            Ok(Some(_)) | Err(_) => self.outbox.part(&before).await?,
        }
        cleared?;
        let after = whole(|| faults_in(target, memory)).await;
        read_back(after)?.map(|after| beside::faults(&after)).transpose()
    }
}

/// The faults of one memory of the entity, or of the one that its server usually shows.
fn faults_in(target: &Target<'_>, memory: Option<&str>) -> Call<Vec<Fault>> {
    let call = target.client.faults(&target.entity);
    match memory {
        Some(memory) => call.scope(memory),
        None => call,
    }
}

/// The faults as a list of what the vehicle said of each.
fn listed(faults: &[Fault]) -> Result<Box<RawValue>, End> {
    let items: Vec<&RawValue> = faults.iter().map(|fault| &*fault.raw).collect();
    beside::faults(&outbox::json(&BTreeMap::from([("items", items)]))?)
}

/// What is stored before. To clear everything it is not needed but for the count: `None` if the list
/// cannot be understood then.
async fn stored(target: &Target<'_>, dtc: Option<&str>) -> Result<Option<Vec<Fault>>, End> {
    match all(|| target.client.faults(&target.entity)).await {
        Err(Error::Malformed { .. } | Error::Truncated | Error::TooLarge { .. })
            if dtc.is_none() =>
        {
            Ok(None)
        }
        answer => answer.map(Some).map_err(failure::of_read),
    }
}

/// What a wish means in the face of what is there; `None` if the code is not.
fn scope(faults: &[Fault], code: Option<&str>) -> Result<Option<Scope>, End> {
    let Some(code) = code else { return Ok(Some(Scope::All)) };
    Ok(find(faults, code)?.map(|fault| Scope::One(Box::new(fault.clone()))))
}

/// The fault that a code means, in any notation; `None` if it is not there.
pub(super) fn find<'a>(faults: &'a [Fault], code: &str) -> Result<Option<&'a Fault>, End> {
    let exact: Vec<&Fault> = faults.iter().filter(|fault| is_called(fault, code)).collect();
    let found = if exact.is_empty() { meant(faults, code) } else { exact };
    match found.as_slice() {
        [] => Ok(None),
        [first, others @ ..] if others.iter().all(|other| other.href == first.href) => {
            Ok(Some(first))
        }
        several => {
            let codes = several.iter().map(|fault| fault.code.clone());
            Err(End::Refused(Refusal::Precondition, ambiguous(code, codes)))
        }
    }
}

fn is_called(fault: &Fault, code: &str) -> bool {
    let mut names = [Some(&fault.code), fault.display_code.as_ref()].into_iter().flatten();
    names.any(|name| name.eq_ignore_ascii_case(code))
}

/// The faults that a trouble code means in whatever notation.
fn meant<'a>(faults: &'a [Fault], code: &str) -> Vec<&'a Fault> {
    let Ok(wanted) = code.parse::<Dtc>() else { return Vec::new() };
    let is_meant = |fault: &&Fault| {
        let mut names = [Some(&fault.code), fault.display_code.as_ref()].into_iter().flatten();
        names.any(|name| name.parse().is_ok_and(|dtc| wanted.matches(dtc)))
    };
    faults.iter().filter(is_meant).collect()
}

impl Scope {
    fn delete(&self, target: &Target<'_>, memory: Option<&str>) -> Call<Acknowledged> {
        let entity: &Entity = &target.entity;
        match (self, memory) {
            (Self::All, None) => target.client.clear_faults(entity),
            (Self::All, Some(memory)) => target.client.clear_faults_in(entity, memory),
            (Self::One(fault), None) => target.client.clear_fault(&fault.href),
            (Self::One(fault), Some(memory)) => {
                target.client.clear_fault(&fault.href).query("scope", memory)
            }
        }
    }

    /// What is said after the vehicle has confirmed.
    fn outcome<'a>(
        &self,
        ecu: &'a str,
        before: Option<&[Fault]>,
        after: Result<Vec<Fault>, Error>,
    ) -> Report<'a> {
        let before = before.map(|before| self.count(before));
        let (cleared, rest) = match after.map(|after| self.count(&after)) {
            Ok(0) => (before, String::new()),
            Ok(remaining) => {
                let cleared = before.map(|before| before.saturating_sub(remaining));
                (cleared, format!(", {remaining} remaining"))
            }
            Err(error) => (before, format!(": {}", Confirmed::unread(&error).message)),
        };
        report(ecu, cleared, format!("{} cleared{rest}", self.counted(cleared)))
    }

    fn count(&self, faults: &[Fault]) -> usize {
        match self {
            Self::All => faults.len(),
            Self::One(wanted) => faults.iter().filter(|it| it.href == wanted.href).count(),
        }
    }

    fn counted(&self, count: Option<usize>) -> String {
        match (self, count) {
            (Self::One(fault), Some(1)) => code(fault),
            (Self::All, Some(1)) => "1 trouble code".to_owned(),
            (Self::One(_) | Self::All, Some(count)) => format!("{count} trouble codes"),
            (Self::One(_) | Self::All, None) => "an unknown number of trouble codes".to_owned(),
        }
    }
}

fn report(ecu: &str, cleared_count: Option<usize>, message: String) -> Report<'_> {
    Report { status: "success", message, cleared_count, stamp: Stamp::now(ecu) }
}
