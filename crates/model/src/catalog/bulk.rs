//! Commands about the bulk data of an entity: maps, recordings, logs.
//!
//! Refuses large uploads: a command carries 525,000 bytes at most.

use super::Entry;
use super::params::{Params, blob, file_name, id, instant, media_type};
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
    /// Uploads an item.
    #[serde(rename = "bulk.upload")]
    Upload {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The category.
        category: String,
        /// Its content, in base64.
        blob: String,
        /// Its media type; `None` = plain bytes.
        content_type: Option<String>,
        /// What it shall be called; `None` = as the vehicle likes.
        name: Option<String>,
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
            "bulk.upload",
            "Uploads an item of bulk data of at most 525,000 bytes.",
            Params::of_entity()
                .need("category", id())
                .need("blob", blob("Its content, in base64."))
                .may("content_type", media_type())
                .may("name", file_name())
                .example(json!({ "category": "maps", "blob": "AAEC", "name": "town.map",
                    "content_type": "application/octet-stream" })),
        )
        .senior()
        .minutes(),
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
