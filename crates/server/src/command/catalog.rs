//! The catalogue with its schemas compiled.
//!
//! Refuses parameters that a schema does not allow, and says for each field what would be right.

use jsonschema::{PatternOptions, ValidationOptions, Validator};
use model::catalog::{Entry, Switch, entries};
use serde_json::Value;

/// How many faults are told at once: a client that sends a list of nonsense is not told of each item.
const FAULTS: usize = 20;
/// Characters of what is told of a fault, which may quote what was sent.
const DETAIL: usize = 500;

/// A parameter that is not as the schema says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where, as a JSON pointer into the parameters.
    pub(crate) pointer: String,
    /// What is wrong.
    pub(crate) detail: String,
}

/// What the installation has set that rows depend on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Switches {
    pub(crate) raw_uds: bool,
    pub(crate) key_sources: bool,
}

impl Switches {
    fn are_on_for(self, entry: &Entry) -> bool {
        match entry.switch {
            Some(Switch::RawUds) => self.raw_uds,
            Some(Switch::KeySources) => self.key_sources,
            None => true,
        }
    }
}

/// Every command that can be submitted.
pub(crate) struct Catalog {
    rows: Vec<(Entry, Validator)>,
    /// What could be submitted if the installation had set it.
    absent: Vec<(&'static str, Switch)>,
}

/// How parameters are checked: the patterns in time that grows with the text alone.
fn options() -> ValidationOptions<'static> {
    // What the format of a moment allows must be one, or its question could not be read.
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.with_pattern_options(PatternOptions::regex())
}

impl Catalog {
    pub(crate) fn new(switches: Switches) -> Self {
        let (here, absent): (Vec<_>, Vec<_>) =
            entries().into_iter().partition(|entry| switches.are_on_for(entry));
        let absent = absent.iter().filter_map(|entry| Some((entry.name, entry.switch?)));
        let compiled = here.into_iter().filter_map(|entry| {
            // The schemas are constants: a test compiles every one.
            let validator = options().build(&entry.schema).ok()?;
            Some((entry, validator))
        });
        Self { rows: compiled.collect(), absent: absent.collect() }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.rows.iter().map(|(entry, _)| entry)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries().find(|entry| entry.name == name)
    }

    /// What the installation would have to set for a command that is not there; `None` if there is no
    /// such command at all.
    pub(crate) fn switch_of(&self, name: &str) -> Option<Switch> {
        self.absent.iter().find(|(absent, _)| *absent == name).map(|(_, switch)| *switch)
    }

    /// What is wrong with the parameters of a command, as far as it is told; empty if nothing is.
    pub(crate) fn faults(&self, name: &str, params: &Value) -> Vec<Fault> {
        let Some((_, validator)) = self.rows.iter().find(|(entry, _)| entry.name == name) else {
            return Vec::new();
        };
        validator
            .iter_errors(params)
            .take(FAULTS)
            .map(|error| Fault {
                pointer: error.instance_path().to_string(),
                detail: error.to_string().chars().take(DETAIL).collect(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_pattern_takes_for_ever() {
        let schema = json!({ "type": "string", "pattern": "^(?=a)(a+)+$" });
        assert!(options().build(&schema).is_err(), "that would be tried in every possible way");
    }

    #[test]
    fn every_schema_compiles() {
        let all = Catalog::new(Switches { raw_uds: true, key_sources: true });
        assert_eq!(all.entries().count(), entries().len());
    }

    #[test]
    fn what_is_not_switched_on_is_not_there() {
        let catalog = Catalog::new(Switches { raw_uds: false, key_sources: true });
        assert!(catalog.entry("uds.raw").is_none() && catalog.entry("security.unlock").is_some());
        assert_eq!(catalog.switch_of("uds.raw"), Some(Switch::RawUds));
        assert_eq!(catalog.switch_of("no.such"), None);
    }

    #[test]
    fn a_list_of_nonsense_is_refused_in_few_words() {
        let params = json!({ "entities": vec!["x".repeat(1000); 1000] });
        let faults = Catalog::new(Switches::default()).faults("faults.scan", &params);
        let told: usize = faults.iter().map(|fault| fault.detail.len()).sum();
        assert!((1..=FAULTS).contains(&faults.len()) && told <= FAULTS * DETAIL, "{told}");
    }

    #[test]
    fn each_wrong_field_is_named() {
        let faults = Catalog::new(Switches::default())
            .faults("ReadDTC", &json!({ "ecuAddress": "0x1", "x": 1 }));
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults.iter().any(|fault| fault.pointer == "/ecuAddress"));
    }
}
