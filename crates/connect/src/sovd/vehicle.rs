//! What a vehicle offers: its base, its entities, their data items and operations.
//!
//! Asks without naming a command, because one answer serves several, and never for what may change
//! within seconds.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::sovd::{Client, Collection, DataItem, Entity, EntityRef, Envelope, Error, HeaderName};
use ::sovd::{HeaderValue, Link, Operation, Url};
use model::command::Refusal;
use model::id::UserId;
use secrecy::ExposeSecret;
use serde_json::value::RawValue;

use super::debt::Owed;
use super::fresh::{Fresh, Weigh};
use super::pages::all;
use super::trust::{Trust, fingerprint};
use super::{discovery, failure};
use crate::order::{Address, End};

/// By this some servers know whose lock it is. Each user is a holder: what one has locked, another
/// can neither use nor give back, and one command of a user takes no lock from the next.
const HOLDER: HeaderName = HeaderName::from_static("x-client-id");
/// How many names a message lists at most.
const MAX_LISTED: usize = 40;

/// What has been learned about all vehicles.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    bases: Fresh<Client>,
    lists: Fresh<Arc<[EntityRef]>>,
    entities: Fresh<Arc<Entity>>,
    items: Fresh<Arc<[DataItem]>>,
    operations: Fresh<Arc<[Operation]>>,
    envelopes: Fresh<Envelope>,
    parts: Fresh<Arc<[(String, Link)]>>,
    owed: Owed,
}

/// One vehicle, seen through what has been learned.
#[derive(Debug)]
pub(super) struct Vehicle<'a> {
    pub(super) url: &'a str,
    knowledge: &'a Knowledge,
    pub(super) client: Client,
}

impl Knowledge {
    /// Forgets what was learned about one vehicle.
    pub(super) fn forget(&self, url: &str) {
        let prefix = key(url, "");
        self.bases.forget(&prefix);
        self.lists.forget(&prefix);
        self.entities.forget(&prefix);
        self.items.forget(&prefix);
        self.operations.forget(&prefix);
        self.envelopes.forget(&prefix);
        self.parts.forget(&prefix);
    }
}

impl Weigh for Client {
    fn bytes(&self) -> usize {
        self.base().to_string().len()
    }
}

impl Weigh for Arc<[EntityRef]> {
    fn bytes(&self) -> usize {
        self.iter().map(|entity| entity.raw.get().len()).sum()
    }
}

impl Weigh for Arc<Entity> {
    fn bytes(&self) -> usize {
        self.raw.get().len()
    }
}

impl Weigh for Arc<[DataItem]> {
    fn bytes(&self) -> usize {
        self.iter().map(|item| item.raw.get().len()).sum()
    }
}

impl Weigh for Arc<[Operation]> {
    fn bytes(&self) -> usize {
        self.iter().map(|operation| operation.raw.get().len()).sum()
    }
}

impl Weigh for Envelope {
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

impl Weigh for Arc<[(String, Link)]> {
    fn bytes(&self) -> usize {
        self.iter().map(|(path, _)| path.len().saturating_mul(2)).sum()
    }
}

/// A client of the server at an address, with what the two trust each other by.
pub(super) fn client(address: &Address, trust: &Trust) -> Result<Client, End> {
    let url = Url::parse(&address.sovd_url).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| unusable("the vehicle's address is neither http nor https"))?;
    let http = trust.http(address);
    let http =
        http.map_err(|_| unusable("the vehicle's sovd_ca or sovd_identity cannot be read"))?;
    let client = Client::new(url, http);
    let Some(token) = &address.token else { return Ok(client) };
    let client = client.with_bearer(token.expose_secret());
    client.map_err(|_| unusable("the vehicle's sovd_token is none that a header can carry"))
}

fn unusable(words: &str) -> End {
    End::Refused(Refusal::Unsupported, words.to_owned())
}

impl<'a> Vehicle<'a> {
    /// Finds the base of the vehicle's server.
    pub(super) async fn find(
        knowledge: &'a Knowledge,
        trust: &Trust,
        address: &'a Address,
        user: UserId,
    ) -> Result<Self, End> {
        let client = client(address, trust)?;
        let url = &address.sovd_url;
        // What is remembered is a client, and whom it shows which token must not be the past's.
        let base = key(url, &format!("base {}", fingerprint(&address.credentials())));
        let base = knowledge.bases.get(base, client.discover()).await;
        let mut client = base.map_err(failure::of_read)?;
        // An id is always a header.
        if let Ok(holder) = HeaderValue::try_from(format!("fleetwire.{user}")) {
            client = client.with_header(HOLDER, holder);
        }
        Ok(Self { url, knowledge, client })
    }

    /// The control units.
    pub(super) async fn components(&self) -> Result<Arc<[EntityRef]>, End> {
        self.collection(Collection::Components).await
    }

    /// What an entity offers.
    pub(super) async fn entity(&self, href: &Link) -> Result<Arc<Entity>, Error> {
        let ask = async { self.client.entity(href).await.map(Arc::new) };
        self.knowledge.entities.get(self.key(href), ask).await
    }

    /// The entity that a collection lists; it may be gone meanwhile.
    pub(super) async fn listed(&self, entity: &EntityRef) -> Result<Arc<Entity>, End> {
        self.entity(&entity.href).await.map_err(|error| {
            if let Error::Refused { status: 404, error } = &error {
                let message = format!("{}: {}", entity.id, failure::words(error));
                return End::Refused(Refusal::UnknownComponent, message);
            }
            failure::of_read(error)
        })
    }

    /// The entity at a path such as `components/engine_ecu`, or `components/hpc/subcomponents/soc`.
    pub(super) async fn entity_at(&self, path: &str) -> Result<Arc<Entity>, End> {
        let (name, id) = path.split_once('/').unwrap_or((path, ""));
        let Some(collection) = Collection::ALL.into_iter().find(|each| each.name() == name) else {
            return Err(unknown("entity", path, []));
        };
        let entities = self.collection(collection).await?;
        if let Some(entity) = entities.iter().find(|entity| entity.id == id) {
            return self.listed(entity).await;
        }
        if let Some(place) = self.part(path).await? {
            return self.entity(&place).await.map_err(failure::of_read);
        }
        Err(unknown("entity", path, entities.iter().map(|it| format!("{name}/{}", it.id))))
    }

    /// Where the part of an entity is, in a collection that lists only wholes: by its whole path, or by
    /// an id that no other part has.
    async fn part(&self, wanted: &str) -> Result<Option<Link>, End> {
        let ask = discovery::parts(self.client.clone());
        let parts = self.knowledge.parts.get(key(self.url, "parts"), ask).await?;
        if let Some((_, place)) = parts.iter().find(|(path, _)| path == wanted) {
            return Ok(Some(place.clone()));
        }
        let is_meant = |(path, _): &&(String, Link)| short(path) == wanted.split_once('/');
        match parts.iter().filter(is_meant).collect::<Vec<_>>().as_slice() {
            [] => Ok(None),
            [(_, place)] => Ok(Some(place.clone())),
            several => {
                let paths = several.iter().map(|(path, _)| path.clone());
                Err(End::Refused(Refusal::UnknownComponent, ambiguous(wanted, paths)))
            }
        }
    }

    /// What the vehicle as a whole offers; a server without a page at its base may offer it all the
    /// same.
    pub(super) async fn root(&self) -> Result<Arc<Entity>, End> {
        match self.entity(self.client.base()).await {
            Ok(root) => Ok(root),
            Err(Error::Refused { .. } | Error::Unsupported { .. } | Error::Malformed { .. }) => {
                Ok(Arc::new(Entity {
                    id: String::new(),
                    name: None,
                    href: self.client.base().clone(),
                    links: BTreeMap::new(),
                    variant: None,
                    raw: RawValue::NULL.to_owned(),
                }))
            }
            Err(error) => Err(failure::of_read(error)),
        }
    }

    /// The data items of an entity.
    pub(super) async fn items(&self, entity: &Entity) -> Result<Arc<[DataItem]>, End> {
        let ask = async { all(|| self.client.data_items(entity)).await.map(Arc::from) };
        let items = self.knowledge.items.get(self.key(&entity.href), ask).await;
        items.map_err(failure::of_read)
    }

    /// The data item of this id.
    pub(super) async fn item(&self, entity: &Entity, id: &str) -> Result<DataItem, End> {
        let items = self.items(entity).await?;
        let item = items.iter().find(|item| item.id == id).cloned();
        item.ok_or_else(|| not_offered("data item", id, items.iter().map(|item| item.id.clone())))
    }

    /// The operation of this id.
    pub(super) async fn operation(&self, entity: &Entity, id: &str) -> Result<Operation, End> {
        let ask = async { all(|| self.client.operations(entity)).await.map(Arc::from) };
        let operations = self.knowledge.operations.get(self.key(&entity.href), ask).await;
        let operations: Arc<[Operation]> = operations.map_err(failure::of_read)?;
        let operation = operations.iter().find(|operation| operation.id == id).cloned();
        let ids = operations.iter().map(|operation| operation.id.clone());
        operation.ok_or_else(|| not_offered("operation", id, ids))
    }

    /// How the server wraps the value of an item; as the standard says if it cannot be read.
    pub(super) async fn envelope(&self, href: &Link) -> Result<Envelope, End> {
        let ask = async { self.client.read(href).await.map(|reading| reading.envelope) };
        match self.knowledge.envelopes.get(self.key(href), ask).await {
            Ok(envelope) => Ok(envelope),
            Err(Error::Refused { .. } | Error::Unsupported { .. }) => Ok(Envelope::Data),
            Err(other) => Err(failure::of_read(other)),
        }
    }

    /// The locks that commands hold.
    pub(super) fn owed(&self) -> Owed {
        self.knowledge.owed.clone()
    }

    async fn collection(&self, collection: Collection) -> Result<Arc<[EntityRef]>, End> {
        let ask = async { all(|| self.client.entities(collection)).await.map(Arc::from) };
        let key = key(self.url, collection.name());
        self.knowledge.lists.get(key, ask).await.map_err(failure::of_read)
    }

    fn key(&self, place: &Link) -> String {
        key(self.url, &place.to_string())
    }
}

/// A path without what is between its ends, as `components/soc`.
fn short(path: &str) -> Option<(&str, &str)> {
    Some((path.split('/').next()?, path.rsplit('/').next()?))
}

/// The vehicle does not have this entity.
pub(super) fn unknown(kind: &str, name: &str, known: impl IntoIterator<Item = String>) -> End {
    End::Refused(Refusal::UnknownComponent, absence(kind, name, "this vehicle", known))
}

/// The entity does not offer this.
pub(super) fn not_offered(kind: &str, name: &str, known: impl IntoIterator<Item = String>) -> End {
    End::Refused(Refusal::Unsupported, absence(kind, name, "this entity", known))
}

fn absence(kind: &str, name: &str, owner: &str, known: impl IntoIterator<Item = String>) -> String {
    format!("no {kind} {name}; {owner} has {}", enumerated(known))
}

/// That a name means more than one thing.
pub(super) fn ambiguous(name: &str, meant: impl IntoIterator<Item = String>) -> String {
    format!("{name} may be any of {}: name one", enumerated(meant))
}

fn enumerated(names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names.into_iter().collect();
    match names.get(..MAX_LISTED) {
        _ if names.is_empty() => "none".to_owned(),
        None => names.join(", "),
        Some(first) => {
            let more = names.len().saturating_sub(first.len());
            format!("{} and {more} more", first.join(", "))
        }
    }
}

fn key(url: &str, what: &str) -> String {
    format!("{url} {what}")
}
