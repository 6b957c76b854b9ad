//! Which encodings of a file its reader knows.
//!
//! Refuses to compress: files are compressed before the server is built.

use axum::http::{HeaderMap, header};

/// Whether the reader asks for this encoding by its name, such as `br`.
pub(super) fn reads(asked: &HeaderMap, encoding: &str) -> bool {
    let lists = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        name.trim() == encoding && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn an_encoding_goes_to_those_who_ask_for_it() {
        let asked = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(text));
            reads(&headers, "br")
        };
        assert!(asked("gzip, deflate, br, zstd") && asked("br;q=0.5"));
        assert!(!asked("gzip") && !asked("br;q=0, gzip") && !asked("brotli"));
    }
}
