//! The steps that change nothing that lasts.
//! What they need to go on, ids above all, they take from the server's own lists.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Round;
use super::shapes::{self, Shape, listed};
use super::subject::{No, Place};

/// How many values are read at once: so many that a data list may serve them.
const VALUES: usize = 5;
/// How many are tried in search of these.
const TRIES: usize = 32;
/// Bytes of the largest item that is downloaded.
const SMALL: u64 = 1_000_000;

impl Round<'_> {
    /// The steps that change nothing: about the vehicle, then about these of its entities.
    pub(super) async fn read(&mut self, places: &[Place]) {
        self.must("vehicle.version", json!({}), shapes::object).await;
        self.must("faults.scan", json!({}), shapes::scanned).await;
        let updates = ("update.list", "updates");
        self.step(&Place::vehicle(), updates, json!({}), shapes::items).await;
        for place in places {
            self.read_entity(place).await;
        }
        self.watch(places).await;
    }

    /// Which of the entities are looked at.
    pub(super) async fn find(&mut self) -> Vec<Place> {
        let found = self.must("vehicle.discover", json!({}), shapes::discovered).await;
        self.subject.chosen(&found.unwrap_or_default())
    }

    /// The steps about one entity.
    async fn read_entity(&mut self, place: &Place) {
        let params = place.params(json!({"include_schema": true}));
        let describe = |payloads: &[Value]| shapes::described(place.id(), payloads);
        self.step(place, ("entity.describe", ""), params, describe).await;
        self.read_data(place).await;
        self.read_faults(place).await;
        self.read_operations(place).await;
        for (name, link, shape) in [
            ("modes.list", "modes", shapes::items as fn(&[Value]) -> Shape),
            ("script.list", "scripts", shapes::items),
            ("update.list", "updates", shapes::items),
            ("trigger.list", "triggers", shapes::fleeting_items),
            ("lock.list", "locks", shapes::fleeting_items),
        ] {
            self.step(place, (name, link), place.params(json!({})), shape).await;
        }
        self.read_configurations(place).await;
        self.read_bulk(place).await;
        let log = place.params(json!({}));
        self.step(place, ("logs.read", "logs"), log, shapes::entries).await;
    }

    async fn read_data(&mut self, place: &Place) {
        let all = place.params(json!({}));
        let found = self.step(place, ("data.list", "data"), all, shapes::items).await;
        let ids = self.answering(place, ids_in(found, TRIES)).await;
        if ids.is_empty() {
            self.nothing(place, &["data.read"]);
        } else {
            let params = place.params(json!({ "ids": ids }));
            let read = |payloads: &[Value]| shapes::values(&ids, payloads);
            self.step(place, ("data.read", "data"), params, read).await;
        }
        if let (Some(id), true) = (ids.first(), place.is_component()) {
            let params = json!({"ecuAddress": place.id(), "dataId": id});
            self.step(place, ("ReadDataByID", "data"), params, shapes::datum).await;
        }
    }

    /// Some of these whose values can be read: a control unit may be silent on what it lists. The
    /// first of all if none can, so that it is told why.
    pub(super) async fn answering(&self, place: &Place, ids: Vec<String>) -> Vec<String> {
        let mut answering = Vec::new();
        for id in &ids {
            let params = place.params(json!({ "ids": [id] }));
            if !matches!(self.subject.ask("data.read", params).await, Err(No::Failed(_))) {
                answering.push(id.clone());
            }
            if answering.len() == VALUES {
                return answering;
            }
        }
        if answering.is_empty() { ids.into_iter().take(1).collect() } else { answering }
    }

    async fn read_faults(&mut self, place: &Place) {
        let all = place.params(json!({}));
        let found = self.step(place, ("faults.list", "faults"), all, shapes::faults).await;
        let first = found.as_deref().and_then(|found| listed(found).ok()?.first());
        let code = first.and_then(shapes::code).map(str::to_owned);
        match code {
            Some(code) => {
                let params = place.params(json!({"code": code, "snapshot": true}));
                let about = |payloads: &[Value]| shapes::fault(&code, payloads);
                self.step(place, ("faults.get", "faults"), params, about).await;
            }
            None => self.nothing(place, &["faults.get"]),
        }
        if place.is_component() {
            let params = json!({"ecuAddress": place.id()});
            self.step(place, ("ReadDTC", "faults"), params, shapes::trouble_codes).await;
        }
    }

    async fn read_operations(&mut self, place: &Place) {
        let all = place.params(json!({}));
        let found = self.step(place, ("operations.list", "operations"), all, shapes::items).await;
        let Some(id) = ids_in(found, 1).pop() else {
            return self.nothing(place, &["operations.describe"]);
        };
        let params = place.params(json!({ "id": id }));
        self.step(place, ("operations.describe", "operations"), params, shapes::object).await;
    }

    async fn read_configurations(&mut self, place: &Place) {
        let (all, link) = (place.params(json!({})), "configurations");
        let found = self.step(place, ("configuration.list", link), all, shapes::items).await;
        let ids = ids_in(found, usize::MAX);
        if ids.is_empty() {
            self.nothing(place, &["configuration.read"]);
        }
        for id in ids {
            let params = place.params(json!({ "id": id }));
            let read = |payloads: &[Value]| shapes::configuration(&id, payloads);
            self.step(place, ("configuration.read", link), params, read).await;
        }
    }

    /// What each category has, and the smallest of all.
    async fn read_bulk(&mut self, place: &Place) {
        let (all, link) = (place.params(json!({})), "bulk-data");
        let found = self.step(place, ("bulk.list", link), all, shapes::items).await;
        let mut smallest: Option<(u64, String, String)> = None;
        for category in ids_in(found, usize::MAX) {
            let params = place.params(json!({ "category": category }));
            let fleeting = shapes::fleeting_items;
            let found = self.step(place, ("bulk.list", link), params, fleeting).await;
            let items = found.as_deref().and_then(|found| listed(found).ok());
            for item in items.into_iter().flatten() {
                let found = item["size"].as_u64().zip(shapes::id(item));
                let Some((size, id)) = found.filter(|(size, _)| *size <= SMALL) else { continue };
                if smallest.as_ref().is_none_or(|(least, ..)| size < *least) {
                    smallest = Some((size, category.clone(), id.to_owned()));
                }
            }
        }
        let Some((_, category, id)) = smallest else {
            return self.nothing(place, &["bulk.download"]);
        };
        let params = place.params(json!({"category": category, "id": id}));
        self.step(place, ("bulk.download", link), params, shapes::downloaded).await;
    }

    /// Two seconds at all entities at once.
    async fn watch(&mut self, places: &[Place]) {
        let watches = places.iter().map(async |place| {
            let all = place.params(json!({}));
            let found = self.subject.ask("data.list", all).await.ok();
            let id = self.answering(place, ids_in(found, TRIES)).await.into_iter().next();
            let Some(id) = id else { return (String::new(), None) };
            let params = json!({"ids": [id], "interval": "fast", "duration": 2});
            let answer = self.subject.ask("data.watch", place.params(params)).await;
            (id, Some(answer))
        });
        let watched = join_all(watches).await;
        for (place, (id, answer)) in places.iter().zip(watched) {
            match answer {
                Some(answer) => {
                    let shape = |payloads: &[Value]| shapes::watched(&id, payloads);
                    self.judge(place, ("data.watch", "data"), answer, shape);
                }
                None => self.nothing(place, &["data.watch"]),
            }
        }
    }
}

/// The first ids of a list, in its order.
pub(super) fn ids_in(answer: Option<Vec<Value>>, most: usize) -> Vec<String> {
    let answer = answer.unwrap_or_default();
    let Ok(items) = listed(&answer) else { return Vec::new() };
    let in_order = items.iter().filter_map(shapes::id).map(str::to_owned);
    in_order.take(most).collect()
}
