//! What a run says, on standard output in the format that was asked for; notices go elsewhere.
//!
//! Refuses to mix: on standard output there are answers, and nothing else.

use super::Format;
use super::failure::{Failure, Kind};
use super::said::{number, word};
use crate::output;
use serde_json::{Value, json};

/// Writes what comes.
pub(super) struct Show {
    format: Format,
    /// Everything that was answered, for a document at the end.
    responses: Vec<Value>,
}

impl Show {
    pub(super) fn new(format: Format) -> Self {
        Self { format, responses: Vec::new() }
    }

    /// The command has been accepted.
    pub(super) fn accepted(command: &Value, console: &str) {
        let (name, id) = (word(command, "command_name"), word(command, "command_id"));
        eprintln!("{name} accepted: {console}/runs/{id}");
    }

    /// An event of its log.
    pub(super) fn event(&mut self, event: &Value) -> Result<(), Failure> {
        match word(event, "event") {
            "response" => event.get("response").map_or(Ok(()), |response| self.response(response)),
            "error" => {
                let (message, code) = (word(event, "error_message"), word(event, "error_code"));
                eprintln!("{message} ({code})");
                Ok(())
            }
            "status" => {
                eprintln!("{}", word(event, "state"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn response(&mut self, response: &Value) -> Result<(), Failure> {
        let line = match self.format {
            Format::Table => line(response),
            Format::Ndjson => format!("{response}\n"),
            Format::Json => {
                self.responses.push(response.clone());
                return Ok(());
            }
        };
        written(&line)
    }

    /// The command has ended.
    pub(super) fn ended(self, command: &Value) -> Result<(), Failure> {
        if self.format != Format::Json {
            return Ok(());
        }
        written(&format!("{}\n", json!({ "command": command, "responses": self.responses })))
    }
}

/// The number of an answer, when it came, and what it says.
fn line(response: &Value) -> String {
    let number = number(response, "sequence_number").unwrap_or_default();
    let received = word(response, "received_at");
    let time = received.split_once('T').map_or(received, |(_, time)| time);
    let time = time.split(['.', 'Z']).next().unwrap_or(time);
    format!(
        "#{number:<5} {time:8}  {}\n",
        scalars(response.get("response_payload").unwrap_or(&Value::Null))
    )
}

/// The members of an object with their values, others as they are.
fn scalars(payload: &Value) -> String {
    let Value::Object(members) = payload else { return payload.to_string() };
    let member = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    };
    members.iter().map(member).collect::<Vec<_>>().join("  ")
}

fn written(text: &str) -> Result<(), Failure> {
    output::show(text).map_err(|error| Failure::new(Kind::Other, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_line() {
        let response = json!({ "sequence_number": 7, "received_at": "2026-11-22T10:00:01.5Z",
            "response_payload": { "id": "rpm", "data": 800 } });
        assert_eq!(line(&response), "#7     10:00:01  data=800  id=rpm\n");
    }
}
