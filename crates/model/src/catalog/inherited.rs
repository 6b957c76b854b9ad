//! The three older names, for the clients that know them.
//!
//! Refuses to change: their parameters and answers stay as those clients expect them.

use super::Entry;
use super::params::Params;
use crate::command::Risk;
use serde_json::{Value, json};

/// A trouble code in the notations that these clients use.
const DTC: &str = "^([PCBUpcbu][0-3][0-9A-Fa-f]{3}(-[0-9A-Fa-f]{2})?|(0x)?[0-9A-Fa-f]{6})$";
const ADDRESS: &str = "^(0x[0-9A-Fa-f]{2,4}|[A-Za-z_][A-Za-z0-9_.-]{0,127})$";
const DATA_ID: &str = "^(0x[0-9A-Fa-f]{4}|[A-Za-z_][A-Za-z0-9_.-]{0,127})$";

pub(super) fn rows() -> Vec<Entry> {
    vec![
        Entry::read(
            "ReadDTC",
            "Reads the trouble codes of an ECU.",
            of_ecu().example(json!({ "ecuAddress": "0x10" })),
        )
        .many()
        .alias_of("faults.list"),
        Entry::change(
            Risk::R2,
            "ClearDTC",
            "Clears trouble codes of an ECU.",
            of_ecu()
                .may("dtcCode", text(DTC, "A trouble code, P0420 or 0x042000."))
                .example(json!({ "ecuAddress": "0x10", "dtcCode": "P0420" })),
        )
        .locked()
        .alias_of("faults.clear"),
        Entry::read(
            "ReadDataByID",
            "Reads one value by DID.",
            of_ecu()
                .need("dataId", text(DATA_ID, "A DID, 0xF190, or a data id of the vehicle."))
                .example(json!({ "ecuAddress": "engine_ecu", "dataId": "0xF190" })),
        )
        .many()
        .alias_of("data.read"),
    ]
}

fn of_ecu() -> Params {
    let description = "An ECU address, 0x10 or 0x1234, or a component id of the vehicle.";
    Params::none().need("ecuAddress", text(ADDRESS, description))
}

fn text(pattern: &str, description: &str) -> Value {
    json!({ "type": "string", "pattern": pattern, "description": description })
}
