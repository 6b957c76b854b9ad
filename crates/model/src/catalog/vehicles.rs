//! Commands about the vehicle as a whole.
//!
//! Refuses to change anything: each of them only reads.

use super::params::{Params, entities, flag, whole};
use super::{Entry, Whole};
use serde::Deserialize;
use serde_json::json;

/// Below the base of the vehicle's server: no empty segment and none that begins with a dot, encoded
/// or not, so that no path leads out of it.
const PATH: &str = concat!(
    r"^(/([A-Za-z0-9_~!$&'()*+,;=:@-]|%(2[0-9A-Da-d]|[346-9A-Fa-f][0-9A-Fa-f]|5[0-9ABD-Fabd-f]))",
    r"([A-Za-z0-9._~!$&'()*+,;=:@-]|%(2[0-9A-Da-d]|[346-9A-Fa-f][0-9A-Fa-f]|5[0-9ABD-Fabd-f]))*)+",
    r"(\?([A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[2-9A-Fa-f][0-9A-Fa-f])*)?$"
);

/// A command about the vehicle as a whole.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The versions of SOVD that the vehicle's server speaks.
    #[serde(rename = "vehicle.version")]
    Version {},
    /// The entities of the vehicle, one part each.
    #[serde(rename = "vehicle.discover")]
    Discover {
        /// How many levels of entities below their collections; `None` = all.
        depth: Option<Whole>,
    },
    /// What an entity says about itself.
    #[serde(rename = "entity.describe")]
    Describe {
        /// For example `components/engine_ecu`.
        entity: String,
        /// Whether its capability description (`/docs`) is read too.
        #[serde(default)]
        include_schema: bool,
    },
    /// Faults, status and identification in one report, one part per entity.
    #[serde(rename = "vehicle.health")]
    Health {
        /// The entities; `None` = all.
        entities: Option<Vec<String>>,
    },
    /// What the vehicle's server answers at a path.
    #[serde(rename = "http.raw")]
    HttpRaw {
        /// Below the base of the server, beginning with a slash.
        path: String,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    let path = json!({ "type": "string", "maxLength": 2048, "pattern": PATH,
        "description": "A path below the base of the vehicle's server, with its query." });
    vec![
        Entry::read("vehicle.version", "Reads which SOVD the vehicle speaks.", Params::none()),
        Entry::read(
            "vehicle.discover",
            "Lists the entities of the vehicle, one part each.",
            Params::none()
                .may("depth", whole(1, 8, "Levels of entities to go down; all if absent."))
                .example(json!({ "depth": 1 })),
        )
        .many()
        .minutes(),
        Entry::read(
            "entity.describe",
            "Reads what an entity can do.",
            Params::of_entity()
                .may("include_schema", flag("Whether to read its capability description too."))
                .example(json!({ "include_schema": true })),
        ),
        Entry::read(
            "vehicle.health",
            "Reports faults, status and identification, one part per entity.",
            Params::none()
                .may("entities", entities("The entities to report on; all if absent."))
                .example(json!({ "entities": ["components/engine_ecu", "apps/ota_agent"] })),
        )
        .many()
        .minutes(),
        Entry::read(
            "http.raw",
            "Reads any path of the vehicle's server.",
            Params::none()
                .need("path", path)
                .example(json!({ "path": "/components/engine_ecu/data?category=identData" })),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(path: &str) -> bool {
        let schema = rows().into_iter().find(|row| row.name == "http.raw").unwrap().schema;
        jsonschema::is_valid(&schema, &json!({ "path": path }))
    }

    #[test]
    fn paths_stay_below_the_base() {
        for path in ["/version", "/components/ecu/data/F190", "/a/b%20c?x=%2F..&y[z]=1"] {
            assert!(is_allowed(path), "{path}");
        }
        for path in [
            "",
            "components",
            "//host/x",
            "/..",
            "/a/../b",
            "/a/%2e%2e/b",
            "/a/%2E./b",
            "/.",
            "/a//b",
            "/a/",
            "/a%2F..%2Fb",
            "/a%5Cb",
            "/a\\b",
            "/a#b",
            "/a b",
            "/a%00",
            "http://host/x",
            "/a\n",
            "/a?b#c",
            "/%",
            "/a?%0d%0a",
        ] {
            assert!(!is_allowed(path), "{path}");
        }
    }
}
