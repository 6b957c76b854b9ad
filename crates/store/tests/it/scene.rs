//! A store with one fleet, one vehicle and one engineer, and verbs to tell a story with.

use crate::database::Database;
use fleetwire_store::{
    Accepted, Applied, AuditEntry, AuditFilter, Claimed, Claims, Draft, IdempotencyKey, NewUser,
    NewVehicle, Page, ProbeResult, Reach, Start, Store, VehicleChange,
};
use model::command::{Command, Input, Risk};
use model::event::Event;
use model::id::{CommandId, FleetId, NodeId, ResponseId, UserId, VehicleId};
use model::user::Role;
use model::vehicle::{ConnectionStatus, Connector, Model};
use serde_json::value::RawValue;
use std::time::Duration;
use uuid::Uuid;

pub(crate) const LEASE: Duration = Duration::from_secs(6);
/// More than any test writes.
pub(crate) const EVERYTHING: Page = Page { events: 1000, bytes: u32::MAX };

pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) fleet: FleetId,
    pub(crate) vehicle: VehicleId,
    pub(crate) user: UserId,
    pub(crate) node: NodeId,
    /// After the store: it must not go first.
    pub(crate) database: Database,
}

impl Scene {
    pub(crate) async fn on(database: Database) -> Self {
        let store = database.open().await;
        let fleet = store.fleet_named("north", deed("fleet")).await.unwrap().fleet_id;
        let vehicle = add_vehicle(&store, fleet, "WVWZZZ1JZXW000001").await.unwrap();
        let user = add_user(&store, "erika", &[fleet]).await.unwrap();
        let scene = Self { store, fleet, vehicle, user, node: NodeId::new(), database };
        scene.connects(vehicle).await;
        scene
    }

    pub(crate) async fn connects(&self, vehicle_id: VehicleId) {
        let found = ProbeResult { vehicle_id, status: ConnectionStatus::Connected, obstacle: None };
        self.store.record_probes(vec![found]).await.unwrap();
    }

    pub(crate) async fn disconnects(&self, vehicle_id: VehicleId) {
        let found =
            ProbeResult { vehicle_id, status: ConnectionStatus::Disconnected, obstacle: None };
        self.store.record_probes(vec![found]).await.unwrap();
    }

    pub(crate) fn draft(&self, risk: Risk) -> Draft {
        Draft {
            command_id: impatient_id(),
            vehicle_id: self.vehicle,
            user_id: self.user,
            name: "ReadDTC".to_owned(),
            params: json(r#"{"ecu":"engine"}"#),
            risk,
            reason: Some("workshop order 7".to_owned()),
            priority: 0,
            approve_within: None,
            deliver_within: Duration::from_mins(1),
            run_timeout: Duration::from_secs(30),
            trace_id: None,
        }
    }

    /// Accepts a draft that is new, and gives its id.
    pub(crate) async fn accepts(&self, draft: Draft) -> CommandId {
        let accepted = self.store.accept(draft, None, deed("submit")).await.unwrap();
        let Accepted::New(command, _) = accepted else { panic!("{accepted:?}") };
        command.order.command_id
    }

    /// Accepts a draft that may start in the same commit.
    pub(crate) async fn accepts_and_starts(&self, draft: Draft) -> Accepted {
        let start = Start { node: self.node, lease: LEASE };
        self.store.accept_and_start(draft, None, deed("submit"), start).await.unwrap()
    }

    pub(crate) async fn accepts_with_key(&self, draft: Draft, key: IdempotencyKey) -> Accepted {
        self.store.accept(draft, Some(key), deed("submit")).await.unwrap()
    }

    /// Whatever came of looking whose turn it is.
    pub(crate) async fn looks_for_turns(&self) -> Claims {
        self.store.claim(self.node, LEASE, Reach::All, 100).await.unwrap()
    }

    pub(crate) async fn claims(&self) -> Vec<Claimed> {
        self.looks_for_turns().await.started
    }

    /// The ids of what can be claimed now, in the order of the claim.
    pub(crate) async fn claims_ids(&self) -> Vec<CommandId> {
        self.claims().await.iter().map(|claimed| claimed.command.order.command_id).collect()
    }

    /// Accepts a draft and claims it alone.
    pub(crate) async fn runs(&self, draft: Draft) -> Command {
        let id = self.accepts(draft).await;
        let mut claimed = self.claims().await;
        assert_eq!(claimed.len(), 1);
        let Claimed { command, .. } = claimed.remove(0);
        assert_eq!(command.order.command_id, id);
        command
    }

    /// What the owner of `command`, as it was then, says of it.
    pub(crate) async fn hears(&self, command: &Command, inputs: Vec<Input>) -> Applied {
        let id = command.order.command_id;
        self.store.apply(id, Some(command.fence), inputs, None).await.unwrap().unwrap()
    }

    pub(crate) async fn cancels(&self, id: CommandId) -> Applied {
        let cancel = vec![Input::Cancel { by: "erika".to_owned() }];
        self.store.apply(id, None, cancel, Some(deed("cancel"))).await.unwrap().unwrap()
    }

    pub(crate) async fn command(&self, id: CommandId) -> Command {
        self.store.command(id).await.unwrap().unwrap()
    }

    pub(crate) async fn log(&self, id: CommandId) -> Vec<Event> {
        self.store.events_after(id, 0, EVERYTHING).await.unwrap()
    }

    /// The recorded actions, oldest first.
    pub(crate) async fn deeds(&self) -> Vec<String> {
        let filter = AuditFilter { limit: 1000, ..AuditFilter::default() };
        let newest_first = self.store.audit(&filter).await.unwrap();
        newest_first.into_iter().rev().map(|deed| deed.action).collect()
    }
}

pub(crate) async fn add_vehicle(store: &Store, fleet: FleetId, vin: &str) -> Option<VehicleId> {
    let new = NewVehicle { vin: vin.parse().unwrap(), change: described(fleet) };
    store.add_vehicle(new, deed("vehicle")).await.unwrap()
}

pub(crate) fn described(fleet_id: FleetId) -> VehicleChange {
    VehicleChange {
        fleet_id,
        model: Model { make: "Volkswagen".to_owned(), model: "Golf".to_owned(), year: Some(1999) },
        connector: Connector::sovd("http://127.0.0.1:9/v1"),
        metadata: serde_json::Map::new(),
    }
}

pub(crate) async fn add_user(store: &Store, name: &str, fleets: &[FleetId]) -> Option<UserId> {
    let new = NewUser {
        username: name.to_owned(),
        email: None,
        role: Role::Engineer,
        password_hash: "$argon2id$of-a-password".to_owned(),
        must_change_password: false,
        fleets: fleets.to_vec(),
    };
    store.add_user(new, deed("user")).await.unwrap()
}

pub(crate) fn deed(action: &'static str) -> AuditEntry {
    AuditEntry {
        action,
        actor_id: None,
        actor: "erika".to_owned(),
        session_hash: None,
        address: Some("192.0.2.1".to_owned()),
        request_id: None,
        object: "fleet/north".to_owned(),
        outcome: "success",
        reason: None,
        details: None,
    }
}

pub(crate) fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

pub(crate) fn part(part: u32, is_final: bool) -> Input {
    let payload = json(r#"{"dtcs":["P0420"]}"#);
    Input::Part { part, is_final, response_id: ResponseId::new(), payload }
}

/// An id whose pause before a second attempt is zero: the pause comes from its lower half.
fn impatient_id() -> CommandId {
    let (time, random) = Uuid::from(CommandId::new()).as_u64_pair();
    CommandId::from(Uuid::from_u64_pair(time, random & !0x000F_FC00))
}
