//! Scripts that a server keeps and runs on an entity.
//! Refuses to look into a script: it is bytes of the media type that the caller names.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::content::Upload;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::execution::Started;
use crate::fields::Fields;
use crate::link::Link;
use crate::listed::Named;
use crate::receipt::{Acknowledged, Created};

const EXECUTIONS: &str = "executions";

/// A script that a server keeps.
#[derive(Debug, Clone)]
pub struct Script {
    /// Unique in its entity.
    pub id: String,
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// For people; `None` if the server gave none.
    pub description: Option<String>,
    /// Whether somebody must prove to be near the vehicle; `None` if the server did not say.
    pub proximity_proof_required: Option<bool>,
    /// Where it is inspected and deleted.
    pub href: Link,
    /// Where it is started.
    pub executions: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// When a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScriptRun {
    /// Now, once.
    Now,
    /// Now, and at every restart of the entity.
    NowAndOnRestart,
    /// At every restart.
    OnRestart,
    /// At the next restart.
    OnceOnRestart,
}

/// How a run of a script is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScriptEnd {
    /// It may bring to an end what it is at.
    Stop,
    /// It may not.
    ForcedTermination,
}

impl Client {
    /// The scripts of an entity.
    pub fn scripts(&self, entity: &Entity) -> Call<Vec<Script>> {
        let (place, announced) = entity.collection("scripts");
        let decode = |document: &Document| document.items("scripts", Script::listed);
        Call::get(self, &place, decode).announced(announced)
    }

    /// The script at `href`.
    pub fn script(&self, href: &Link) -> Call<Script> {
        Call::get(self, href, Script::itself)
    }

    /// Gives an entity a script.
    pub fn upload_script(&self, entity: &Entity, content: Upload) -> Call<Created> {
        let (place, announced) = entity.collection("scripts");
        Call::post(self, &place, content, Created::decode).announced(announced)
    }

    /// Lets the server forget the script at `href`.
    pub fn delete_script(&self, href: &Link) -> Call<Acknowledged> {
        Call::delete(self, href, Acknowledged::decode)
    }

    /// Runs a script; observe the run with [`Client::execution`], forget it with [`Client::stop`].
    pub fn run_script(
        &self,
        script: &Script,
        when: ScriptRun,
        parameters: Option<Value>,
    ) -> Call<Started> {
        self.start_at(&script.executions, parameters).with("execution_type", when.word())
    }

    /// The runs of a script that the server has not forgotten.
    pub fn script_executions(&self, script: &Script) -> Call<Vec<Named>> {
        Call::get(self, &script.executions, Named::decode_list).announced(false)
    }

    /// Ends the run at `location`; the server keeps its result.
    pub fn end_script(&self, location: &Link, end: ScriptEnd) -> Call<Acknowledged> {
        let body = Value::from_iter([("action", end.word())]);
        Call::put(self, location, body, Acknowledged::decode)
    }
}

impl ScriptRun {
    fn word(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::NowAndOnRestart => "now_and_on_restart",
            Self::OnRestart => "on_restart",
            Self::OnceOnRestart => "once_on_restart",
        }
    }
}

impl ScriptEnd {
    fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::ForcedTermination => "forced_termination",
        }
    }
}

impl Script {
    fn listed(place: &Link, raw: &RawValue) -> Result<Self, Error> {
        let fields = Fields::of(raw, "script")?;
        let id = fields.id(&["id"], "script")?;
        let href = fields.href(place, &id);
        Ok(Self::of(&fields, id, href, raw))
    }

    /// The script is wrapped in `item`, or the answer is the script.
    fn itself(document: &Document) -> Result<Self, Error> {
        let raw = document.required("script")?;
        let outer = Fields::of(raw, "script")?;
        let item = outer.present("item").unwrap_or(raw);
        let fields = Fields::of(item, "script")?;
        let id = fields.id(&["id"], "script")?;
        Ok(Self::of(&fields, id, document.place().clone(), item))
    }

    fn of(fields: &Fields, id: String, href: Link, raw: &RawValue) -> Self {
        Self {
            id,
            name: fields.text(&["name"]),
            description: fields.text(&["description"]),
            proximity_proof_required: fields.flag("proximity_proof_required"),
            executions: href.child(EXECUTIONS),
            href,
            raw: raw.to_owned(),
        }
    }
}
