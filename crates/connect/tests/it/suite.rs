//! The contract that every SOVD server is held to through the connector, whatever its dialect.
//! Knows of a server only its address: what it offers it says itself.

mod changes;
mod reads;
mod shapes;
mod subject;
mod table;
mod traces;

use std::collections::BTreeSet;

use serde_json::Value;
use simulator::Dialect;

use crate::bench::Bench;
use crate::odd::{Reply, Server, plain};
use crate::recording::{Exchange, exchanges};
use shapes::Shape;
use subject::{No, Place, Subject};
use table::{Table, Verdict};
use traces::Traces;

/// What the gateway has nothing of, simulated or not.
const READ_NOWHERE_IN_OPENSOVD: [&str; 15] = [
    "update.list",
    "faults.list",
    "faults.get",
    "ReadDTC",
    "operations.list",
    "operations.describe",
    "modes.list",
    "script.list",
    "trigger.list",
    "lock.list",
    "configuration.list",
    "configuration.read",
    "bulk.list",
    "bulk.download",
    "logs.read",
];
/// The same of SOVDd: it has the collections of some of these, with nothing in them.
const READ_NOWHERE_IN_SOVDD: [&str; 5] =
    ["modes.list", "configuration.read", "bulk.list", "bulk.download", "logs.read"];

/// All steps, once.
struct Round<'a> {
    subject: &'a Subject,
    table: Table,
}

impl Subject {
    /// All steps, twice: the second time everything has to be as it was the first time.
    async fn examined(&self) -> Table {
        let mut table = Table::default();
        let stages: &[bool] = if self.allows_changes { &[false, true] } else { &[false] };
        for changes in stages {
            let mut first = self.round(*changes).await;
            first.compare(&self.round(*changes).await);
            table.append(first);
        }
        table
    }

    /// The steps that read, or those that change.
    async fn round(&self, changes: bool) -> Table {
        let mut round = Round { subject: self, table: Table::default() };
        let places = round.find().await;
        let mut before = Vec::new();
        for place in &places {
            before.push(Traces::of(self, place).await);
        }
        if changes {
            round.change(&places).await;
        } else {
            round.read(&places).await;
        }
        // What goes with a command may be taken away a moment after its end.
        self.sovd.settle().await;
        for (place, before) in places.iter().zip(&before) {
            let left = Traces::of(self, place).await.since(before);
            let verdict = left.map_or(Verdict::Met(String::new()), Verdict::Deviates);
            let step = if changes { "nothing is left by changes" } else { "nothing is left" };
            round.table.note(step, &place.path, verdict);
        }
        round.table
    }
}

impl Round<'_> {
    /// A step that every server offers.
    async fn must(
        &mut self,
        name: &'static str,
        params: Value,
        shape: impl Fn(&[Value]) -> Shape,
    ) -> Option<Vec<Value>> {
        let answer = self.subject.ask(name, params).await;
        let answer = answer.map_err(|no| No::Improper(no.words()));
        self.judge(&Place::vehicle(), (name, ""), answer, shape)
    }

    /// A step that a server offers if the entity announces the collection, and else if it likes.
    async fn step(
        &mut self,
        place: &Place,
        (name, link): (&'static str, &str),
        params: Value,
        shape: impl Fn(&[Value]) -> Shape,
    ) -> Option<Vec<Value>> {
        let answer = self.subject.ask(name, params).await;
        self.judge(place, (name, link), answer, shape)
    }

    fn judge(
        &mut self,
        place: &Place,
        (name, link): (&'static str, &str),
        answer: Result<Vec<Value>, No>,
        shape: impl Fn(&[Value]) -> Shape,
    ) -> Option<Vec<Value>> {
        let (verdict, payloads) = match answer {
            Ok(payloads) => match shape(&payloads) {
                Ok(constant) => (Verdict::Met(constant), Some(payloads)),
                Err(why) => (Verdict::Deviates(why), None),
            },
            Err(No::Unsupported(words)) if !place.announces(link) => {
                (Verdict::NotOffered(words), None)
            }
            Err(no) => (Verdict::Deviates(no.words()), None),
        };
        self.table.note(name, &place.path, verdict);
        payloads
    }

    /// Steps for which the entity has nothing.
    fn nothing(&mut self, place: &Place, steps: &[&'static str]) {
        for step in steps {
            self.table.note(step, &place.path, Verdict::Nothing);
        }
    }
}

/// Shows a table to whoever lets the tests print.
#[expect(clippy::print_stdout, reason = "the table is what somebody runs this for")]
fn show(title: &str, table: &Table) {
    println!("\n{title}\n\n{table}");
}

/// Every step is as it has to be, but for those that this server does not offer.
fn expect(title: &str, table: &Table, not_offered: &[&str]) {
    show(title, table);
    assert!(table.steps_that_are("deviates").is_empty(), "\n{table}");
    let found: BTreeSet<&str> = table.steps_that_are("not offered").into_iter().collect();
    assert_eq!(found, not_offered.iter().copied().collect(), "\n{table}");
}

/// A vehicle that has everything, in a dialect, and may be changed.
async fn speaking(dialect: Dialect) -> Table {
    let bench = Bench::speaking(dialect).await;
    Subject::changing(&bench.address.sovd_url).examined().await
}

#[tokio::test]
async fn the_standard_offers_all_there_is() {
    let table = speaking(Dialect::Spec).await;
    expect("The standard", &table, &[]);
}

#[tokio::test]
async fn opensovd_offers_what_can_be_read() {
    let table = speaking(Dialect::Opensovd).await;
    let changes = [
        "lock.acquire",
        "lock.release",
        "data.write",
        "operation.run",
        "mode.get",
        "mode.set",
        "faults.clear",
        "operation.run, asynchronous",
    ];
    expect("OpenSOVD", &table, &[&READ_NOWHERE_IN_OPENSOVD[..], &changes].concat());
}

#[tokio::test]
async fn sovdd_offers_all_but_locks_and_files() {
    let table = speaking(Dialect::Sovdd).await;
    // Its operations do not say how long they take.
    let changes = ["lock.acquire", "lock.release", "operation.run, asynchronous"];
    expect("SOVDd", &table, &[&READ_NOWHERE_IN_SOVDD[..], &changes].concat());
}

#[tokio::test]
async fn cda_offers_all_that_a_classic_control_unit_has() {
    let table = speaking(Dialect::Cda).await;
    expect("CDA", &table, &["update.list", "script.list", "trigger.list", "logs.read"]);
}

#[tokio::test]
async fn medkit_offers_all_there_is() {
    let table = speaking(Dialect::Medkit).await;
    expect("medkit", &table, &[]);
}

/// Replays recorded reads: the first whole answer to a request is its answer for ever, whatever is
/// asked beside the path.
fn recorded(files: &[&str]) -> Server {
    let is_whole = |exchange: &Exchange| {
        let is_json = exchange.headers.contains("application/json");
        !is_json || serde_json::from_str::<Value>(&exchange.body).is_ok()
    };
    let recorded = files.iter().flat_map(|file| exchanges(file));
    let recorded = recorded.filter(|it| it.line.starts_with("GET ") && is_whole(it));
    let recorded: Vec<Exchange> = recorded.collect();
    Server::replying(move |request| {
        let path = request.line.split('?').next();
        let found = recorded.iter().find(|exchange| Some(exchange.line.as_str()) == path);
        let answer = found.map(|it| (it.status, it.headers.clone(), it.body.clone()));
        Reply::Answer(answer.unwrap_or_else(|| plain(404, "")))
    })
}

#[tokio::test]
async fn what_the_gateway_answered_is_within_the_contract() {
    let server = recorded(&["opensovd-shortened.http", "opensovd-gateway.http"]);
    let subject = Subject::reading(&format!("http://127.0.0.1:{}/sovd", server.port)).only(&[
        "components/ecu",
        "apps/engine_control",
        "areas/powertrain",
    ]);
    expect("The gateway, recorded", &subject.examined().await, &READ_NOWHERE_IN_OPENSOVD);
}

#[tokio::test]
async fn what_sovdd_answered_is_within_the_contract() {
    let server = recorded(&["sovdd-shortened.http", "sovdd-get.http", "sovdd-write.http"]);
    let subject = Subject::reading(&format!("http://127.0.0.1:{}/vehicle/v1", server.port))
        .only(&["components/engine_ecu"]);
    expect("SOVDd, recorded", &subject.examined().await, &READ_NOWHERE_IN_SOVDD);
}

/// `FLEETWIRE_SOVD_URL` is the base of a server; it is changed only if `FLEETWIRE_SOVD_CHANGES` is 1.
#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
async fn the_server_of_the_environment_is_within_the_contract() {
    let Ok(url) = std::env::var("FLEETWIRE_SOVD_URL") else {
        eprintln!("skipped: FLEETWIRE_SOVD_URL names no server");
        return;
    };
    let is_changed = std::env::var("FLEETWIRE_SOVD_CHANGES").is_ok_and(|it| it == "1");
    let subject = if is_changed { Subject::changing(&url) } else { Subject::reading(&url) };
    let table = subject.examined().await;
    show(&url, &table);
    assert!(table.steps_that_are("deviates").is_empty(), "it deviates: see the table");
}
