//! The two older reads, in the shapes that their clients know.
//!
//! Invents no description, unit or status that the vehicle did not give.

use std::collections::BTreeMap;

use ::sovd::{DataItem, Fault, Reading};
use model::Timestamp;
use model::decode::Status;
use model::dtc::Dtc;
use serde::Serialize;
use serde_json::value::RawValue;

use super::attempt::{Attempt, Target};
use super::pages::Pages;
use super::vehicle::not_offered;
use super::{ecu, failure};
use crate::clock;
use crate::order::End;

/// Whom a part is about, and when it was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stamp<'a> {
    ecu_address: &'a str,
    timestamp: Timestamp,
}

impl<'a> Stamp<'a> {
    pub(super) fn now(ecu_address: &'a str) -> Self {
        Self { ecu_address, timestamp: clock::now() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TroubleCode<'a> {
    dtc_code: String,
    description: &'a str,
    status: &'static str,
}

/// One trouble code, twice: clients read it from either place.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    code: &'a TroubleCode<'a>,
    dtcs: [&'a TroubleCode<'a>; 1],
    #[serde(flatten)]
    stamp: Stamp<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Complete<'a> {
    status: &'static str,
    total_dtcs: usize,
    #[serde(flatten)]
    stamp: Stamp<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Begun<'a> {
    status: &'static str,
    data_id: &'a str,
    #[serde(flatten)]
    stamp: Stamp<'a>,
}

#[derive(Serialize)]
struct Read<'a> {
    data: Datum<'a>,
    #[serde(flatten)]
    stamp: Stamp<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Datum<'a> {
    data_id: &'a str,
    description: &'a str,
    value: &'a RawValue,
    /// `None` if there is none, or the vehicle does not say.
    unit: Option<&'a str>,
}

impl Attempt<'_> {
    /// One part per trouble code, then how many there were.
    pub(super) async fn read_dtc(&mut self, ecu: &str) -> Result<(), End> {
        let Target { client, entity, .. } = self.ecu(ecu).await?;
        self.outbox.about(ecu::path(&entity));
        let mut pages = Pages::none();
        while pages.are_missing() {
            let call = pages.ask(client.faults(&entity));
            let Some(page) = self.read(call).await? else { return Ok(()) };
            pages.add(page).map_err(failure::of_read)?;
        }
        let faults = pages.into_entries();
        for fault in &faults {
            let code = &TroubleCode::of(fault);
            self.outbox.part(&Found { code, dtcs: [code], stamp: Stamp::now(ecu) }).await?;
        }
        let stamp = Stamp::now(ecu);
        self.outbox.last(&Complete { status: "complete", total_dtcs: faults.len(), stamp }).await
    }

    /// A part that says that reading has begun, then the value.
    ///
    /// Both follow the vehicle's answer: as long as no part is stored the read may be repeated.
    pub(super) async fn read_data_by_id(&mut self, ecu: &str, data_id: &str) -> Result<(), End> {
        let target = self.ecu(ecu).await?;
        let item = self.identified(&target, data_id).await?;
        let call = target.client.read(&item.href).with_schema();
        let Some(reading) = self.read(call).await? else { return Ok(()) };
        let value = value(&reading)?;
        let begun = Begun { status: "reading", data_id, stamp: Stamp::now(ecu) };
        self.outbox.part(&begun).await?;
        let description = item.name.as_deref().unwrap_or(&item.id);
        let data = Datum { data_id, description, value: &value, unit: reading.unit.as_deref() };
        self.outbox.last(&Read { data, stamp: Stamp::now(ecu) }).await
    }

    /// The item that a DID or data id means: as an alias, by its listed DID, by its id.
    async fn identified(&self, target: &Target<'_>, data_id: &str) -> Result<DataItem, End> {
        let items = target.vehicle.items(&target.entity).await?;
        let wanted = ecu::alias(&self.address.data_aliases, data_id).unwrap_or(data_id);
        let did = ecu::number(wanted);
        let digits = did.map(|did| format!("{did:04X}"));
        let is_digits = |id: &str| digits.as_ref().is_some_and(|it| id.eq_ignore_ascii_case(it));
        items
            .iter()
            .find(|item| item.id == wanted)
            .or_else(|| items.iter().find(|item| did.is_some() && item.did == did))
            .or_else(|| items.iter().find(|item| is_digits(&item.id)))
            .cloned()
            .ok_or_else(|| not_offered("data item", data_id, items.iter().map(described)))
    }
}

impl<'a> TroubleCode<'a> {
    fn of(fault: &'a Fault) -> Self {
        Self {
            dtc_code: code(fault),
            description: fault.name.as_deref().or(fault.symptom.as_deref()).unwrap_or_default(),
            status: Status::read(&fault.status).map_or("stored", Status::word),
        }
    }
}

/// The code for people; the notation of control units is translated into it.
pub(super) fn code(fault: &Fault) -> String {
    let shown = fault.display_code.as_ref().unwrap_or(&fault.code);
    shown.parse().map_or_else(|_| shown.clone(), |dtc: Dtc| dtc.to_string())
}

/// The value itself: one server wraps it in a `value` of its own.
fn value(reading: &Reading) -> Result<Box<RawValue>, End> {
    if reading.value.get() == "null" && !reading.errors.is_empty() {
        return Err(End::VehicleError(failure::all_words(&reading.errors, "")));
    }
    let wrapped: Option<BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(reading.value.get()).ok();
    let inner = wrapped.and_then(|mut members| members.remove("value"));
    Ok(inner.unwrap_or_else(|| reading.value.clone()))
}

fn described(item: &DataItem) -> String {
    item.did.map_or_else(|| item.id.clone(), |did| format!("{} (0x{did:04X})", item.id))
}
