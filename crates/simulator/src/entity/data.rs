//! The data items of an entity, and where their values come from.
//!
//! Remembers nothing: what has been written comes in as an argument.

use serde::Deserialize;
use serde_json::{Value, json};

use super::cycle::Course;
use crate::clock::Moment;
use crate::fleet::{EntityPlan, Kind};
use crate::refusal::{Refusal, invalid_value, unknown};
use crate::unit::Unit;

/// A measured value between two bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveItem {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) did: String,
    pub(crate) unit: Unit,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) period_s: f64,
    #[serde(default)]
    pub(crate) course: Course,
}

/// A stored value that a tester may write.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingItem {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) did: String,
    pub(crate) unit: Unit,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) value: f64,
}

/// A data item as the list shows it.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) did: &'a str,
    pub(crate) source: Source<'a>,
}

/// Where the value of a data item comes from.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    Identification(&'a str),
    Live(&'a LiveItem),
    Setting(&'a SettingItem),
    /// How busy a computer is.
    Load,
}

/// Settings that differ from what the factory delivered.
#[derive(Debug, Default)]
pub(crate) struct Written(Vec<(String, f64)>);

/// Every data item: identification first, then live data, then settings.
pub(crate) fn items<'a>(plan: &'a EntityPlan, vin: &'a str) -> Vec<Item<'a>> {
    let vin = matches!(plan.kind, Kind::Ecu | Kind::Computer).then_some(vin);
    let identification = [
        ("vin", "Vehicle identification number", "F190", vin),
        ("part_number", "Part number", "F187", plan.part_number.as_deref()),
        ("serial_number", "Serial number", "F18C", plan.serial_number.as_deref()),
        ("software_version", "Software version", "F195", plan.software_version.as_deref()),
    ];
    let identification = identification.into_iter().filter_map(|(id, name, did, text)| {
        Some(Item { id, name, did, source: Source::Identification(text?) })
    });
    let load = Item { id: "load", name: "System load", did: "F1A0", source: Source::Load };
    let load = (plan.kind == Kind::Computer).then_some(load);
    let live = plan.live.iter().map(Item::live);
    identification.chain(live).chain(plan.settings.iter().map(Item::setting)).chain(load).collect()
}

impl Written {
    /// The value of an item; vehicles differ by the phase that their VIN gives.
    pub(crate) fn value(&self, item: &Item<'_>, vin: &str, now: Moment) -> Value {
        let now_s = now.since_waking().as_secs_f64();
        match item.source {
            Source::Identification(text) => text.into(),
            Source::Live(live) => live.unit.rounded(live.measured(vin, now_s)).into(),
            Source::Setting(setting) => {
                let written = self.0.iter().find(|(id, _)| *id == setting.id);
                written.map_or(setting.value, |(_, value)| *value).into()
            }
            Source::Load => {
                let percent =
                    |period_s| Unit::Percent.rounded(100.0 * Course::Drift.level(now_s, period_s));
                json!({"cpu_percent": percent(17.0), "memory_percent": percent(97.0),
                    "uptime_s": now.since_waking().as_secs()})
            }
        }
    }

    /// Writes a setting.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`], [`Refusal::ReadOnly`], or [`Refusal::InvalidValue`] beyond its bounds.
    pub(crate) fn write(
        &mut self,
        plan: &EntityPlan,
        id: &str,
        value: &Value,
    ) -> Result<(), Refusal> {
        let Some(setting) = plan.settings.iter().find(|setting| setting.id == id) else {
            let readable = items(plan, "").iter().any(|item| item.id == id);
            let read_only = || Refusal::ReadOnly(id.to_owned());
            return Err(if readable { read_only() } else { unknown("data item", id) });
        };
        let (low, high) = (setting.low, setting.high);
        let number = value.as_f64().filter(|number| (low..=high).contains(number));
        let number = number
            .ok_or_else(|| invalid_value(format!("a number from {low} to {high}, please")))?;
        self.0.retain(|(written, _)| written != id);
        self.0.push((id.to_owned(), number));
        Ok(())
    }
}

impl LiveItem {
    fn measured(&self, vin: &str, now_s: f64) -> f64 {
        let of = |text: &str| text.bytes().map(u32::from).sum::<u32>();
        // What follows the driving cycle is at one place of it; the rest swings on its own.
        let seed = if self.course == Course::Drift { of(vin) + of(&self.id) } else { of(vin) };
        let level = self.course.level(now_s + f64::from(seed % 97), self.period_s);
        self.low + (self.high - self.low) * level
    }
}

impl<'a> Item<'a> {
    fn live(live: &'a LiveItem) -> Self {
        Self { id: &live.id, name: &live.name, did: &live.did, source: Source::Live(live) }
    }

    fn setting(setting: &'a SettingItem) -> Self {
        let source = Source::Setting(setting);
        Self { id: &setting.id, name: &setting.name, did: &setting.did, source }
    }

    /// The category of SOVD that the item belongs to.
    pub(crate) fn category(&self) -> &'static str {
        match self.source {
            Source::Identification(_) => "identData",
            Source::Live(_) => "currentData",
            Source::Setting(_) => "storedData",
            Source::Load => "sysInfo",
        }
    }

    /// What is measured; `None` for what is not measured.
    pub(crate) fn group(&self) -> Option<&'static str> {
        self.unit().map(Unit::quantity)
    }

    /// What the value is measured in; `None` for what has no unit.
    pub(crate) fn unit(&self) -> Option<Unit> {
        match self.source {
            Source::Identification(_) | Source::Load => None,
            Source::Live(live) => Some(live.unit),
            Source::Setting(setting) => Some(setting.unit),
        }
    }

    /// The JSON Schema of the value.
    pub(crate) fn schema(&self) -> Value {
        let unit = self.unit().map(Unit::described);
        match self.source {
            Source::Identification(_) => json!({"type": "string"}),
            Source::Load => json!({"type": "object"}),
            Source::Live(_) => json!({"type": "number", "x-sovd-unit": unit}),
            Source::Setting(setting) => {
                let (low, high) = (setting.low, setting.high);
                json!({"type": "number", "minimum": low, "maximum": high, "x-sovd-unit": unit})
            }
        }
    }
}
