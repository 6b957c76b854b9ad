//! Which component an older client means by an ECU address.
//!
//! Refuses to guess: a name that fits nothing is answered with the names that there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::sovd::{Entity, EntityRef, Error};
use futures_util::{StreamExt, stream};

use super::failure;
use super::vehicle::{Vehicle, unknown};
use crate::order::End;

/// How many components are asked for their address at once.
const IN_FLIGHT: usize = 4;

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
    let found = survey(vehicle, &components).await?;
    let addressed = found.entities.iter().find(|entity| address_of(entity) == Some(address));
    match (addressed, found.silent) {
        (Some(entity), _) => Ok(Arc::clone(entity)),
        // It may be the one that did not answer.
        (None, Some(error)) => Err(failure::of_read(error)),
        (None, None) => Err(unknown("ECU", name, found.entities.iter().map(|it| described(it)))),
    }
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

struct Survey {
    entities: Vec<Arc<Entity>>,
    /// Why one of the components could not be looked at; `None` if all could.
    silent: Option<Error>,
}

async fn survey(vehicle: &Vehicle<'_>, components: &[EntityRef]) -> Result<Survey, End> {
    // Collected, because a stream over a borrowing iterator could not move between threads.
    let places: Vec<_> = components.iter().map(|component| component.href.clone()).collect();
    let asked = places.into_iter().map(|href| async move { vehicle.entity(&href).await });
    let answers: Vec<_> = stream::iter(asked).buffered(IN_FLIGHT).collect().await;
    let mut survey = Survey { entities: Vec::new(), silent: None };
    for answer in answers {
        match answer {
            Ok(entity) => survey.entities.push(entity),
            Err(error) if error.status().is_some() => survey.silent = Some(error),
            Err(error) => return Err(failure::of_read(error)),
        }
    }
    Ok(survey)
}

fn address_of(entity: &Entity) -> Option<u16> {
    entity.variant.as_ref()?.logical_address
}

fn described(entity: &Entity) -> String {
    let address = address_of(entity).map(|address| format!(" (0x{address:02X})"));
    format!("{}{}", entity.id, address.unwrap_or_default())
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
