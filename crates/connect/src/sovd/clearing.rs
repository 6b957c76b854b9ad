//! Clearing trouble codes: what is there before, one DELETE, what remains.
//!
//! Never sends a second DELETE, and none for a code that is not there.

use ::sovd::{Acknowledged, Call, Entity, Error, Fault};
use model::command::Refusal;
use model::dtc::Dtc;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::catalog::Confirmed;
use super::failure;
use super::inherited::{Stamp, code};
use crate::order::End;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    status: &'static str,
    message: String,
    cleared_count: usize,
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
        let report = match scope(&before, dtc)? {
            None => {
                report(ecu, 0, format!("Nothing to clear: {} is not stored", dtc.unwrap_or("")))
            }
            Some(scope) => {
                let call = scope.delete(&target);
                if self.change(call).await?.is_none() {
                    return Ok(());
                }
                let after = target.client.faults(&target.entity).await;
                scope.outcome(ecu, &before, after)
            }
        };
        self.outbox.last(&report).await
    }

    /// Clears, and lists what remained in the vehicle's own words.
    pub(super) async fn clear_faults(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        code: Option<&str>,
    ) -> Result<(), End> {
        let (target, scope) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let scope = listed_scope(&target, code).await?;
            Ok((target, scope))
        })
        .await?;
        if let Some(scope) = &scope
            && self.change(scope.delete(&target)).await?.is_none()
        {
            return Ok(());
        }
        match target.client.faults(&target.entity).raw().await {
            Ok(remaining) => self.outbox.last(&remaining).await,
            Err(error) if scope.is_none() => Err(failure::before_change(failure::of_read(error))),
            Err(error) => self.outbox.last(&Confirmed::unread(&error)).await,
        }
    }
}

/// What is stored before. To clear everything it is not needed but for the count: a list that cannot
/// be understood counts as empty then.
async fn stored(target: &Target<'_>, dtc: Option<&str>) -> Result<Vec<Fault>, End> {
    match target.client.faults(&target.entity).await {
        Err(Error::Malformed { .. } | Error::Truncated | Error::TooLarge { .. })
            if dtc.is_none() =>
        {
            Ok(Vec::new())
        }
        answer => answer.map_err(failure::of_read),
    }
}

/// The scope of a code that the vehicle itself uses; `None` if it is not there.
async fn listed_scope(target: &Target<'_>, code: Option<&str>) -> Result<Option<Scope>, End> {
    if code.is_none() {
        return Ok(Some(Scope::All));
    }
    let faults = target.client.faults(&target.entity).await.map_err(failure::of_read)?;
    scope(&faults, code)
}

/// What a wish means in the face of what is there; `None` if the code is not.
fn scope(faults: &[Fault], code: Option<&str>) -> Result<Option<Scope>, End> {
    let Some(code) = code else { return Ok(Some(Scope::All)) };
    let exact: Vec<&Fault> = faults.iter().filter(|fault| is_called(fault, code)).collect();
    let found = if exact.is_empty() { meant(faults, code) } else { exact };
    match found.as_slice() {
        [] => Ok(None),
        [first, others @ ..] if others.iter().all(|other| other.href == first.href) => {
            Ok(Some(Scope::One(Box::new((*first).clone()))))
        }
        several => Err(ambiguous(code, several)),
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

fn ambiguous(wanted: &str, faults: &[&Fault]) -> End {
    let codes: Vec<&str> = faults.iter().map(|fault| fault.code.as_str()).collect();
    let message = format!("{wanted} may be any of {}: name one", codes.join(", "));
    End::Refused(Refusal::Precondition, message)
}

impl Scope {
    fn delete(&self, target: &Target<'_>) -> Call<Acknowledged> {
        let entity: &Entity = &target.entity;
        match self {
            Self::All => target.client.clear_faults(entity),
            Self::One(fault) => target.client.clear_fault(&fault.href),
        }
    }

    /// What is said after the vehicle has confirmed.
    fn outcome<'a>(
        &self,
        ecu: &'a str,
        before: &[Fault],
        after: Result<Vec<Fault>, Error>,
    ) -> Report<'a> {
        let before = self.count(before);
        match after.map(|after| self.count(&after)) {
            Ok(0) => report(ecu, before, format!("{} cleared", self.counted(before))),
            Ok(remaining) => {
                let cleared = before.saturating_sub(remaining);
                let message = format!("{} cleared, {remaining} remaining", self.counted(cleared));
                report(ecu, cleared, message)
            }
            Err(error) => {
                let confirmed = Confirmed::unread(&error).message;
                report(ecu, before, format!("{} cleared: {confirmed}", self.counted(before)))
            }
        }
    }

    fn count(&self, faults: &[Fault]) -> usize {
        match self {
            Self::All => faults.len(),
            Self::One(wanted) => faults.iter().filter(|it| it.href == wanted.href).count(),
        }
    }

    fn counted(&self, count: usize) -> String {
        match self {
            Self::One(fault) if count == 1 => code(fault),
            Self::One(_) | Self::All if count == 1 => "1 trouble code".to_owned(),
            Self::One(_) | Self::All => format!("{count} trouble codes"),
        }
    }
}

fn report(ecu: &str, cleared_count: usize, message: String) -> Report<'_> {
    Report { status: "success", message, cleared_count, stamp: Stamp::now(ecu) }
}
