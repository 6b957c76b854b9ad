//! The description of the interface is the one that is published.

use serde_json::Value;
use std::collections::HashSet;
use std::{env, fs};

const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn openapi_is_current() {
    let described = fleetwire_server::openapi();
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(PUBLISHED, &described).unwrap();
    }
    let published = fs::read_to_string(PUBLISHED).unwrap_or_default();
    let advice = "docs/openapi.json is old: run the tests once with UPDATE_OPENAPI=1";
    assert!(published == described, "{advice}");
}

/// Every operation of the description: method, path and what is said of it.
pub(crate) fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(&fleetwire_server::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods.iter().map(move |(method, it)| (method.to_uppercase(), path.clone(), it.clone()))
    });
    each.collect()
}

#[test]
fn every_operation_has_a_name_a_sentence_and_its_problems() {
    let mut names = HashSet::new();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name), "{method} {path}: the name is taken");
        assert!(operation["summary"].is_string(), "{method} {path} says nothing");
        assert!(operation["responses"]["default"].is_object(), "{method} {path}");
    }
}

#[test]
fn parameters_of_a_list_stand_in_the_query() {
    for (method, path, operation) in operations() {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let is_in_path = path.contains(&format!("{{{name}}}"));
            assert_eq!(parameter["in"] == "path", is_in_path, "{method} {path}: {name}");
        }
    }
}
