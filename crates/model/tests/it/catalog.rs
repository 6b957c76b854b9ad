//! The catalogue: every row is whole, and what its schema allows is read as exactly one question.

use fleetwire_model as model;
use jsonschema::Validator;
use model::catalog::{self, Entry, Question, Streaming, entries};
use model::command::Risk;
use model::user::{Action, Role};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Name, risk class, least role, streaming kind, and what else it needs.
const TABLE: [&str; 68] = [
    "ReadDTC R0 engineer many",
    "ClearDTC R2 engineer one lock",
    "ReadDataByID R0 engineer many",
    "vehicle.version R0 engineer one",
    "vehicle.discover R0 engineer many",
    "entity.describe R0 engineer one",
    "vehicle.health R0 engineer many",
    "http.raw R0 engineer one",
    "entity.restart R3 senior one lock",
    "entity.start R3 senior one lock",
    "entity.shutdown R3 senior one lock",
    "entity.force-restart R3 admin one lock",
    "entity.force-shutdown R3 admin one lock",
    "data.list R0 engineer one",
    "data.categories R0 engineer one",
    "data.groups R0 engineer one",
    "data.read R0 engineer many",
    "data.watch R1 engineer live",
    "data.write R2 senior one lock session",
    "data.clear R2 senior many lock",
    "faults.list R0 engineer one",
    "faults.scan R0 engineer many",
    "faults.get R0 engineer one",
    "faults.clear R2 engineer many lock",
    "faults.watch R1 engineer live",
    "operations.list R0 engineer one",
    "operations.describe R0 engineer one",
    "operation.run R2 engineer many lock session",
    "operation.control R2 engineer one lock session",
    "operation.stop R1 engineer one",
    "output.actuate R3 senior many lock session security",
    "modes.list R0 engineer one",
    "mode.get R0 engineer one",
    "mode.set R2 senior one lock",
    "security.unlock R2 senior one lock vehicles.key_sources",
    "lock.list R0 engineer one",
    "lock.acquire R1 engineer one",
    "lock.renew R1 engineer one",
    "lock.release R1 engineer one",
    "lock.break R1 admin one",
    "configuration.list R0 engineer one",
    "configuration.read R0 engineer one",
    "configuration.write R3 senior one lock session",
    "bulk.list R0 engineer one",
    "bulk.download R0 engineer many",
    "bulk.upload R2 senior one",
    "bulk.delete R2 senior one",
    "logs.read R0 engineer many",
    "logs.follow R0 engineer live",
    "logs.config R1 senior one",
    "commlog.start R1 senior live",
    "commlog.stop R1 senior one",
    "commlog.fetch R1 senior many",
    "trigger.create R1 engineer live",
    "trigger.list R0 engineer one",
    "trigger.delete R1 engineer one",
    "script.list R0 engineer one",
    "script.upload R3 senior one lock",
    "script.run R3 senior many lock",
    "script.stop R3 senior one lock",
    "update.list R0 engineer one",
    "update.inspect R0 engineer one",
    "update.status R0 engineer one",
    "update.prepare R3 admin many",
    "update.execute R3 admin many",
    "update.automated R3 admin many",
    "update.cancel R3 admin one",
    "uds.raw R3 admin one lock vehicles.raw_uds",
];

/// How many of the nouns read a submission.
fn readers(submission: &Value) -> usize {
    fn reads<T: DeserializeOwned>(submission: &Value) -> bool {
        T::deserialize(submission).is_ok()
    }
    let read = [
        reads::<catalog::bulk::Question>(submission),
        reads::<catalog::configurations::Question>(submission),
        reads::<catalog::data::Question>(submission),
        reads::<catalog::entities::Question>(submission),
        reads::<catalog::faults::Question>(submission),
        reads::<catalog::locks::Question>(submission),
        reads::<catalog::logs::Question>(submission),
        reads::<catalog::modes::Question>(submission),
        reads::<catalog::operations::Question>(submission),
        reads::<catalog::scripts::Question>(submission),
        reads::<catalog::triggers::Question>(submission),
        reads::<catalog::uds::Question>(submission),
        reads::<catalog::updates::Question>(submission),
        reads::<catalog::vehicles::Question>(submission),
    ];
    read.into_iter().filter(|read| *read).count()
}

fn submission(entry: &Entry, params: &Value) -> Value {
    json!({ "command_name": entry.name, "command_params": params })
}

fn validator(entry: &Entry) -> Validator {
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(&entry.schema).unwrap()
}

fn examples(entry: &Entry) -> &Vec<Value> {
    entry.schema["examples"].as_array().unwrap()
}

/// The rows of the nouns: the older names are read by today's questions only.
fn nouns() -> Vec<Entry> {
    entries().into_iter().filter(|entry| entry.alias_of.is_none()).collect()
}

/// Parameters that a schema allows: an example without some of what it need not have, and with
/// other numbers and words where the schema lists them.
fn params(rows: fn() -> Vec<Entry>) -> impl Strategy<Value = (Entry, Value)> {
    let choices = (any::<Index>(), any::<u64>(), any::<Index>());
    (select(rows()), choices).prop_map(|(entry, (example, kept, choice))| {
        let mut params = example.get(examples(&entry)).as_object().unwrap().clone();
        let schema = &entry.schema;
        let mut bit = 0;
        params.retain(|name, _| {
            bit += 1;
            is_required(schema, name) || kept >> bit & 1 == 1
        });
        for (name, value) in &mut params {
            vary(&schema["properties"][name], value, choice);
        }
        (entry, Value::Object(params))
    })
}

/// Alternatives count as required: without its alternative an example is none.
fn is_required(schema: &Value, name: &str) -> bool {
    let listed = |list: &Value| list.as_array().is_some_and(|list| list.contains(&name.into()));
    let mut alternatives = schema["oneOf"].as_array().into_iter().flatten();
    listed(&schema["required"]) || alternatives.any(|each| listed(&each["required"]))
}

fn vary(schema: &Value, value: &mut Value, choice: Index) {
    if let Some(words) = schema["enum"].as_array() {
        *value = choice.get(words).clone();
    }
    if let (Some(least), Some(most)) = (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
        let with_point = json!(f64::from(u32::try_from(most).unwrap()));
        *value = [least.into(), most.into(), with_point][choice.index(3)].clone();
    }
    if schema["type"] == "boolean" {
        *value = (choice.index(2) == 0).into();
    }
}

proptest! {
    #[test]
    fn what_a_schema_allows_is_read_by_exactly_one_noun((entry, params) in params(nouns)) {
        prop_assert!(validator(&entry).is_valid(&params), "{}: {params}", entry.name);
        prop_assert_eq!(readers(&submission(&entry, &params)), 1, "{}: {}", entry.name, params);
    }

    #[test]
    fn what_can_be_submitted_is_read((entry, params) in params(entries)) {
        prop_assert!(validator(&entry).is_valid(&params), "{}: {params}", entry.name);
        let question: Result<Question, _> = serde_json::from_value(submission(&entry, &params));
        prop_assert!(question.is_ok(), "{}: {params}: {question:?}", entry.name);
    }
}

#[test]
fn names_are_unique_and_aliases_exist() {
    let rows = entries();
    for entry in &rows {
        assert_eq!(rows.iter().filter(|other| other.name == entry.name).count(), 1);
        if let Some(name) = entry.alias_of {
            assert!(rows.iter().any(|other| other.name == name));
        }
    }
}

#[test]
fn every_schema_is_one_and_allows_its_examples() {
    for entry in entries() {
        assert!(jsonschema::draft202012::meta::is_valid(&entry.schema), "{}", entry.name);
        let validator = validator(&entry);
        assert!(!examples(&entry).is_empty(), "{}", entry.name);
        for example in examples(&entry) {
            let faults: Vec<_> = validator.iter_errors(example).map(|it| it.to_string()).collect();
            assert!(faults.is_empty(), "{}: {example}: {faults:?}", entry.name);
        }
    }
}

/// So that a parameter which its question cannot read fails the properties above.
#[test]
fn the_examples_show_every_parameter() {
    for entry in entries() {
        let shown: BTreeSet<&String> =
            examples(&entry).iter().filter_map(Value::as_object).flat_map(Map::keys).collect();
        let all = entry.schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(shown, all, "{}", entry.name);
    }
}

#[test]
fn a_parameter_that_no_schema_names_is_not_read() {
    for entry in nouns() {
        let mut params = examples(&entry)[0].clone();
        params["surprise"] = true.into();
        assert!(!validator(&entry).is_valid(&params), "{}", entry.name);
        assert_eq!(readers(&submission(&entry, &params)), 0, "{}", entry.name);
    }
}

#[test]
fn a_moment_that_is_none_is_not_allowed() {
    let logs = entries().into_iter().find(|entry| entry.name == "logs.read").unwrap();
    let is_allowed = |since: &str| {
        let params = json!({ "entity": "components/gateway", "since": since });
        let is_read = readers(&submission(&logs, &params)) == 1;
        let is_valid = validator(&logs).is_valid(&params);
        assert!(is_read || !is_valid, "{since}");
        is_valid
    };
    assert!(is_allowed("2026-02-28T23:59:59.5Z"));
    assert!(is_allowed("2028-02-29T00:00:00Z"));
    for odd in ["2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "9999-12-31T23:59:59Z", "now"] {
        assert!(!is_allowed(odd), "{odd}");
    }
    is_allowed("2016-12-31T23:59:60Z");
}

#[test]
fn an_entity_is_no_way_out() {
    let list = entries().into_iter().find(|entry| entry.name == "faults.list").unwrap();
    for (entity, expected) in [
        ("apps/a.b-1", true),
        ("components/hpc/subcomponents/soc", true),
        ("apps/..", false),
        ("apps/a/b", false),
        ("components/hpc/subcomponents/..", false),
    ] {
        assert_eq!(validator(&list).is_valid(&json!({ "entity": entity })), expected, "{entity}");
    }
}

#[test]
fn an_id_is_no_step_to_another_place() {
    let set = entries().into_iter().find(|entry| entry.name == "mode.set").unwrap();
    for (id, expected) in [("session", true), ("a.b", true), (".", false), ("..", false)] {
        let params = json!({ "entity": "apps/a", "id": id, "value": "on" });
        assert_eq!(validator(&set).is_valid(&params), expected, "{id}");
    }
}

#[test]
fn a_row_asks_for_no_less_than_its_risk_class() {
    for entry in entries() {
        assert!(entry.role.may(Action::Submit(entry.risk)), "{}", entry.name);
        assert!(
            entry.permits(entry.role, &Value::Null) && entry.permits(Role::Admin, &Value::Null),
            "{}",
            entry.name
        );
        let outsiders = [Role::Viewer, Role::Approver, Role::Auditor];
        assert!(
            !outsiders.into_iter().any(|role| entry.permits(role, &Value::Null)),
            "{}",
            entry.name
        );
    }
}

#[test]
fn a_row_may_ask_for_more_than_its_risk_class() {
    let breaking = entries().into_iter().find(|entry| entry.name == "lock.break").unwrap();
    assert!(Role::Engineer.may(Action::Submit(breaking.risk)));
    assert!(
        !breaking.permits(Role::Engineer, &Value::Null)
            && !breaking.permits(Role::Senior, &Value::Null)
    );
}

#[test]
fn a_live_command_outlasts_its_duration() {
    let live = |entry: &Entry| entry.streaming == Streaming::Live;
    for entry in entries().into_iter().filter(live) {
        let properties = &entry.schema["properties"];
        let longest =
            ["duration", "lifetime"].iter().find_map(|name| properties[name]["maximum"].as_u64());
        let seconds = entry.run_timeout.unwrap().as_secs();
        assert!(longest.is_some_and(|longest| longest < seconds), "{}", entry.name);
    }
}

#[test]
fn reads_take_no_lock_and_set_no_mode() {
    for entry in entries().into_iter().filter(|entry| entry.risk == Risk::R0) {
        assert_eq!(
            (entry.lock, entry.modes),
            (catalog::Lock::None, [].as_slice()),
            "{}",
            entry.name
        );
    }
}

#[test]
fn the_table_keeps_its_rows() {
    let rows: Vec<String> = entries().iter().map(row).collect();
    assert_eq!(rows, TABLE);
}

fn row(entry: &Entry) -> String {
    let lock = if entry.lock == catalog::Lock::Needed { vec!["lock"] } else { Vec::new() };
    let modes: Vec<&str> = entry.modes.iter().map(|mode| mode.id).collect();
    let streaming = format!("{:?}", entry.streaming).to_lowercase();
    let row = format!("{} {:?} {} {streaming}", entry.name, entry.risk, entry.role.word());
    let switch = entry.switch.map(catalog::Switch::setting).into_iter().collect();
    [vec![row.as_str()], lock, modes, switch].concat().join(" ")
}

#[test]
fn a_submission_parses_into_its_question() {
    let submitted = json!({
        "command_name": "ClearDTC",
        "command_params": { "ecuAddress": "0x10", "dtcCode": "P0420" },
    });
    let question: Question = serde_json::from_value(submitted).unwrap();
    let expected =
        Question::ClearDtc { ecu_address: "0x10".to_owned(), dtc_code: Some("P0420".to_owned()) };
    assert_eq!(question, expected);
}

#[test]
fn who_answers_for_somebody_at_the_vehicle_is_a_senior() {
    let run = entries().into_iter().find(|entry| entry.name == "operation.run").unwrap();
    let answered = json!({ "id": "open_trunk", "proximity_response": "4711" });
    assert!(run.permits(Role::Engineer, &json!({ "id": "open_trunk" })));
    assert!(!run.permits(Role::Engineer, &answered) && run.permits(Role::Senior, &answered));
}
