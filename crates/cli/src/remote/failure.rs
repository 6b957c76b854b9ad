//! Why the command line could not do what it was asked, and the exit code that says so.
//!
//! Refuses to blur them: every kind of failure has one code, and scripts may rely on it.

use super::said::word;
use serde_json::Value;
use std::fmt;
use std::process::ExitCode;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something that has no code of its own.
    Other,
    /// What was asked for makes no sense.
    Usage,
    /// Nobody is logged in, or they may not do it.
    Denied,
    /// There is no such thing, or none that may be seen.
    NotFound,
    /// The vehicle is not connected, and it was not to be waited for.
    Away,
    /// The events of a command that goes on could not be had any more.
    Lost,
    /// Something is in the way.
    Conflict,
}

impl Kind {
    /// The exit code.
    pub(super) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::Denied => 4,
            Self::NotFound => 5,
            Self::Away => 6,
            Self::Lost => 7,
            Self::Conflict => 8,
        })
    }

    /// The kind of an answer that is no success.
    fn of(status: u16, problem: &Value) -> Self {
        match status {
            409 if word(problem, "type").ends_with("/vehicle-offline") => Self::Away,
            400 | 422 => Self::Usage,
            401 | 403 => Self::Denied,
            404 => Self::NotFound,
            409 | 412 | 428 => Self::Conflict,
            _ => Self::Other,
        }
    }
}

/// Why it could not be done.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    message: String,
    /// What to do about it.
    pub(super) hint: Option<&'static str>,
    /// What the server said; `None` if it was not the server.
    pub(super) problem: Option<Value>,
}

impl Failure {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, problem: None }
    }

    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// What the server refused, in its words (RFC 9457).
    pub(super) fn refused(status: u16, problem: Value) -> Self {
        let kind = Kind::of(status, &problem);
        let text = |name| Some(word(&problem, name).to_owned()).filter(|text| !text.is_empty());
        let mut message = text("title").unwrap_or_else(|| format!("the server answered {status}"));
        for detail in text("detail").into_iter().chain(fields(&problem)) {
            message.push_str(": ");
            message.push_str(&detail);
        }
        if let Some(trace) = text("trace_id") {
            message = format!("{message} (trace {trace})");
        }
        let problem = problem.is_object().then_some(problem);
        let hint = (status == 401).then_some("log in again: fleetwire login");
        Self { kind, message, hint, problem }
    }
}

/// What is wrong with which field.
fn fields(problem: &Value) -> Vec<String> {
    let errors = problem.get("errors").and_then(Value::as_array);
    let field = |error| format!("{} {}", word(error, "pointer"), word(error, "detail"));
    errors.into_iter().flatten().map(field).collect()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_server_refuses_is_said_with_its_fields_and_trace() {
        let problem = json!({ "title": "Invalid parameters", "trace_id": "abc",
            "errors": [{ "pointer": "/entity", "detail": "is missing" }] });
        let failure = Failure::refused(422, problem);
        assert_eq!(failure.to_string(), "Invalid parameters: /entity is missing (trace abc)");
        assert_eq!(failure.kind, Kind::Usage);
    }
}
