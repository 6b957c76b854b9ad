//! Tokens that others sign with the shared secret.

use crate::outcome::Outcome;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use testkit::{Backend, Client, Site};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What the token of a user says.
fn claims(user_id: &str) -> Value {
    let now = jsonwebtoken::get_current_timestamp();
    json!({
        "iss": "fleetwire", "aud": "fleetwire", "sub": user_id, "jti": "1", "typ": "access",
        "iat": now, "nbf": now, "exp": now + 600,
    })
}

fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

#[tokio::test]
async fn a_token_of_the_shared_secret_opens_rest_and_websocket() {
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.set_variable("JWT_SECRET", SECRET);
    site.start().await;
    let claims = claims(&site.engineer_id);
    let client = Client::anonymous(&site.url).with_token(&signed(&claims, SECRET));
    let me = client.get("/api/v1/auth/me").await;
    assert_eq!(me.json["username"], "engineer", "{:?}", me.json);
    let params = json!({ "ecuAddress": "0x10" });
    let id = client.submit(&site.vehicle_ids[0], "ReadDTC", params).await;
    let events = client.watch(&id).await.until_end().await;
    assert_eq!(events.last().unwrap()["status"], "completed", "{events:#?}");

    let forged = client.with_token(&signed(&claims, "fedcba9876543210fedcba9876543210"));
    assert_eq!(forged.get("/api/v1/auth/me").await.status, 401);
    assert_eq!(forged.watch(&id).await.close_code().await, 1008);
}

#[tokio::test]
async fn without_a_shared_secret_no_token_of_one_is_believed() {
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.start().await;
    let claims = claims(&site.engineer_id);
    let client = Client::anonymous(&site.url).with_token(&signed(&claims, SECRET));
    assert_eq!(client.get("/api/v1/auth/me").await.status, 401);
}

#[tokio::test]
async fn a_short_secret_is_refused_at_the_start() {
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.set_variable("JWT_SECRET", "short");
    let outcome = Outcome::of(site.serve()).await;
    assert_eq!(
        outcome.sentence(),
        "jwt_secret = *** (from JWT_SECRET) is not right: it must be at least 32 bytes long"
    );
}
