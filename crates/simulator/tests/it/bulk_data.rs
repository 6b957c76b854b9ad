//! Bulk data: descriptors, downloads now, later and elsewhere, uploads.
//!
//! The digests of the items are held against their content elsewhere.

use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::garage::{Garage, answer, ids};

const BULK: &str = "/sovd/v1/components/hpc/bulk-data";

async fn descriptor(garage: &Garage, category: &str, id: &str) -> Value {
    let listed = garage.get(&format!("{BULK}/{category}")).await.body;
    let found = listed["items"].as_array().unwrap().iter().find(|item| item["id"] == id);
    found.unwrap().clone()
}

#[tokio::test]
async fn a_large_item_is_streamed_and_has_the_size_of_its_descriptor() {
    let garage = Garage::full().await;
    assert_eq!(garage.get(BULK).await.body, json!({"items": ["maps", "logs"]}));
    let described = descriptor(&garage, "logs", "trace").await;
    assert_eq!(
        (&described["size"], &described["hash_algorithm"]),
        (&json!(50_000_000), &json!("SHA-256"))
    );
    let request = garage.request(Method::GET, &format!("{BULK}/logs/trace"));
    let mut response = request.send().await.unwrap();
    assert_eq!(response.content_length(), Some(50_000_000));
    let mut size = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        size += chunk.len();
    }
    assert_eq!(size, 50_000_000);
}

#[tokio::test]
async fn an_item_that_is_not_ready_says_when_to_ask_again() {
    let garage = Garage::full().await;
    let item = format!("{BULK}/logs/crash_dump");
    let early = garage.request(Method::GET, &item).send().await.unwrap();
    assert_eq!(
        (early.status(), &early.headers()["retry-after"]),
        (StatusCode::ACCEPTED, &"1".parse().unwrap())
    );
    let ready = async || {
        garage.request(Method::GET, &item).send().await.unwrap().status() == StatusCode::OK
    };
    crate::garage::eventually(ready).await;
}

#[tokio::test]
async fn a_moved_item_says_where_it_is() {
    let garage = Garage::full().await;
    let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let url = format!("http://{}{BULK}/maps/eu", garage.address());
    let moved = client.get(url).send().await.unwrap();
    assert_eq!(moved.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(moved.headers()["location"], format!("{BULK}/maps/europe"));
}

#[tokio::test]
async fn an_upload_is_counted_and_hashed() {
    let garage = Garage::full().await;
    let request = garage.request(Method::POST, &format!("{BULK}/maps")).body("abc");
    let request = request.header("content-disposition", "attachment; filename=\"abc.map\"");
    let brought = answer(request.header("content-type", "text/plain")).await;
    assert_eq!(brought.status, StatusCode::CREATED);
    let described = descriptor(&garage, "maps", brought.body["id"].as_str().unwrap()).await;
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((&described["size"], &described["hash"]), (&json!(3), &json!(sha256)));
    assert_eq!(
        (&described["name"], &described["mimetype"]),
        (&json!("abc.map"), &json!("text/plain"))
    );
    let location = brought.location.unwrap();
    assert_eq!(garage.get(&location).await.status, StatusCode::CONFLICT);
    assert_eq!(garage.delete(&location).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_item_in_use_is_not_deleted() {
    let garage = Garage::full().await;
    let used = garage.delete(&format!("{BULK}/maps/europe")).await;
    assert_eq!(used.status, StatusCode::CONFLICT);
    let all = garage.delete(&format!("{BULK}/maps")).await;
    assert_eq!(all.body["deleted_ids"], json!(["alps", "eu"]));
    assert_eq!(all.body["errors"][0]["id"], "europe");
    assert_eq!(ids(&garage.get(&format!("{BULK}/maps")).await.body, "id"), ["europe"]);
}

#[tokio::test]
async fn items_are_selected_by_their_time() {
    let garage = Garage::full().await;
    let found =
        async |query| ids(&garage.get(&format!("{BULK}/logs?{query}")).await.body, "id").len();
    assert_eq!(found("created-before=2000-01-01T00:00:00.000Z").await, 0);
    assert_eq!(found("created-after=2000-01-01T00:00:00.000Z").await, 3);
}

#[tokio::test]
async fn an_unknown_category_is_not_found() {
    let garage = Garage::full().await;
    let upload = garage.request(Method::POST, &format!("{BULK}/music")).body("abc");
    assert_eq!(answer(upload).await.status, StatusCode::NOT_FOUND);
    assert_eq!(garage.get(&format!("{BULK}/music")).await.status, StatusCode::NOT_FOUND);
}
