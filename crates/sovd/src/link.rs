//! Places on the vehicle's own server, as links and `Location` headers name them.
//! Refuses to lead to another host: of an absolute address only path and query count.

use std::fmt;

use url::Url;

/// A place on the vehicle's server; what is shown of it is path and query.
///
/// Servers build absolute addresses from whatever `Host` they were called by, so a host found in
/// an answer means nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Link(Url);

impl Link {
    pub(crate) fn new(mut url: Url) -> Self {
        url.set_fragment(None);
        Self(url)
    }

    /// Where `reference` leads when it was read at this place; `None` if that is no web address.
    pub(crate) fn resolve(&self, reference: &str) -> Option<Self> {
        let target = self.0.join(reference).ok()?;
        matches!(target.scheme(), "http" | "https").then(|| self.moved_to(&target))
    }

    /// The place called `segment` directly below this one; never this one itself, nor one above.
    pub(crate) fn child(&self, segment: &str) -> Self {
        let mut url = self.0.clone();
        url.set_query(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&name(segment));
        }
        Self(url)
    }

    /// The place directly above this one; the root is its own parent.
    pub(crate) fn parent(&self) -> Self {
        let mut url = self.0.clone();
        url.set_query(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().pop();
        }
        Self(url)
    }

    /// The last segment of the path; `None` at the root.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.path_segments()?.next_back().filter(|segment| !segment.is_empty())
    }

    /// The last segment as the server means it, without percent signs.
    pub(crate) fn decoded_name(&self) -> Option<String> {
        let pair = format!("name={}", self.name()?.replace('+', "%2B"));
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, name)| name.into_owned())
    }

    /// The same place as a full address.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Path and query of `target` on this place's host.
    pub(crate) fn moved_to(&self, target: &Url) -> Self {
        let mut url = self.0.clone();
        url.set_path(target.path());
        url.set_query(target.query());
        url.set_fragment(None);
        Self(url)
    }
}

/// A segment that names something: in an address a step is none, so that it becomes a name that no
/// server has. Whoever reads addresses skips the control characters.
fn name(segment: &str) -> String {
    let name: String = segment.chars().filter(|letter| !letter.is_control()).collect();
    if matches!(name.as_str(), "" | "." | "..") { "\u{b7}".to_owned() } else { name }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Two slashes at the beginning would be read as a host.
        let guard = if self.0.path().starts_with("//") { "/." } else { "" };
        write!(f, "{guard}{}", self.0.path())?;
        self.0.query().map_or(Ok(()), |query| write!(f, "?{query}"))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_looks_like_a_host_reads_the_same_again() {
        let base = Link::new(Url::parse("http://vehicle/v1").unwrap());
        let link = base.resolve("http://other//evil.example/x?y").unwrap();
        assert_eq!(link.to_string(), "/.//evil.example/x?y");
        assert_eq!(base.resolve(&link.to_string()), Some(link));
    }

    #[test]
    fn a_child_is_below_whatever_it_is_called() {
        let faults = Link::new(Url::parse("http://vehicle/v1/faults").unwrap());
        for (name, place) in [
            ("P0420", "/v1/faults/P0420"),
            ("a/../b", "/v1/faults/a%2F..%2Fb"),
            ("%2e%2e", "/v1/faults/%252e%252e"),
            ("..", "/v1/faults/%C2%B7"),
            (".\t.", "/v1/faults/%C2%B7"),
            (".", "/v1/faults/%C2%B7"),
            ("", "/v1/faults/%C2%B7"),
        ] {
            assert_eq!(faults.child(name).to_string(), place, "{name:?}");
        }
    }
}
