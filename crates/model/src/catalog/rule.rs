//! Which rows of the catalogue an installation means: a whole risk class, or one command.
//!
//! Refuses names that no row has: a rule that holds for nothing is a mistake, and a dangerous one.

use super::{Entry, entries};
use crate::command::Risk;
use std::str::FromStr;

/// Something that an installation may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Every command of this class.
    Class(Risk),
    /// The command of this name, by whichever of its names it is submitted.
    Command(&'static str),
}

/// Why a text names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a risk class nor a command of the catalogue")]
pub struct NotARule;

impl FromStr for Rule {
    type Err = NotARule;

    fn from_str(text: &str) -> Result<Self, NotARule> {
        match text {
            "R0" => Ok(Self::Class(Risk::R0)),
            "R1" => Ok(Self::Class(Risk::R1)),
            "R2" => Ok(Self::Class(Risk::R2)),
            "R3" => Ok(Self::Class(Risk::R3)),
            name => {
                let rows = entries();
                let row = rows.iter().find(|entry| entry.name == name).ok_or(NotARule)?;
                Ok(Self::Command(row.alias_of.unwrap_or(row.name)))
            }
        }
    }
}

impl Rule {
    /// Whether the rule holds for a row.
    pub fn covers(self, entry: &Entry) -> bool {
        match self {
            Self::Class(risk) => entry.risk == risk,
            Self::Command(name) => entry.alias_of.unwrap_or(entry.name) == name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(rule: &str) -> Vec<&'static str> {
        let rule: Rule = rule.parse().unwrap();
        entries().iter().filter(|entry| rule.covers(entry)).map(|entry| entry.name).collect()
    }

    #[test]
    fn a_class_is_all_of_it() {
        let of_class = |entry: &&Entry| entry.risk == Risk::R3;
        assert_eq!(covered("R3").len(), entries().iter().filter(of_class).count());
    }

    #[test]
    fn a_command_is_meant_by_all_its_names() {
        for entry in entries() {
            let meant = covered(entry.name);
            assert!(meant.contains(&entry.name));
            assert!(entry.alias_of.is_none_or(|name| meant.contains(&name)), "{}", entry.name);
        }
        assert_eq!(covered("uds.raw"), ["uds.raw"]);
    }

    #[test]
    fn a_name_of_nothing_is_no_rule() {
        for wrong in ["", "R4", "r3", "no.such", "*"] {
            assert_eq!(wrong.parse::<Rule>(), Err(NotARule), "{wrong}");
        }
    }
}
