//! The cookie in which a browser keeps the refresh token of a page.
//!
//! Refuses pages of other origins, and to be read by any script.

use super::problem::Problem;
use super::socket::is_own;
use axum::http::{HeaderMap, HeaderValue, header};
use std::time::Duration;

/// Only this host sets it, only by TLS (or on the machine itself), for every path.
const NAME: &str = "__Host-fleetwire";

/// A sign-in that has begun elsewhere. The provider sends the browser back: that is another site.
#[cfg(feature = "oidc")]
const SIGN_IN: &str = "__Host-fleetwire-sign-in";

/// Hands the token to the browser.
pub(super) fn set(token: &str, life: Duration) -> Option<HeaderValue> {
    header_value(NAME, token, life, "Strict")
}

/// Takes the token away from the browser.
pub(super) fn clear() -> Option<HeaderValue> {
    header_value(NAME, "", Duration::ZERO, "Strict")
}

/// Lets the browser keep a sign-in that has begun.
#[cfg(feature = "oidc")]
pub(super) fn keep_sign_in(sealed: &str, life: Duration) -> Option<HeaderValue> {
    header_value(SIGN_IN, sealed, life, "Lax")
}

/// Takes it away again.
#[cfg(feature = "oidc")]
pub(super) fn forget_sign_in() -> Option<HeaderValue> {
    header_value(SIGN_IN, "", Duration::ZERO, "Lax")
}

/// The sign-in that a browser brings back; `None` if it has begun none.
#[cfg(feature = "oidc")]
pub(super) fn sign_in(headers: &HeaderMap) -> Option<String> {
    find(headers, SIGN_IN).map(ToOwned::to_owned)
}

fn header_value(name: &str, value: &str, life: Duration, site: &str) -> Option<HeaderValue> {
    let seconds = life.as_secs();
    let text =
        format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite={site}");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn find<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let pairs = cookies.flat_map(|list| list.split(';')).filter_map(|it| it.trim().split_once('='));
    let mut found = pairs.filter(|(name, value)| *name == wanted && !value.is_empty());
    found.next().map(|(_, value)| value)
}

/// The token that a browser brings; `None` if it brings none.
///
/// The request has to come from a page of this origin, and has to say so.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(token) = find(headers, NAME) else { return Ok(None) };
    if !headers.contains_key(header::ORIGIN) || !is_own(headers, &[]) {
        return Err(Problem::forbidden("a session in a cookie is for pages of this server alone"));
    }
    Ok(Some(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("cars.example"));
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; __Host-fleetwire=secret"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn a_page_of_this_origin_has_its_token() {
        let found = token(&asked(Some("https://cars.example"))).unwrap();
        assert_eq!(found.as_deref(), Some("secret"));
        assert!(token(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn other_origins_and_those_who_do_not_say_have_none() {
        assert!(token(&asked(Some("https://evil.example"))).is_err());
        assert!(token(&asked(Some("null"))).is_err());
        assert!(token(&asked(None)).is_err());
    }

    #[test]
    fn no_script_reads_the_cookie_and_no_other_site_sends_it() {
        let value = set("t", Duration::from_mins(1)).unwrap();
        assert_eq!(
            value.to_str().unwrap(),
            "__Host-fleetwire=t; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict"
        );
    }
}
