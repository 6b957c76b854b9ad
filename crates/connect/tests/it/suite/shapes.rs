//! What an answer has to look like, whatever the dialect.
//! Compares no values: only what is there, and that it hangs together.

use std::collections::BTreeSet;

use serde_json::Value;

/// What must be the same the next time; or what is wrong.
pub(super) type Shape = Result<String, String>;

pub(super) fn ensure(holds: bool, otherwise: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

/// The only payload.
fn only(payloads: &[Value]) -> Result<&Value, String> {
    let [only] = payloads else { return Err(format!("{} parts instead of one", payloads.len())) };
    Ok(only)
}

/// The items of the only payload.
pub(super) fn listed(payloads: &[Value]) -> Result<&Vec<Value>, String> {
    only(payloads)?["items"].as_array().ok_or_else(|| "no list of items".to_owned())
}

/// How an item is called: some are nothing but their id, and some servers have keys of their own.
pub(super) fn id(item: &Value) -> Option<&str> {
    let keys = ["id", "item", "execution_id", "subscription_id"];
    item.as_str().or_else(|| keys.iter().find_map(|key| item[*key].as_str()))
}

/// The ids of a list.
pub(super) fn ids(items: &[Value]) -> BTreeSet<String> {
    items.iter().filter_map(id).map(str::to_owned).collect()
}

/// A list whose items have an id each, and no two the same.
pub(super) fn items(payloads: &[Value]) -> Shape {
    let items = listed(payloads)?;
    let ids = ids(items);
    ensure(ids.len() == items.len(), "items without an id of their own")?;
    Ok(ids.into_iter().collect::<Vec<_>>().join(" "))
}

/// A list that may be another one the next time.
pub(super) fn fleeting_items(payloads: &[Value]) -> Shape {
    items(payloads).map(|_| String::new())
}

/// A document that says something.
pub(super) fn object(payloads: &[Value]) -> Shape {
    let members = only(payloads)?.as_object().ok_or("no object")?;
    ensure(!members.is_empty(), "an empty object")?;
    Ok(String::new())
}

pub(super) fn described(id: &str, payloads: &[Value]) -> Shape {
    let entity = only(payloads)?;
    ensure(entity["id"] == id, format!("calls itself {}", entity["id"]))?;
    ensure(entity.get("docs").is_some(), "nothing is said of its capability description")?;
    Ok(String::new())
}

/// One entity per part, each once.
pub(super) fn discovered(payloads: &[Value]) -> Shape {
    let path = |entity: &Value| Some(entity["tree"]["entity"].as_str()?.to_owned());
    let paths: BTreeSet<String> = payloads.iter().filter_map(path).collect();
    ensure(!paths.is_empty(), "no entities")?;
    ensure(paths.len() == payloads.len(), "an entity twice, or without a path")?;
    ensure(payloads.iter().all(|entity| id(entity).is_some()), "an entity without an id")?;
    ensure(payloads.iter().all(|entity| entity["tree"]["depth"].is_u64()), "no depth")?;
    Ok(paths.into_iter().collect::<Vec<_>>().join(" "))
}

/// One value per part, in the order of the ids.
pub(super) fn values(ids: &[String], payloads: &[Value]) -> Shape {
    let read: Vec<&str> = payloads.iter().filter_map(id).collect();
    ensure(read == ids, format!("{read:?} instead of {ids:?}"))?;
    let without = payloads.iter().find(|payload| value(payload).is_none());
    ensure(without.is_none(), format!("no value: {without:?}"))?;
    Ok(String::new())
}

/// The value that a document carries.
pub(super) fn value(document: &Value) -> Option<&Value> {
    document.get("data").or_else(|| document.get("value"))
}

/// A list of faults, each with what it means beside it.
fn decoded_faults(document: &Value) -> Result<usize, String> {
    let items = document["items"].as_array().ok_or("no list of faults")?;
    let decoded = document["decoded"].as_array().ok_or("nothing is decoded")?;
    ensure(items.len() == decoded.len(), "not every fault is decoded")?;
    ensure(items.iter().all(|fault| code(fault).is_some()), "a fault without a code")?;
    ensure(decoded.iter().all(Value::is_object), "a fault is not decoded")?;
    Ok(items.len())
}

/// The code of a fault.
pub(super) fn code(fault: &Value) -> Option<&str> {
    ["code", "fault_code"].iter().find_map(|key| fault[*key].as_str())
}

pub(super) fn faults(payloads: &[Value]) -> Shape {
    decoded_faults(only(payloads)?).map(|_| String::new())
}

pub(super) fn fault(wanted: &str, payloads: &[Value]) -> Shape {
    let document = only(payloads)?;
    let fault = document.get("item").unwrap_or(document);
    ensure(code(fault) == Some(wanted), format!("not about {wanted}"))?;
    ensure(document["decoded"].is_object(), "it is not decoded")?;
    Ok(String::new())
}

/// One entity per part.
pub(super) fn scanned(payloads: &[Value]) -> Shape {
    if let [nobody] = payloads
        && nobody.get("entity").is_none()
    {
        return items(payloads);
    }
    let mut places = Vec::new();
    for part in payloads {
        let place = part["entity"].as_str().ok_or("a part without its entity")?;
        ensure(part.get("error").is_none(), format!("{place}: {}", part["error"]))?;
        decoded_faults(part).map_err(|why| format!("{place}: {why}"))?;
        places.push(place);
    }
    Ok(places.join(" "))
}

/// What was there before, and what remained: faults may come meanwhile.
pub(super) fn cleared(payloads: &[Value]) -> Shape {
    let [before, after] = payloads else { return Err(format!("{} parts", payloads.len())) };
    decoded_faults(before)?;
    decoded_faults(after)?;
    Ok(String::new())
}

/// Trouble codes, then how many there were.
pub(super) fn trouble_codes(payloads: &[Value]) -> Shape {
    let (summary, codes) = payloads.split_last().ok_or("no parts")?;
    ensure(summary["status"] == "complete", "no summary")?;
    ensure(summary["totalDtcs"] == codes.len(), "a wrong number of trouble codes")?;
    let is_code = |part: &Value| part["dtcCode"].is_string() && part["status"].is_string();
    ensure(codes.iter().all(is_code), "a part without a trouble code")?;
    Ok(String::new())
}

pub(super) fn datum(payloads: &[Value]) -> Shape {
    let [begun, read] = payloads else { return Err(format!("{} parts", payloads.len())) };
    ensure(begun["status"] == "reading", "it does not say that it reads")?;
    ensure(read["data"].get("value").is_some(), "no value")?;
    Ok(String::new())
}

/// How it is watched, samples counted from 1, and how it ended.
pub(super) fn watched(id: &str, payloads: &[Value]) -> Shape {
    let [begun, samples @ .., ended] = payloads else { return Err("too few parts".to_owned()) };
    let mode = begun["mode"].as_str().ok_or("it does not say how it watches")?;
    ensure(ended["ended"] == "duration", format!("ended by {}", ended["ended"]))?;
    ensure(ended["gaps"] == 0, format!("{} gaps", ended["gaps"]))?;
    ensure(!samples.is_empty() && ended["samples"] == samples.len(), "samples are missing")?;
    for (sample, number) in samples.iter().zip(1..) {
        ensure(sample["sample"] == number, format!("sample {} is no {number}", sample["sample"]))?;
        ensure(sample["id"] == id && sample["timestamp"].is_string(), "whose sample, and when?")?;
        ensure(sample.get("payload").is_some(), format!("no value: {sample}"))?;
    }
    Ok(mode.to_owned())
}

/// What it is, pieces without a gap, and the digest of the whole.
pub(super) fn downloaded(payloads: &[Value]) -> Shape {
    let payloads = match payloads.split_first() {
        Some((first, rest)) if first.get("waiting").is_some() => rest,
        _ => payloads,
    };
    let [begun, pieces @ .., whole] = payloads else { return Err("too few parts".to_owned()) };
    let mut end = 0;
    for piece in pieces {
        ensure(piece["offset"] == end, format!("a gap at {end}"))?;
        ensure(piece["data"].is_string(), "a piece without data")?;
        end += piece["size"].as_u64().ok_or("a piece without a size")?;
    }
    ensure(whole["size"] == end, format!("{end} bytes of {}", whole["size"]))?;
    ensure(begun["size"].is_null() || begun["size"] == end, "another size than announced")?;
    ensure(whole["verified"] != false, "not what the vehicle described")?;
    Ok(format!("{end} bytes, SHA-256 {}", whole["sha256"]))
}

/// Pages of entries.
pub(super) fn entries(payloads: &[Value]) -> Shape {
    let is_page = |page: &Value| {
        page["items"].as_array().is_some_and(|items| items.iter().all(Value::is_object))
    };
    ensure(payloads.iter().all(is_page), "a page without entries")?;
    Ok(String::new())
}

/// A configuration: JSON, or bytes in base64.
pub(super) fn configuration(wanted: &str, payloads: &[Value]) -> Shape {
    let document = only(payloads)?;
    ensure(id(document) == Some(wanted), format!("calls itself {}", document["id"]))?;
    ensure(value(document).is_some() || document["blob"].is_string(), "neither JSON nor bytes")?;
    Ok(String::new())
}

/// The last word on something that took its time.
pub(super) fn ended(payloads: &[Value]) -> Shape {
    let last = payloads.last().ok_or("no parts")?;
    ensure(last.is_object(), "no result")?;
    ensure(last["status"] != "running" && last["status"] != "failed", "it has not ended well")?;
    Ok(String::new())
}
