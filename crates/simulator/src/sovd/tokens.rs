//! Access tokens, for whoever asks.
//!
//! Checks no secret and signs nothing: a token says who somebody claims to be.

use axum::Json;
use axum::http::Uri;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Query, parsed};
use crate::refusal::Refusal;

const LIFETIME_S: u32 = 3600;

/// The body that asks for a token; a secret in it is not looked at.
#[derive(Deserialize)]
struct Credentials {
    client_id: String,
}

/// Gives a token to a client that names itself, in JSON or as a form.
pub(super) async fn give(body: Bytes) -> Result<Json<Value>, Refusal> {
    let client = if body.starts_with(b"{") {
        parsed::<Credentials>(&body)?.client_id
    } else {
        of_form(&body)?
    };
    let encoded = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let (head, claims) = (encoded(json!({"alg": "none"})), encoded(json!({"sub": client})));
    Ok(Json(json!({
        "access_token": format!("{head}.{claims}."),
        "token_type": "Bearer",
        "expires_in": LIFETIME_S,
    })))
}

/// A form is written as a query is.
fn of_form(body: &[u8]) -> Result<String, Refusal> {
    let nameless = || Refusal::InvalidParameters("`client_id` is missing".to_owned());
    let uri = Uri::try_from([b"/?", body].concat()).map_err(|_| nameless())?;
    Query::of(&uri)?.first("client_id").map(str::to_owned).ok_or_else(nameless)
}
