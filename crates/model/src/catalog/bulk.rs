//! Commands about the bulk data of an entity: maps, recordings, logs.
//!
//! Refuses uploads: a command has no body that could carry them.

use super::Entry;
use super::params::{Params, id, instant};
use crate::Timestamp;
use crate::command::Risk;
use serde::Deserialize;
use serde_json::json;

/// A command about bulk data.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The categories of bulk data of an entity, or what is in one of them.
    #[serde(rename = "bulk.list")]
    List {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The category; `None` = the categories themselves.
        category: Option<String>,
        /// Only what was created before; `None` = all. Needs a category.
        created_before: Option<Timestamp>,
        /// Only what was created after; `None` = all. Needs a category.
        created_after: Option<Timestamp>,
    },
    /// Downloads an item: progress and chunks as parts.
    #[serde(rename = "bulk.download")]
    Download {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The category.
        category: String,
        /// The item.
        id: String,
    },
    /// Deletes an item, or all of a category.
    #[serde(rename = "bulk.delete")]
    Delete {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The category.
        category: String,
        /// The item; `None` = all of the category.
        id: Option<String>,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    vec![
        Entry::read(
            "bulk.list",
            "Lists the categories of bulk data of an entity, or what is in one of them.",
            Params::of_entity()
                .may("category", id())
                .may("created_before", instant("Only what was created before."))
                .may("created_after", instant("Only what was created after."))
                .example(json!({}))
                .example(json!({ "category": "logs", "created_before": "2026-02-01T00:00:00Z",
                    "created_after": "2026-01-01T00:00:00Z" })),
        ),
        Entry::read(
            "bulk.download",
            "Downloads an item of bulk data: progress and chunks as parts.",
            Params::of_entity()
                .need("category", id())
                .need("id", id())
                .example(json!({ "category": "logs", "id": "trace-1" })),
        )
        .many()
        .hours(),
        Entry::change(
            Risk::R2,
            "bulk.delete",
            "Deletes an item of bulk data, or all of a category.",
            Params::of_entity()
                .need("category", id())
                .may("id", id())
                .example(json!({ "category": "logs", "id": "trace-1" })),
        )
        .senior(),
    ]
}
