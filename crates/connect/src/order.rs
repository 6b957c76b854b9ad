//! What goes into a connector and what comes out of it.
//!
//! Says nothing about how a vehicle is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use model::catalog::{Question, StateNeed};
use model::command::Refusal;
use model::id::{CommandId, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One command for one vehicle.
#[derive(Debug, Clone)]
pub struct Order {
    /// The command; the vehicle is told it.
    pub command_id: CommandId,
    /// Whose it is; the vehicle is told it, because locks have owners.
    pub user_id: UserId,
    /// Whether what `output.actuate` asks for is met: of some operations only the vehicle says that they
    /// control an output.
    pub may_actuate: bool,
    /// What is asked.
    pub question: Question,
    /// What the vehicle has to be like, seen before anything else is asked of it.
    pub needs: Vec<StateNeed>,
    /// Who is asked.
    pub vehicle: Address,
    /// The W3C trace context to hand on; `None` = none.
    pub traceparent: Option<String>,
    /// After it nothing that changes the vehicle is begun.
    pub send_by: SendBy,
}

/// Until when an order may be sent. Whoever gives the order has it for a time, and may get more.
#[derive(Debug, Clone)]
pub struct SendBy(Arc<Mutex<Instant>>);

impl SendBy {
    /// Until this moment.
    pub fn new(until: Instant) -> Self {
        Self(Arc::new(Mutex::new(until)))
    }

    /// Until this moment instead, in every clone.
    pub fn extend(&self, until: Instant) {
        *self.until() = until;
    }

    /// Whether it is too late.
    pub fn has_passed(&self) -> bool {
        *self.until() <= Instant::now()
    }

    /// A panic elsewhere leaves a moment a moment.
    fn until(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How to reach a vehicle, and what older clients call the things in it.
#[derive(Debug, Clone)]
pub struct Address {
    /// The base of its SOVD server.
    pub sovd_url: String,
    /// The bearer token to show with every request; `None` = none.
    pub token: Option<SecretString>,
    /// The certificates, as PEM, of the only authorities that it is believed by; `None` = those that
    /// the machine trusts.
    pub authorities: Option<String>,
    /// Our certificate and its private key, as PEM, to show when it asks who we are; `None` = nothing.
    pub identity: Option<SecretString>,
    /// Component ids by ECU address, e.g. `0x10`.
    pub ecu_aliases: BTreeMap<String, String>,
    /// Data ids by DID, e.g. `0xF190`.
    pub data_aliases: BTreeMap<String, String>,
}

/// One answer of a vehicle.
#[derive(Debug, Clone)]
pub struct Part {
    /// Counted from 1, as the vehicle numbered it: it may come twice or out of order.
    pub part: u32,
    /// Whether it is the last.
    pub is_final: bool,
    /// What the vehicle said.
    pub payload: Box<RawValue>,
    /// The path of the entity that a name in the order was found to mean; `None` if it named no other
    /// way than by its path.
    pub entity: Option<String>,
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The parts are complete as far as the connection goes; without a final one they are truncated.
    Answered,
    /// Refused before anything was done.
    Refused(Refusal, String),
    /// The vehicle answered with a failure, in these words.
    VehicleError(String),
    /// Provably nothing was changed, and trying again later may help.
    NotSent,
    /// The connection was lost after sending: a change may have been carried out.
    Lost,
    /// An answer came that is not what SOVD says.
    Malformed,
    /// An answer broke off.
    Truncated,
    /// A part or an answer is larger than allowed.
    TooLarge,
    /// Stopped by its user: a read was given up, an operation confirmed the stop.
    Stopped,
}

impl Address {
    /// The address of a registered vehicle that wants no credentials.
    ///
    /// Aliases are the string members of `ecu_aliases` and `data_aliases` in its metadata.
    pub fn new(sovd_url: impl Into<String>, metadata: &Map<String, Value>) -> Self {
        let aliases = |key| metadata.get(key).map(aliases).unwrap_or_default();
        Self {
            sovd_url: sovd_url.into(),
            token: None,
            authorities: None,
            identity: None,
            ecu_aliases: aliases("ecu_aliases"),
            data_aliases: aliases("data_aliases"),
        }
    }

    /// What it is shown and believed by.
    pub(crate) fn credentials(&self) -> [Option<&str>; 3] {
        let [token, identity] =
            [&self.token, &self.identity].map(|it| it.as_ref().map(ExposeSecret::expose_secret));
        [token, identity, self.authorities.as_deref()]
    }
}

fn aliases(table: &Value) -> BTreeMap<String, String> {
    let members = table.as_object().into_iter().flatten();
    members.filter_map(|(alias, id)| Some((alias.clone(), id.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_come_from_the_metadata() {
        let metadata = serde_json::json!({
            "ecu_aliases": {"0x10": "engine_ecu", "0x11": 7},
            "data_aliases": "none",
        });
        let address = Address::new("http://vehicle/v1", metadata.as_object().unwrap());
        let expected = BTreeMap::from([("0x10".to_owned(), "engine_ecu".to_owned())]);
        assert_eq!((address.ecu_aliases, address.data_aliases), (expected, BTreeMap::new()));
    }
}
