//! A tour through everything that the store can do, to be taken again and again on one database.

use crate::scene::{EVERYTHING, LEASE, Scene, add_user, add_vehicle, deed, described, part};
use fleetwire_store::{
    Accepted, Claimed, Draft, Filter, Heard, Held, IdempotencyKey, Issued, Link, Mark, NewSession,
    NewToken, Reach, Redeemed, Ring, Rotation, Seal, Sealing, Sight, SigningKey, Snapshot, Spoken,
    Trim, UserChange, VehicleFilter,
};
use model::command::external::External;
use model::command::{Decider, Input, Phase, Risk};
use model::id::{NodeId, SessionId, UserId};
use model::user::Role;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// Every read and every write; `round` makes its names new.
pub(crate) async fn tour(scene: &Scene, round: u8) {
    registry(scene, round).await;
    people(scene, round).await;
    logins(scene, round).await;
    tokens(scene, round).await;
    commands(scene, round).await;
    sweeps(scene).await;
    chain(scene).await;
}

async fn registry(scene: &Scene, round: u8) {
    let store = &scene.store;
    let fleet = store.fleet_named(&format!("fleet {round}"), deed("fleet")).await.unwrap();
    assert!(store.rename_fleet(fleet.fleet_id, "renamed", deed("rename")).await.unwrap());
    assert_eq!(store.fleet(fleet.fleet_id).await.unwrap().unwrap().name, "renamed");
    assert_eq!(
        store
            .fleets(Sight { granted_to: Some(scene.user), ..Sight::default() })
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(store.remove_fleet(fleet.fleet_id, deed("remove")).await.unwrap());
    let vin = format!("WVWZZZ1JZXW1{round:05}");
    let id = add_vehicle(store, scene.fleet, &vin).await.unwrap();
    let change = described(scene.fleet);
    assert!(store.change_vehicle(id, 1, change, deed("change")).await.unwrap());
    scene.connects(id).await;
    let filter = VehicleFilter { search: Some("golf".to_owned()), limit: 9, ..Default::default() };
    assert_eq!(store.vehicles(&filter).await.unwrap().1, 2);
    assert_eq!(store.all_vehicles().await.unwrap().len(), 2);
    assert_eq!(store.vehicle(id).await.unwrap().unwrap().revision, 3);
    assert!(store.vehicle_of_vin(&vin.parse().unwrap()).await.unwrap().is_some());
    assert!(store.remove_vehicle(id, Some(3), deed("remove")).await.unwrap());
}

async fn people(scene: &Scene, round: u8) {
    let store = &scene.store;
    let since = store.now();
    let name = format!("user {round}");
    let id = add_user(store, &name, &[scene.fleet]).await.unwrap();
    let hash = |text: &str| text.to_owned();
    let change = UserChange { password_hash: Some(hash("$1")), ..UserChange::default() };
    assert!(store.change_user(id, change, deed("change")).await.unwrap());
    assert!(store.rehash(id, hash("$1"), hash("$2")).await.unwrap());
    assert_eq!(store.user_named(&name).await.unwrap().unwrap().password_hash, "$2");
    assert!(store.user(id).await.unwrap().is_some());
    assert!(store.change_password(id, hash("$2"), hash("$3"), deed("password")).await.unwrap());
    assert!(store.users(100, 0).await.unwrap().len() > 1);
    store.grant(id, scene.fleet, Some(since), deed("grant")).await.unwrap();
    assert_eq!(store.grants(id).await.unwrap().len(), 1);
    assert!(store.revoke(id, scene.fleet, deed("revoke")).await.unwrap());
    assert!(store.access_of_user(id).await.unwrap().unwrap().fleets.is_empty());
    assert_eq!(store.access_changed_since(since).await.unwrap().len(), 1);
}

async fn logins(scene: &Scene, round: u8) {
    let (store, session_id) = (&scene.store, SessionId::new());
    let hash = |kind: u8| vec![kind, round];
    let new =
        NewSession { session_id, user_id: scene.user, refresh_hash: hash(1), life: DAY, idle: DAY };
    let password = store.user(scene.user).await.unwrap().unwrap().password_hash;
    assert!(store.open_session(new, password, deed("login")).await.unwrap());
    let rotation = store.rotate(hash(1), hash(2), DAY, deed("reuse")).await.unwrap();
    assert_eq!(rotation, Rotation::Rotated(session_id, scene.user));
    let stands_for = Redeemed { session_id, command_id: None };
    store.issue_ticket(hash(3), stands_for, DAY).await.unwrap();
    assert_eq!(store.redeem_ticket(hash(3)).await.unwrap(), Some(stands_for));
    assert!(store.access(session_id).await.unwrap().is_some());
    let alive = store.logins(scene.user).await.unwrap();
    assert!(alive.iter().any(|login| login.session_id == session_id));
    assert!(!store.end_login(SessionId::new(), Some(scene.user), deed("end")).await.unwrap());
    assert!(store.end_session(session_id, deed("logout")).await.unwrap());
    assert_eq!(store.end_logins(scene.user, deed("end")).await.unwrap(), 0);
    store.forget_ended().await.unwrap();
    let key = SigningKey {
        kid: "first".to_owned(),
        private_key: vec![1],
        public_key: vec![2],
        created_at: store.now(),
        retired_at: None,
    };
    let ring = store.first_signing_key(Ring::Tokens, key).await.unwrap();
    assert_eq!(ring.len(), usize::from(round));
    let kid = format!("key {round}");
    let next = SigningKey { kid, ..store.signing_keys(Ring::Tokens).await.unwrap().remove(0) };
    store.rotate_signing_key(next, DAY, deed("rotate")).await.unwrap();
    let ring = store.signing_keys(Ring::Tokens).await.unwrap();
    assert_eq!(ring.len(), usize::from(round) + 1);
}

async fn tokens(scene: &Scene, round: u8) {
    let (store, session_id) = (&scene.store, SessionId::new());
    let token_hash = vec![9, round];
    let new = NewToken {
        session_id,
        user_id: scene.user,
        token_hash: token_hash.clone(),
        name: "bench".to_owned(),
        role: Role::Viewer,
        fleets: Some(vec![scene.fleet]),
        expires_at: store.now() + DAY,
        issuer: None,
    };
    let issued = store.issue_token(new, 1, deed("token")).await.unwrap();
    assert!(matches!(issued, Issued::Stored(_)), "{issued:?}");
    assert!(store.session_of_token(&token_hash).await.unwrap().is_some());
    let access = store.access(session_id).await.unwrap().unwrap();
    assert_eq!((access.role, access.fleets), (Role::Viewer, vec![(scene.fleet, None)]));
    store.note_uses(vec![(session_id, store.now())]).await.unwrap();
    assert!(store.tokens(scene.user).await.unwrap()[0].last_used_at.is_some());
    assert!(store.end_token(session_id, Some(scene.user), deed("end")).await.unwrap());
}

async fn commands(scene: &Scene, round: u8) {
    let store = &scene.store;
    let key = || IdempotencyKey { key: format!("key {round}"), body_hash: vec![1] };
    let accepted = scene.accepts_with_key(scene.draft(Risk::R0), key()).await;
    let Accepted::New(command, _) = accepted else { panic!("{accepted:?}") };
    let id = command.order.command_id;
    let again = scene.accepts_with_key(scene.draft(Risk::R0), key()).await;
    assert!(matches!(again, Accepted::Replayed(_)));
    let reach = Reach::Vehicles(vec![scene.vehicle]);
    let claimed = store.claim(scene.node, LEASE, reach, 1).await.unwrap().started;
    let [Claimed { command, .. }] = &claimed[..] else { panic!("{claimed:?}") };
    assert_eq!(
        store.renew(scene.node, LEASE).await.unwrap(),
        [Held {
            command_id: id,
            fence: 1,
            phase: Phase::Running,
            has_answer: false,
            is_renewed: true
        }]
    );
    scene.hears(command, vec![part(1, false), part(2, false)]).await;
    let spoken = Spoken {
        command_id: id,
        node: scene.node,
        lease: LEASE,
        source: "a".to_owned(),
        external: External::Completed,
    };
    assert!(matches!(store.hear(spoken).await.unwrap(), Heard::Recorded(_)));
    assert_eq!(scene.command(id).await.phase(), Phase::Completed);
    assert_eq!(store.events_after(id, 0, EVERYTHING).await.unwrap().len(), 6);
    assert!(store.heads(&[id]).await.unwrap()[0].phase.is_terminal());
    assert!(store.place_of_command(id).await.unwrap().is_some());
    let of_vehicle = Filter { vehicle_id: Some(scene.vehicle), limit: 1, ..Filter::default() };
    assert_eq!(store.commands(&of_vehicle).await.unwrap().len(), 1);
    let sight = Sight { granted_to: Some(scene.user), confined_by: None };
    let any = Filter { sight, limit: 1, ..Filter::default() };
    assert_eq!(store.commands(&any).await.unwrap().len(), 1);
}

async fn approvals(scene: &Scene) {
    let approve_within = Some(Duration::from_mins(15));
    let id = scene.accepts(Draft { approve_within, ..scene.draft(Risk::R3) }).await;
    let waiting = Filter { phase: Some(Phase::AwaitingApproval), limit: 9, ..Filter::default() };
    let found = scene.store.commands(&waiting).await.unwrap();
    let [command] = &found[..] else { panic!("{found:?}") };
    let by = Decider { user_id: UserId::new(), name: "anna".to_owned() };
    let approve = Input::Approve { hash: command.approval_hash().unwrap(), by };
    scene.store.apply(id, None, vec![approve], None).await.unwrap();
    assert_eq!(scene.cancels(id).await.command.phase(), Phase::Cancelled);
}

/// Seals everything, and removes it.
async fn chain(scene: &Scene) {
    let store = &scene.store;
    let after = store.audit_head().await.unwrap().map(|end| end.seal.link);
    let after = after.unwrap_or(Link { position: 0, row_hash: Vec::new() });
    let rows = store.unsealed_audit(1000).await.unwrap();
    let places = (1..).map(|next| Link { position: after.position + next, row_hash: vec![7] });
    let links: Vec<_> = rows.iter().map(|row| row.audit_id).zip(places).collect();
    let seal = Seal {
        link: links.last().unwrap().1.clone(),
        signed_at: store.now(),
        kid: String::new(),
        signature: Vec::new(),
    };
    let (head, checkpoint) = (seal.clone(), Some(seal.clone()));
    let sealing = Sealing { sealer: scene.node, lease: LEASE, after, links, head, checkpoint };
    let position = sealing.after.position;
    assert!(store.seal_audit(sealing).await.unwrap());
    assert_eq!(store.next_checkpoint(position).await.unwrap(), Some(seal.clone()));
    let mut snapshot = Snapshot::open(&scene.database.target()).await.unwrap();
    assert_eq!(snapshot.rows(position + 1, 1000).await.unwrap().len(), rows.len());
    assert_eq!(snapshot.seals(Mark::Checkpoint, position, i64::MAX).await.unwrap().len(), 1);
    assert_eq!(snapshot.unsealed().await.unwrap(), 0);
    assert!(snapshot.keys().await.unwrap().is_empty());
    assert_eq!(snapshot.head().await.unwrap().unwrap().seal, seal);
    assert!(store.trim_audit(Trim { anchor: seal, audit: deed("trim") }).await.unwrap() > 0);
    assert!(store.newest_seal(Mark::Anchor).await.unwrap().is_some());
}

async fn sweeps(scene: &Scene) {
    let store = &scene.store;
    let lost = scene.runs(scene.draft(Risk::R2)).await;
    let taken = store.take_over(Some(scene.node)).await.unwrap();
    assert_eq!(taken[0].command.order.command_id, lost.order.command_id);
    let late = Draft { deliver_within: Duration::ZERO, ..scene.draft(Risk::R2) };
    scene.accepts(late).await;
    assert_eq!(store.due().await.unwrap().len(), 1);
    let cancelled = scene.accepts(scene.draft(Risk::R2)).await;
    assert_eq!(scene.cancels(cancelled).await.command.phase(), Phase::Cancelled);
    approvals(scene).await;
    store.record_audit(deed("tour")).await.unwrap();
    assert_eq!(scene.deeds().await.last().unwrap(), "tour");
    store.keep_capabilities(scene.vehicle, lost.order.command_id, &[]).await.unwrap();
    assert_eq!(store.capabilities(scene.vehicle).await.unwrap().unwrap().revision, 1);
    let node = NodeId::new();
    assert!(store.beat(node, LEASE).await.unwrap().contains(&node));
    store.leave(node).await.unwrap();
    store.check(NodeId::new()).await.unwrap();
}
