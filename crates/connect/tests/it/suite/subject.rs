//! A SOVD server that is held to the contract, asked through the connector.
//! Judges only what holds for every command: that it ends, and in order.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use fleetwire_connect::{Address, End, Sovd};
use model::command::Refusal;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bench::{address, connector, order, run_within};

/// After it a command that has not ended never will.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many entities of a kind are looked at.
const PER_KIND: usize = 3;

/// A server, and what may be done to it.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) sovd: Sovd,
    address: Address,
    /// Whether it may be changed.
    pub(super) allows_changes: bool,
    /// The entities to look at; empty = a few of each kind.
    only: &'static [&'static str],
}

/// An entity and the collections that it announces.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: String,
    links: BTreeSet<String>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum No {
    /// There is no such thing at this server.
    Unsupported(String),
    /// The server failed, in these words.
    Failed(String),
    /// An end or an order of parts that nobody may see.
    Improper(String),
}

impl Subject {
    pub(super) fn reading(sovd_url: &str) -> Self {
        let address = address(sovd_url);
        Self { sovd: connector(1 << 20), address, allows_changes: false, only: &[] }
    }

    pub(super) fn changing(sovd_url: &str) -> Self {
        Self { allows_changes: true, ..Self::reading(sovd_url) }
    }

    pub(super) fn only(self, only: &'static [&'static str]) -> Self {
        Self { only, ..self }
    }

    /// The payloads of an answer: of parts that are counted from 1, of which the last is final.
    pub(super) async fn ask(&self, name: &str, params: Value) -> Result<Vec<Value>, No> {
        let order = order(&self.address, name, params);
        let run = run_within(Duration::MAX, &self.sovd, order, CancellationToken::new());
        let Ok(outcome) = tokio::time::timeout(PATIENCE, run).await else {
            return Err(No::Improper("it did not end within a minute".to_owned()));
        };
        let counted: Vec<u32> = (1..).take(outcome.parts.len()).collect();
        let finals = outcome.parts.iter().filter(|part| part.is_final).count();
        let is_final_last = outcome.parts.last().is_some_and(|part| part.is_final);
        if outcome.end != End::Answered && finals > 0 {
            return Err(No::Improper(format!("a final part, and yet {:?}", outcome.end)));
        }
        match &outcome.end {
            End::Answered if outcome.numbers() != counted => {
                Err(No::Improper(format!("parts {:?}", outcome.numbers())))
            }
            End::Answered if finals != 1 || !is_final_last => {
                Err(No::Improper(format!("{finals} final parts of {}", counted.len())))
            }
            End::Answered => Ok(outcome.payloads()),
            End::Refused(Refusal::Unsupported, words) if outcome.parts.is_empty() => {
                Err(No::Unsupported(words.clone()))
            }
            End::VehicleError(words) => Err(No::Failed(words.clone())),
            other @ (End::Refused(..)
            | End::NotSent
            | End::Lost
            | End::Malformed
            | End::Truncated
            | End::TooLarge
            | End::Stopped) => Err(No::Improper(format!("{other:?}"))),
        }
    }

    /// Those of the discovered entities that are looked at: of each kind those with the most to show.
    pub(super) fn chosen(&self, discovered: &[Value]) -> Vec<Place> {
        let mut places: Vec<Place> = discovered.iter().filter_map(Place::of).collect();
        if !self.only.is_empty() {
            places.retain(|place| self.only.contains(&place.path.as_str()));
            return places;
        }
        let mut richest_first = places.clone();
        richest_first.sort_by_key(|place| Reverse(place.links.len()));
        let rank = |place: &Place| {
            let before = richest_first.iter().take_while(|other| other.path != place.path);
            before.filter(|other| other.kind() == place.kind()).count()
        };
        places.retain(|place| rank(place) < PER_KIND);
        places
    }
}

impl Place {
    /// What has no entity.
    pub(super) fn vehicle() -> Self {
        Self { path: "vehicle".to_owned(), links: BTreeSet::new() }
    }

    /// Only what a collection of the vehicle lists has a path that commands understand.
    fn of(discovered: &Value) -> Option<Self> {
        let path = discovered["tree"]["entity"].as_str()?.to_owned();
        let members = discovered.as_object()?;
        let links = members.iter().filter(|(_, value)| value.is_string());
        let links = links.map(|(name, _)| name.clone()).collect();
        (path.split('/').count() == 2).then_some(Self { path, links })
    }

    fn kind(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    pub(super) fn id(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    /// Whether it is a control unit, which older commands can name.
    pub(super) fn is_component(&self) -> bool {
        self.kind() == "components"
    }

    pub(super) fn announces(&self, link: &str) -> bool {
        self.links.contains(link)
    }

    /// Parameters of a command about it.
    pub(super) fn params(&self, mut more: Value) -> Value {
        more["entity"] = json!(self.path);
        more
    }
}

impl No {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Unsupported(words) => format!("refused although it is announced: {words}"),
            Self::Failed(words) => format!("fails: {words}"),
            Self::Improper(words) => words.clone(),
        }
    }
}
