//! Operations of an entity: starting, observing and stopping their executions.
//! Refuses to wait: whoever started an execution asks for its state and forgets it in the end.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::call::{Acknowledged, Call};
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::{Error, GenericError};
use crate::fields::Fields;
use crate::link::Link;

const EXECUTIONS: &str = "executions";
const CREATED: u16 = 201;
const ACCEPTED: u16 = 202;

/// Something that an entity can be told to do.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Unique in its entity.
    pub id: String,
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// Whether it goes on after the start was answered; `None` if the server did not say.
    pub asynchronous: Option<bool>,
    /// Whether somebody must prove to be near the vehicle; `None` if the server did not say.
    pub proximity_proof_required: Option<bool>,
    /// The description of its parameters; `None` unless it was asked for and is known.
    pub schema: Option<Box<RawValue>>,
    /// Where it is described.
    pub href: Link,
    /// Where it is started.
    pub executions: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// What became of the start of an operation.
#[derive(Debug, Clone)]
pub enum Started {
    /// It is over already.
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
    /// What it has given so far; `None` if nothing.
    pub result: Option<Box<RawValue>>,
    /// What went wrong. A completed execution may have failed in parts.
    pub errors: Vec<GenericError>,
    /// The whole answer; `null` if it was empty.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The operations of an entity.
    pub fn operations(&self, entity: &Entity) -> Call<Vec<Operation>> {
        let (place, announced) = entity.collection("operations");
        Call::get(self, &place, Operation::decode_list).announced(announced)
    }

    /// The operation at `href`; [`Call::with_schema`] adds the description of its parameters.
    pub fn operation(&self, href: &Link) -> Call<Operation> {
        Call::get(self, href, Operation::decode_one)
    }

    /// Starts an operation.
    ///
    /// An answer that cannot be read ([`Error::Malformed`]) does not mean that nothing was started.
    pub fn start(&self, operation: &Operation, parameters: Option<Value>) -> Call<Started> {
        let body: Map<String, Value> = parameters
            .map(|parameters| ("parameters".to_owned(), parameters))
            .into_iter()
            .collect();
        Call::post(self, &operation.executions, body.into(), Started::decode)
    }

    /// How far the execution at `location` has come.
    pub fn execution(&self, location: &Link) -> Call<Execution> {
        Call::get(self, location, Execution::decode_observed)
    }

    /// Stops the execution at `location` and lets the server forget it, also one that is over.
    pub fn stop(&self, location: &Link) -> Call<Acknowledged> {
        Call::delete(self, location, Acknowledged::decode)
    }
}

impl Operation {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("operations", |place, raw| Self::decode(raw, |id| place.child(id), place))
    }

    /// The operation is wrapped in `item`, or the answer is the operation.
    fn decode_one(document: &Document) -> Result<Self, Error> {
        let raw = document.required("operation")?;
        let fields = Fields::of(raw, "operation")?;
        let place = document.place();
        let item = fields.present("item").unwrap_or(raw);
        let operation = Self::decode(item, |_| place.clone(), place)?;
        Ok(Self { schema: fields.present("schema").map(ToOwned::to_owned), ..operation })
    }

    fn decode(
        raw: &RawValue,
        default_href: impl FnOnce(&str) -> Link,
        place: &Link,
    ) -> Result<Self, Error> {
        let fields = Fields::of(raw, "operation")?;
        let id = fields.text(&["id"]).ok_or_else(|| Error::malformed("operation without id"))?;
        let given = fields.text(&["href"]).and_then(|href| place.resolve(&href));
        let (href, executions) = places(given.unwrap_or_else(|| default_href(&id)));
        Ok(Self {
            id,
            name: fields.text(&["name"]),
            asynchronous: fields.flag("asynchronous_execution"),
            proximity_proof_required: fields.flag("proximity_proof_required"),
            schema: None,
            href,
            executions,
            raw: raw.to_owned(),
        })
    }
}

/// The operation's own place and that of its executions: servers link either.
fn places(link: Link) -> (Link, Link) {
    if link.name() == Some(EXECUTIONS) {
        (link.parent(), link)
    } else {
        let executions = link.child(EXECUTIONS);
        (link, executions)
    }
}

impl Started {
    fn decode(document: &Document) -> Result<Self, Error> {
        let silent = match document.status() {
            ACCEPTED => ExecutionState::Running,
            CREATED if document.location().is_some() => ExecutionState::Running,
            _ => ExecutionState::Completed,
        };
        let execution = Execution::decode(document, silent)?;
        if document.status() != ACCEPTED && execution.state != ExecutionState::Running {
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
        let error = fields.value(&["error", "errors"]);
        let errors = error.as_ref().map_or_else(Vec::new, GenericError::listed);
        let word = fields.text(&["status"]);
        let wordless = || if errors.is_empty() { silent } else { ExecutionState::Failed };
        let result = fields.present("parameters").or_else(|| fields.present("result"));
        Ok(Self {
            id: fields.text(&["id", "execution_id"]),
            state: word.map_or_else(wordless, ExecutionState::named),
            result: result.map(ToOwned::to_owned),
            errors,
            raw: raw.to_owned(),
        })
    }

    fn empty(state: ExecutionState) -> Self {
        let raw = RawValue::NULL.to_owned();
        Self { id: None, state, result: None, errors: Vec::new(), raw }
    }

    /// Where the standard would put it, for servers that answer without `Location`.
    fn location(&self, document: &Document) -> Option<Link> {
        let href = Fields::of(&self.raw, "execution").ok()?.text(&["href"]);
        href.and_then(|href| document.place().resolve(&href))
            .or_else(|| self.id.as_deref().map(|id| document.place().child(id)))
    }
}

impl ExecutionState {
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
