//! Executions: runs of operations and scripts, observed, controlled and stopped.
//! Refuses to wait: whoever started an execution asks for its state and forgets it in the end.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::document::Document;
use crate::error::{Error, GenericError};
use crate::fields::{self, Fields};
use crate::link::Link;
use crate::listed::Named;
use crate::operation::Operation;
use crate::receipt::{Acknowledged, IDS};

const CREATED: u16 = 201;
const ACCEPTED: u16 = 202;

/// What became of the start of an operation.
#[derive(Debug, Clone)]
pub enum Started {
    /// It is over already, and says so.
    Finished(Execution),
    /// It goes on; the server keeps it until [`Client::stop`].
    Running {
        /// Where to observe and stop it.
        location: Link,
        /// What is known so far.
        execution: Execution,
    },
}

/// How far an execution has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionState {
    /// Not over yet.
    Running,
    /// It came to its end.
    Completed,
    /// It went wrong.
    Failed,
    /// It was stopped.
    Stopped,
    /// A word that the standard does not know.
    Other(String),
}

/// One run of an operation.
#[derive(Debug, Clone)]
pub struct Execution {
    /// `None` if the server gave none, as when it was over at once.
    pub id: Option<String>,
    /// How far it has come.
    pub state: ExecutionState,
    /// What it was told last; `None` if the server did not say.
    pub capability: Option<Capability>,
    /// What it has given so far; `None` if nothing.
    pub result: Option<Box<RawValue>>,
    /// What went wrong. A completed execution may have failed in parts.
    pub errors: Vec<GenericError>,
    /// The whole answer; `null` if it was empty.
    pub raw: Box<RawValue>,
}

/// What an execution can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Run, or run on.
    Execute,
    /// Stop.
    Stop,
    /// Keep the present value.
    Freeze,
    /// Return to the default.
    Reset,
    /// Say how it stands.
    Status,
    /// A word of the server's own, e.g. `x-…`.
    Other(String),
}

/// An execution that was told something.
#[derive(Debug, Clone)]
pub struct Controlled {
    /// Where to observe and stop it from now on.
    pub location: Link,
    /// What is known so far.
    pub execution: Execution,
}

impl Client {
    /// The executions of an operation that the server has not forgotten.
    pub fn executions(&self, operation: &Operation) -> Call<Vec<Named>> {
        Call::get(self, &operation.executions, Named::decode_list).announced(false)
    }

    /// How far the execution at `location` has come.
    pub fn execution(&self, location: &Link) -> Call<Execution> {
        Call::get(self, location, Execution::decode_observed)
    }

    /// Tells the execution at `location` something; also renews its time limit, see
    /// [`Call::time_limit`].
    pub fn control(
        &self,
        location: &Link,
        capability: &Capability,
        parameters: Option<Value>,
    ) -> Call<Controlled> {
        let body = Value::from_iter([("capability", capability.word())]);
        let call = Call::put(self, location, body, Controlled::decode);
        match parameters {
            Some(parameters) => call.with("parameters", parameters),
            None => call,
        }
    }

    /// Stops the execution at `location` and lets the server forget it, also one that is over.
    ///
    /// Some servers answer with what stopping gave: it stands in [`Acknowledged::raw`]. One server
    /// forgets what it could not stop only if asked with the query `x-sovd2uds-force=true`.
    pub fn stop(&self, location: &Link) -> Call<Acknowledged> {
        Call::delete(self, location, Acknowledged::decode)
    }
}

impl Call<Started> {
    /// Lets the server stop the execution by itself after `limit` (whole seconds, rounded up).
    pub fn time_limit(self, limit: Duration) -> Self {
        self.with("timeout", fields::seconds(limit))
    }

    /// Answers the operation's [`Challenge`](crate::Challenge).
    pub fn proximity_response(self, response: &str) -> Self {
        self.with("proximity_response", response)
    }
}

impl Call<Controlled> {
    /// Lets the server stop the execution by itself after `limit` (whole seconds, rounded up),
    /// counted anew.
    pub fn time_limit(self, limit: Duration) -> Self {
        self.with("timeout", fields::seconds(limit))
    }

    /// Answers the operation's [`Challenge`](crate::Challenge).
    pub fn proximity_response(self, response: &str) -> Self {
        self.with("proximity_response", response)
    }
}

impl Controlled {
    /// It stays where it is unless the server names another place.
    fn decode(document: &Document) -> Result<Self, Error> {
        let execution = Execution::decode(document, ExecutionState::Running)?;
        let named = Fields::of_any(&execution.raw).link("href", document.place());
        let location = document.location().cloned().or(named);
        Ok(Self { location: location.unwrap_or_else(|| document.place().clone()), execution })
    }
}

impl Capability {
    fn word(&self) -> &str {
        match self {
            Self::Execute => "execute",
            Self::Stop => "stop",
            Self::Freeze => "freeze",
            Self::Reset => "reset",
            Self::Status => "status",
            Self::Other(word) => word,
        }
    }

    fn named(word: String) -> Self {
        match word.as_str() {
            "execute" => Self::Execute,
            "stop" => Self::Stop,
            "freeze" => Self::Freeze,
            "reset" => Self::Reset,
            "status" => Self::Status,
            _ => Self::Other(word),
        }
    }
}

impl Started {
    pub(crate) fn decode(document: &Document) -> Result<Self, Error> {
        let silent = match document.status() {
            ACCEPTED => ExecutionState::Running,
            CREATED if document.location().is_some() => ExecutionState::Running,
            _ => ExecutionState::Completed,
        };
        let execution = Execution::decode(document, silent)?;
        if document.status() != ACCEPTED && execution.state.is_over() {
            return Ok(Self::Finished(execution));
        }
        let location = document.location().cloned().or_else(|| execution.location(document));
        let location =
            location.ok_or_else(|| Error::malformed("started, but nowhere to be found"))?;
        Ok(Self::Running { location, execution })
    }
}

impl Execution {
    fn decode_observed(document: &Document) -> Result<Self, Error> {
        document.required("execution")?;
        Self::decode(document, ExecutionState::Running)
    }

    /// `silent` is the state of an execution of which nothing at all is said.
    fn decode(document: &Document, silent: ExecutionState) -> Result<Self, Error> {
        let raw = document.json().unwrap_or(RawValue::NULL);
        if raw.get() == "null" {
            return Ok(Self::empty(silent));
        }
        let fields = Fields::of(raw, "execution")?;
        let errors = fields.errors();
        let word = fields.text(&["status"]);
        let wordless = || if errors.is_empty() { silent } else { ExecutionState::Failed };
        Ok(Self {
            id: fields.text(IDS),
            state: word.map_or_else(wordless, ExecutionState::named),
            result: fields.owned("parameters").or_else(|| fields.owned("result")),
            capability: fields.text(&["capability"]).map(Capability::named),
            errors,
            raw: raw.to_owned(),
        })
    }

    fn empty(state: ExecutionState) -> Self {
        let raw = RawValue::NULL.to_owned();
        Self { id: None, state, capability: None, result: None, errors: Vec::new(), raw }
    }

    /// Where the standard would put it, for servers that answer without `Location`.
    fn location(&self, document: &Document) -> Option<Link> {
        Fields::of_any(&self.raw)
            .link("href", document.place())
            .or_else(|| self.id.as_deref().map(|id| document.place().child(id)))
    }
}

impl ExecutionState {
    /// Whether nothing more will come; a word that the standard does not know does not say so.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Stopped => true,
            Self::Running | Self::Other(_) => false,
        }
    }

    fn named(word: String) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "running" | "pending" | "prepared" | "inprogress" | "in_progress" => Self::Running,
            "completed" | "finished" => Self::Completed,
            "failed" | "error" => Self::Failed,
            "stopped" | "terminated" | "cancelled" => Self::Stopped,
            _ => Self::Other(word),
        }
    }
}
