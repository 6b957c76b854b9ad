//! The rules of STYLE.md that neither rustc nor clippy can see, held against every source file.

use std::fs;
use std::path::{Path, PathBuf};

use fleetwire_testkit::tidy::{Source, sources};

/// A drawer that takes everything is opened for everything.
const DRAWERS: [&str; 9] =
    ["common", "core", "helper", "helpers", "manager", "shared", "types", "util", "utils"];

/// How the model spells where a command stands. `failed`, `expired`, `rejected` and `unknown` are
/// not listed: they are plain words for other things too.
const STATUS_WORDS: [&str; 9] = [
    "awaiting_approval",
    "cancelled",
    "cancelling",
    "completed",
    "dispatched",
    "in_progress",
    "pending",
    "queued",
    "running",
];

/// Crates that may quote them: two spell them for everybody, two speak SOVD's own words.
const STATUS_CRATES: [&str; 4] = ["model", "simulator", "sovd", "store"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Fails with one line for each fault.
fn refuse(faults: &[String]) {
    assert!(faults.is_empty(), "{} to mend\n{}", faults.len(), faults.join("\n"));
}

/// A fault for every source file for which `fault` finds one.
fn each(fault: impl Fn(&Source) -> Option<String>) -> Vec<String> {
    sources(&root()).iter().filter_map(fault).collect()
}

/// A fault for every line of code, outside comments, for which `is_fault` holds.
fn each_line(
    in_scope: impl Fn(&Source) -> bool,
    is_fault: impl Fn(&str) -> bool,
    advice: &str,
) -> Vec<String> {
    let sources = sources(&root());
    let scoped = sources.iter().filter(|source| in_scope(source));
    scoped
        .flat_map(|source| source.code().map(move |(number, line)| (source, number, line)))
        .filter(|(_, _, line)| is_fault(line))
        .map(|(source, number, line)| format!("{source}:{number}: {advice}: {}", line.trim()))
        .collect()
}

#[test]
fn there_are_sources_to_check() {
    assert!(sources(&root()).iter().any(|source| source.path().ends_with("tests/it/tidy.rs")));
}

#[test]
fn files_have_at_most_500_lines() {
    refuse(&each(|source| {
        let lines = source.lines().len();
        let fault =
            format!("{source}: {lines} lines, more than 500: split it along the path of data");
        (lines > 500).then_some(fault)
    }));
}

#[test]
fn modules_say_what_they_do_and_what_they_refuse() {
    refuse(&each(|source| {
        let wanted = if source.is_test() { 1 } else { 2 };
        let advice = "begin with //! in two sentences: what it is for, what it refuses to do";
        (source.module_sentences() < wanted).then(|| format!("{source}:1: {advice}"))
    }));
}

#[test]
fn no_module_is_a_drawer() {
    refuse(&each(|source| {
        let names = source.path().with_extension("");
        let drawer = names
            .iter()
            .filter_map(|name| name.to_str())
            .find(|name| DRAWERS.contains(name) || *name == "mod")?;
        Some(format!("{source}: {drawer:?} says nothing: name the module after its duty"))
    }));
}

#[test]
fn comments_are_at_most_15_percent_of_the_code_of_a_crate() {
    let sources = sources(&root());
    let mut crates: Vec<&str> = sources.iter().map(Source::crate_name).collect();
    crates.dedup();
    let faults = crates.into_iter().filter_map(|name| {
        let of_crate = || sources.iter().filter(|source| source.crate_name() == name);
        let comments: usize = of_crate().map(Source::comment_lines).sum();
        let code: usize = of_crate().map(|source| source.code().count()).sum();
        (comments * 100 > code * 15).then(|| {
            format!("crates/{name}: {comments} // lines on {code} of code: keep those that say why")
        })
    });
    refuse(&faults.collect::<Vec<_>>());
}

#[test]
fn public_types_and_traits_are_documented() {
    let faults = undocumented(&["struct", "enum", "trait", "type", "union"]);
    refuse(&faults.undocumented);
}

#[test]
fn nine_in_ten_public_functions_are_documented() {
    let found = undocumented(&["fn"]);
    if found.undocumented.len() * 10 > found.items {
        refuse(&found.undocumented);
    }
}

struct Documentation {
    items: usize,
    undocumented: Vec<String>,
}

fn undocumented(kinds: &[&str]) -> Documentation {
    let mut found = Documentation { items: 0, undocumented: Vec::new() };
    for source in sources(&root()).iter().filter(|source| !source.is_test()) {
        for item in source.public_items().filter(|item| kinds.contains(&item.kind)) {
            found.items += 1;
            if !item.documented {
                let fault = format!("{source}:{}: say what `{}` means", item.line, item.name);
                found.undocumented.push(fault);
            }
        }
    }
    found
}

#[test]
fn status_words_stand_in_the_model_only() {
    refuse(&each_line(
        |source| !source.is_test() && !STATUS_CRATES.contains(&source.crate_name()),
        |line| STATUS_WORDS.iter().any(|word| line.contains(&format!("{word:?}"))),
        "match on the state, do not compare its word",
    ));
}

#[test]
fn only_the_hub_has_a_map_behind_a_lock() {
    refuse(&each_line(
        |source| !source.path().ends_with("server/src/live/hub.rs"),
        // In two pieces, or this line would be the first fault.
        |line| line.contains(concat!("Mutex<", "HashMap")),
        "one owner task, or one private map in a type with verbs",
    ));
}

#[test]
fn every_task_is_tracked() {
    refuse(&each_line(
        |_| true,
        |line| line.contains(concat!("tokio::", "spawn(")),
        "untracked: spawn on a TaskTracker",
    ));
}

#[test]
fn the_readme_has_at_most_120_lines() {
    let lines = fs::read_to_string(root().join("README.md")).map_or(0, |text| text.lines().count());
    assert!(lines <= 120, "README.md: {lines} lines, more than 120: move details to docs/");
}

#[test]
fn the_threat_model_names_tests_that_there_are() {
    let page = fs::read_to_string(root().join("docs/operate/threat-model.md")).unwrap();
    let quoted = page.split('`').skip(1).step_by(2);
    let is_test = |quote: &&str| quote.contains("::") || quote.matches('_').count() > 2;
    refuse_missing(quoted.filter(is_test));
}

#[test]
fn every_test_that_the_page_of_security_names_exists() {
    let page = fs::read_to_string(root().join("docs/operate/security.md")).unwrap();
    let (_, table) = page.split_once("the test that fails without it").expect("it has a table");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let rows: Vec<_> = rows.filter_map(|row| row.rsplit(" | ").next()).skip(1).collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    refuse_missing(rows.iter().flat_map(|row| row.split('`').skip(1).step_by(2)));
}

/// Holds that there are the tests, files and crates of these names.
fn refuse_missing<'a>(names: impl Iterator<Item = &'a str>) {
    let sources = sources(&root());
    refuse(&names.filter_map(|name| missing(name, &sources)).collect::<Vec<_>>());
}

/// What is wrong with a name: of a file, of a crate, or of a test, behind its module if need be. `*` is
/// all tests of a module.
fn missing(name: &str, sources: &[Source]) -> Option<String> {
    if name.contains(['/', '.']) {
        return (!root().join(name).exists()).then(|| format!("there is no file {name}"));
    }
    let (module, test) = name.rsplit_once("::").unwrap_or(("", name));
    let module = module.replace("::", "/");
    if module.is_empty() && !test.contains('_') {
        let folder = if name == "fleetwire" { "cli" } else { name };
        return (!root().join("crates").join(folder).is_dir()).then(|| format!("no crate {name}"));
    }
    let opening = format!("fn {test}(");
    let is_there = |source: &&Source| {
        let has_it = || source.lines().iter().any(|line| line.contains(&opening));
        source.path().display().to_string().contains(&module) && (test == "*" || has_it())
    };
    sources.iter().find(is_there).is_none().then(|| format!("there is no test {name}"))
}

fn manifest(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn releases_check_overflow() {
    let manifest = manifest("Cargo.toml");
    let (_, release) = manifest.split_once("[profile.release]\n").expect("there is a profile");
    assert!(release.split("\n[").next().unwrap().contains("overflow-checks = true"));
}

#[test]
fn no_crate_may_be_unsafe() {
    assert!(manifest("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for member in fs::read_dir(root().join("crates")).unwrap() {
        let path = member.unwrap().path().join("Cargo.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{}", path.display());
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = manifest("Cargo.toml");
    let (_, rest) = manifest.split_once("[workspace.dependencies]\n").unwrap();
    let lines = rest.lines().take_while(|line| !line.starts_with('['));
    let foreign = lines.filter(|line| line.contains(" = ") && !line.contains("path = "));
    let bare = foreign.filter(|line| !line.contains(" # "));
    refuse(&bare.map(|line| format!("Cargo.toml: say why: {line}")).collect::<Vec<_>>());
}

#[test]
fn no_crate_of_ours_brings_patterns() {
    let manifest = manifest("Cargo.toml");
    let (_, rest) = manifest.split_once("[workspace.dependencies]\n").unwrap();
    let mut lines = rest.lines().take_while(|line| !line.starts_with('['));
    let is_regex = |line: &&str| line.starts_with("regex") || line.starts_with("fancy-regex");
    assert_eq!(lines.find(is_regex), None, "a pattern can take for ever");
}
