//! The files of `deploy/` and the pages of `docs/operate/`: that they name only what there is.

use crate::outcome::Outcome;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::Binary;

/// Settings that can be read from a file that a variable names.
const SECRETS: [&str; 3] = ["DATABASE_URL", "REDIS_URL", "JWT_SECRET"];
/// What Prometheus makes of a histogram.
const SERIES: [&str; 3] = ["_bucket", "_sum", "_count"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A file of the repository and what is in it.
struct File {
    path: PathBuf,
    text: String,
}

/// The files below a directory, without those that `deploy/make-secrets` makes.
fn files_below(directory: &Path) -> Vec<File> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(if path.ends_with("secrets") { Vec::new() } else { files_below(&path) });
        } else {
            files.push(File { text: fs::read_to_string(&path).unwrap(), path });
        }
    }
    files
}

fn pages() -> Vec<File> {
    files_below(&root().join("docs/operate"))
}

fn everything() -> Vec<File> {
    [files_below(&root().join("deploy")), pages()].into_iter().flatten().collect()
}

impl File {
    /// Its words: names of settings, variables and metrics are each one of them.
    fn words(&self) -> impl Iterator<Item = &str> {
        let is_end =
            |symbol: char| !symbol.is_ascii_alphanumeric() && symbol != '_' && symbol != '.';
        self.text.split(is_end).map(|word| word.trim_matches('.'))
    }
}

async fn fleetwire(args: &[&str]) -> Outcome {
    let mut command = Binary::fleetwire().command();
    command.current_dir(root().join("deploy")).args(args);
    Outcome::of(command).await
}

/// The settings that there are, as `config print` shows them.
async fn settings() -> BTreeSet<String> {
    let shown = fleetwire(&["config", "print"]).await;
    let keys = shown.stdout.lines().filter_map(|line| line.split_once(" = "));
    keys.map(|(key, _)| key.to_owned()).collect()
}

fn variables(settings: &BTreeSet<String>) -> BTreeSet<String> {
    let names = settings.iter().map(|key| key.to_uppercase().replace('.', "_"));
    let files = SECRETS.iter().map(|name| format!("{name}_FILE"));
    let all = names.chain(files).chain(["CONFIG".to_owned()]);
    all.map(|name| format!("FLEETWIRE_{name}")).collect()
}

#[tokio::test]
async fn every_setting_that_is_named_exists() {
    let settings = settings().await;
    let variables = variables(&settings);
    let sections: BTreeSet<_> = settings.iter().filter_map(|key| key.split_once('.')).collect();
    let is_setting = |word: &str| match word.split_once('.') {
        Some((first, _)) => sections.iter().any(|(section, _)| *section == first),
        None => word.starts_with("FLEETWIRE_"),
    };
    for file in everything() {
        for word in file.words().filter(|word| is_setting(word)) {
            let exists = settings.contains(word) || variables.contains(word);
            assert!(exists, "{} names {word}, which is no setting", file.path.display());
        }
    }
}

#[tokio::test]
async fn the_example_settings_are_accepted() {
    let printed = fleetwire(&["config", "print", "--config", "systemd/config.toml"]).await;
    assert_eq!(printed.code, Some(0), "{printed:#?}");
    assert!(printed.stdout.contains("systemd/config.toml, line "), "{printed:#?}");
}

#[test]
fn every_metric_that_is_named_exists() {
    let declared = read("crates/server/src/observe.rs");
    for file in everything() {
        for word in file.words().filter(|word| word.starts_with("fleetwire_")) {
            let metric = SERIES.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
            let exists = declared.contains(&format!("\"{metric}\""));
            // The module is a metric to nobody; its name stands in settings of the log.
            assert!(exists || word == "fleetwire_server", "{} names {word}", file.path.display());
        }
    }
}

#[test]
fn every_alert_has_its_paragraph_and_every_paragraph_its_alert() {
    let rules = read("deploy/prometheus-rules.yaml");
    let alerts: BTreeSet<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let page = read("docs/operate/alarms.md");
    let told: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `Fleetwire")?.split_once('`'))
        .map(|(name, _)| format!("Fleetwire{name}"))
        .collect();
    assert_eq!(alerts, told.iter().map(String::as_str).collect());
}

/// What people are told to type: the words after `fleetwire`, up to the end of the command.
fn command_lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .flat_map(|line| line.split("fleetwire ").skip(1).map(move |rest| (line, rest)))
        .filter_map(|(line, rest)| {
            let before = line.split(rest).next()?.strip_suffix("fleetwire ")?;
            // A command begins the line or its code span, or is run by another one.
            let is_command =
                before.is_empty() || before.ends_with('`') || before.contains(" exec ");
            let command = rest.split(['`', '|', '>', ';', '&', '#']).next()?;
            is_command.then(|| command.split_whitespace().collect())
        })
}

#[tokio::test]
async fn every_command_line_in_the_pages_can_be_read() {
    let mut read = 0;
    for page in pages() {
        for mut words in command_lines(&page.text) {
            words.push("--help");
            let helped = fleetwire(&words).await;
            assert_eq!(helped.code, Some(0), "{}: {words:?}: {helped:#?}", page.path.display());
            read += 1;
        }
    }
    assert!(read >= 5, "only {read} command lines were found");
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    for page in pages() {
        let links = page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with('#')) {
            let target = page.path.with_file_name(link);
            assert!(target.exists(), "{} links to {link}", page.path.display());
        }
    }
}

#[tokio::test]
async fn the_programs_that_read_the_files_take_them() {
    let outcome = Outcome::of(Command::new(root().join("scripts/check-deploy"))).await;
    for line in outcome.stdout.lines().filter(|line| line.starts_with("skipped: ")) {
        println!("{line}");
    }
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
}
