//! What is to be run where: parameters as they were typed, and the vehicle that was meant.
//!
//! Refuses to guess: an end of a VIN that several vehicles have names none.

use super::Run;
use super::access::Access;
use super::failure::{Failure, Kind};
use super::said::word;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use uuid::Uuid;

/// The shortest end of a VIN that names a vehicle.
const SHORTEST: usize = 4;

/// Reads NAME=VALUE.
pub(super) fn param(text: &str) -> Result<(String, Value), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}

/// Reads a span such as 1500ms, 30s or 1h30m; in milliseconds.
pub(super) fn span(text: &str) -> Result<u64, &'static str> {
    let wrong = "must be a span such as 1500ms, 30s, 5m or 2h";
    let span: SignedDuration = text.parse().map_err(|_| wrong)?;
    u64::try_from(span.as_millis()).map_err(|_| wrong)
}

/// The parameters of the file, changed by those of the command line.
pub(super) fn params(args: &Run) -> Result<Map<String, Value>, Failure> {
    let mut params = match &args.file {
        Some(path) => read(path)?,
        None => Map::new(),
    };
    params.extend(args.params.iter().cloned());
    Ok(params)
}

fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let read = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let read = read.and_then(|text| serde_json::from_str(&text).map_err(io::Error::other));
    read.map_err(|error| Failure::new(Kind::Usage, format!("{}: {error}", path.display())))
}

/// Submits the command; what the server made of it.
pub(super) async fn submit(access: &Access, args: &Run) -> Result<Value, Failure> {
    let params = params(args)?;
    let vehicle_id = vehicle(access, &args.vehicle).await?;
    let draft = json!({
        "vehicle_id": vehicle_id,
        "command_name": args.command,
        "command_params": params,
        "reason": args.reason,
        "deliver_within_ms": args.deadline,
        "run_timeout_ms": args.timeout,
    });
    // Said twice, it is the same submission.
    let key = Uuid::new_v4().simple().to_string();
    let adapt =
        |request: reqwest::RequestBuilder| request.header("idempotency-key", key).json(&draft);
    access.ask(Method::POST, "/api/v1/commands", adapt).await
}

/// The id of the vehicle that is meant.
async fn vehicle(access: &Access, text: &str) -> Result<String, Failure> {
    if text.parse::<Uuid>().is_ok() {
        return Ok(text.to_owned());
    }
    let text = text.to_uppercase();
    if text.len() < SHORTEST {
        let message = "a vehicle is named by its id, its VIN, or 4 or more characters of its end";
        return Err(Failure::new(Kind::Usage, message));
    }
    let query = [("search", text.as_str()), ("limit", "100")];
    let found = access.ask(Method::GET, "/api/v1/vehicles", |it| it.query(&query)).await?;
    chosen(&found, &text)
}

fn chosen(found: &Value, text: &str) -> Result<String, Failure> {
    let listed = found.as_array().map(Vec::as_slice).unwrap_or_default();
    let vin = |vehicle| word(vehicle, "vin").to_uppercase();
    let ending: Vec<_> = listed.iter().filter(|it| vin(it).ends_with(text)).collect();
    match ending.as_slice() {
        [] => {
            Err(Failure::new(Kind::NotFound, format!("no vehicle has a VIN that ends with {text}")))
        }
        [one] => Ok(word(one, "vehicle_id").to_owned()),
        several => {
            let message = format!("{} vehicles have a VIN that ends with {text}", several.len());
            Err(Failure::new(Kind::Usage, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_or_else_a_text() {
        assert_eq!(param("n=3"), Ok(("n".to_owned(), json!(3))));
        assert_eq!(param("ecuAddress=0x10"), Ok(("ecuAddress".to_owned(), json!("0x10"))));
        assert_eq!(param(r#"ids=["a=b"]"#), Ok(("ids".to_owned(), json!(["a=b"]))));
        assert!(param("nothing").is_err());
    }

    #[test]
    fn a_span_has_a_unit_and_is_not_negative() {
        assert_eq!(
            ["0s", "1500ms", "30s", "1h30m"].map(span),
            [0, 1500, 30_000, 5_400_000].map(Ok)
        );
        for text in ["", "30", "-1s", "soon"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_end_of_a_vin_names_a_vehicle_if_it_is_the_only_one() {
        let found = json!([{ "vehicle_id": "1", "vin": "AAAA0001" },
            { "vehicle_id": "2", "vin": "BBBB0001" }, { "vehicle_id": "3", "vin": "0001CCCC" }]);
        assert_eq!(chosen(&found, "CCCC").unwrap(), "3");
        assert_eq!(chosen(&found, "A0001").unwrap(), "1");
        assert_eq!(chosen(&found, "0001").unwrap_err().kind, Kind::Usage);
        assert_eq!(chosen(&found, "DDDD").unwrap_err().kind, Kind::NotFound);
    }
}
