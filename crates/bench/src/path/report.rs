//! All that was measured, and the table of medians beside the goals.
//!
//! Refuses to keep only the medians: the file has every single value.

use super::figure::{Figure, Measured};
use super::installation::Backend;
use super::vehicles::EVENT_BYTES;
use crate::cpu::Used;
use crate::record::median;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A measured quantity: of which figure, its place among those of the figure, and its name.
type Key = (Figure, usize, &'static str);

/// Measured values; those of a store in the order of the rounds.
#[derive(Debug, Default)]
pub(super) struct Report(BTreeMap<Key, BTreeMap<Backend, Vec<f64>>>);

impl Report {
    /// Enters what was measured.
    pub(super) fn enter(&mut self, figure: Figure, backend: Backend, measured: Measured) {
        for (place, (quantity, value)) in measured.into_iter().enumerate() {
            let row = self.0.entry((figure, place, quantity)).or_default();
            row.entry(backend).or_default().push(value);
        }
    }

    /// The medians, each beside its goal.
    pub(super) fn table(&self) -> String {
        let mut table =
            "| | | must | aim | seen | reached |\n|---|---|---|---|---|---|\n".to_owned();
        let mut rows: Vec<_> = self.0.iter().flat_map(cells).collect();
        rows.sort_unstable_by_key(|(place, _)| *place);
        for (_, row) in rows {
            table.push_str(&row);
        }
        table
    }

    /// Everything as JSON.
    pub(super) fn document(&self) -> Value {
        json!({
            "event_bytes": EVENT_BYTES,
            "versions": { "Fleetwire": env!("CARGO_PKG_VERSION") },
            "figures": self.0.iter().map(shown).collect::<Vec<_>>(),
        })
    }
}

type Row<'a> = (&'a Key, &'a BTreeMap<Backend, Vec<f64>>);

/// The lines of a row, one for each store, and where in the table they belong.
fn cells((&(figure, place, quantity), row): Row<'_>) -> Vec<((Figure, Backend, usize), String)> {
    let line = |(&backend, values): (&Backend, &Vec<f64>)| {
        let (seen, goal) = (median(values), figure.goal(quantity, backend));
        let [must, aim] = goal.map(|goal| goal.words(short)).unwrap_or_default();
        let reached = goal.map_or("", |goal| goal.verdict(seen));
        let (name, seen) = (backend.name(), short(seen));
        let what = format!("{}: {quantity}", figure.name());
        let line = format!("| {what} | {name} | {must} | {aim} | {seen} | {reached} |\n");
        ((figure, backend, place), line)
    };
    row.iter().map(line).collect()
}

fn shown((&(figure, _, quantity), row): Row<'_>) -> Value {
    let by_name = |value: &dyn Fn(Backend, &[f64]) -> Option<Value>| -> Map<String, Value> {
        let entries = row.iter().filter_map(|(&backend, values)| {
            Some((backend.name().to_owned(), value(backend, values)?))
        });
        entries.collect()
    };
    json!({
        "figure": figure.name(),
        "quantity": quantity,
        "medians": by_name(&|_, values| Some(json!(median(values)))),
        "values": by_name(&|_, values| Some(json!(values))),
        "goals": by_name(&|backend, _| Some(figure.goal(quantity, backend)?.json())),
    })
}

/// The CPU time of one of so many, by who used it.
pub(super) fn each(used: &Used, many: u64) -> Measured {
    let names = [("server", "server CPU each, µs"), ("PostgreSQL", "PostgreSQL CPU each, µs")];
    let entries = names.iter().filter_map(|(who, name)| {
        let used = used.0.get(who)?;
        Some((*name, used.as_secs_f64() * 1e6 / count(many)))
    });
    entries.collect()
}

/// The one that so many of a hundred do not exceed, of sorted durations.
pub(super) fn at(durations: &[Duration], share: usize) -> Duration {
    let index = (durations.len() * share / 100).min(durations.len().saturating_sub(1));
    durations.get(index).copied().unwrap_or_default()
}

/// A number as one of those that can be divided.
#[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 here")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}

/// A number that is small enough to multiply a duration.
pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Three digits are more than a noisy machine can tell.
fn short(value: f64) -> String {
    match value {
        million if million >= 1e6 => format!("{:.2} M", million / 1e6),
        thousand if thousand >= 1e3 => format!("{:.1} k", thousand / 1e3),
        ten if ten >= 1e1 => format!("{ten:.0}"),
        few => format!("{few:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_median_beside_its_goal() {
        let mut report = Report::default();
        for rate in [2e3, 4e3, 3.5e3] {
            report.enter(
                Figure::Submits,
                Backend::Sqlite,
                vec![(super::super::submits::RATE, rate)],
            );
        }
        let table = report.table();
        assert!(table.ends_with("| ≥ 3.0 k | ≥ 10.0 k | 3.5 k | must |\n"), "{table}");
    }
}
