//! Which component an older client means by an ECU address.
//!
//! Refuses to guess: a name that fits nothing, or several, is answered with the names that there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::sovd::{Entity, EntityRef, Error, Link};
use futures_util::{StreamExt, stream};
use model::command::Refusal;

use super::failure;
use super::vehicle::{Vehicle, ambiguous, unknown};
use crate::order::End;

/// How many components are asked for their address at once.
const IN_FLIGHT: usize = 4;
/// More components than any vehicle lists.
const MAX_COMPONENTS: usize = 1000;

/// Looks a name, or what it is an alias of, up as a component id and then as an address.
pub(super) async fn resolve(
    vehicle: &Vehicle<'_>,
    aliases: &BTreeMap<String, String>,
    name: &str,
) -> Result<Arc<Entity>, End> {
    let components = vehicle.components().await?;
    let wanted = alias(aliases, name).unwrap_or(name);
    if let Some(component) = components.iter().find(|component| component.id == wanted) {
        return vehicle.listed(component).await;
    }
    let Some(address) = number(wanted) else {
        let ids = components.iter().map(|component| component.id.clone());
        return Err(unknown("ECU", name, ids));
    };
    let Survey { known, silent } = survey(vehicle, &components).await?;
    let found: Vec<&Known> = known.iter().filter(|it| it.address == Some(address)).collect();
    if found.is_empty() {
        // It may be the one that did not answer.
        return Err(match silent {
            Some(error) => failure::of_read(error),
            None => unknown("ECU", name, known.iter().map(Known::described)),
        });
    }
    let Some(one) = only(&found) else {
        let words = ambiguous(name, found.iter().map(|it| it.described()));
        return Err(End::Refused(Refusal::UnknownComponent, words));
    };
    vehicle.entity(&one.place).await.map_err(failure::of_read)
}

/// The path by which a component goes elsewhere.
pub(super) fn path(component: &Entity) -> String {
    format!("components/{}", component.id)
}

/// What a table of aliases says about a name; numbers in it are compared as numbers.
pub(super) fn alias<'a>(aliases: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    let same = |alias: &str| {
        alias.eq_ignore_ascii_case(name) || number(name).is_some_and(|it| number(alias) == Some(it))
    };
    aliases.iter().find(|(alias, _)| same(alias)).map(|(_, id)| id.as_str())
}

/// A number as older clients write it: `0x` and hexadecimal digits.
pub(super) fn number(name: &str) -> Option<u16> {
    let digits = name.strip_prefix("0x").or_else(|| name.strip_prefix("0X"))?;
    u16::from_str_radix(digits, 16).ok()
}

/// What the components say of their addresses.
struct Survey {
    known: Vec<Known>,
    /// Why one of the components could not be looked at; `None` if all could.
    silent: Option<Error>,
}

/// A component, as far as it matters who it is.
struct Known {
    id: String,
    place: Link,
    /// `None` if it did not say.
    address: Option<u16>,
    is_online: bool,
}

async fn survey(vehicle: &Vehicle<'_>, components: &[EntityRef]) -> Result<Survey, End> {
    if components.len() > MAX_COMPONENTS {
        return Err(End::TooLarge);
    }
    // Collected, because a stream over a borrowing iterator could not move between threads.
    let places: Vec<_> = components.iter().map(|component| component.href.clone()).collect();
    let asked = places.into_iter().map(|href| async move { vehicle.entity(&href).await });
    let mut answers = stream::iter(asked).buffered(IN_FLIGHT);
    let mut survey = Survey { known: Vec::new(), silent: None };
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(entity) => survey.known.push(Known::of(&entity)),
            Err(error) if error.status().is_some() => survey.silent = Some(error),
            Err(error) => return Err(failure::of_read(error)),
        }
    }
    Ok(survey)
}

/// The one that is meant: of several at an address the one that is online.
fn only<'a>(found: &[&'a Known]) -> Option<&'a Known> {
    if let [one] = found {
        return Some(one);
    }
    let mut online = found.iter().filter(|it| it.is_online);
    online.next().filter(|_| online.next().is_none()).copied()
}

impl Known {
    fn of(entity: &Entity) -> Self {
        let variant = entity.variant.as_ref();
        let state = variant.and_then(|variant| variant.state.as_deref());
        Self {
            id: entity.id.clone(),
            place: entity.href.clone(),
            address: variant.and_then(|variant| variant.logical_address),
            is_online: state.is_some_and(|state| state.eq_ignore_ascii_case("online")),
        }
    }

    fn described(&self) -> String {
        let address = self.address.map(|address| format!(" (0x{address:02X})"));
        format!("{}{}", self.id, address.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_found_however_its_number_is_written() {
        let aliases = BTreeMap::from([
            ("0x0A".to_owned(), "a".to_owned()),
            ("ABS".to_owned(), "b".to_owned()),
        ]);
        let found = ["0x0A", "0xa", "0X000a", "abs", "0x0B", "x"].map(|name| alias(&aliases, name));
        assert_eq!(found, [Some("a"), Some("a"), Some("a"), Some("b"), None, None]);
    }
}
