//! The rule of the cursor on a real store: whatever the bus loses, repeats or reorders, and however
//! watchers come, leave and come back, each sees every event once, in order.
//!
//! Refuses a bus that tells of what is not stored: there is none.

use super::frame::Frame;
use super::{Limits, Live};
use futures_util::FutureExt;
use model::command::{Command, Input, Phase, Risk};
use model::event::{Event, Kind};
use model::id::{CommandId, NodeId, ResponseId, UserId, VehicleId};
use model::user::Role;
use model::vehicle::{ConnectionStatus, Connector, Model};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::value::RawValue;
use std::time::Duration;
use store::{
    Accepted, Draft, NewUser, NewVehicle, Page, ProbeResult, Reach, Store, Target, VehicleChange,
};
use testkit::audit;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;

/// More than any script writes.
const EVERYTHING: Page = Page { events: 1000, bytes: u32::MAX };
/// How long the watchers may take once everything is stored and the detector runs.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many scripts are played at once: as many reads as share a vehicle.
const AT_ONCE: usize = 4;

/// What happens beside the watchers.
#[derive(Debug, Clone)]
enum Step {
    /// So many parts of the answer are stored.
    Commit(u32),
    /// One of the batches that have been stored meets its fate on the bus.
    Publish(Index, Fate),
    /// The loss detector looks.
    Detect,
    /// The watchers get to run.
    Breathe(usize),
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Delivered,
    Lost,
    /// Delivered now, and once more later.
    Repeated,
}

/// A time during which somebody watches.
#[derive(Debug, Clone)]
struct Stay {
    /// The step at which it begins.
    from: usize,
    /// The step at which the client vanishes, whatever it is doing.
    until: usize,
    /// How long the client takes for a page.
    slowness: usize,
}

#[derive(Debug, Clone)]
struct Script {
    limits: (usize, u32, u32),
    steps: Vec<Step>,
    watchers: Vec<Vec<Stay>>,
}

fn script() -> impl Strategy<Value = Script> {
    let fate = prop_oneof![
        7 => Just(Fate::Delivered),
        2 => Just(Fate::Lost),
        1 => Just(Fate::Repeated),
    ];
    let step = prop_oneof![
        3 => (1..=3_u32).prop_map(Step::Commit),
        4 => (any::<Index>(), fate).prop_map(|(which, fate)| Step::Publish(which, fate)),
        1 => Just(Step::Detect),
        3 => (1..8_usize).prop_map(Step::Breathe),
    ];
    let stay = (0..12_usize, 0..6_usize, 0..4_usize).prop_map(|(from, length, slowness)| Stay {
        from,
        until: from + length,
        slowness,
    });
    (
        (0..4_000_usize, 1..10_u32, 1..4_000_u32),
        prop::collection::vec(step, 4..12),
        prop::collection::vec(prop::collection::vec(stay, 0..3), 1..4),
    )
        .prop_map(|(limits, steps, watchers)| Script { limits, steps, watchers })
}

/// A store on which every script has a command of its own.
struct Stage {
    store: Store,
    vehicle_id: VehicleId,
    user_id: UserId,
    _dir: tempfile::TempDir,
}

impl Stage {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&Target::Sqlite(dir.path().join("test.db"))).await.unwrap();
        let fleet_id = store.fleet_named("test", audit("fleet")).await.unwrap().fleet_id;
        let change = VehicleChange {
            fleet_id,
            model: Model { make: "Test".to_owned(), model: "Car".to_owned(), year: None },
            connector: Connector::sovd("http://127.0.0.1:9/v1"),
            metadata: serde_json::Map::new(),
        };
        let new = NewVehicle { vin: "WVWZZZ1JZXW000001".parse().unwrap(), change };
        let vehicle_id = store.add_vehicle(new, audit("vehicle")).await.unwrap().unwrap();
        let new = NewUser {
            username: "ada".to_owned(),
            email: None,
            role: Role::Engineer,
            password_hash: "none".to_owned(),
            must_change_password: false,
            fleets: vec![fleet_id],
        };
        let user_id = store.add_user(new, audit("user")).await.unwrap().unwrap();
        let found = ProbeResult { vehicle_id, status: ConnectionStatus::Connected, obstacle: None };
        store.record_probes(vec![found]).await.unwrap();
        Self { store, vehicle_id, user_id, _dir: dir }
    }

    /// Plays scripts side by side: their commits share transactions.
    async fn play_all(&self, scripts: &[Script]) -> Vec<(Vec<Vec<Seen>>, Vec<Seen>)> {
        let mut plays = Vec::new();
        for script in scripts {
            plays.push(self.play(script, self.begin().await));
        }
        futures_util::future::join_all(plays).await
    }

    /// Plays a script to its end: what each watcher saw, and what there was to see.
    async fn play(
        &self,
        script: &Script,
        (mut teller, outbox): (Teller<'_>, Vec<Vec<Event>>),
    ) -> (Vec<Vec<Seen>>, Vec<Seen>) {
        let (ring_bytes, events, bytes) = script.limits;
        let limits = Limits { ring_bytes, page: Page { events, bytes } };
        let live = Live::new(self.store.clone(), limits, TaskTracker::new());
        let clock = watch::Sender::new(0);
        let id = teller.command.order.command_id;
        let watching = script.watchers.iter().map(|stays| {
            let visitor = Visitor { live: &live, id, clock: clock.subscribe(), seen: Vec::new() };
            visitor.watch(stays)
        });
        let watching = futures_util::future::join_all(watching);
        let telling = async {
            teller.tell(&live, &script.steps, outbox, &clock).await;
            clock.send_replace(usize::MAX);
            loop {
                live.look_for_losses().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let seen = tokio::select! {
            seen = watching => seen,
            () = telling => Vec::new(),
            () = tokio::time::sleep(PATIENCE) => Vec::new(),
        };
        let log = self.store.events_after(id, 0, EVERYTHING).await.unwrap();
        (seen, log.into_iter().map(|event| (event.offset, event.frame)).collect())
    }

    /// A command that runs, and its first events.
    async fn begin(&self) -> (Teller<'_>, Vec<Vec<Event>>) {
        let draft = Draft {
            command_id: CommandId::new(),
            vehicle_id: self.vehicle_id,
            user_id: self.user_id,
            name: "ReadDTC".to_owned(),
            params: RawValue::from_string("{}".to_owned()).unwrap(),
            risk: Risk::R0,
            reason: None,
            priority: 0,
            approve_within: None,
            deliver_within: Duration::from_mins(1),
            run_timeout: Duration::from_mins(1),
            trace_id: None,
        };
        let accepted = self.store.accept(draft, None, audit("submit")).await.unwrap();
        let Accepted::New(_, queued) = accepted else { panic!("{accepted:?}") };
        let (node, lease) = (NodeId::new(), Duration::from_mins(1));
        let claimed = self.store.claim(node, lease, Reach::All, 1).await.unwrap().started.remove(0);
        let teller = Teller { store: &self.store, command: claimed.command, part: 0 };
        (teller, vec![queued, claimed.events])
    }
}

/// Stores what the vehicle answers.
struct Teller<'a> {
    store: &'a Store,
    command: Command,
    part: u32,
}

impl Teller<'_> {
    async fn tell(
        &mut self,
        live: &Live,
        steps: &[Step],
        mut outbox: Vec<Vec<Event>>,
        clock: &watch::Sender<usize>,
    ) {
        let id = self.command.order.command_id;
        for (number, step) in steps.iter().enumerate() {
            clock.send_replace(number);
            match step {
                Step::Commit(parts) => outbox.push(self.commit(*parts, false).await),
                Step::Publish(_, _) if outbox.is_empty() => {}
                Step::Publish(which, fate) => {
                    let batch = outbox.remove(which.index(outbox.len()));
                    if matches!(fate, Fate::Repeated) {
                        outbox.push(batch.clone());
                    }
                    if !matches!(fate, Fate::Lost) {
                        live.hub.publish(
                            id,
                            batch.into_iter().map(Frame::from).collect(),
                            Phase::Running,
                        );
                    }
                }
                Step::Detect => live.look_for_losses().await,
                Step::Breathe(turns) => breathe(*turns).await,
            }
        }
        // The end is stored, and nobody is told.
        self.commit(1, true).await;
    }

    async fn commit(&mut self, parts: u32, is_final: bool) -> Vec<Event> {
        let inputs = (0..parts).map(|_| {
            self.part += 1;
            let payload = format!(r#"{{"part":{}}}"#, self.part);
            Input::Part {
                part: self.part,
                is_final,
                response_id: ResponseId::new(),
                payload: RawValue::from_string(payload).unwrap(),
            }
        });
        let (id, fence) = (self.command.order.command_id, Some(self.command.fence));
        let inputs = inputs.collect();
        self.store.apply(id, fence, inputs, None).await.unwrap().unwrap().events
    }
}

/// An event as a watcher got it.
type Seen = (u64, String);

struct Visitor<'a> {
    live: &'a Live,
    id: CommandId,
    clock: watch::Receiver<usize>,
    seen: Vec<Seen>,
}

impl Visitor<'_> {
    /// Comes and goes as the stays say, and then stays to the end.
    async fn watch(mut self, stays: &[Stay]) -> Vec<Seen> {
        for stay in stays {
            let mut clock = self.clock.clone();
            clock.wait_for(|&now| now >= stay.from).await.unwrap();
            tokio::select! {
                () = self.follow(stay.slowness) => return self.seen,
                _ = clock.wait_for(|&now| now >= stay.until) => {}
            }
        }
        self.follow(0).await;
        self.seen
    }

    async fn follow(&mut self, slowness: usize) {
        let after = self.seen.last().map_or(0, |(offset, _)| *offset);
        let mut watcher = self.live.watch(self.id, after);
        loop {
            let frames = watcher.next().await.unwrap();
            let is_over = frames.last().is_none_or(|frame| frame.kind == Kind::End);
            self.seen.extend(frames.iter().map(|frame| (frame.offset, frame.text().to_owned())));
            if is_over {
                return;
            }
            breathe(slowness).await;
        }
    }
}

async fn breathe(turns: usize) {
    for _ in 0..turns {
        yield_now().await;
    }
}

#[test]
fn every_watcher_sees_every_event_once_and_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::open());
    let scripts = prop::collection::vec(script(), AT_ONCE);
    proptest!(ProptestConfig::with_cases(250), |(scripts in scripts)| {
        let played = runtime.block_on(stage.play_all(&scripts));
        for (script, (seen, log)) in scripts.iter().zip(&played) {
            prop_assert_eq!(seen.len(), script.watchers.len(), "a watcher waits for ever");
            prop_assert!(seen.iter().all(|watcher| watcher == log), "{:?} of {:?}", seen, log);
        }
    });
}

#[test]
fn whoever_comes_after_the_end_is_told_that_it_is_over() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stage = Stage::open().await;
        let limits = Limits { ring_bytes: 1_000, page: Page { events: 2, bytes: 1_000 } };
        let live = Live::new(stage.store.clone(), limits, TaskTracker::new());
        let (mut teller, _) = stage.begin().await;
        let id = teller.command.order.command_id;
        let mut early = live.watch(id, u64::MAX);
        assert!(early.present().await.unwrap().is_none());
        let last = teller.commit(1, true).await.last().unwrap().offset;
        // Nobody was told.
        live.look_for_losses().await;
        for after in [last, last + 1, u64::MAX] {
            assert!(live.watch(id, after).next().await.unwrap().is_empty(), "{after}");
        }
        assert!(early.next().await.unwrap().is_empty());
    });
}

#[test]
fn a_page_that_everybody_has_left_is_read_all_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stage = Stage::open().await;
        let limits = Limits { ring_bytes: 1_000, page: Page { events: 2, bytes: 1_000 } };
        let live = Live::new(stage.store.clone(), limits, TaskTracker::new());
        let topic = live.hub.topic(CommandId::new());
        // Each begins to be waited for, and is then left alone.
        let mut pages: Vec<_> = (0..32).map(|after| topic.page(&stage.store, after)).collect();
        assert!(pages.iter_mut().all(|page| page.now_or_never().is_none()));
        let ids = [topic.command_id()];
        let other = stage.store.heads(&ids);
        assert!(tokio::time::timeout(Duration::from_secs(2), other).await.unwrap().is_ok());
    });
}
