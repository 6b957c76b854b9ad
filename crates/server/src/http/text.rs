//! Texts that people type: names, addresses to write to, addresses of vehicles.
//!
//! Refuses what could not be stored or shown: control characters, and anything too long.

use super::problem::Problem;
use crate::auth::names;
use url::Url;

/// Bytes of the longest vehicle address.
const LONGEST_URL: usize = 2048;

/// A name of something, with at least one character.
pub(super) fn name(pointer: &str, text: String) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::invalid().field(pointer, "must not be empty"));
    }
    line(pointer, text)
}

/// One line, which may be empty.
pub(super) fn line(pointer: &str, text: String) -> Result<String, Problem> {
    within(100, pointer, text)
}

/// A place in a vehicle, which may lie deep.
pub(super) fn path(pointer: &str, text: String) -> Result<String, Problem> {
    within(400, pointer, text)
}

fn within(limit: usize, pointer: &str, text: String) -> Result<String, Problem> {
    if text.chars().count() <= limit && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    let rule = format!("must have at most {limit} characters, none of them a control character");
    Err(Problem::invalid().field(pointer, rule))
}

/// A name to log in with.
pub(super) fn username(text: String) -> Result<String, Problem> {
    if names::is_username(&text) {
        return Ok(text);
    }
    let rule = "must be 1 to 64 letters, digits, dots, hyphens, underscores and @";
    Err(Problem::invalid().field("/username", rule))
}

/// Somewhere to write to.
pub(super) fn email(text: String) -> Result<String, Problem> {
    if names::is_email(&text) {
        return Ok(text);
    }
    Err(Problem::invalid().field("/email", "must be an address such as ada@example.org"))
}

/// The address of a SOVD server.
pub(super) fn sovd_url(text: String) -> Result<String, Problem> {
    let is_odd = |symbol: char| symbol.is_control() || symbol.is_whitespace();
    let is_sovd = Url::parse(&text).is_ok_and(|url| is_plain(&url));
    if is_sovd && text.len() <= LONGEST_URL && !text.chars().any(is_odd) {
        return Ok(text);
    }
    let rule = "must be http:// or https:// with a host, without credentials, query or fragment";
    Err(Problem::invalid().field("/sovd_url", rule))
}

fn is_plain(url: &Url) -> bool {
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    let ends_in_path = url.query().is_none() && url.fragment().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && is_anonymous && ends_in_path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vehicle_is_at_a_plain_address() {
        for text in ["http://10.1.2.3:8080", "https://car.example/sovd/v1", "http://[2001:db8::1]"]
        {
            assert!(sovd_url(text.to_owned()).is_ok(), "{text}");
        }
        for text in [
            "",
            "car.example",
            "ftp://car.example",
            "file:///etc/passwd",
            "http://user@car.example",
            "http://:secret@car.example",
            "http://car.example/#part",
            "http://car.example/?q",
            "http://car.example/\u{0}",
            " http://car.example",
        ] {
            assert!(sovd_url(text.to_owned()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_email_address_has_two_halves() {
        assert!(email("ada@example.org".to_owned()).is_ok());
        for text in ["", "ada", "@example.org", "ada@", "a@b@c", "a da@example.org"] {
            assert!(email(text.to_owned()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_can_be_shown() {
        assert!(name("/name", "Werkstatt Köln 3".to_owned()).is_ok());
        for text in ["", "  ", "a\u{0}b", "a\nb", &"x".repeat(101)] {
            assert!(name("/name", text.to_owned()).is_err(), "{text:?}");
        }
    }
}
