//! What a failed request says about its order.
//!
//! Calls nothing a refusal that may have been done, and adds no reason that the vehicle did not give.

use ::sovd::{Error, GenericError, LockTrouble};
use model::command::Refusal;
use model::decode::Nrc;

use crate::order::End;

/// Longest message taken over from a vehicle, in characters.
const MAX_WORDS: usize = 1000;
/// Longest words of an end, in characters.
const MAX_END_WORDS: usize = 4000;
/// The vehicle's server stands between us and a control unit that did not answer it.
const GATEWAY: [u16; 2] = [502, 504];
/// By this a control unit says that its answer is yet to come.
const RESPONSE_PENDING: u8 = 0x78;

/// A request failed that changes nothing.
pub(super) fn of_read(error: Error) -> End {
    tracing::debug!(error = &error as &dyn std::error::Error, "a request to a vehicle failed");
    let trouble = error.lock_trouble();
    match error {
        Error::NotSent(_) => End::NotSent,
        Error::NotAdmitted { host } => {
            let message =
                format!("the vehicle's address {host} is not allowed: see vehicles.allow_loopback");
            End::Refused(Refusal::Unsupported, message)
        }
        Error::NotTrusted { cause } => {
            let message = format!(
                "no TLS connection to the vehicle: {cause}; see the vehicle's sovd_url, sovd_ca and sovd_identity"
            );
            End::Refused(Refusal::Precondition, message)
        }
        Error::Lost(_) => End::Lost,
        Error::Malformed { .. } => End::Malformed,
        Error::Truncated => End::Truncated,
        Error::TooLarge { .. } => End::TooLarge,
        Error::Unsupported { error, .. } => End::Refused(Refusal::Unsupported, words(&error)),
        Error::Refused { status, error } => match trouble {
            Some(trouble) => End::Refused(Refusal::Locked, locked(&error, &trouble)),
            None => refused(status, &error),
        },
    }
}

/// A request failed that changes something.
pub(super) fn of_change(error: Error) -> End {
    if let Error::Refused { status, error } = &error
        && is_open(*status, error)
    {
        tracing::warn!(%status, %error, "whether a change was carried out is not known");
        return End::Lost;
    }
    of_read(error)
}

/// Something failed before the first request that changes something. A vehicle that was not there may
/// be tried again; one whose answers are no use is refused, because waiting would not mend them.
pub(super) fn before_change(end: End) -> End {
    match end {
        End::Lost => End::NotSent,
        End::Malformed | End::Truncated | End::TooLarge => {
            let words = "what had to be read first cannot be understood: nothing was changed";
            End::Refused(Refusal::Precondition, words.to_owned())
        }
        End::Answered | End::Refused(..) | End::VehicleError(_) | End::NotSent | End::Stopped => {
            end
        }
    }
}

/// A later request of a read failed: the vehicle was reached before.
pub(super) fn after_begin(end: End) -> End {
    if end == End::NotSent { End::Lost } else { end }
}

/// Something failed after a change that was carried out: that much was done.
pub(super) fn after_change(end: End) -> End {
    match end {
        End::NotSent => End::Lost,
        End::Refused(_, words) => End::VehicleError(words),
        End::Answered
        | End::VehicleError(_)
        | End::Lost
        | End::Malformed
        | End::Truncated
        | End::TooLarge
        | End::Stopped => end,
    }
}

/// The words of several errors, or else these.
pub(super) fn all_words(errors: &[GenericError], none: &str) -> String {
    let words: Vec<String> = errors.iter().map(words).collect();
    if words.is_empty() { none.to_owned() } else { words.join("; ") }
}

/// The same end with more words, as far as it has any.
pub(super) fn with_words(end: End, more: &str) -> End {
    let added = |words: String| {
        if more.is_empty() || words.contains(more) { words } else { format!("{words}; {more}") }
    };
    reworded(end, added)
}

fn reworded(end: End, change: impl FnOnce(String) -> String) -> End {
    match end {
        End::Refused(refusal, words) => End::Refused(refusal, change(words)),
        End::VehicleError(words) => End::VehicleError(change(words)),
        End::Answered
        | End::NotSent
        | End::Lost
        | End::Malformed
        | End::Truncated
        | End::TooLarge
        | End::Stopped => end,
    }
}

/// The same end with no more words than anybody reads, whoever they are of.
pub(super) fn brief(end: End) -> End {
    let cut = |mut words: String| {
        if let Some((end, _)) = words.char_indices().nth(MAX_END_WORDS) {
            words.truncate(end);
            words.push('…');
        }
        words
    };
    reworded(end, cut)
}

/// A question that changes nothing was asked as often as it may be; `end` is for mere silence.
pub(super) fn given_up(end: End, error: Error) -> End {
    match error {
        Error::NotSent(_) | Error::Refused { .. } => of_read(error),
        Error::NotAdmitted { .. }
        | Error::NotTrusted { .. }
        | Error::Lost(_)
        | Error::Malformed { .. }
        | Error::Truncated
        | Error::TooLarge { .. }
        | Error::Unsupported { .. } => end,
    }
}

/// The vehicle's own words, with its code and that of the control unit.
pub(super) fn words(error: &GenericError) -> String {
    let code = error.vendor_code.as_ref().unwrap_or(&error.error_code);
    let message: String = error.message.chars().take(MAX_WORDS).collect();
    let Some(nrc) = error.nrc else { return format!("{message} ({code})") };
    let name = Nrc::new(nrc).name().map(|name| format!(" {name}")).unwrap_or_default();
    format!("{message} ({code}, NRC 0x{nrc:02X}{name})")
}

fn refused(status: u16, error: &GenericError) -> End {
    let words = words(error);
    match refusal(status, error) {
        Some(refusal) => End::Refused(refusal, words),
        None => End::VehicleError(words),
    }
}

/// Which refusal it is that says by itself that nothing was done; `None` if it is none of them.
fn refusal(status: u16, error: &GenericError) -> Option<Refusal> {
    if error.nrc.is_some() {
        return None;
    }
    match (status, error.error_code.as_str()) {
        // One server says it in the plural.
        (409, "precondition-not-fulfilled" | "preconditions-not-fulfilled") => {
            Some(Refusal::Precondition)
        }
        (400..500, "invalid-signature") => Some(Refusal::Signature),
        _ => None,
    }
}

/// The vehicle's words, with the holder of the lock if they do not name it.
fn locked(error: &GenericError, trouble: &LockTrouble) -> String {
    let words = words(error);
    match trouble {
        LockTrouble::Held { owner: Some(owner) } if !words.contains(owner.as_str()) => {
            format!("{words}; {owner} holds the lock")
        }
        LockTrouble::Held { .. } | LockTrouble::Needed | LockTrouble::Lost => words,
    }
}

/// Whether the control unit did not answer the vehicle's server.
pub(super) fn is_silent(error: &Error) -> bool {
    matches!(error, Error::Refused { status, error } if is_silence(*status, error))
}

/// Whether nobody knows what has become of a change: the control unit is still at it or did not answer
/// the server, or something between us and the server has lost the answer.
fn is_open(status: u16, error: &GenericError) -> bool {
    error.nrc == Some(RESPONSE_PENDING)
        || is_silence(status, error)
        || status >= 500 && error.is_made_up()
}

/// Whether the control unit did not answer the server.
fn is_silence(status: u16, error: &GenericError) -> bool {
    error.nrc.is_none()
        && (GATEWAY.contains(&status) || status >= 500 && error.error_code == "not-responding")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, message: &str, nrc: Option<u8>) -> Box<GenericError> {
        Box::new(GenericError {
            error_code: code.to_owned(),
            message: message.to_owned(),
            vendor_code: None,
            path: None,
            parameters: None,
            nrc,
        })
    }

    fn change(status: u16, code: &str, message: &str) -> End {
        of_change(Error::Refused { status, error: error(code, message, None) })
    }

    fn refusal_of(end: &End) -> Option<Refusal> {
        if let End::Refused(refusal, _) = end { Some(*refusal) } else { None }
    }

    #[test]
    fn the_holder_of_a_lock_is_named_once() {
        let mut held = error("vendor-specific", "locked", None);
        held.parameters = Some(serde_json::json!({ "owner": "bench 7" }));
        let end = of_change(Error::Refused { status: 409, error: held });
        let words = "locked (vendor-specific); bench 7 holds the lock";
        assert_eq!(end, End::Refused(Refusal::Locked, words.to_owned()));
        assert_eq!(with_words(end.clone(), "bench 7 holds the lock"), end);
        assert_eq!(with_words(End::Lost, "bench 7 holds the lock"), End::Lost);
    }

    #[test]
    fn a_lock_held_by_another_is_told_from_other_denials() {
        let locked = change(409, "vendor-specific", "ECU is locked by client 7");
        assert_eq!(refusal_of(&locked), Some(Refusal::Locked));
        assert_eq!(refusal_of(&change(423, "x", "")), Some(Refusal::Locked));
        assert_eq!(refusal_of(&change(403, "lock-broken", "")), Some(Refusal::Locked));
        let denied = change(403, "insufficient-access-rights", "blocked by policy");
        assert_eq!(
            denied,
            End::VehicleError("blocked by policy (insufficient-access-rights)".to_owned())
        );
    }

    #[test]
    fn a_precondition_is_one_in_either_spelling() {
        for code in ["precondition-not-fulfilled", "preconditions-not-fulfilled"] {
            let end = change(409, code, "the engine runs");
            assert_eq!(refusal_of(&end), Some(Refusal::Precondition));
        }
    }

    #[test]
    fn a_negative_response_of_the_control_unit_is_its_failure() {
        let error = error("error-response", "refused", Some(0x22));
        let end = of_change(Error::Refused { status: 409, error });
        let words = "refused (error-response, NRC 0x22 conditionsNotCorrect)";
        assert_eq!(end, End::VehicleError(words.to_owned()));
    }

    #[test]
    fn a_change_that_a_gateway_got_no_answer_to_has_an_unknown_outcome() {
        assert_eq!(change(504, "not-responding", ""), End::Lost);
        assert_eq!(change(500, "not-responding", ""), End::Lost);
        assert_eq!(change(500, "broken", "no"), End::VehicleError("no (broken)".to_owned()));
        let read = of_read(Error::Refused { status: 504, error: error("slow", "no", None) });
        assert_eq!(read, End::VehicleError("no (slow)".to_owned()));
    }

    #[test]
    fn a_change_that_the_control_unit_is_still_at_has_an_unknown_outcome() {
        let pending = || error("error-response", "pending", Some(0x78));
        assert_eq!(of_change(Error::Refused { status: 409, error: pending() }), End::Lost);
        let read = of_read(Error::Refused { status: 409, error: pending() });
        assert!(matches!(read, End::VehicleError(_)), "{read:?}");
    }

    #[test]
    fn a_change_that_the_server_itself_says_nothing_about_has_an_unknown_outcome() {
        let mut made_up = error("vendor-specific", "upstream reset", None);
        made_up.vendor_code = Some("http-503".to_owned());
        let end = |status| of_change(Error::Refused { status, error: made_up.clone() });
        assert_eq!(end(503), End::Lost);
        assert!(matches!(end(400), End::VehicleError(_)));
        let own = change(503, "sovd-server-failure", "busy");
        assert_eq!(own, End::VehicleError("busy (sovd-server-failure)".to_owned()));
    }

    #[test]
    fn before_a_change_any_loss_means_that_nothing_was_done() {
        assert_eq!(before_change(End::Lost), End::NotSent);
        let refused = before_change(End::Malformed);
        assert!(matches!(refused, End::Refused(Refusal::Precondition, _)), "{refused:?}");
        assert_eq!(before_change(End::Stopped), End::Stopped);
    }
}
