//! Operations of an entity: what there is, and starting it.
//! Refuses to wait: what goes on after the start is an execution.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::execution::Started;
use crate::fields::Fields;
use crate::link::Link;

const EXECUTIONS: &str = "executions";

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
    /// What the proof of proximity must answer; `None` unless one is needed and the operation itself
    /// was asked for.
    pub challenge: Option<Challenge>,
    /// The modes that it needs, as the server describes them; `None` if it names none.
    pub modes: Option<Box<RawValue>>,
    /// The server's own keywords.
    pub tags: Vec<String>,
    /// What a server calls the output that it controls; `None` if it controls none, or the server does
    /// not say. Such a server wants an `action` among the parameters.
    pub output_id: Option<String>,
    /// The description of its parameters; `None` unless it was asked for and is known.
    pub schema: Option<Box<RawValue>>,
    /// Where it is described.
    pub href: Link,
    /// Where it is started.
    pub executions: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// What somebody near the vehicle is to answer, to show that they are near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The answer to it is the proximity response.
    pub challenge: String,
    /// Until when it can be answered, RFC 3339; `None` if the server did not say.
    pub valid_until: Option<String>,
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
        self.start_at(&operation.executions, parameters)
    }

    /// Starts at a place of one's own, for servers that take a start at the operation itself.
    pub fn start_at(&self, place: &Link, parameters: Option<Value>) -> Call<Started> {
        let body: Map<String, Value> = parameters
            .map(|parameters| ("parameters".to_owned(), parameters))
            .into_iter()
            .collect();
        Call::post(self, place, Value::from(body), Started::decode)
    }
}

impl Call<Vec<Operation>> {
    /// Asks for whatever is known of the proofs of proximity that operations need.
    pub fn with_proximity_proof(self) -> Self {
        self.query("include-proximity-proof", "true")
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
        Ok(Self {
            challenge: fields.present("proximity_challenge").and_then(Challenge::decode),
            modes: fields.owned("modes").or(operation.modes),
            schema: fields.owned("schema"),
            ..operation
        })
    }

    fn decode(
        raw: &RawValue,
        default_href: impl FnOnce(&str) -> Link,
        place: &Link,
    ) -> Result<Self, Error> {
        let fields = Fields::of(raw, "operation")?;
        let id = fields.id(&["id"], "operation")?;
        let given = fields.link("href", place);
        let (href, executions) = places(given.unwrap_or_else(|| default_href(&id)));
        Ok(Self {
            id,
            name: fields.text(&["name"]),
            asynchronous: fields.flag("asynchronous_execution"),
            proximity_proof_required: fields.flag("proximity_proof_required"),
            challenge: None,
            modes: fields.owned("modes"),
            tags: fields.words(&["tags"]),
            output_id: fields.text(&["output_id"]),
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

impl Challenge {
    fn decode(raw: &RawValue) -> Option<Self> {
        let fields = Fields::of_any(raw);
        Some(Self {
            challenge: fields.text(&["challenge"])?,
            valid_until: fields.text(&["valid_until"]),
        })
    }
}
