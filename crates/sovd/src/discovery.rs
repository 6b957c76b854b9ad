//! What a server offers: its versions, its entities and their collections.
//! Refuses to assume a collection: the presence of the link is the test.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::document::Document;
use crate::error::Error;
use crate::fields::{self, Fields};
use crate::link::Link;

/// Members of an entity that are text and no link.
const NOT_LINKS: [&str; 5] = ["id", "name", "translation_id", "description", "type"];

/// The collections of entities at the root of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collection {
    /// Parts of the vehicle that group others.
    Areas,
    /// Control units.
    Components,
    /// Applications on control units.
    Apps,
    /// Functions across control units.
    Functions,
}

impl Collection {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Areas, Self::Components, Self::Apps, Self::Functions];

    /// The name in paths, e.g. `components`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Areas => "areas",
            Self::Components => "components",
            Self::Apps => "apps",
            Self::Functions => "functions",
        }
    }
}

/// The versions of the interface that a server speaks.
#[derive(Debug, Clone)]
pub struct VersionInfo {
    /// At least one.
    pub versions: Vec<Version>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

/// One version of the interface.
#[derive(Debug, Clone)]
pub struct Version {
    /// The version as the server writes it, e.g. `1.1`.
    pub version: String,
    /// The base of this version's paths.
    pub base: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// An entity as a collection lists it.
#[derive(Debug, Clone)]
pub struct EntityRef {
    /// Unique in its collection.
    pub id: String,
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// Where the entity is.
    pub href: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// An entity and what can be done with it.
#[derive(Debug, Clone)]
pub struct Entity {
    /// Unique in its collection; empty for the server itself.
    pub id: String,
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// Where the entity is.
    pub href: Link,
    /// The announced collections by name, e.g. `faults`.
    pub links: BTreeMap<String, Link>,
    /// Which variant of the control unit answers; `None` if the server did not say.
    pub variant: Option<Variant>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

/// The variant of a control unit, as far as the server is of a kind that knows it.
#[derive(Debug, Clone)]
pub struct Variant {
    /// `None` if the server gave none.
    pub name: Option<String>,
    /// E.g. `Online`, `Offline`, `NotTested`; `None` if the server gave none.
    pub state: Option<String>,
    /// Whether it is the fallback because none was recognised; `None` if the server did not say.
    pub is_base_variant: Option<bool>,
    /// The diagnostic address; `None` if the server gave none.
    pub logical_address: Option<u16>,
    /// The whole member.
    pub raw: Value,
}

impl Client {
    /// Finds the base through the server's version information, unless it is where it is thought.
    ///
    /// A server without version information is accepted if its components can be listed where the
    /// base is thought to be.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] or [`Error::Refused`] if the server has neither; else what any call
    /// may meet.
    pub async fn discover(&self) -> Result<Self, Error> {
        match Call::get(self, self.base(), decode_root).await {
            Ok(()) => Ok(self.clone()),
            Err(error) if is_elsewhere(&error) => self.discover_elsewhere().await,
            Err(error) => Err(error),
        }
    }

    async fn discover_elsewhere(&self) -> Result<Self, Error> {
        match self.version_info().await {
            Ok(info) => Ok(self.at(info.newest(self.base()))),
            Err(error) if is_elsewhere(&error) => {
                let components = self.base().child(Collection::Components.name());
                let listed = Call::get(self, &components, decode_entities).await;
                listed.map(|()| self.clone()).map_err(|_| error)
            }
            Err(error) => Err(error),
        }
    }

    /// The versions that the server speaks, asked for at every place above the base.
    ///
    /// # Errors
    ///
    /// As any call; the refusal of the last place if none answered.
    pub async fn version_info(&self) -> Result<VersionInfo, Error> {
        let mut outcome = Err(Error::malformed("no version-info"));
        for place in version_info_places(self.base()) {
            outcome = Call::get(self, &place, VersionInfo::decode).announced(false).await;
            if !outcome.as_ref().is_err_and(is_elsewhere) {
                return outcome;
            }
        }
        // One server tells its version as a value.
        let (base, value) = (self.base().clone(), self.base().child("data").child("version"));
        let decode = move |document: &Document| VersionInfo::decode_value(document, &base);
        let told = Call::get(self, &value, decode).await;
        if told.as_ref().is_err_and(is_elsewhere) { outcome } else { told }
    }

    /// What the server as a whole offers, read as an entity: its collections, updates, locks.
    ///
    /// Some servers have no page at their base.
    pub fn root(&self) -> Call<Entity> {
        Call::get(self, self.base(), Entity::decode)
    }

    /// The entities of one collection.
    pub fn entities(&self, collection: Collection) -> Call<Vec<EntityRef>> {
        let place = self.base().child(collection.name());
        Call::get(self, &place, EntityRef::decode_list).announced(false)
    }

    /// The control units.
    pub fn components(&self) -> Call<Vec<EntityRef>> {
        self.entities(Collection::Components)
    }

    /// What the entity at `href` offers.
    pub fn entity(&self, href: &Link) -> Call<Entity> {
        Call::get(self, href, Entity::decode)
    }
}

impl VersionInfo {
    pub(crate) fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("version-info")?;
        let entries = Fields::of(raw, "version-info")?
            .list(&["sovd_info", "versions", "items", "apiVersions"])
            .ok_or_else(|| Error::malformed("version-info: no versions"))?;
        let versions = entries
            .iter()
            .filter_map(|entry| Version::decode(document.place(), entry).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        if versions.is_empty() {
            return Err(Error::malformed("version-info: no version has a base"));
        }
        Ok(Self { versions, raw: raw.to_owned() })
    }

    /// The value that stands for version information: one version, whose base is where it was found.
    fn decode_value(document: &Document, base: &Link) -> Result<Self, Error> {
        let raw = document.required("version")?;
        let fields = Fields::of(raw, "version")?;
        let version = fields
            .value(&["data"])
            .and_then(|data| Some(data.pointer("/api/version")?.as_str()?.to_owned()));
        let version = version.ok_or_else(|| Error::malformed("version: no version of the API"))?;
        let versions = vec![Version { version, base: base.clone(), raw: raw.to_owned() }];
        Ok(Self { versions, raw: raw.to_owned() })
    }

    fn newest(&self, fallback: &Link) -> Link {
        let newest = self.versions.iter().max_by_key(|version| version.numbers());
        newest.map_or_else(|| fallback.clone(), |version| version.base.clone())
    }
}

impl Version {
    /// `None` for a version that has no base of its own.
    fn decode(place: &Link, raw: &RawValue) -> Result<Option<Self>, Error> {
        let fields = Fields::of(raw, "version")?;
        let base = fields.text(&["base_uri", "base_path", "href", "url"]);
        let base = base.and_then(|base| place.resolve(&base));
        let names = ["version", "x-sovd-version", "version_identifier"];
        let version = fields.text(&names).unwrap_or_default();
        Ok(base.map(|base| Self { version, base, raw: raw.to_owned() }))
    }

    /// `1.1` as `[1, 1]`, so that 1.10 comes after 1.9.
    fn numbers(&self) -> Vec<u32> {
        let words = self.version.split(|letter: char| !letter.is_ascii_digit());
        words.filter_map(|word| word.parse().ok()).collect()
    }
}

impl EntityRef {
    pub(crate) fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("entities", |place, raw| {
            let fields = Fields::of(raw, "entity")?;
            let id = fields.id(&["id"], "entity")?;
            Ok(Self {
                href: fields.href(place, &id),
                id,
                name: fields.text(&["name"]),
                raw: raw.to_owned(),
            })
        })
    }
}

impl Entity {
    pub(crate) fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("entity")?;
        let fields = Fields::of(raw, "entity")?;
        Ok(Self {
            id: fields.text(&["id"]).unwrap_or_default(),
            name: fields.text(&["name"]),
            href: document.place().clone(),
            links: links(document.place(), &fields),
            variant: fields.value(&["variant"]).map(Variant::decode),
            raw: raw.to_owned(),
        })
    }

    /// Where `id` is in one of its collections, for ids that no listing led to.
    ///
    /// Prefer the `href` of a listed entry: not every server builds its places from ids.
    pub fn place_of(&self, collection: &str, id: &str) -> Link {
        self.collection(collection).0.child(id)
    }

    /// The place of a resource as seen from this entity, e.g. `data/speed`; its full path if it
    /// belongs to another entity.
    ///
    /// The standard takes either where a resource is named in a request; some servers take only
    /// this one, others only the text of the [`Link`].
    pub fn relative(&self, link: &Link) -> String {
        let full = link.to_string();
        let own = full.strip_prefix(self.href.url().path()).and_then(|rest| rest.strip_prefix('/'));
        own.map(ToOwned::to_owned).unwrap_or(full)
    }

    /// Where this server streams faults as they come, read with [`Client::events_at`].
    ///
    /// No part of the standard; `None` unless the server itself links it.
    pub fn fault_stream(&self) -> Option<&Link> {
        let streams = ["/faults/stream", "/faults/subscribe"];
        self.links
            .values()
            .find(|link| streams.iter().any(|stream| link.url().path().ends_with(stream)))
    }

    /// The place of the first of these collections that was announced.
    pub(crate) fn collection_of(&self, names: [&str; 2]) -> (Link, bool) {
        let [standard, other] = names;
        let name = if self.links.contains_key(standard) || !self.links.contains_key(other) {
            standard
        } else {
            other
        };
        self.collection(name)
    }

    /// The place of one of its collections, and whether the server announced it.
    pub(crate) fn collection(&self, name: &str) -> (Link, bool) {
        match self.links.get(name) {
            Some(link) => (link.clone(), true),
            None => (self.href.child(name), false),
        }
    }
}

impl Variant {
    fn decode(raw: Value) -> Self {
        let text = |name: &str| raw.get(name).and_then(fields::text);
        let address = raw.get("logical_address").and_then(fields::code);
        Self {
            name: text("name"),
            state: text("state"),
            is_base_variant: raw.get("is_base_variant").and_then(fields::flag),
            logical_address: address.and_then(|address| address.try_into().ok()),
            raw,
        }
    }
}

fn links(place: &Link, fields: &Fields) -> BTreeMap<String, Link> {
    fields
        .texts()
        .filter(|(name, text)| !NOT_LINKS.contains(name) && text.contains('/'))
        .filter_map(|(name, text)| Some((name.to_owned(), place.resolve(&text)?)))
        .collect()
}

/// Whether the entities can be listed is the last thing to try on a server that has neither a page
/// at its base nor version information.
fn decode_entities(document: &Document) -> Result<(), Error> {
    EntityRef::decode_list(document).map(drop)
}

/// Any page may answer with success: the root of a server names at least one collection.
fn decode_root(document: &Document) -> Result<(), Error> {
    let root = Entity::decode(document)?;
    let known = Collection::ALL.iter().any(|collection| root.links.contains_key(collection.name()));
    if known { Ok(()) } else { Err(Error::malformed("not the root of a SOVD server")) }
}

/// Whether another address of the same server may do better.
fn is_elsewhere(error: &Error) -> bool {
    match error {
        Error::Refused { status, .. } => *status < 500,
        Error::Unsupported { .. } | Error::Malformed { .. } => true,
        Error::NotSent(_)
        | Error::NotAdmitted { .. }
        | Error::NotTrusted { .. }
        | Error::Lost(_)
        | Error::Truncated
        | Error::TooLarge { .. } => false,
    }
}

/// Above the version as the standard says, then within it, then where one server puts it.
fn version_info_places(base: &Link) -> Vec<Link> {
    let mut parents = vec![base.parent()];
    while let Some(last) = parents.last().filter(|last| last.name().is_some()) {
        parents.push(last.parent());
    }
    let root = base.resolve("/").unwrap_or_else(|| base.clone());
    parents.extend([base.clone(), root.child("sovd")]);
    let mut places: Vec<Link> = Vec::with_capacity(parents.len());
    for parent in parents {
        let place = parent.child("version-info");
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}
