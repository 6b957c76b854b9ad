//! Resources that subscriptions and triggers can be about, read without a request.
//!
//! Reads only what is below the entity itself.

use axum::http::Uri;
use serde_json::Value;

use super::at::href;
use super::{At, Query, data, data_lists, faults, operations};
use crate::refusal::Refusal;

/// The path below the entity that a URI means, absolute or relative.
///
/// # Errors
///
/// [`Refusal::InvalidParameters`] if it leads elsewhere.
pub(super) fn below(at: &At, uri: &str) -> Result<String, Refusal> {
    let elsewhere = || Refusal::InvalidParameters(format!("`{uri}` is not below the entity"));
    let path = match uri.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or_default(),
        None => uri,
    };
    if !path.starts_with('/') {
        return Ok(path.trim_start_matches("./").to_owned());
    }
    let below = path.strip_prefix(&href(&at.entity)).and_then(|rest| rest.strip_prefix('/'));
    below.map(str::to_owned).ok_or_else(elsewhere)
}

/// The body that a GET of the resource would be answered with now.
///
/// # Errors
///
/// As the GET, and [`Refusal::NoSuchPath`] for what cannot be observed.
pub(super) fn observe(at: &At, resource: &str) -> Result<Value, Refusal> {
    let uri = Uri::try_from(format!("/{resource}")).map_err(|_| Refusal::NoSuchPath)?;
    let query = Query::of(&uri)?;
    let segments: Vec<&str> = uri.path().split('/').skip(1).collect();
    if !at.memory().power.is_up(at.now) {
        return Err(Refusal::NotResponding);
    }
    match segments.as_slice() {
        ["data", id] => data::value(at, id, query.flag("include-schema")?),
        ["data-lists", id] => data_lists::values(at, id, query.flag("include-schema")?),
        ["faults"] => faults::all(at, &query),
        ["faults", code] => faults::one(at, code, &query),
        ["operations", operation, "executions", id] => operations::report(at, operation, id),
        _ => Err(Refusal::NoSuchPath),
    }
}
