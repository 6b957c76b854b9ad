//! Commands about what an entity logs, and about recordings of its communication.
//!
//! Refuses to keep anything: a log stays at the vehicle, and its entries are the parts of a command.

use super::params::{Params, duration, id, instant, text, word};
use super::{Entry, Seconds};
use crate::Timestamp;
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// How much an entry of a log matters, by the words of SOVD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSeverity {
    /// The entity cannot go on.
    Fatal,
    /// Something failed.
    Error,
    /// Something may fail.
    Warn,
    /// Something happened.
    Info,
    /// For developers.
    Debug,
}

/// A command about logs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The entries of an entity's log.
    #[serde(rename = "logs.read")]
    Read {
        /// For example `components/gateway`.
        entity: String,
        /// Only entries of this severity; `None` = all.
        severity: Option<LogSeverity>,
        /// Only entries from this moment on; `None` = all.
        since: Option<Timestamp>,
    },
    /// New entries as they come.
    #[serde(rename = "logs.follow")]
    Follow {
        /// For example `components/gateway`.
        entity: String,
        /// Only entries of this severity; `None` = all.
        severity: Option<LogSeverity>,
        /// Also entries from this moment on; `None` = only new ones.
        since: Option<Timestamp>,
        /// How long.
        #[serde(default = "Seconds::watch")]
        duration: Seconds,
    },
    /// Sets what is logged, and reads it back.
    #[serde(rename = "logs.config")]
    Config {
        /// For example `components/gateway`.
        entity: String,
        /// What is logged of which context, in the vehicle's own JSON; `None` = its default again.
        items: Option<Vec<Value>>,
    },
    /// Records communication until its duration is over, and tells what was recorded.
    #[serde(rename = "commlog.start")]
    CommlogStart {
        /// For example `components/gateway`.
        entity: String,
        /// What to record, in the vehicle's own JSON.
        config: Map<String, Value>,
        /// Where the vehicle shall stream it; `None` = nowhere.
        stream: Option<String>,
        /// How long.
        #[serde(default = "Seconds::watch")]
        duration: Seconds,
    },
    /// Ends a recording of communication.
    #[serde(rename = "commlog.stop")]
    CommlogStop {
        /// For example `components/gateway`.
        entity: String,
        /// The recording.
        id: String,
    },
    /// Downloads a recording of communication: progress and chunks as parts.
    #[serde(rename = "commlog.fetch")]
    CommlogFetch {
        /// For example `components/gateway`.
        entity: String,
        /// The recording.
        id: String,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    [logs(), recordings()].concat()
}

fn logs() -> Vec<Entry> {
    let severities = ["fatal", "error", "warn", "info", "debug"];
    let filtered = || {
        Params::of_entity()
            .may("severity", word(&severities, "Only entries of this severity."))
            .may("since", instant("Entries from this moment on."))
    };
    vec![
        Entry::read(
            "logs.read",
            "Reads the log of an entity.",
            filtered().example(json!({ "severity": "error", "since": "2026-01-01T00:00:00Z" })),
        )
        .many(),
        Entry::read(
            "logs.follow",
            "Follows the log of an entity, new entries as parts.",
            filtered().may("duration", duration()).example(
                json!({ "severity": "warn", "since": "2026-01-01T00:00:00.5Z", "duration": 600 }),
            ),
        )
        .live(),
        Entry::change(
            Risk::R1,
            "logs.config",
            "Sets what an entity logs, or its default again, and reads it back.",
            Params::of_entity().may("items", items()).example(json!({ "items": [
                { "context": { "type": "RFC5424", "process": "ota" }, "severity": "debug" } ] })),
        )
        .senior(),
    ]
}

fn items() -> Value {
    json!({ "type": "array", "items": { "type": "object" }, "minItems": 1, "maxItems": 64,
        "description": "Contexts with the severity to log; the default again if absent." })
}

fn recordings() -> Vec<Entry> {
    let config =
        json!({ "type": "object", "description": "What to record, in the vehicle's own JSON." });
    let recording = || Params::of_entity().need("id", id()).example(json!({ "id": "commlog-1" }));
    vec![
        Entry::change(
            Risk::R1,
            "commlog.start",
            "Records communication of an entity for a while.",
            Params::of_entity()
                .need("config", config)
                .may("stream", text("Where the vehicle shall stream it; nowhere if absent."))
                .may("duration", duration())
                .example(json!({ "config": { "bus": "can0" }, "stream": "udp", "duration": 60 })),
        )
        .live()
        .senior(),
        Entry::change(Risk::R1, "commlog.stop", "Ends a recording of communication.", recording())
            .senior(),
        Entry::change(
            Risk::R1,
            "commlog.fetch",
            "Downloads a recording of communication: progress and chunks as parts.",
            recording(),
        )
        .many()
        .senior()
        .hours(),
    ]
}
