//! The registry over HTTP: vehicles and fleets, from the first to the last.

use crate::on_both;
use model::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{Backend, Client, Platform, Reply};

on_both! {
    a_vehicle_is_registered_corrected_and_taken_out
    a_list_of_vehicles_is_filtered_and_paged
    a_fleet_lives_as_long_as_it_has_no_vehicle
}

const VIN: &str = "1M8GDM9AXKP042788";

/// A vehicle at an address where nothing ever answers: no probe makes a new version of it.
fn draft(p: &Platform, vin: &str) -> Value {
    json!({ "vin": vin, "fleet_id": p.fleet_id(), "sovd_url": "http://127.0.0.1:9/sovd",
        "make": "Saab", "model": "900", "year": 1989 })
}

/// Corrects a vehicle that was seen in a version.
async fn correct(admin: &Client, path: &str, etag: Option<&str>, change: Value) -> Reply {
    let headers: Vec<_> = etag.into_iter().map(|etag| ("if-match", etag)).collect();
    admin.send(Method::PATCH, path, Some(change), &headers).await
}

fn etag(reply: &Reply) -> String {
    reply.headers["etag"].to_str().unwrap().to_owned()
}

async fn a_vehicle_is_registered_corrected_and_taken_out(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    let added = admin.post("/api/v1/vehicles", draft(&p, VIN)).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.json);
    let path = added.headers["location"].to_str().unwrap().to_owned();
    assert!(added.json.get("warnings").is_none());
    assert_eq!(admin.post("/api/v1/vehicles", draft(&p, VIN)).await.status, StatusCode::CONFLICT);

    let seen = admin.get(&path).await;
    assert_eq!((etag(&seen), &seen.json), (etag(&added), &added.json));
    let change = json!({ "make": "Volvo" });
    let without = correct(&admin, &path, None, change.clone()).await;
    assert_eq!(without.status, StatusCode::PRECONDITION_REQUIRED);
    for stale in [r#""0""#, r#"W/"1""#, "nonsense"] {
        let reply = correct(&admin, &path, Some(stale), change.clone()).await;
        assert_eq!(reply.status, StatusCode::PRECONDITION_FAILED, "{stale}");
    }
    let corrected = correct(&admin, &path, Some(&etag(&seen)), change.clone()).await;
    assert_eq!(corrected.status, StatusCode::OK, "{}", corrected.json);
    assert_eq!((&corrected.json["make"], &corrected.json["year"]), (&json!("Volvo"), &json!(1989)));
    let again = correct(&admin, &path, Some(&etag(&seen)), change).await;
    assert_eq!(again.status, StatusCode::PRECONDITION_FAILED, "somebody was faster");
    let any = correct(&admin, &path, Some("*"), json!({ "year": 1990 })).await;
    assert_eq!(any.json["year"], 1990);

    let old = etag(&seen);
    let stale = admin.send(Method::DELETE, &path, None, &[("if-match", &old)]).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let removed = admin.send(Method::DELETE, &path, None, &[]).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(admin.send(Method::DELETE, &path, None, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_wrong_with_a_vehicle_is_said_field_by_field() {
    let p = Platform::start().await;
    let admin = p.admin().await;
    for (field, value) in [
        ("vin", json!("1M8GDM9AXKP04278")),
        ("vin", json!("IM8GDM9AXKP042788")),
        ("fleet_id", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
        ("sovd_url", json!("ftp://car.example")),
        ("sovd_url", json!("http://user:secret@car.example")),
        ("sovd_url", json!("http://car.example/#part")),
        ("make", json!("a\u{0}b")),
        ("year", json!(1)),
    ] {
        let mut body = draft(&p, VIN);
        body[field] = value;
        let reply = admin.post("/api/v1/vehicles", body).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", reply.json);
        assert_eq!(reply.json["errors"][0]["pointer"], format!("/{field}"));
    }
    let mut body = draft(&p, VIN);
    body["connection_status"] = json!("connected");
    let reply = admin.post("/api/v1/vehicles", body).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "unknown fields are refused");
}

#[tokio::test]
async fn a_wrong_check_digit_is_a_warning() {
    let p = Platform::start().await;
    let added = p.admin().await.post("/api/v1/vehicles", draft(&p, "1M8GDM9A1KP042788")).await;
    assert_eq!(added.status, StatusCode::CREATED);
    assert_eq!(added.json["warnings"], json!(["the check digit of the VIN does not match"]));
}

async fn a_list_of_vehicles_is_filtered_and_paged(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let (admin, engineer) = (p.admin().await, p.engineer().await);
    for number in 0..5 {
        let vin = format!("WVWZZZ1JZXW00010{number}");
        let reply = admin.post("/api/v1/vehicles", draft(&p, &vin)).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.json);
    }
    let mut next = Some("/api/v1/vehicles?search=WVWZZZ1JZXW0001&limit=2".to_owned());
    let mut seen = Vec::new();
    while let Some(path) = next {
        let page = engineer.get(&path).await;
        assert_eq!(page.headers["x-total-count"], "5");
        seen.extend(page.json.as_array().unwrap().iter().map(|it| it["vin"].clone()));
        let link = page.headers.get("link").map(|link| link.to_str().unwrap());
        assert!(link.is_none_or(|link| link.ends_with(r#"; rel="next""#)), "{link:?}");
        next = link.and_then(|link| link.split(['<', '>']).nth(1)).map(ToOwned::to_owned);
    }
    let expected: Vec<_> = (0..5).map(|number| format!("WVWZZZ1JZXW00010{number}")).collect();
    assert_eq!(seen, expected);

    let count = async |query: &str| {
        let page = engineer.get(&format!("/api/v1/vehicles?{query}")).await;
        page.json.as_array().unwrap().len()
    };
    assert_eq!(count("search=saab").await, 5);
    assert_eq!(count("search=%25").await, 0, "a percent sign is a percent sign");
    assert_eq!(count("status=connected").await, 2);
    let viewer = p.user("viewer", Role::Viewer, &[p.fleet_id()]).await;
    let masked = viewer.get("/api/v1/vehicles?search=WVWZZZ1JZXW00010").await;
    assert_eq!(masked.json, json!([]), "a masked VIN cannot be guessed by searching");
}

async fn a_fleet_lives_as_long_as_it_has_no_vehicle(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let (admin, engineer) = (p.admin().await, p.engineer().await);
    let added = admin.post("/api/v1/fleets", json!({ "name": "Köln" })).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.json);
    let path = added.headers["location"].to_str().unwrap().to_owned();
    let again = admin.post("/api/v1/fleets", json!({ "name": "Köln" })).await;
    assert_eq!(
        (again.status, &again.json["type"]),
        (StatusCode::CONFLICT, &json!("/problems/name-taken"))
    );

    let rename = async |name: &str, path: &str| {
        admin.send(Method::PATCH, path, Some(json!({ "name": name })), &[]).await
    };
    assert_eq!(rename("Bonn", &path).await.json["name"], "Bonn");
    assert_eq!(rename("test", &path).await.status, StatusCode::CONFLICT);
    assert_eq!(rename("x", "/api/v1/fleets/x").await.status, StatusCode::NOT_FOUND);
    let names = async |who: &Client| {
        let fleets = who.get("/api/v1/fleets").await.json;
        fleets.as_array().unwrap().iter().map(|it| it["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&admin).await, ["Bonn", "test"]);
    assert_eq!(names(&engineer).await, ["test"], "one sees one's own");

    let used = format!("/api/v1/fleets/{}", p.fleet_id());
    let kept = admin.send(Method::DELETE, &used, None, &[]).await;
    assert_eq!(
        (kept.status, &kept.json["type"]),
        (StatusCode::CONFLICT, &json!("/problems/fleet-not-empty"))
    );
    assert_eq!(admin.send(Method::DELETE, &path, None, &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.send(Method::DELETE, &path, None, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_token_is_not_taken_to_another_server() {
    let p = Platform::start().await;
    let admin = p.admin().await;
    let mut body = draft(&p, VIN);
    body["sovd_token"] = json!("s3cret");
    let added = admin.post("/api/v1/vehicles", body).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.json);
    assert_eq!(added.json["has_sovd_token"], true);
    let warning = "the token goes unencrypted: sovd_url is no https address";
    assert_eq!(added.json["warnings"], json!([warning]));
    assert!(!added.json.to_string().contains("s3cret"));
    let path = added.headers["location"].to_str().unwrap().to_owned();

    let same = correct(&admin, &path, Some("*"), json!({ "sovd_url": "http://127.0.0.1:9/v2" }));
    assert_eq!(same.await.json["has_sovd_token"], true);
    let elsewhere = json!({ "sovd_url": "http://127.0.0.1:8/sovd" });
    let refused = correct(&admin, &path, Some("*"), elsewhere.clone()).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.json);
    assert_eq!(refused.json["errors"][0]["pointer"], "/sovd_token");
    let mut without = elsewhere;
    without["sovd_token"] = Value::Null;
    assert_eq!(correct(&admin, &path, Some("*"), without).await.json["has_sovd_token"], false);
}

#[tokio::test]
async fn credentials_are_what_they_should_be() {
    let p = Platform::start().await;
    let admin = p.admin().await;
    for (field, value) in [
        ("sovd_token", ""),
        ("sovd_token", "Bearer s3cret"),
        ("sovd_ca", "s3cret"),
        ("sovd_ca", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        ("sovd_identity", "s3cret"),
        ("sovd_identity", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ] {
        let mut body = draft(&p, VIN);
        body[field] = json!(value);
        let reply = admin.post("/api/v1/vehicles", body).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", reply.json);
        assert_eq!(reply.json["errors"][0]["pointer"], format!("/{field}"));
        assert!(!reply.json.to_string().contains("s3cret"), "{}", reply.json);
    }
    let engineer = p.engineer().await;
    let path = format!("/api/v1/vehicles/{}", p.vehicle().vehicle_id);
    let refused = correct(&engineer, &path, Some("*"), json!({ "sovd_token": "abc" })).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
