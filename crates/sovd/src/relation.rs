//! How entities hang together: what contains, hosts and depends on what.
//! Refuses to walk the tree: each step is a call.

use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::discovery::{Entity, EntityRef};
use crate::document::Document;
use crate::error::Error;
use crate::link::Link;

/// A relation between entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// The areas within an area.
    Subareas,
    /// The components within a component.
    Subcomponents,
    /// The components of an area.
    Contains,
    /// The applications on a component.
    Hosts,
    /// The component that an application is on.
    IsLocatedOn,
    /// The area, or the entities, that an entity is part of.
    BelongsTo,
    /// What an entity needs to work.
    DependsOn,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Subareas,
        Self::Subcomponents,
        Self::Contains,
        Self::Hosts,
        Self::IsLocatedOn,
        Self::BelongsTo,
        Self::DependsOn,
    ];

    /// The name in paths, and that of version 1.0 where it was another one.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Subareas => ["subareas"; 2],
            Self::Subcomponents => ["subcomponents"; 2],
            Self::Contains => ["contains", "related-components"],
            Self::Hosts => ["hosts", "related-apps"],
            Self::IsLocatedOn => ["is-located-on"; 2],
            Self::BelongsTo => ["belongs-to"; 2],
            Self::DependsOn => ["depends-on"; 2],
        }
    }
}

impl Client {
    /// The entities that are in this relation to `entity`.
    pub fn related(&self, entity: &Entity, relation: Relation) -> Call<Vec<EntityRef>> {
        let (place, announced) = entity.collection_of(relation.names());
        Call::get(self, &place, decode_related).announced(announced)
    }

    /// What can be done at `place` and below: the capability description, an OpenAPI document.
    pub fn description(&self, place: &Link) -> Call<Box<RawValue>> {
        let decode = |document: &Document| {
            document.required("capability description").map(ToOwned::to_owned)
        };
        Call::get(self, &place.child("docs"), decode).announced(false)
    }
}

/// A link may lead to a list, or to the one entity that is meant.
fn decode_related(document: &Document) -> Result<Vec<EntityRef>, Error> {
    let list = EntityRef::decode_list(document);
    if list.is_ok() {
        return list;
    }
    let entity = Entity::decode(document)?;
    if entity.id.is_empty() {
        return list;
    }
    let Entity { id, name, href, raw, .. } = entity;
    Ok(vec![EntityRef { id, name, href, raw }])
}
