//! The steps that change something, each to what it is already, or back again.
//! Clearing faults is the one that cannot be undone.

use serde_json::{Value, json};

use super::Round;
use super::reads::ids_in;
use super::shapes::{self, ensure, listed};
use super::subject::{No, Place};
use super::table::Verdict;

/// How many things are tried before a server counts as having none that can be changed.
const TRIES: usize = 8;

impl Round<'_> {
    /// The steps that change, at each of these entities.
    pub(super) async fn change(&mut self, places: &[Place]) {
        for place in places {
            self.change_entity(place).await;
        }
        self.operate_slowly(places).await;
    }

    async fn change_entity(&mut self, place: &Place) {
        self.lock(place).await;
        self.write(place).await;
        self.operate(place, ("operation.run", false)).await;
        self.set_mode(place).await;
        let all = place.params(json!({}));
        self.step(place, ("faults.clear", "faults"), all, shapes::cleared).await;
    }

    /// Takes a lock, sees that it is ours, gives it back, and sees that it is gone.
    async fn lock(&mut self, place: &Place) {
        let params = place.params(json!({"expiration": 30}));
        let taken = |payloads: &[Value]| {
            ensure(payloads.first().and_then(shapes::id).is_some(), "no id")?;
            shapes::object(payloads)
        };
        let acquired = self.step(place, ("lock.acquire", "locks"), params, taken).await;
        let Some(id) = acquired.as_deref().and_then(|it| shapes::id(it.first()?)) else {
            return self.nothing(place, &["lock.release"]);
        };
        let is_ours = self.owns(place, id).await;
        let params = place.params(json!({ "id": id }));
        let released = self.subject.ask("lock.release", params).await;
        let is_gone = !self.owns(place, id).await;
        let given_back = |payloads: &[Value]| {
            ensure(is_ours, "the lock was not listed as ours")?;
            ensure(is_gone, "the lock is still there")?;
            shapes::object(payloads)
        };
        self.judge(place, ("lock.release", "locks"), released, given_back);
    }

    async fn owns(&self, place: &Place, id: &str) -> bool {
        let locks = self.subject.ask("lock.list", place.params(json!({}))).await;
        let locks = locks.unwrap_or_default();
        let ours = |lock: &Value| shapes::id(lock) == Some(id) && lock["owned"] == true;
        listed(&locks).is_ok_and(|locks| locks.iter().any(ours))
    }

    /// Writes a value that was just read; the first that the server lets anybody write.
    async fn write(&mut self, place: &Place) {
        let listing = self.subject.ask("data.list", place.params(json!({}))).await;
        let mut tried = Err(No::Unsupported("it has no data".to_owned()));
        for id in self.answering(place, writable_first(&listing.unwrap_or_default())).await {
            let params = place.params(json!({ "ids": [id] }));
            let read = self.subject.ask("data.read", params).await.unwrap_or_default();
            let Some(value) = read.first().and_then(shapes::value).cloned() else { continue };
            let params = place.params(json!({"id": id, "value": value}));
            tried = self.subject.ask("data.write", params).await.map(|payloads| (value, payloads));
            if !matches!(tried, Err(No::Unsupported(_) | No::Failed(_))) {
                break;
            }
        }
        let verdict = match tried {
            Ok((written, payloads)) => match payloads.first().and_then(shapes::value) {
                Some(read) if is_same(read, &written) => Verdict::Met(String::new()),
                read => Verdict::Deviates(format!("{written} was written, {read:?} read back")),
            },
            // That nothing can be written is every server's right.
            Err(No::Unsupported(words) | No::Failed(words)) => Verdict::NotOffered(words),
            Err(no) => Verdict::Deviates(no.words()),
        };
        self.table.note("data.write", &place.path, verdict);
    }

    /// Runs the first operation that needs no parameters; only asynchronous ones if so wanted.
    /// Whether one has run.
    async fn operate(&mut self, place: &Place, (step, is_slow): (&'static str, bool)) -> bool {
        let listing = self.subject.ask("operations.list", place.params(json!({}))).await;
        let listing = listing.unwrap_or_default();
        let candidates = listed(&listing).map(Vec::as_slice).unwrap_or_default().iter();
        let candidates = candidates.filter(|it| {
            it["proximity_proof_required"] != true
                && it["requires_security"] != true
                && (it["asynchronous_execution"] == true) == is_slow
        });
        let mut last = Err(No::Unsupported("it has none without parameters".to_owned()));
        for id in candidates.filter_map(shapes::id).take(TRIES) {
            let params = place.params(json!({ "id": id }));
            if self.wants_parameters(params.clone()).await {
                continue;
            }
            match self.subject.ask("operation.run", params).await {
                // It does not describe the parameters that it misses.
                Err(No::Failed(words)) if words.contains("incomplete-request") => {}
                Err(no @ No::Failed(_)) => last = Err(no),
                answer => {
                    last = answer;
                    break;
                }
            }
        }
        let has_run = last.is_ok();
        if has_run || !is_slow {
            // An entity may announce operations of which all want parameters.
            self.judge(place, (step, ""), last, shapes::ended);
        }
        has_run
    }

    /// One operation of the server that takes its time, at the first entity that has one.
    async fn operate_slowly(&mut self, places: &[Place]) {
        for place in places {
            if self.operate(place, ("operation.run, asynchronous", true)).await {
                return;
            }
        }
        self.nothing(&Place::vehicle(), &["operation.run, asynchronous"]);
    }

    async fn wants_parameters(&self, params: Value) -> bool {
        let described = self.subject.ask("operations.describe", params).await.unwrap_or_default();
        let Some(described) = described.first() else { return false };
        let places = ["/schema/required", "/item/schema/required"];
        places.iter().any(|place| described.pointer(place).is_some_and(|it| *it != json!([])))
    }

    /// Sets a mode to the value that it has.
    async fn set_mode(&mut self, place: &Place) {
        let listing = self.subject.ask("modes.list", place.params(json!({}))).await.ok();
        // A server that lists none may have this one all the same.
        let mut ids =
            listing.map_or_else(|| vec!["session".to_owned()], |it| ids_in(Some(it), TRIES));
        ids.sort_by_key(|id| id != "session");
        let Some(id) = ids.first() else {
            return self.nothing(place, &["mode.get", "mode.set"]);
        };
        let params = place.params(json!({ "id": id }));
        let read = self.step(place, ("mode.get", "modes"), params, shapes::object).await;
        let value = read.as_deref().and_then(|read| read.first()?.get("value"));
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return self.nothing(place, &["mode.set"]);
        };
        let params = place.params(json!({"id": id, "value": value}));
        self.step(place, ("mode.set", "modes"), params, shapes::object).await;
    }
}

/// The data items, those first that a server says can be written, those last that identify it.
fn writable_first(listing: &[Value]) -> Vec<String> {
    let mut items = listed(listing).cloned().unwrap_or_default();
    items.sort_by_key(|item| match item["category"].as_str() {
        _ if item["writable"] == true => 0,
        Some("identData") => 3,
        Some("currentData") => 2,
        _ => 1,
    });
    items.iter().filter_map(shapes::id).map(str::to_owned).collect()
}

/// As equal as numbers are that were written in other ways.
fn is_same(one: &Value, other: &Value) -> bool {
    one == other
        || one
            .as_f64()
            .zip(other.as_f64())
            .is_some_and(|(one, other)| one.total_cmp(&other).is_eq())
}
