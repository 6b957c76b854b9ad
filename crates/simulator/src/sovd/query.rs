//! The query of a request.
//!
//! Knows no names: what is asked for by which name is for the handlers.

use axum::http::Uri;

use crate::refusal::Refusal;

/// The pairs of a query, in order, repeated names included.
pub(super) struct Query(pub(super) Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::try_from_uri(uri);
        pairs.map(|pairs| Self(pairs.0)).map_err(|cause| Refusal::InvalidQuery(cause.body_text()))
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// A switch that is off unless it says `true`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        self.flag_or(name, false)
    }

    /// A switch that has a place when nobody mentions it.
    pub(super) fn flag_or(&self, name: &str, unsaid: bool) -> Result<bool, Refusal> {
        match self.first(name) {
            None => Ok(unsaid),
            Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::InvalidQuery(format!("`{name}` is `true` or `false`"))),
        }
    }

    /// Whether something passes that carries these values; nothing asked for lets all pass.
    pub(super) fn asks_for(&self, name: &str, values: &[&str]) -> bool {
        let mut asked = self.all(name).peekable();
        asked.peek().is_none() || asked.any(|asked| values.contains(&asked))
    }
}
