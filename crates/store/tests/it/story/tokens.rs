//! Tokens of machines: what they give, how many there may be, and what ends them.

use super::on_both_engines;
use crate::scene::{Scene, add_user, add_vehicle, deed};
use fleetwire_store::{Filter, Issued, NewSession, NewToken, Sight, UserChange, VehicleFilter};
use model::id::{FleetId, SessionId};
use model::user::Role;
use std::time::Duration;

on_both_engines! {
    a_token_gives_what_it_and_its_owner_both_have
    a_token_sees_no_fleet_but_its_own
    a_token_is_no_login
    a_user_has_so_many_tokens_and_no_more
    a_token_ends_with_its_owner_or_alone
    a_token_is_made_by_a_login_that_is_alive
    a_use_is_noted_once_a_minute
}

const HOUR: Duration = Duration::from_hours(1);
const MANY: u32 = 10;

fn token(scene: &Scene, number: u8) -> NewToken {
    NewToken {
        session_id: SessionId::new(),
        user_id: scene.user,
        token_hash: vec![number; 32],
        name: format!("bench {number}"),
        role: Role::Engineer,
        fleets: None,
        expires_at: scene.store.now() + HOUR,
        issuer: None,
    }
}

async fn issues(scene: &Scene, new: NewToken) -> SessionId {
    let session_id = new.session_id;
    let issued = scene.store.issue_token(new, MANY, deed("token")).await.unwrap();
    let Issued::Stored(stored) = issued else { panic!("{issued:?}") };
    assert_eq!(stored.session_id, session_id);
    let listed = scene.store.tokens(scene.user).await.unwrap();
    assert!(listed.contains(&stored), "{listed:?}");
    session_id
}

async fn becomes(scene: &Scene, role: Role) {
    let change = UserChange { role: Some(role), ..UserChange::default() };
    assert!(scene.store.change_user(scene.user, change, deed("change")).await.unwrap());
}

async fn a_token_gives_what_it_and_its_owner_both_have(scene: Scene) {
    let id = issues(&scene, token(&scene, 1)).await;
    let found = scene.store.session_of_token(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((found.0, found.1), (id, scene.user));
    assert_eq!(scene.store.session_of_token(&[2; 32]).await.unwrap(), None);
    let access = scene.store.access(id).await.unwrap().unwrap();
    assert_eq!((access.user_id, access.token.as_deref()), (scene.user, Some("bench 1")));
    assert_eq!(access.fleets, [(scene.fleet, None)]);
    assert_eq!(access.expires_at, Some(found.2));
    for (owner, role) in [
        (Role::Viewer, Some(Role::Viewer)),
        (Role::Senior, Some(Role::Engineer)),
        (Role::Admin, Some(Role::Engineer)),
        (Role::Auditor, None),
    ] {
        becomes(&scene, owner).await;
        let access = scene.store.access(id).await.unwrap();
        assert_eq!(access.map(|access| access.role), role, "{owner:?}");
    }
}

async fn a_token_sees_no_fleet_but_its_own(scene: Scene) {
    let fleet = async |name| scene.store.fleet_named(name, deed("fleet")).await.unwrap().fleet_id;
    let (south, west) = (fleet("south").await, fleet("west").await);
    add_vehicle(&scene.store, south, "WVWZZZ1JZXW000002").await.unwrap();
    let confined = NewToken { fleets: Some(vec![south, west]), ..token(&scene, 1) };
    let id = issues(&scene, confined).await;
    let seen = async || {
        let access = scene.store.access(id).await.unwrap().unwrap();
        let (sight, limit) = (access.sight, 10);
        assert_eq!(sight.confined_by, Some(id));
        let vehicles = VehicleFilter { sight, limit, ..VehicleFilter::default() };
        let (vehicles, total) = scene.store.vehicles(&vehicles).await.unwrap();
        assert_eq!(u64::try_from(vehicles.len()).unwrap(), total);
        let commands = Filter { sight, limit, ..Filter::default() };
        assert!(scene.store.commands(&commands).await.unwrap().is_empty());
        let fleets = scene.store.fleets(sight).await.unwrap().len();
        (access.fleets, vehicles.len(), fleets)
    };
    let draft = scene.draft(model::command::Risk::R0);
    scene.accepts(draft).await;
    assert_eq!(seen().await, (Vec::<(FleetId, _)>::new(), 0, 0), "its owner does not see them");
    scene.store.grant(scene.user, south, None, deed("grant")).await.unwrap();
    assert_eq!(seen().await, (vec![(south, None)], 1, 1));
    becomes(&scene, Role::Admin).await;
    let (fleets, vehicles, listed) = seen().await;
    assert_eq!((fleets.len(), vehicles, listed), (2, 1, 2), "not what an admin sees");
    assert!(scene.store.remove_fleet(west, deed("remove")).await.unwrap());
    let (_, vehicles, listed) = seen().await;
    assert_eq!((vehicles, listed), (1, 1));
}

async fn a_token_is_no_login(scene: Scene) {
    let id = issues(&scene, token(&scene, 1)).await;
    assert!(scene.store.logins(scene.user).await.unwrap().is_empty());
    assert!(!scene.store.end_login(id, None, deed("end")).await.unwrap());
    assert_eq!(scene.store.end_logins(scene.user, deed("all")).await.unwrap(), 0);
    let listed = scene.store.tokens(scene.user).await.unwrap();
    assert_eq!((listed[0].session_id, listed[0].role), (id, Role::Engineer));
    assert_eq!((listed[0].fleets.clone(), listed[0].last_used_at), (None, None));
}

async fn a_user_has_so_many_tokens_and_no_more(scene: Scene) {
    let issue = async |number| {
        scene.store.issue_token(token(&scene, number), 2, deed("token")).await.unwrap()
    };
    let (one, two, three) = tokio::join!(issue(1), issue(2), issue(3));
    let stored = [one, two, three].iter().filter(|it| matches!(it, Issued::Stored(_))).count();
    assert_eq!(stored, 2);
    assert_eq!(issue(4).await, Issued::TooMany);
    let listed = scene.store.tokens(scene.user).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(scene.store.end_token(listed[0].session_id, None, deed("end")).await.unwrap());
    assert!(matches!(issue(5).await, Issued::Stored(_)));
    assert_eq!(scene.deeds().await.iter().filter(|deed| *deed == "token").count(), 3);
}

async fn a_token_ends_with_its_owner_or_alone(scene: Scene) {
    let other = add_user(&scene.store, "other", &[]).await.unwrap();
    let id = issues(&scene, token(&scene, 1)).await;
    let before = scene.store.now();
    let end = async |of| scene.store.end_token(id, of, deed("end")).await.unwrap();
    assert!(!end(Some(other)).await, "it is somebody else's");
    assert!(end(Some(scene.user)).await && !end(None).await);
    let told = scene.store.access_changed_since(before).await.unwrap();
    assert!(told.iter().any(|(user, _)| *user == scene.user));
    let changes = [
        UserChange { password_hash: Some("$new".to_owned()), ..UserChange::default() },
        UserChange { is_active: Some(false), ..UserChange::default() },
    ];
    for (change, number) in changes.into_iter().zip(2..) {
        let id = issues(&scene, token(&scene, number)).await;
        assert!(scene.store.change_user(scene.user, change, deed("change")).await.unwrap());
        assert!(scene.store.access(id).await.unwrap().is_none());
        assert_eq!(scene.store.session_of_token(&[number; 32]).await.unwrap(), None);
    }
    let denied = scene.store.issue_token(token(&scene, 4), MANY, deed("token")).await.unwrap();
    assert_eq!(denied, Issued::Denied, "its owner is disabled");
    assert!(scene.store.tokens(scene.user).await.unwrap().is_empty());
    scene.database.alter("update sessions set ended_at = ended_at - 86400000000").await;
    scene.store.forget_ended().await.unwrap();
    assert_eq!(scene.database.numbers("select count(*) from api_tokens").await, [0]);
}

async fn a_token_is_made_by_a_login_that_is_alive(scene: Scene) {
    let login = SessionId::new();
    let (user_id, life) = (scene.user, HOUR);
    let new = NewSession { session_id: login, user_id, refresh_hash: vec![1], life, idle: HOUR };
    let password = scene.store.user(user_id).await.unwrap().unwrap().password_hash;
    assert!(scene.store.open_session(new, password, deed("login")).await.unwrap());
    let by = |number| NewToken { issuer: Some(login), ..token(&scene, number) };
    issues(&scene, by(1)).await;
    assert!(scene.store.end_session(login, deed("logout")).await.unwrap());
    let denied = scene.store.issue_token(by(2), MANY, deed("token")).await.unwrap();
    assert_eq!(denied, Issued::Denied);
}

async fn a_use_is_noted_once_a_minute(scene: Scene) {
    let id = issues(&scene, token(&scene, 1)).await;
    let first = scene.store.now();
    let minute = Duration::from_mins(1);
    for (at, noted) in [
        (first, first),
        (first + minute / 2, first),
        (first + minute, first + minute),
        (first, first + minute),
    ] {
        scene.store.note_uses(vec![(id, at), (SessionId::new(), at)]).await.unwrap();
        let listed = scene.store.tokens(scene.user).await.unwrap();
        assert_eq!(listed[0].last_used_at, Some(noted));
    }
    let sight = scene.store.access(id).await.unwrap().unwrap().sight;
    assert_eq!(sight, Sight { granted_to: Some(scene.user), confined_by: None });
}
