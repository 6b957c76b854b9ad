//! The catalogue with its schemas compiled.
//!
//! Refuses parameters that a schema does not allow, and says for each field what would be right.

use jsonschema::Validator;
use model::catalog::{Entry, entries};
use serde_json::Value;

/// A parameter that is not as the schema says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where, as a JSON pointer into the parameters.
    pub(crate) pointer: String,
    /// What is wrong.
    pub(crate) detail: String,
}

/// Every command that can be submitted.
pub(crate) struct Catalog(Vec<(Entry, Validator)>);

impl Catalog {
    pub(crate) fn new() -> Self {
        let compiled = entries().into_iter().filter_map(|entry| {
            // What the format of a moment allows must be one, or its question could not be read.
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            // The schemas are constants: a test compiles every one.
            let validator = options.build(&entry.schema).ok()?;
            Some((entry, validator))
        });
        Self(compiled.collect())
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().map(|(entry, _)| entry)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries().find(|entry| entry.name == name)
    }

    /// What is wrong with the parameters of a command; empty if nothing is.
    pub(crate) fn faults(&self, name: &str, params: &Value) -> Vec<Fault> {
        let Some((_, validator)) = self.0.iter().find(|(entry, _)| entry.name == name) else {
            return Vec::new();
        };
        validator
            .iter_errors(params)
            .map(|error| Fault {
                pointer: error.instance_path().to_string(),
                detail: error.to_string(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_schema_compiles() {
        assert_eq!(Catalog::new().entries().count(), entries().len());
    }

    #[test]
    fn each_wrong_field_is_named() {
        let faults = Catalog::new().faults("ReadDTC", &json!({ "ecuAddress": "0x1", "x": 1 }));
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults.iter().any(|fault| fault.pointer == "/ecuAddress"));
    }
}
