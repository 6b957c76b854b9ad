//! `fleetwire run`: submits a command, and watches it to its end.
//!
//! Refuses to take an interrupt for an end: the command goes on, unless it shall be cancelled.

use super::access::Access;
use super::failure::{Failure, Kind};
use super::order;
use super::said::word;
use super::show::Show;
use super::watch::Watch;
use super::{Format, Run};
use model::command::{ErrorCode, Phase};
use reqwest::Method;
use serde_json::Value;
use std::process::ExitCode;
use tokio::signal;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Completed,
    /// The vehicle answered negatively.
    Refused,
    /// It could not be reached, or not in time.
    Away,
    /// Somebody else holds the lock on what it would change.
    Locked,
    /// It was cancelled, or nobody knows what came of it.
    Other,
    /// It goes on, and is not watched any more.
    Interrupted,
}

impl End {
    /// The exit code.
    pub(super) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Completed => 0,
            Self::Other => 1,
            Self::Refused => 3,
            Self::Away => 6,
            Self::Locked => 8,
            Self::Interrupted => 130,
        })
    }

    /// The end that a state is; `None` = it goes on.
    fn of(state: &str, error: &str) -> Option<Self> {
        let phase = Phase::from_word(state).filter(|phase| phase.is_terminal())?;
        let away = [ErrorCode::Expired, ErrorCode::Timeout, ErrorCode::Unreachable];
        Some(if phase == Phase::Completed {
            Self::Completed
        } else if away.iter().any(|code| code.word() == error) {
            Self::Away
        } else if error == ErrorCode::Locked.word() {
            Self::Locked
        } else if matches!(phase, Phase::Failed | Phase::Rejected) {
            Self::Refused
        } else {
            Self::Other
        })
    }
}

/// Submits and watches.
///
/// # Errors
///
/// What kept it from being submitted, or watched.
pub(super) async fn run(args: Run, format: Format) -> Result<End, Failure> {
    let access = Access::new(&args.server)?;
    let command = order::submit(&access, &args).await?;
    let strange = || Failure::new(Kind::Other, "the server answered with no command");
    let id = Some(word(&command, "command_id")).filter(|id| !id.is_empty()).ok_or_else(strange)?;
    let mut show = Show::new(format);
    Show::accepted(&command, access.http.server().as_str().trim_end_matches('/'));
    let mut is_cancelled = false;
    let end = {
        let mut watched = Box::pin(follow(&access, id, &mut show));
        loop {
            tokio::select! {
                end = &mut watched => break end?,
                _ = signal::ctrl_c() => {
                    if !args.cancel_on_interrupt || is_cancelled {
                        eprintln!("not watched any more; it goes on");
                        return Ok(End::Interrupted);
                    }
                    is_cancelled = true;
                    cancel(&access, id).await?;
                }
            }
        }
    };
    let path = format!("/api/v1/commands/{id}");
    show.ended(&access.ask(Method::GET, &path, |request| request).await?)?;
    Ok(if is_cancelled && end == End::Other { End::Interrupted } else { end })
}

async fn follow(access: &Access, id: &str, show: &mut Show) -> Result<End, Failure> {
    let mut watch = Watch::new(access, id);
    let mut error = String::new();
    loop {
        let event = watch.next().await?;
        show.event(&event)?;
        match word(&event, "event") {
            "error" => word(&event, "error_code").clone_into(&mut error),
            "status" => {
                if let Some(end) = End::of(word(&event, "state"), &error) {
                    return Ok(end);
                }
            }
            _ => {}
        }
    }
}

async fn cancel(access: &Access, id: &str) -> Result<Value, Failure> {
    let path = format!("/api/v1/commands/{id}/cancel");
    access.ask(Method::POST, &path, |request| request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vehicle_that_was_away_is_told_from_one_that_refused() {
        let end = |phase: Phase, error: ErrorCode| End::of(phase.word(), error.word());
        assert_eq!(end(Phase::Failed, ErrorCode::Unreachable), Some(End::Away));
        assert_eq!(end(Phase::Expired, ErrorCode::Expired), Some(End::Away));
        assert_eq!(end(Phase::Rejected, ErrorCode::Precondition), Some(End::Refused));
        assert_eq!(end(Phase::Rejected, ErrorCode::Locked), Some(End::Locked));
        assert_eq!(end(Phase::Cancelled, ErrorCode::Cancelled), Some(End::Other));
        assert_eq!(end(Phase::Running, ErrorCode::Timeout), None);
    }
}
