//! Locks: who may change what.
//!
//! Expiry is tested where time is an argument.

use fleetwire_simulator::full_fleet;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::garage::{Answer, Garage, answer};

const LOCKS: &str = "/sovd/v1/components/engine_ecu/locks";
const TARGET: &str = "/sovd/v1/components/engine_ecu/data/idle_speed_target";
const SELF_TEST: &str = "/sovd/v1/components/engine_ecu/operations/self_test/executions";

async fn lock(garage: &Garage, client: &str, body: Value) -> Answer {
    garage.by(client, Method::POST, LOCKS, body).await
}

async fn write(garage: &Garage, client: &str) -> Answer {
    garage.by(client, Method::PUT, TARGET, json!({"data": 800})).await
}

async fn strict() -> Garage {
    let mut vehicles = full_fleet(1);
    vehicles[0].needs_lock = true;
    Garage::with(vehicles).await
}

#[tokio::test]
async fn a_lock_keeps_others_from_writing() {
    let garage = Garage::open().await;
    let taken = lock(&garage, "a", json!({"lock_expiration": 60})).await;
    assert_eq!(taken.status, StatusCode::CREATED);
    assert_eq!(write(&garage, "a").await.status, StatusCode::NO_CONTENT);
    let refused = write(&garage, "b").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.body["error_code"], "precondition-not-fulfilled");
    assert_eq!(garage.get(TARGET).await.status, StatusCode::OK);
    garage.by("a", Method::DELETE, &taken.location.unwrap(), json!({})).await;
    assert_eq!(write(&garage, "b").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_lock_tells_everybody_but_lists_its_owner_only_to_itself() {
    let garage = Garage::open().await;
    let taken = lock(&garage, "a", json!({"lock_expiration": 60, "scopes": ["data"]})).await;
    let id = &taken.body["id"];
    let seen = async |client| garage.by(client, Method::GET, LOCKS, json!({})).await.body;
    let expected = |owned: bool| json!({"items": [{"id": id, "owned": owned, "scopes": ["data"]}]});
    assert_eq!((seen("a").await, seen("b").await), (expected(true), expected(false)));
    let shown = garage.by("a", Method::GET, &taken.location.unwrap(), json!({})).await.body;
    assert!(shown["lock_expiration"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_scope_leaves_the_rest_free() {
    let garage = Garage::open().await;
    lock(&garage, "a", json!({"lock_expiration": 60, "scopes": ["operations"]})).await;
    assert_eq!(write(&garage, "b").await.status, StatusCode::NO_CONTENT);
    let start = garage.by("b", Method::POST, SELF_TEST, json!({})).await;
    assert_eq!(start.status, StatusCode::CONFLICT);
    let beside = lock(&garage, "b", json!({"lock_expiration": 60, "scopes": ["data"]})).await;
    assert_eq!(beside.status, StatusCode::CREATED);
    let across = lock(&garage, "c", json!({"lock_expiration": 60})).await;
    assert_eq!(across.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_wrong_scope_or_expiration_is_refused() {
    let garage = Garage::open().await;
    for wish in [
        json!({"lock_expiration": 60, "scopes": ["engine"]}),
        json!({"lock_expiration": 0}),
        json!({"lock_expiration": 1_000_000}),
        json!({}),
    ] {
        assert_eq!(lock(&garage, "a", wish).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn only_the_owner_renews_and_releases() {
    let garage = Garage::open().await;
    let location = lock(&garage, "a", json!({"lock_expiration": 60})).await.location.unwrap();
    let renew = json!({"lock_expiration": 90});
    let by =
        async |client, method| garage.by(client, method, &location, renew.clone()).await.status;
    assert_eq!(by("b", Method::PUT).await, StatusCode::CONFLICT);
    assert_eq!(by("b", Method::DELETE).await, StatusCode::CONFLICT);
    assert_eq!(by("a", Method::PUT).await, StatusCode::NO_CONTENT);
    assert_eq!(by("a", Method::DELETE).await, StatusCode::NO_CONTENT);
    assert_eq!(by("a", Method::GET).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whose_lock_is_broken_learns_it_at_the_next_write() {
    let garage = strict().await;
    let location = lock(&garage, "a", json!({"lock_expiration": 60})).await.location.unwrap();
    assert_eq!(write(&garage, "a").await.status, StatusCode::NO_CONTENT);
    let broke = lock(&garage, "b", json!({"lock_expiration": 60, "break_lock": true})).await;
    assert_eq!(broke.status, StatusCode::CREATED);
    for lost in [
        write(&garage, "a").await,
        garage.by("a", Method::GET, &location, json!({})).await,
        garage.by("a", Method::PUT, &location, json!({"lock_expiration": 9})).await,
    ] {
        assert_eq!(
            (lost.status, &lost.body["error_code"]),
            (StatusCode::CONFLICT, &json!("lock-broken"))
        );
    }
    assert_eq!(write(&garage, "b").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_strict_vehicle_refuses_changes_without_a_lock() {
    let garage = strict().await;
    let refused = write(&garage, "a").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.body["error_code"], "insufficient-access-rights");
    let start = garage.by("a", Method::POST, SELF_TEST, json!({})).await;
    assert_eq!(start.status, StatusCode::FORBIDDEN);
    lock(&garage, "a", json!({"lock_expiration": 60})).await;
    assert_eq!(write(&garage, "a").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_subject_of_a_token_is_the_owner() {
    let garage = Garage::open().await;
    // {"sub":"ann"}, signed differently each time.
    let token = |signature| format!("Bearer e30.eyJzdWIiOiJhbm4ifQ.{signature}");
    let put = |credentials: String| {
        let request = garage.request(Method::PUT, TARGET).header("authorization", credentials);
        answer(request.json(&json!({"data": 800})))
    };
    let lock = garage.request(Method::POST, LOCKS).header("authorization", token("one"));
    answer(lock.json(&json!({"lock_expiration": 60}))).await;
    assert_eq!(put(token("two")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(put("Bearer opaque".to_owned()).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_lock_on_the_vehicle_covers_every_entity() {
    let garage = strict().await;
    let wish = json!({"lock_expiration": 60});
    let taken = garage.by("a", Method::POST, "/sovd/v1/locks", wish).await;
    assert_eq!(taken.status, StatusCode::CREATED);
    assert_eq!(write(&garage, "a").await.status, StatusCode::NO_CONTENT);
    assert_eq!(write(&garage, "b").await.status, StatusCode::CONFLICT);
    let listed = garage.by("a", Method::GET, "/sovd/v1/locks", json!({})).await.body;
    assert_eq!(listed["items"][0]["owned"], true);
    let location = taken.location.unwrap();
    let released = garage.by("a", Method::DELETE, &location, json!({})).await;
    assert_eq!(released.status, StatusCode::NO_CONTENT);
    assert_eq!(write(&garage, "a").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_is_given_to_who_names_itself_in_json_or_in_a_form() {
    let garage = Garage::open().await;
    let form = "grant_type=client_credentials&client_id=ann";
    let given = answer(garage.request(Method::POST, "/sovd/v1/token").body(form)).await.body;
    assert_eq!(given["token_type"], "Bearer");
    let same = garage.post("/sovd/v1/authorize", json!({"client_id": "ann"})).await.body;
    assert_eq!(same, given);
    let credentials = format!("Bearer {}", given["access_token"].as_str().unwrap());
    let lock = garage.request(Method::POST, LOCKS).header("authorization", credentials);
    answer(lock.json(&json!({"lock_expiration": 60}))).await;
    assert_eq!(write(&garage, "ann").await.status, StatusCode::NO_CONTENT);
    let nameless = answer(garage.request(Method::POST, "/sovd/v1/token")).await;
    assert_eq!(nameless.status, StatusCode::BAD_REQUEST);
}
