//! Commands about the scripts that an entity holds.
//!
//! Refuses large uploads: a command carries 525,000 bytes at most.

use super::Entry;
use super::params::{Params, any, blob, defaulting, file_name, id, media_type, text, word};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Value, json};

/// When a script runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// At once.
    #[default]
    Now,
    /// At once, and after each restart.
    NowAndOnRestart,
    /// After each restart.
    OnRestart,
    /// After the next restart.
    OnceOnRestart,
}

/// How a script is stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Halt {
    /// By asking it.
    #[default]
    Stop,
    /// By ending it, whatever it does.
    ForcedTermination,
}

/// A command about scripts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The scripts of an entity.
    #[serde(rename = "script.list")]
    List {
        /// For example `apps/test_runner`.
        entity: String,
    },
    /// Uploads a script.
    #[serde(rename = "script.upload")]
    Upload {
        /// For example `apps/test_runner`.
        entity: String,
        /// The script, in base64.
        blob: String,
        /// Its media type; `None` = plain bytes.
        content_type: Option<String>,
        /// What it shall be called; `None` = as the vehicle likes.
        name: Option<String>,
    },
    /// Runs a script to its end: its start, progress and result as parts.
    #[serde(rename = "script.run")]
    Run {
        /// For example `apps/test_runner`.
        entity: String,
        /// The script.
        id: String,
        /// Its parameters, in the vehicle's own JSON; `None` = none.
        params: Option<Value>,
        /// When it runs.
        #[serde(default, rename = "type")]
        moment: Moment,
        /// The answer to the script's proximity challenge; `None` = it has none.
        proximity_response: Option<String>,
    },
    /// Stops an execution of a script.
    #[serde(rename = "script.stop")]
    Stop {
        /// For example `apps/test_runner`.
        entity: String,
        /// The script.
        id: String,
        /// The execution.
        exec_id: String,
        /// How.
        #[serde(default, rename = "action")]
        halt: Halt,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    let moments = ["now", "now_and_on_restart", "on_restart", "once_on_restart"];
    let moment = defaulting(word(&moments, "When it runs."), "now");
    let halt = defaulting(word(&["stop", "forced_termination"], "How it is stopped."), "stop");
    vec![
        Entry::read("script.list", "Lists the scripts of an entity.", Params::of_entity()),
        Entry::change(
            Risk::R3,
            "script.upload",
            "Uploads a script of at most 525,000 bytes to an entity.",
            Params::of_entity()
                .need("blob", blob("The script, in base64."))
                .may("content_type", media_type())
                .may("name", file_name())
                .example(json!({ "blob": "c3RlcCAxCg==", "name": "end_of_line",
                    "content_type": "text/plain" })),
        )
        .locked()
        .minutes(),
        Entry::change(
            Risk::R3,
            "script.run",
            "Runs a script of an entity: progress as parts, then the result.",
            Params::of_entity()
                .need("id", id())
                .may("params", any("Its parameters, in the vehicle's own JSON."))
                .may("type", moment)
                .may("proximity_response", text("The answer to the proximity challenge."))
                .example(json!({ "id": "end_of_line", "params": { "station": 4 }, "type": "now",
                    "proximity_response": "4711" })),
        )
        .many()
        .locked()
        .routine(),
        Entry::change(
            Risk::R3,
            "script.stop",
            "Stops an execution of a script.",
            Params::of_entity()
                .need("id", id())
                .need("exec_id", id())
                .may("action", halt)
                .example(json!({ "id": "end_of_line", "exec_id": "1", "action": "stop" })),
        )
        .locked(),
    ]
}
