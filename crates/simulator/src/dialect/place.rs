//! Where in the resource model a path leads, whatever its prefix.
//!
//! Does not know whether there is anything.

use crate::sovd::BASE;

const ENTITIES: [&str; 4] = ["areas", "components", "apps", "functions"];

/// A path of the resource model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    VersionInfo,
    /// Not below the base: the whole path.
    Outside(String),
    /// The segments after the base.
    Within(Vec<String>),
}

/// What a place is, as far as dialects differ about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    VersionInfo,
    Outside,
    Root,
    Entities,
    Entity,
    DataItems,
    Value,
    Categories,
    Faults,
    Fault,
    Operations,
    Operation,
    Executions,
    Execution,
    Modes,
    Mode,
    Locks,
    Lock,
    Subscriptions,
    Subscription,
    Events,
    Other,
}

impl Place {
    /// Reads a path under the prefixes of a dialect.
    pub(super) fn parse(path: &str, base: &str, version_info: &str) -> Self {
        if path == version_info {
            return Self::VersionInfo;
        }
        match path.strip_prefix(base) {
            Some("") => Self::Within(Vec::new()),
            Some(rest) if rest.starts_with('/') && !rest.ends_with('/') => {
                Self::Within(rest.split('/').skip(1).map(str::to_owned).collect())
            }
            _ => Self::Outside(path.to_owned()),
        }
    }

    /// The path at a server that speaks as the standard does.
    pub(super) fn path(&self) -> String {
        match self {
            Self::VersionInfo => "/sovd/version-info".to_owned(),
            Self::Outside(path) => path.clone(),
            Self::Within(segments) => {
                let below = segments.iter().map(|segment| format!("/{segment}"));
                BASE.to_owned() + &below.collect::<String>()
            }
        }
    }

    pub(super) fn kind(&self) -> Kind {
        let segments = match self {
            Self::VersionInfo => return Kind::VersionInfo,
            Self::Outside(_) => return Kind::Outside,
            Self::Within(segments) => segments,
        };
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] => Kind::Root,
            [collection] if ENTITIES.contains(collection) => Kind::Entities,
            [collection, _, rest @ ..] if ENTITIES.contains(collection) => of_resource(rest),
            rest => of_resource(rest),
        }
    }

    /// The path of the entity whose resource this is; that of the server itself if of none.
    pub(super) fn entity(&self) -> String {
        match self {
            Self::Within(segments) if self.is_of_entity() => {
                let entity = segments.iter().take(2).map(|segment| format!("/{segment}"));
                BASE.to_owned() + &entity.collect::<String>()
            }
            Self::VersionInfo | Self::Outside(_) | Self::Within(_) => BASE.to_owned(),
        }
    }

    /// What comes after the entity, or after the base.
    pub(super) fn resource(&self) -> Vec<&str> {
        let skipped = if self.is_of_entity() { 2 } else { 0 };
        self.segments().iter().skip(skipped).map(String::as_str).collect()
    }

    /// The segments after the base; none outside.
    pub(super) fn segments(&self) -> &[String] {
        if let Self::Within(segments) = self { segments } else { &[] }
    }

    /// The last segment, or nothing.
    pub(super) fn id(&self) -> &str {
        self.segments().last().map_or("", String::as_str)
    }

    /// Replaces the last segment.
    pub(super) fn set_id(&mut self, id: &str) {
        if let Self::Within(segments) = self
            && let Some(last) = segments.last_mut()
        {
            id.clone_into(last);
        }
    }

    /// One segment counted from the base.
    pub(super) fn segment(&self, index: usize) -> &str {
        self.segments().get(index).map_or("", String::as_str)
    }

    fn is_of_entity(&self) -> bool {
        self.segments().len() >= 2 && ENTITIES.contains(&self.segment(0))
    }
}

fn of_resource(words: &[&str]) -> Kind {
    match words {
        [] => Kind::Entity,
        ["data"] => Kind::DataItems,
        ["data", _] => Kind::Value,
        ["data-categories"] => Kind::Categories,
        ["faults"] => Kind::Faults,
        ["faults", _] => Kind::Fault,
        ["operations"] => Kind::Operations,
        ["operations", _] => Kind::Operation,
        ["operations", _, "executions"] => Kind::Executions,
        ["operations", _, "executions", _] => Kind::Execution,
        ["modes"] => Kind::Modes,
        ["modes", _] => Kind::Mode,
        ["locks"] => Kind::Locks,
        ["locks", _] => Kind::Lock,
        ["cyclic-subscriptions"] => Kind::Subscriptions,
        ["cyclic-subscriptions", _] => Kind::Subscription,
        ["cyclic-subscriptions", _, "events"] => Kind::Events,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Place {
        Place::parse(path, "/vehicle/v15", "/vehicle/v15/data/version")
    }

    #[test]
    fn a_path_is_read_below_its_prefix() {
        let read = |path: &str| place(path).kind();
        assert_eq!(read("/vehicle/v15"), Kind::Root);
        assert_eq!(read("/vehicle/v15/data/version"), Kind::VersionInfo);
        assert_eq!(read("/vehicle/v15/components/a/data/x"), Kind::Value);
        assert_eq!(read("/vehicle/v15/components/a"), Kind::Entity);
        assert_eq!(read("/vehicle/v15/locks"), Kind::Locks);
        assert_eq!(read("/vehicle/v15/updates/a"), Kind::Other);
    }

    #[test]
    fn a_foreign_prefix_and_a_slash_at_the_end_lie_outside() {
        for path in ["/sovd/v1/components", "/vehicle/v150", "/vehicle/v15/", "/vehicle/v15/apps/"]
        {
            assert_eq!(place(path), Place::Outside(path.to_owned()));
        }
    }

    #[test]
    fn a_place_has_its_path_in_the_standard() {
        let value = place("/vehicle/v15/apps/a/data/x");
        assert_eq!(value.path(), "/sovd/v1/apps/a/data/x");
        assert_eq!(value.entity(), "/sovd/v1/apps/a");
        assert_eq!(value.resource(), ["data", "x"]);
    }
}
