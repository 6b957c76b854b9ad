//! All that was measured, and the table of medians.
//!
//! Refuses to keep only the medians: the file has every single value.

use super::figure::{EVENT_BYTES, Figure, Measured};
use super::target::{Target, targets};
use crate::contender::Contender;
use crate::record::median;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Measured values by figure and quantity; within it by contender, in the order of the rounds.
#[derive(Debug, Default)]
pub(crate) struct Report(BTreeMap<(Figure, &'static str), BTreeMap<&'static str, Vec<f64>>>);

impl Report {
    /// Enters what was measured.
    pub(crate) fn enter(&mut self, figure: Figure, contender: Contender, measured: Measured) {
        for (quantity, value) in measured {
            let row = self.0.entry((figure, quantity)).or_default();
            row.entry(contender.name()).or_default().push(value);
        }
    }

    /// The medians, each with its ratio to the limit.
    pub(crate) fn table(&self, contenders: &[(Contender, String)]) -> String {
        let mut table = "| |".to_owned();
        for (contender, _) in contenders {
            // Writing to a string cannot fail.
            write!(table, " {} |", contender.name()).unwrap_or_default();
        }
        write!(table, "\n|---|{}\n", "---|".repeat(contenders.len())).unwrap_or_default();
        for ((figure, quantity), row) in &self.0 {
            write!(table, "| {}: {quantity} |", figure.name()).unwrap_or_default();
            let limit = row.get(Contender::Joined.name()).map(|values| median(values));
            for (contender, _) in contenders {
                let value = row.get(contender.name()).map(|values| median(values));
                write!(table, " {} |", cell(value, limit)).unwrap_or_default();
            }
            table.push('\n');
        }
        table
    }

    /// What the product has to reach beside what it reached.
    pub(crate) fn goals(&self) -> String {
        let mut table = "| | must | aim | seen | reached |\n|---|---|---|---|---|\n".to_owned();
        for (target, seen) in self.seen() {
            let Target { figure, quantity, contender, against, goal } = target;
            let [must, aim] = goal.words(short);
            let against = against.map(|it| format!(", against {}", it.name())).unwrap_or_default();
            let what = format!("{}, {}: {quantity}{against}", contender.name(), figure.name());
            let reached = goal.verdict(seen);
            writeln!(table, "| {what} | {must} | {aim} | {} | {reached} |", short(seen))
                .unwrap_or_default();
        }
        table
    }

    /// The goals of which something was measured, with what it is.
    fn seen(&self) -> impl Iterator<Item = (Target, f64)> {
        targets().into_iter().filter_map(|target| {
            let row = self.0.get(&(target.figure, target.quantity))?;
            let of = |contender: Contender| row.get(contender.name()).map(|values| median(values));
            let value = of(target.contender)?;
            let base = match target.against {
                Some(against) => of(against)?,
                None => 1.0,
            };
            Some((target, value / base))
        })
    }

    /// Everything as JSON.
    pub(crate) fn document(&self, contenders: &[(Contender, String)]) -> Value {
        let versions: Map<_, _> = contenders
            .iter()
            .map(|(contender, version)| (contender.name().to_owned(), json!(version)))
            .collect();
        let rows = self.0.iter().map(|((figure, quantity), row)| {
            let medians = row.iter().map(|(name, values)| (*name, median(values)));
            let medians: BTreeMap<_, _> = medians.collect();
            json!({
                "figure": figure.name(),
                "quantity": quantity,
                "medians": medians,
                "values": row,
            })
        });
        let goals = self.seen().map(|(target, seen)| {
            json!({
                "figure": target.figure.name(),
                "quantity": target.quantity,
                "contender": target.contender.name(),
                "against": target.against.map(Contender::name),
                "goal": target.goal.json(),
                "seen": seen,
            })
        });
        json!({
            "event_bytes": EVENT_BYTES,
            "versions": versions,
            "figures": rows.collect::<Vec<_>>(),
            "goals": goals.collect::<Vec<_>>(),
        })
    }
}

fn cell(value: Option<f64>, limit: Option<f64>) -> String {
    match (value, limit) {
        (None, _) => "–".to_owned(),
        (Some(value), Some(limit)) if limit > 0.0 => {
            format!("{} ({:.2})", short(value), value / limit)
        }
        (Some(value), _) => short(value),
    }
}

/// Three digits are more than a noisy machine can tell.
fn short(value: f64) -> String {
    match value {
        million if million >= 1e6 => format!("{:.2} M", million / 1e6),
        thousand if thousand >= 1e4 => format!("{:.0} k", thousand / 1e3),
        hundred if hundred >= 1e2 => format!("{hundred:.0}"),
        few => format!("{few:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_the_median_and_its_ratio_to_the_limit() {
        assert_eq!(cell(Some(median(&[3.0, 1.0, 2.0])), Some(4.0)), "2.00 (0.50)");
        assert_eq!(cell(Some(1_500_000.0), None), "1.50 M");
        assert_eq!(cell(None, Some(1.0)), "–");
    }
}
