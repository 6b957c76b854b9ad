//! Pictures of what a run of everything has found.
//!
//! Refuses to measure, and to know a figure that is not in the file: it draws medians.

mod chart;

use chart::{Bar, Chart, Group};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::PathBuf;

const RATE: &str = "deliveries/s";
const COST: &str = "CPU s per million deliveries";
const MEMORY: &str = "KiB each";
/// What others are divided by.
const LIMIT: &str = "limit, joined";

/// Who is drawn, in this order.
const CONTENDERS: [&str; 5] =
    ["Fleetwire", "Fleetwire, one of several", "NATS", "Node ws", "limit, one write each"];

const NOTE: &str = "Fleetwire stores each event on that core; as one of several nodes \
    it delivers what another stored";

/// What is drawn.
#[derive(Debug, clap::Args)]
pub(crate) struct Setting {
    /// Figures of a run of everything; the pictures go beside them.
    figures: PathBuf,
}

/// Draws all pictures.
///
/// # Errors
///
/// What cannot be read or written.
pub(crate) fn run(setting: &Setting) -> io::Result<()> {
    let document: Value = serde_json::from_slice(&fs::read(&setting.figures)?)?;
    let place = setting.figures.parent().map(PathBuf::from).unwrap_or_default();
    for (name, chart) in [
        ("speed.svg", speed(&document)),
        ("cost.svg", cost(&document)),
        ("memory.svg", memory(&document)),
    ] {
        fs::write(place.join(name), chart.svg())?;
    }
    Ok(())
}

fn speed(document: &Value) -> Chart {
    Chart {
        title: "Deliveries per second",
        subtitle: "one core, as a share of what that core can write; longer is better",
        note: NOTE,
        source: source(document),
        mark: Some(1.0),
        groups: groups(document, RATE, |value, limit| value / limit),
    }
}

fn cost(document: &Value) -> Chart {
    Chart {
        title: "Deliveries per second of CPU time",
        subtitle: "the limit of one core = 1; longer is better",
        note: NOTE,
        source: source(document),
        mark: Some(1.0),
        groups: groups(document, COST, |value, limit| limit / value),
    }
}

fn memory(document: &Value) -> Chart {
    Chart {
        title: "Memory of an idle connection",
        subtitle: "KiB that the server grows by; shorter is better",
        note: "",
        source: source(document),
        mark: None,
        groups: groups(document, MEMORY, |value, _| value),
    }
}

/// A group for each figure that has the quantity.
fn groups(document: &Value, quantity: &str, of: fn(f64, f64) -> f64) -> Vec<Group> {
    let figures = document["figures"].as_array().into_iter().flatten();
    let with_it = figures.filter(|figure| figure["quantity"] == quantity);
    let group = |figure: &Value| {
        let median = |name: &str| figure["medians"][name].as_f64();
        let limit = median(LIMIT)?;
        let bar = |name: &&str| {
            let value = of(median(name)?, limit);
            Some(Bar { label: (*name).to_owned(), value, is_ours: name.starts_with("Fleetwire") })
        };
        let heading = figure["figure"].as_str()?.to_owned();
        Some(Group { heading, bars: CONTENDERS.iter().filter_map(bar).collect() })
    };
    with_it.filter_map(group).collect()
}

/// Where and when it was measured.
fn source(document: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let machine = &document["machine"];
    let (processor, cores) = (text(&machine["processor"]), &machine["cores"]);
    let (date, commit) = (text(&document["date"]), text(&document["commit"]));
    format!("{processor}, {cores} cores, Linux {}, {date}, {commit}", text(&machine["kernel"]))
}
