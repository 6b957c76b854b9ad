//! Addresses inside documents: from the prefix of the standard to that of a dialect, and back.
//!
//! Looks at the beginning of strings only; what an address leads to is the business of `place`.

use serde_json::Value;

use crate::sovd::BASE;

/// Rewrites every address of the standard; `origin` goes before it.
pub(super) fn outward(document: &mut Value, origin: &str, base: &str) {
    each_text(document, &|text| rebased(text, BASE, &format!("{origin}{base}")));
}

/// Rewrites every address of a dialect, also an absolute one.
pub(super) fn inward(document: &mut Value, base: &str) {
    each_text(document, &|text| rebased(path_of(text), base, BASE));
}

/// `text` with another beginning; `None` if it does not begin so.
pub(super) fn rebased(text: &str, from: &str, to: &str) -> Option<String> {
    let rest = text.strip_prefix(from)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
}

fn path_of(text: &str) -> &str {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let path = rest.and_then(|rest| rest.split_at_checked(rest.find('/')?));
    path.map_or(text, |(_, path)| path)
}

/// Deep documents do not get here: what parsed is at most 128 levels deep.
fn each_text(document: &mut Value, rewrite: &impl Fn(&str) -> Option<String>) {
    match document {
        Value::String(text) => {
            if let Some(rewritten) = rewrite(text) {
                *text = rewritten;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, rewrite)),
        Value::Object(fields) => fields.values_mut().for_each(|it| each_text(it, rewrite)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_get_the_prefix_of_the_dialect_and_nothing_else_does() {
        let mut document = json!({"data": "/sovd/v1/components/a/data", "id": "/sovd/v10",
            "items": [{"href": "/sovd/v1/components/a"}], "base_uri": "/sovd/v1"});
        outward(&mut document, "http://car:80", "/api/v1");
        let expected = json!({"data": "http://car:80/api/v1/components/a/data", "id": "/sovd/v10",
            "items": [{"href": "http://car:80/api/v1/components/a"}],
            "base_uri": "http://car:80/api/v1"});
        assert_eq!(document, expected);
    }

    #[test]
    fn what_a_client_names_is_found_whether_absolute_or_not() {
        let mut document = json!(["/api/v1/components/a", "http://car/api/v1/x", "data/a", "http"]);
        inward(&mut document, "/api/v1");
        assert_eq!(document, json!(["/sovd/v1/components/a", "/sovd/v1/x", "data/a", "http"]));
    }
}
