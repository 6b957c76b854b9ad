//! Executions of SOVDd: every operation is asynchronous, and what has ended stays.
//!
//! Runs nothing: it words what the standard did, and keeps what the standard does not.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{not_allowed, not_found};
use crate::dialect::asked::{Asked, Need};
use crate::dialect::place::Kind;
use crate::dialect::stamp;
use crate::dialect::told::Told;
use crate::dialect::tongue::{set, text};

/// Executions that are remembered; the oldest goes first.
const MAX_KEPT: usize = 64;

/// What is known of the executions of one vehicle beyond the standard.
#[derive(Debug, Default)]
pub(super) struct Executions {
    kept: Mutex<VecDeque<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    id: String,
    started_at: String,
    /// The result of an operation that the standard answered at once; `None` if it can be asked.
    result: Option<Value>,
}

impl Executions {
    pub(super) fn hear(&self, asked: &mut Asked) -> Result<(), Told> {
        let kept = self.find(asked.place.id());
        match (asked.kind(), asked.method.as_str()) {
            (Kind::Executions, "POST") => Ok(()),
            (Kind::Executions, _) => Err(not_allowed(asked, "POST")),
            (_, "PUT") => Err(not_allowed(asked, "GET,HEAD,DELETE")),
            (_, "DELETE") if !is_running(asked.known(Need::Itself)) => {
                let operation = operation_of(asked);
                Err(not_found(&format!("Operation execution not found: {operation}")))
            }
            (_, "GET" | "HEAD") if kept.as_ref().is_some_and(|kept| kept.result.is_some()) => {
                let report = kept.map(|kept| kept.report(operation_of(asked), &json!({})));
                Err(Told::document(StatusCode::OK, report.unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn tell(&self, asked: &Asked, told: Told) -> Told {
        if asked.kind() == Kind::Executions {
            return self.started(asked, told);
        }
        let operation = operation_of(asked);
        let kept = self.find(asked.place.id()).unwrap_or_else(|| Kept::new(asked.place.id()));
        told.map(|document| kept.report(operation, &document))
    }

    /// A result that came at once is kept, to be asked for.
    fn started(&self, asked: &Asked, mut told: Told) -> Told {
        let document = told.json();
        let id = text(document, "id");
        let mut kept =
            if id.is_empty() { Kept::new(&Uuid::new_v4().to_string()) } else { Kept::new(id) };
        if told.status == StatusCode::OK {
            kept.result = Some(document.get("parameters").cloned().unwrap_or_default());
        }
        let started = json!({
            "execution_id": kept.id,
            "operation_id": operation_of(asked),
            "status": "running",
            "started_at": kept.started_at,
        });
        told.location.get_or_insert_with(|| format!("{}/{}", asked.place.path(), kept.id));
        told.status = StatusCode::ACCEPTED;
        self.keep(kept);
        told.map(|_| started)
    }

    fn find(&self, id: &str) -> Option<Kept> {
        self.kept().iter().find(|kept| kept.id == id).cloned()
    }

    fn keep(&self, kept: Kept) {
        let mut all = self.kept();
        if all.len() >= MAX_KEPT {
            all.pop_front();
        }
        all.push_back(kept);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), started_at: stamp::now(), result: None }
    }

    /// The report of an execution: a result instead of parameters, an error that is text.
    fn report(&self, operation: &str, document: &Value) -> Value {
        let is_kept = self.result.is_some();
        let status = if is_kept { "completed" } else { text(document, "status") };
        let mut report = json!({
            "execution_id": self.id,
            "operation_id": operation,
            "status": status,
            "started_at": self.started_at,
        });
        let result = self.result.as_ref().or(document.get("parameters"));
        if status != "running" {
            set(&mut report, "completed_at", stamp::now());
        }
        match (status, result) {
            ("failed", _) => set(&mut report, "error", error_text(document)),
            (_, Some(result)) => set(&mut report, "result", result.clone()),
            (_, None) => {}
        }
        report
    }
}

fn is_running(execution: &Value) -> bool {
    text(execution, "status") == "running"
}

fn error_text(document: &Value) -> String {
    let message = document.pointer("/error/0/error/message").and_then(Value::as_str);
    let message = message.unwrap_or("the operation failed");
    format!("Protocol({message:?})")
}

/// The operation of an execution, or of the list of executions.
fn operation_of(asked: &Asked) -> &str {
    asked.place.segment(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(result: Option<Value>) -> Kept {
        Kept { result, ..Kept::new("e1") }
    }

    fn without_times(mut report: Value) -> Value {
        if let Some(fields) = report.as_object_mut() {
            fields.retain(|key, _| !key.ends_with("_at"));
        }
        report
    }

    #[test]
    fn parameters_become_the_result() {
        let document =
            json!({"status": "completed", "capability": "execute", "parameters": {"a": 1}});
        let report = kept(None).report("sweep", &document);
        let expected = json!({"execution_id": "e1", "operation_id": "sweep",
            "status": "completed", "result": {"a": 1}});
        assert!(report.get("completed_at").is_some());
        assert_eq!(without_times(report), expected);
    }

    #[test]
    fn an_error_becomes_text() {
        let error =
            json!([{"path": "/", "error": {"error_code": "error-response", "message": "no"}}]);
        let document = json!({"status": "failed", "error": error});
        let report = kept(None).report("sweep", &document);
        assert_eq!(report["error"], "Protocol(\"no\")");
    }

    #[test]
    fn what_came_at_once_is_completed() {
        let report = kept(Some(json!({"result": "passed"}))).report("self_test", &json!({}));
        assert_eq!(
            (&report["status"], &report["result"]),
            (&json!("completed"), &json!({"result": "passed"}))
        );
    }

    #[test]
    fn the_oldest_execution_makes_room() {
        let executions = Executions::default();
        for id in 0..=MAX_KEPT {
            executions.keep(Kept::new(&id.to_string()));
        }
        assert!(executions.find("0").is_none());
        assert!(executions.find("1").is_some());
    }
}
