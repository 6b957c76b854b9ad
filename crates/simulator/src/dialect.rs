//! The dialects in which servers speak SOVD, and how a vehicle comes to speak one of them.
//!
//! Knows no resource of its own: what is said is the business of `sovd`.

mod asked;
#[expect(clippy::wildcard_enum_match_arm, reason = "a dialect looks only where it differs")]
mod cda;
mod events;
mod fault_names;
mod interpreter;
#[expect(clippy::wildcard_enum_match_arm, reason = "a dialect looks only where it differs")]
mod medkit;
#[expect(clippy::wildcard_enum_match_arm, reason = "a dialect looks only where it differs")]
mod opensovd;
mod place;
mod raw;
#[expect(clippy::wildcard_enum_match_arm, reason = "a dialect looks only where it differs")]
mod sovdd;
mod stamp;
mod told;
mod tongue;
mod uris;

use std::fmt;
use std::str::FromStr;

pub(crate) use interpreter::{Interpreter, interpret};
use tongue::{Standard, Tongue};

/// How a simulated vehicle speaks SOVD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// SOVD 1.1 as it is written.
    #[default]
    Spec,
    /// The Eclipse OpenSOVD gateway: absolute addresses, read-only data, nothing else.
    Opensovd,
    /// SOVDd: `value` for `data`, `execution_id` for `id`, no locks.
    Sovdd,
    /// The Eclipse Classic Diagnostic Adapter: ODX names, hexadecimal codes, a lock for each change.
    Cda,
    /// ros2_medkit: `fault_code`, severities in words, clients that name themselves.
    Medkit,
}

/// A word that names no dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no dialect: spec, opensovd, sovdd, cda and medkit are")]
pub struct NoDialect(String);

impl Dialect {
    /// Every dialect, the standard first.
    pub const ALL: [Self; 5] = [Self::Spec, Self::Opensovd, Self::Sovdd, Self::Cda, Self::Medkit];

    /// Its name on the command line and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Opensovd => "opensovd",
            Self::Sovdd => "sovdd",
            Self::Cda => "cda",
            Self::Medkit => "medkit",
        }
    }

    /// Where its resources begin.
    pub(crate) fn base(self) -> &'static str {
        self.tongue().base()
    }

    fn tongue(self) -> Box<dyn Tongue> {
        match self {
            Self::Spec => Box::new(Standard),
            Self::Opensovd => Box::new(opensovd::Opensovd),
            Self::Sovdd => Box::new(sovdd::Sovdd::default()),
            Self::Cda => Box::new(cda::Cda),
            Self::Medkit => Box::new(medkit::Medkit::default()),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl FromStr for Dialect {
    type Err = NoDialect;

    fn from_str(word: &str) -> Result<Self, NoDialect> {
        let named = Self::ALL.into_iter().find(|dialect| dialect.word() == word);
        named.ok_or_else(|| NoDialect(word.to_owned()))
    }
}

#[cfg(test)]
mod tests;
