//! Logins: sessions, refresh tokens, tickets, signing keys, and what ends them.

use super::on_both_engines;
use crate::scene::{Scene, add_user, deed};
use fleetwire_store::{NewSession, Redeemed, Ring, Rotation, SigningKey, UserChange};
use model::id::{CommandId, FleetId, SessionId};
use model::user::Role;
use std::time::Duration;

on_both_engines! {
    a_session_gives_the_access_of_its_user
    a_session_needs_the_password_of_this_moment
    a_refresh_token_is_good_once_and_a_second_use_ends_the_session
    a_session_that_is_not_refreshed_ends
    a_ticket_is_good_once_and_for_a_short_time
    a_changed_password_or_a_disabled_user_ends_every_session
    a_password_of_somebody_else_is_changed_by_whoever_knows_it
    what_has_ended_is_forgotten_after_a_day
    the_first_signing_key_wins
    a_new_signing_key_retires_those_before_it_later
    logins_are_listed_and_ended_by_whoever_may
    every_change_of_rights_is_told
}

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

async fn logs_in(scene: &Scene, token: u8, idle: Duration) -> SessionId {
    let session_id = SessionId::new();
    let refresh_hash = vec![token; 32];
    let new = NewSession { session_id, user_id: scene.user, refresh_hash, life: DAY, idle };
    let user = scene.store.user(scene.user).await.unwrap().unwrap();
    let opened = scene.store.open_session(new, user.password_hash, deed("login")).await.unwrap();
    assert!(opened, "the password is the user's");
    session_id
}

async fn a_session_needs_the_password_of_this_moment(scene: Scene) {
    let open = async |proved: &str| {
        let new = NewSession {
            session_id: SessionId::new(),
            user_id: scene.user,
            refresh_hash: proved.as_bytes().to_vec(),
            life: DAY,
            idle: DAY,
        };
        scene.store.open_session(new, proved.to_owned(), deed("login")).await.unwrap()
    };
    let old = scene.store.user(scene.user).await.unwrap().unwrap().password_hash;
    assert!(scene.store.rehash(scene.user, old.clone(), "$new".to_owned()).await.unwrap());
    assert!(!open(&old).await && open("$new").await);
    assert!(!scene.store.rehash(scene.user, old, "$late".to_owned()).await.unwrap());
    let disabled = UserChange { is_active: Some(false), ..UserChange::default() };
    scene.store.change_user(scene.user, disabled, deed("disable")).await.unwrap();
    assert!(!open("$new").await);
}

async fn rotates(scene: &Scene, presented: u8, next: u8) -> Rotation {
    let (presented, next) = (vec![presented; 32], vec![next; 32]);
    scene.store.rotate(presented, next, DAY, deed("reuse")).await.unwrap()
}

async fn is_alive(scene: &Scene, session: SessionId) -> bool {
    scene.store.access(session).await.unwrap().is_some()
}

async fn a_session_gives_the_access_of_its_user(scene: Scene) {
    let session = logs_in(&scene, 1, DAY).await;
    let access = scene.store.access(session).await.unwrap().unwrap();
    assert_eq!((access.user_id, access.username.as_str()), (scene.user, "erika"));
    assert_eq!((access.role, &access.fleets[..]), (Role::Engineer, &[(scene.fleet, None)][..]));
    assert!(access.expires_at > Some(scene.store.now()));
    let of_user = scene.store.access_of_user(scene.user).await.unwrap().unwrap();
    assert_eq!((of_user.expires_at, of_user.fleets), (None, access.fleets));
    assert!(scene.store.end_session(session, deed("logout")).await.unwrap());
    assert!(!scene.store.end_session(session, deed("logout")).await.unwrap());
    assert!(!is_alive(&scene, session).await);
    assert_eq!(scene.deeds().await[3..], ["login", "logout"]);
}

async fn a_refresh_token_is_good_once_and_a_second_use_ends_the_session(scene: Scene) {
    let session = logs_in(&scene, 1, DAY).await;
    assert_eq!(rotates(&scene, 1, 2).await, Rotation::Rotated(session, scene.user));
    assert_eq!(rotates(&scene, 2, 3).await, Rotation::Rotated(session, scene.user));
    assert!(is_alive(&scene, session).await);
    assert_eq!(rotates(&scene, 1, 4).await, Rotation::Reused(session, scene.user));
    assert!(!is_alive(&scene, session).await);
    for token in [1, 3, 4, 9] {
        assert_eq!(rotates(&scene, token, 5).await, Rotation::Refused);
    }
    assert_eq!(scene.deeds().await.last().unwrap(), "reuse");
}

async fn a_session_that_is_not_refreshed_ends(scene: Scene) {
    logs_in(&scene, 1, Duration::ZERO).await;
    assert_eq!(rotates(&scene, 1, 2).await, Rotation::Refused);
}

async fn a_ticket_is_good_once_and_for_a_short_time(scene: Scene) {
    let session_id = logs_in(&scene, 1, DAY).await;
    let stands_for = Redeemed { session_id, command_id: Some(CommandId::new()) };
    scene.store.issue_ticket(vec![7; 32], stands_for, DAY).await.unwrap();
    scene.store.issue_ticket(vec![8; 32], stands_for, Duration::ZERO).await.unwrap();
    let redeem = |ticket: u8| scene.store.redeem_ticket(vec![ticket; 32]);
    assert_eq!(redeem(7).await.unwrap(), Some(stands_for));
    assert_eq!(redeem(7).await.unwrap(), None);
    assert_eq!(redeem(8).await.unwrap(), None);
    assert_eq!(redeem(9).await.unwrap(), None);
}

async fn a_changed_password_or_a_disabled_user_ends_every_session(scene: Scene) {
    let promoted = UserChange { role: Some(Role::Senior), ..UserChange::default() };
    let renewed = UserChange { password_hash: Some("$new".to_owned()), ..UserChange::default() };
    let disabled = UserChange { is_active: Some(false), ..UserChange::default() };
    for (change, ends) in [(promoted, false), (renewed, true), (disabled, true)] {
        let token = if ends { 2 } else { 1 };
        scene.database.alter("delete from refresh_tokens").await;
        let session = logs_in(&scene, token, DAY).await;
        assert!(scene.store.change_user(scene.user, change, deed("change")).await.unwrap());
        assert_eq!(is_alive(&scene, session).await, !ends);
    }
    let user = scene.store.user_named("erika").await.unwrap().unwrap();
    assert_eq!(
        (user.role, user.is_active, user.password_hash.as_str()),
        (Role::Senior, false, "$new")
    );
    assert!(scene.store.access_of_user(scene.user).await.unwrap().is_none());
    assert_eq!(add_user(&scene.store, "erika", &[]).await, None);
    assert_eq!(scene.store.users(10, 0).await.unwrap().len(), 1);
}

async fn a_password_of_somebody_else_is_changed_by_whoever_knows_it(scene: Scene) {
    let user = async || scene.store.user(scene.user).await.unwrap().unwrap();
    assert!(!user().await.must_change_password);
    let change = |must_change_password, password_hash: Option<&str>| UserChange {
        password_hash: password_hash.map(str::to_owned),
        must_change_password,
        ..UserChange::default()
    };
    for (change, must) in [(change(true, None), false), (change(true, Some("$given")), true)] {
        assert!(scene.store.change_user(scene.user, change, deed("change")).await.unwrap());
        assert_eq!(user().await.must_change_password, must);
    }
    let session = logs_in(&scene, 1, DAY).await;
    let next = async |old: &str, new: &str| {
        let (old, new) = (old.to_owned(), new.to_owned());
        scene.store.change_password(scene.user, old, new, deed("password")).await.unwrap()
    };
    assert!(!next("$guessed", "$own").await);
    assert!(is_alive(&scene, session).await);
    assert!(next("$given", "$own").await && !next("$given", "$late").await);
    assert!(!is_alive(&scene, session).await);
    assert!(!user().await.must_change_password);
    assert_eq!(user().await.password_hash, "$own");
    assert_eq!(scene.deeds().await.iter().filter(|deed| *deed == "password").count(), 1);
}

async fn what_has_ended_is_forgotten_after_a_day(scene: Scene) {
    let old = logs_in(&scene, 1, DAY).await;
    scene.store.end_session(old, deed("logout")).await.unwrap();
    scene.database.alter("update sessions set ended_at = ended_at - 86400000000").await;
    let fresh = logs_in(&scene, 2, DAY).await;
    scene.store.end_session(fresh, deed("logout")).await.unwrap();
    let living = logs_in(&scene, 3, DAY).await;
    scene.store.forget_ended().await.unwrap();
    assert!(is_alive(&scene, living).await);
    assert!(!scene.store.end_session(fresh, deed("logout")).await.unwrap());
    // Its token went with it: the hash is free again.
    logs_in(&scene, 1, DAY).await;
}

async fn the_first_signing_key_wins(scene: Scene) {
    let key = |kid: &str| SigningKey {
        kid: kid.to_owned(),
        private_key: vec![1; 32],
        public_key: vec![2; 32],
        created_at: scene.store.now(),
        retired_at: None,
    };
    assert!(scene.store.signing_keys(Ring::Tokens).await.unwrap().is_empty());
    let other = scene.database.open().await;
    let (one, two) = tokio::join!(
        scene.store.first_signing_key(Ring::Tokens, key("a")),
        other.first_signing_key(Ring::Tokens, key("b"))
    );
    let kids = |ring: Vec<SigningKey>| ring.into_iter().map(|key| key.kid).collect::<Vec<_>>();
    let (one, two) = (kids(one.unwrap()), kids(two.unwrap()));
    assert_eq!((one.len(), &one), (1, &two));
    assert_eq!(kids(scene.store.signing_keys(Ring::Tokens).await.unwrap()), one);
    other.close().await;
}

async fn every_change_of_rights_is_told(scene: Scene) {
    let store = &scene.store;
    let other = store.fleet_named("south", deed("fleet")).await.unwrap().fleet_id;
    let mut since = store.now();
    let changed = async |since: &mut model::Timestamp| {
        let told = store.access_changed_since(*since).await.unwrap();
        let [(user, at)] = told[..] else { panic!("{told:?}") };
        assert_eq!(user, scene.user);
        *since = at;
    };
    store.grant(scene.user, other, None, deed("grant")).await.unwrap();
    changed(&mut since).await;
    store.revoke(scene.user, other, deed("revoke")).await.unwrap();
    changed(&mut since).await;
    let session = logs_in(&scene, 1, DAY).await;
    store.end_session(session, deed("logout")).await.unwrap();
    changed(&mut since).await;
    store.change_user(scene.user, UserChange::default(), deed("change")).await.unwrap();
    changed(&mut since).await;
    assert!(store.access_changed_since(since).await.unwrap().is_empty());
    let nowhere = store.grant(scene.user, FleetId::new(), None, deed("grant")).await;
    assert!(nowhere.is_err());
    assert_eq!(store.grants(scene.user).await.unwrap(), [(scene.fleet, None)]);
}

async fn a_new_signing_key_retires_those_before_it_later(scene: Scene) {
    let made = scene.store.now();
    let key = |kid: &str| SigningKey {
        kid: kid.to_owned(),
        private_key: vec![1; 32],
        public_key: vec![2; 32],
        created_at: made,
        retired_at: None,
    };
    scene.store.first_signing_key(Ring::Tokens, key("first")).await.unwrap();
    scene.store.rotate_signing_key(key("second"), HOUR, deed("rotate")).await.unwrap();
    scene.store.rotate_signing_key(key("third"), HOUR, deed("rotate")).await.unwrap();
    let ring = scene.store.signing_keys(Ring::Tokens).await.unwrap();
    let kids: Vec<_> = ring.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(kids, ["first", "second", "third"]);
    assert!(ring[0].retired_at.unwrap() >= made + HOUR);
    assert!(ring[0].retired_at.unwrap() <= ring[1].retired_at.unwrap());
    assert_eq!(ring[2].retired_at, None);
    assert_eq!(scene.deeds().await.iter().filter(|deed| *deed == "rotate").count(), 2);
}

async fn logins_are_listed_and_ended_by_whoever_may(scene: Scene) {
    let other = add_user(&scene.store, "other", &[]).await.unwrap();
    let mut ids = Vec::new();
    for (number, user_id) in [(1, scene.user), (2, scene.user), (3, scene.user), (4, other)] {
        let session_id = SessionId::new();
        let new =
            NewSession { session_id, user_id, refresh_hash: vec![number], life: HOUR, idle: HOUR };
        let password = scene.store.user(user_id).await.unwrap().unwrap().password_hash;
        assert!(scene.store.open_session(new, password, deed("login")).await.unwrap());
        ids.push(session_id);
    }
    let alive = async |user| {
        let logins = scene.store.logins(user).await.unwrap();
        logins.into_iter().map(|login| login.session_id).collect::<Vec<_>>()
    };
    assert_eq!(alive(scene.user).await, [ids[2], ids[1], ids[0]]);
    let end = async |id, of| scene.store.end_login(id, of, deed("end")).await.unwrap();
    assert!(!end(ids[3], Some(scene.user)).await, "it is somebody else's");
    assert!(end(ids[0], Some(scene.user)).await);
    assert!(!end(ids[0], None).await, "it has ended");
    assert!(end(ids[1], None).await);
    assert_eq!(alive(scene.user).await, [ids[2]]);
    let before = scene.store.now();
    assert_eq!(scene.store.end_logins(scene.user, deed("all")).await.unwrap(), 1);
    assert_eq!(scene.store.end_logins(scene.user, deed("all")).await.unwrap(), 0);
    let changed = scene.store.access_changed_since(before - HOUR).await.unwrap();
    assert!(changed.iter().any(|(user, at)| *user == scene.user && *at >= before));
    assert!(scene.store.access(ids[2]).await.unwrap().is_none());
    assert_eq!(alive(other).await, [ids[3]]);
    let deeds = scene.deeds().await;
    assert_eq!(deeds.iter().filter(|deed| *deed == "end" || *deed == "all").count(), 3);
}
