//! Pages of long lists: how large they are, and where the next one is.
//!
//! Refuses pages of more than 100, and to guess an order: a list is in the order of its store.

use super::problem::Problem;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use url::form_urlencoded;

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// The size of a page that a client asked for: 1 to 100, 20 if it did not say.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(20) {
        limit @ 1..=100 => Ok(limit),
        _ => Err(Problem::invalid().field("limit", "must be between 1 and 100")),
    }
}

/// The last of a full page, after which there may be more.
pub(super) fn last_of_full<T>(page: &[T], limit: u32) -> Option<&T> {
    page.last().filter(|_| u32::try_from(page.len()).is_ok_and(|count| count == limit))
}

/// How many there are in all.
pub(super) fn total(headers: &mut HeaderMap, total: u64) {
    headers.insert(TOTAL, total.into());
}

/// Where the next page is: the same address, only further on.
pub(super) fn next(headers: &mut HeaderMap, uri: &Uri, offset: u32) {
    let asked = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(asked.filter(|(name, _)| name != "offset"))
        .append_pair("offset", &offset.to_string())
        .finish();
    let link = format!(r#"<{}?{query}>; rel="next""#, uri.path());
    // An encoded query has no byte that a header cannot carry.
    if let Ok(link) = HeaderValue::try_from(link) {
        headers.insert(header::LINK, link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_asked_like_this_one() {
        let mut headers = HeaderMap::new();
        let uri = "/api/v1/vehicles?offset=2&search=%C3%BC%20a&limit=2".parse().unwrap();
        next(&mut headers, &uri, 4);
        let link = r#"</api/v1/vehicles?search=%C3%BC+a&limit=2&offset=4>; rel="next""#;
        assert_eq!(headers[header::LINK], link);
    }

    #[test]
    fn a_page_has_1_to_100() {
        assert!(limit(Some(0)).is_err() && limit(Some(101)).is_err());
        assert_eq!([limit(None).unwrap(), limit(Some(100)).unwrap()], [20, 100]);
    }
}
