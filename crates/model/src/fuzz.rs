//! What fuzz targets ask of the readers of this crate: each takes bytes of anybody and must come back.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use crate::Timestamp;
use crate::capabilities::compare;
use crate::command::external::{External, Heard};
use crate::command::reduce::{accept, reduce};
use crate::command::{Input, Lease, Order, Risk};
use crate::decode;
use crate::dtc::Dtc;
use crate::id::{CommandId, NodeId, UserId, VehicleId};
use crate::vin::Vin;
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Duration;

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// Trouble codes, VINs and ids: what is read is printed in one way, and that reads the same.
///
/// # Panics
///
/// If it does not.
pub fn notations(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(dtc) = text.parse::<Dtc>() {
        assert_eq!(dtc.to_string().parse(), Ok(dtc));
        assert!(dtc.matches(dtc) && dtc.hex().len() == 6);
    }
    if let Ok(vin) = text.parse::<Vin>() {
        assert_eq!(vin.to_string().parse().as_ref(), Ok(&vin));
        assert_eq!(vin.masked().len(), 17);
        vin.check_digit();
    }
    if let Ok(id) = text.parse::<CommandId>() {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
}

/// Documents of a vehicle: faults, negative responses, units, and what is new about its entities.
///
/// # Panics
///
/// If what is decoded is not in proportion to what was read, or an entity differs from itself.
pub fn documents(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(document) = serde_json::from_str::<Value>(text) {
        let decoded = [
            serde_json::to_string(&decode::fault(&document)),
            serde_json::to_string(&decode::nrcs(&document)),
        ];
        for text in decoded.into_iter().flatten() {
            // Each name and sentence that is added belongs to a value that was read.
            assert!(text.len() <= 4096 + 1024 * data.len(), "{} of {}", text.len(), data.len());
        }
        decode::units(&document);
    }
    let lines = text.lines().filter_map(|line| RawValue::from_string(line.to_owned()).ok());
    let entities: Vec<_> = lines.collect();
    assert!(compare(&entities, &entities).is_empty());
    let (before, after) = entities.split_at(entities.len() / 2);
    let (there, back) = (compare(before, after), compare(after, before));
    assert_eq!((there.added, there.removed), (back.removed, back.added));
}

/// What another program says of a command on the bus.
///
/// # Panics
///
/// If it becomes an event that clients cannot read.
pub fn external_event(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(heard) = Heard::read(watched(), text) else { return };
    if let External::Response(response) = &heard.external {
        assert!(response.payload.get().len() <= text.len());
    }
    let order = Order {
        command_id: watched(),
        vehicle_id: VehicleId::from(uuid::Uuid::nil()),
        user_id: UserId::from(uuid::Uuid::nil()),
        name: "ReadDTC".to_owned(),
        params: RawValue::NULL.to_owned(),
        risk: Risk::R0,
        reason: None,
        priority: 0,
        submitted_at: Timestamp::UNIX_EPOCH,
        approve_by: None,
        deliver_by: Timestamp::MAX,
        run_timeout: Duration::from_secs(30),
        trace_id: None,
    };
    let lease = Lease { owner: NodeId::from(uuid::Uuid::nil()), until: Timestamp::MAX };
    let inputs = [Input::Claim(lease), Input::Start, Input::External(heard.external)];
    inputs.into_iter().fold(accept(order).command, |command, input| {
        let Ok(step) = reduce(command.clone(), input, Timestamp::UNIX_EPOCH) else {
            return command;
        };
        for event in &step.events {
            let read = serde_json::from_str::<Value>(&event.frame);
            assert!(read.is_ok(), "{read:?}: {}", event.frame);
        }
        step.command
    });
}

/// The command that the seeds speak of.
fn watched() -> CommandId {
    CommandId::from(uuid::Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_survived() {
        replay::seeds("notations", notations);
        replay::seeds("documents", documents);
        replay::seeds("external_event", external_event);
    }
}
