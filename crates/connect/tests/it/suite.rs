//! The contract that every SOVD server is held to through the connector, whatever its dialect.
//! Knows of a server only its address: what it offers it says itself.

mod changes;
mod reads;
mod shapes;
mod subject;
mod table;
mod traces;

use serde_json::Value;
use simulator::Dialect;

use crate::bench::Bench;
use crate::odd::{Reply, Server, plain};
use crate::recording::{Exchange, exchanges};
use shapes::Shape;
use subject::{No, Place, Subject};
use table::{Table, Verdict};
use traces::Traces;

/// All steps, once.
struct Round<'a> {
    subject: &'a Subject,
    table: Table,
}

impl Subject {
    /// All steps, twice: the second time everything has to be as it was the first time.
    async fn examined(&self) -> Table {
        let mut first = self.round().await;
        let second = self.round().await;
        first.compare(&second);
        first
    }

    async fn round(&self) -> Table {
        let mut round = Round { subject: self, table: Table::default() };
        let places = round.read_vehicle().await;
        let mut before = Vec::new();
        for place in &places {
            before.push(Traces::of(self, place).await);
        }
        for place in &places {
            round.read_entity(place).await;
        }
        round.watch(&places).await;
        if self.allows_changes {
            for place in &places {
                round.change_entity(place).await;
            }
            round.operate_slowly(&places).await;
        }
        // What goes with a command may be taken away a moment after its end.
        self.sovd.settle().await;
        for (place, before) in places.iter().zip(&before) {
            let left = Traces::of(self, place).await.since(before);
            let verdict = left.map_or(Verdict::Met(String::new()), Verdict::Deviates);
            round.table.note("nothing is left", &place.path, verdict);
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
            self.table.note(step, &place.path, Verdict::NotOffered("there is none".to_owned()));
        }
    }
}

/// Shows a table to whoever lets the tests print.
#[expect(clippy::print_stdout, reason = "the table is what somebody runs this for")]
fn show(title: &str, table: &Table) {
    println!("\n{title}\n\n{table}");
}

/// Every step is as it has to be, but for those that this server does not offer.
fn expect(title: &str, table: &Table, not_offered: &[&str], deviates: &[&str]) {
    show(title, table);
    assert_eq!(table.steps_that_are("deviates"), deviates, "\n{table}");
    assert_eq!(table.steps_that_are("not offered"), not_offered, "\n{table}");
}

/// A vehicle that has everything, in a dialect, and may be changed.
async fn speaking(dialect: Dialect) -> Table {
    let bench = Bench::speaking(dialect).await;
    Subject::changing(&bench.address.sovd_url).examined().await
}

#[tokio::test]
async fn the_standard_offers_all_there_is() {
    let table = speaking(Dialect::Spec).await;
    expect("The standard", &table, &[], &[]);
}

#[tokio::test]
async fn opensovd_offers_what_can_be_read() {
    let table = speaking(Dialect::Opensovd).await;
    expect("OpenSOVD", &table, &[], &[]);
}

#[tokio::test]
async fn sovdd_offers_all_but_locks_and_files() {
    let table = speaking(Dialect::Sovdd).await;
    expect("SOVDd", &table, &[], &[]);
}

#[tokio::test]
async fn cda_offers_all_that_a_classic_control_unit_has() {
    let table = speaking(Dialect::Cda).await;
    expect("CDA", &table, &[], &[]);
}

#[tokio::test]
async fn medkit_offers_all_there_is() {
    let table = speaking(Dialect::Medkit).await;
    expect("medkit", &table, &[], &[]);
}

/// Replays recordings: the first answer to a request is its answer for ever.
fn recorded(files: &[&str]) -> Server {
    let recorded: Vec<Exchange> = files.iter().flat_map(|file| exchanges(file)).collect();
    Server::replying(move |request| {
        let found = recorded.iter().find(|exchange| exchange.line == request.line);
        let answer = found.map(|it| (it.status, it.headers.clone(), it.body.clone()));
        Reply::Answer(answer.unwrap_or_else(|| plain(404, "")))
    })
}

#[tokio::test]
async fn what_the_gateway_answered_is_within_the_contract() {
    let server = recorded(&["opensovd-gateway.http"]);
    let subject = Subject::reading(&format!("http://127.0.0.1:{}/sovd", server.port)).only(&[
        "components/ecu",
        "apps/engine_control",
        "areas/powertrain",
    ]);
    expect("The gateway, recorded", &subject.examined().await, &[], &[]);
}

#[tokio::test]
async fn what_sovdd_answered_is_within_the_contract() {
    let server = recorded(&["sovdd-data.http", "sovdd-get.http", "sovdd-write.http"]);
    let subject = Subject::reading(&format!("http://127.0.0.1:{}/vehicle/v1", server.port))
        .only(&["components/engine_ecu"]);
    expect("SOVDd, recorded", &subject.examined().await, &[], &[]);
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
