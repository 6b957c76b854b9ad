//! The tree of a vehicle's entities: what it has, what that consists of, how it hangs together.
//!
//! Visits each entity once, and refuses trees that never end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ::sovd::{Client, Collection, Entity, EntityRef, Error, Link, Relation};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::value::RawValue;

use super::attempt::Attempt;
use super::faults::{Asked, IN_FLIGHT};
use super::outbox::HeldBack;
use super::pages::all;
use super::{beside, failure};
use crate::order::End;

/// More entities than any vehicle has.
const MAX_ENTITIES: usize = 5000;
/// More bytes than they need to describe themselves.
const MAX_BYTES: usize = 64 << 20;

/// Relations by the names of their links, today's and that of version 1.0.
const RELATIONS: [(Relation, [&str; 2]); 7] = [
    (Relation::Subareas, ["subareas"; 2]),
    (Relation::Subcomponents, ["subcomponents"; 2]),
    (Relation::Contains, ["contains", "related-components"]),
    (Relation::Hosts, ["hosts", "related-apps"]),
    (Relation::IsLocatedOn, ["is-located-on"; 2]),
    (Relation::BelongsTo, ["belongs-to"; 2]),
    (Relation::DependsOn, ["depends-on"; 2]),
];
/// How many of them lead to the parts of an entity.
const DOWNWARD: usize = 2;

/// An entity that is yet to be visited.
#[derive(Debug)]
struct Step {
    listed: EntityRef,
    path: String,
    depth: u32,
    parent: Option<String>,
}

/// An entity that was visited.
#[derive(Debug)]
struct Node {
    tree: Place,
    /// What it says about itself, or else what its collection says about it.
    raw: Box<RawValue>,
    /// `None` if it did not say anything about itself.
    entity: Option<Arc<Entity>>,
    parts: Vec<EntityRef>,
}

/// Where an entity is among the others.
#[derive(Debug, Serialize)]
struct Place {
    entity: String,
    /// 1 for what a collection of the vehicle lists.
    depth: u32,
    parent: Option<String>,
    relations: BTreeMap<&'static str, Vec<String>>,
}

/// A way through the tree.
struct Walk {
    client: Client,
    steps: VecDeque<Step>,
    seen: BTreeSet<String>,
    relations: &'static [(Relation, [&'static str; 2])],
    max_depth: u32,
    /// Of all that was listed and described so far.
    bytes: usize,
}

impl Attempt<'_> {
    /// One part per entity.
    pub(super) async fn discover(&mut self, depth: Option<u32>) -> Result<(), End> {
        let client = self.tagged(&self.vehicle().await?.client);
        let mut walk = Walk::begin(client, &RELATIONS, depth).await?;
        let mut held = HeldBack::default();
        while let Some(nodes) = walk.next().await.map_err(|end| self.amid(end))? {
            for node in nodes {
                let part = beside::with(&node.raw, "tree", &node.tree)?;
                self.outbox.push(&mut held, part).await?;
            }
        }
        self.outbox.close(held).await
    }

    /// The entities of these paths, or else all that describe themselves.
    pub(super) async fn entities(&self, wanted: Option<&[String]>) -> Result<Vec<Asked>, End> {
        let vehicle = self.vehicle().await?;
        let mut entities = Vec::new();
        if let Some(paths) = wanted {
            for path in paths {
                let entity = vehicle.entity_at(path).await?;
                entities.push(Asked { path: path.clone(), entity });
            }
            return Ok(entities);
        }
        let downward = RELATIONS.get(..DOWNWARD).unwrap_or_default();
        let mut walk = Walk::begin(vehicle.client, downward, None).await?;
        while let Some(nodes) = walk.next().await? {
            let described = nodes.into_iter();
            entities.extend(
                described.filter_map(|node| {
                    Some(Asked { path: node.tree.entity, entity: node.entity? })
                }),
            );
        }
        Ok(entities)
    }

    /// A read failed of which a part may have been handed on.
    pub(super) fn amid(&self, end: End) -> End {
        if self.outbox.has_sent() { failure::after_begin(end) } else { end }
    }
}

/// What entities consist of: paths such as `components/hpc/subcomponents/soc`, and where they are.
pub(super) async fn parts(client: Client) -> Result<Arc<[(String, Link)]>, End> {
    let mut walk = Walk::begin(client, RELATIONS.get(..DOWNWARD).unwrap_or_default(), None).await?;
    let mut parts = Vec::new();
    while let Some(nodes) = walk.next().await? {
        let inner = nodes.into_iter().filter(|node| node.tree.depth > 1);
        parts.extend(inner.filter_map(|node| Some((node.tree.entity, node.entity?.href.clone()))));
    }
    Ok(parts.into())
}

impl Walk {
    /// Begins with what the collections of the vehicle list.
    async fn begin(
        client: Client,
        relations: &'static [(Relation, [&'static str; 2])],
        max_depth: Option<u32>,
    ) -> Result<Self, End> {
        let (steps, seen) = (VecDeque::new(), BTreeSet::new());
        let max_depth = max_depth.unwrap_or(u32::MAX);
        let mut walk = Self { client, steps, seen, relations, max_depth, bytes: 0 };
        for collection in Collection::ALL {
            match all(|| walk.client.entities(collection)).await {
                Ok(listed) => walk.plan(listed, 1, None)?,
                Err(Error::Unsupported { .. }) => {}
                Err(error) => return Err(failure::of_read(error)),
            }
        }
        Ok(walk)
    }

    /// The next few entities; `None` when all have been visited.
    async fn next(&mut self) -> Result<Option<Vec<Node>>, End> {
        let few = self.steps.len().min(IN_FLIGHT);
        let steps: Vec<Step> = self.steps.drain(..few).collect();
        if steps.is_empty() {
            return Ok(None);
        }
        let visits: Vec<_> = steps.into_iter().map(|step| self.visit(step)).collect();
        let nodes: Result<Vec<Node>, Error> = join_all(visits).await.into_iter().collect();
        let mut nodes = nodes.map_err(failure::of_read)?;
        for node in &mut nodes {
            self.bytes = self.bytes.saturating_add(node.raw.get().len());
            let (depth, parent) = (node.tree.depth.saturating_add(1), node.tree.entity.clone());
            self.plan(std::mem::take(&mut node.parts), depth, Some(&parent))?;
        }
        Ok(Some(nodes))
    }

    fn plan(
        &mut self,
        listed: Vec<EntityRef>,
        depth: u32,
        parent: Option<&str>,
    ) -> Result<(), End> {
        if depth > self.max_depth {
            return Ok(());
        }
        for listed in listed {
            self.bytes = self.bytes.saturating_add(listed.raw.get().len());
            let path = path(&self.client, &listed);
            if self.seen.insert(path.clone()) {
                let parent = parent.map(ToOwned::to_owned);
                self.steps.push_back(Step { listed, path, depth, parent });
            }
        }
        let is_endless = self.seen.len() > MAX_ENTITIES || self.bytes > MAX_BYTES;
        if is_endless { Err(End::TooLarge) } else { Ok(()) }
    }

    async fn visit(&self, step: Step) -> Result<Node, Error> {
        let Step { listed, path, depth, parent } = step;
        let described = told(self.client.entity(&listed.href).await)?;
        let (mut relations, mut parts) = (BTreeMap::new(), Vec::new());
        for (relation, names) in self.relations {
            let Some(entity) = &described else { break };
            if !names.iter().any(|name| entity.links.contains_key(*name)) {
                continue;
            }
            let related =
                told(all(|| self.client.related(entity, *relation)).await)?.unwrap_or_default();
            let paths = related.iter().map(|other| self::path(&self.client, other)).collect();
            let [name, _] = *names;
            relations.insert(name, paths);
            if matches!(relation, Relation::Subareas | Relation::Subcomponents) {
                parts.extend(related);
            }
        }
        let raw = described.as_ref().map_or(listed.raw, |entity| entity.raw.clone());
        let tree = Place { entity: path, depth, parent, relations };
        Ok(Node { tree, raw, entity: described.map(Arc::new), parts })
    }
}

/// A refusal to tell is no failure of the whole.
fn told<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Refused { .. } | Error::Unsupported { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The path by which users know an entity: `components/engine_ecu`.
fn path(client: &Client, entity: &EntityRef) -> String {
    let (place, base) = (entity.href.to_string(), client.base().to_string());
    let below = place.strip_prefix(&base).map(|rest| rest.trim_start_matches('/'));
    below.map_or_else(|| place.clone(), ToOwned::to_owned)
}
