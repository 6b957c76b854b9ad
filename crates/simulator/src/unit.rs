//! Physical units of live data, as `x-sovd-unit` describes them.
//!
//! Converts nothing: values are kept in the unit that is shown.

use serde::{Deserialize, Serialize};

/// A unit that a data item is shown in.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) enum Unit {
    #[serde(rename = "rpm")]
    RevolutionsPerMinute,
    #[serde(rename = "°C")]
    DegreeCelsius,
    #[serde(rename = "V")]
    Volt,
    #[serde(rename = "km/h")]
    KilometrePerHour,
    #[serde(rename = "%")]
    Percent,
    #[serde(rename = "bar")]
    Bar,
}

/// The wire shape of `x-sovd-unit`: shown value = SI value × factor + offset.
#[derive(Debug, Serialize)]
pub(crate) struct SovdUnit {
    display_name: &'static str,
    factor_si_to_unit: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset_si_to_unit: Option<f64>,
}

impl Unit {
    /// The description that a schema carries.
    pub(crate) fn described(self) -> SovdUnit {
        let (display_name, factor_si_to_unit, offset_si_to_unit) = match self {
            Self::RevolutionsPerMinute => ("rpm", 60.0, None),
            Self::DegreeCelsius => ("°C", 1.0, Some(-273.15)),
            Self::Volt => ("V", 1.0, None),
            Self::KilometrePerHour => ("km/h", 3.6, None),
            Self::Percent => ("%", 100.0, None),
            Self::Bar => ("bar", 0.000_01, None),
        };
        SovdUnit { display_name, factor_si_to_unit, offset_si_to_unit }
    }

    /// What it measures.
    pub(crate) fn quantity(self) -> &'static str {
        match self {
            Self::RevolutionsPerMinute => "rotation",
            Self::DegreeCelsius => "temperature",
            Self::Volt => "electrical",
            Self::KilometrePerHour => "motion",
            Self::Percent => "ratio",
            Self::Bar => "pressure",
        }
    }

    /// As exact as a real instrument shows it.
    pub(crate) fn rounded(self, value: f64) -> f64 {
        let steps = match self {
            Self::RevolutionsPerMinute => 1.0,
            Self::DegreeCelsius | Self::KilometrePerHour | Self::Percent => 10.0,
            Self::Volt | Self::Bar => 100.0,
        };
        (value * steps).round() / steps
    }
}
