//! What a provider publishes, and which of it counts.
//!
//! Refuses to repeat what the tests of the whole sign-in show.

use super::*;
use serde_json::json;
use testkit::IssuerKey;
use testkit::issuer::Kind;

const NOW: i64 = 1_800_000_000;

fn token(key: &IssuerKey, header: &Value) -> String {
    let claims = json!({
        "iss": "https://id.example", "aud": ["us"], "sub": "42", "nonce": "n",
        "iat": NOW, "exp": NOW + 60,
    });
    key.sign(header, &claims)
}

fn verify(published: &Value, token: &str) -> Result<String, Untrusted> {
    let keys = Keys::read(json!({ "keys": published }).to_string().as_bytes()).unwrap();
    let expected = Expected { issuer: "https://id.example", client_id: "us", nonce: "n" };
    let now = Timestamp::from_second(NOW).unwrap();
    keys.verify(token, &expected, now).map(|said| said.subject)
}

fn with(mut published: Value, field: &str, value: &str) -> Value {
    published[field] = value.into();
    published
}

#[test]
fn keys_of_three_kinds_are_believed_and_strange_ones_passed_over() {
    for kind in [Kind::Rsa, Kind::P256, Kind::Ed25519] {
        let key = IssuerKey::make(kind, "a");
        let strange = json!({ "kty": "new", "kid": "b" });
        let published = json!([strange, 1, key.published()]);
        assert_eq!(verify(&published, &token(&key, &key.header())), Ok("42".into()), "{kind:?}");
    }
}

#[test]
fn a_published_secret_is_no_key() {
    let key = IssuerKey::make(Kind::Ed25519, "a").taken_for_a_secret();
    let secret = json!({ "kty": "oct", "kid": "a", "alg": "HS256", "k": key.published()["x"] });
    let refused = verify(&json!([secret]), &token(&key, &key.header()));
    assert_eq!(refused, Err(Untrusted::UnknownKey));
}

#[test]
fn a_key_serves_for_what_it_is_published_for() {
    let key = IssuerKey::make(Kind::Rsa, "a");
    let token = token(&key, &key.header());
    for (field, value, refused) in [
        ("use", "enc", Untrusted::UnknownKey),
        ("alg", "RSA-OAEP", Untrusted::UnknownKey),
        ("alg", "RS512", Untrusted::Signature),
    ] {
        let published = json!([with(key.published(), field, value)]);
        assert_eq!(verify(&published, &token), Err(refused), "{field} {value}");
    }
}

#[test]
fn without_a_name_a_token_is_of_the_only_key() {
    let (key, other) = (IssuerKey::make(Kind::P256, "a"), IssuerKey::make(Kind::P256, "b"));
    let nameless = token(&key, &json!({ "alg": "ES256" }));
    assert!(verify(&json!([key.published()]), &nameless).is_ok());
    let several = json!([key.published(), other.published()]);
    assert_eq!(verify(&several, &nameless), Err(Untrusted::UnknownKey));
    let misnamed = token(&key, &other.header());
    assert_eq!(verify(&several, &misnamed), Err(Untrusted::Signature));
}

#[test]
fn what_is_no_set_of_keys_is_none() {
    for text in ["", "[]", "{}", r#"{"keys":1}"#] {
        assert!(Keys::read(text.as_bytes()).is_none(), "{text}");
    }
}
