//! How a value of each kind is read, and within which bounds.
//!
//! Refuses with the words that complete "it must be …"; knows no key.

use super::{LogFormat, TlsVersion};
use model::catalog::{Condition, Rule};
use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, Error};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use toml::Value;
use tracing_subscriber::EnvFilter;

/// The units of a duration with their milliseconds, the largest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

const SHARED_SECRET_BYTES: usize = 32;

/// A whole number between two bounds.
pub(super) fn number<'de, const MIN: u64, const MAX: u64, T, D>(value: D) -> Result<T, D::Error>
where
    T: TryFrom<u64>,
    D: Deserializer<'de>,
{
    let given = Value::deserialize(value)?;
    let number = given.as_integer().and_then(|number| u64::try_from(number).ok());
    number
        .filter(|number| (MIN..=MAX).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| Error::custom(format!("a whole number from {MIN} to {MAX}")))
}

/// The number of threads, of which 0 means one for each core.
pub(super) fn threads<'de, D: Deserializer<'de>>(value: D) -> Result<usize, D::Error> {
    match number::<0, 1024, usize, D>(value)? {
        0 => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
        some => Ok(some),
    }
}

/// A duration between two bounds, in milliseconds.
pub(super) fn span<'de, const MIN: u64, const MAX: u64, D>(value: D) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    let given = Value::deserialize(value)?;
    given
        .as_str()
        .and_then(milliseconds)
        .filter(|ms| (MIN..=MAX).contains(ms))
        .map(Duration::from_millis)
        .ok_or_else(|| Error::custom(format!("a duration from {} to {}", spell(MIN), spell(MAX))))
}

/// The milliseconds of a text such as "1500ms", "30s" or "7d".
fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.find(|symbol: char| !symbol.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, scale) = UNITS.into_iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(scale)
}

/// The shortest text of so many milliseconds.
fn spell(ms: u64) -> String {
    let fits = |(_, scale): &(&str, u64)| ms > 0 && ms.is_multiple_of(*scale);
    UNITS
        .into_iter()
        .find(fits)
        .map_or_else(|| "0s".into(), |(name, scale)| format!("{}{name}", ms / scale))
}

pub(super) fn on_or_off<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    Value::deserialize(value)?.as_bool().ok_or_else(|| Error::custom("true or false"))
}

/// A text, of which an empty one means none.
pub(super) fn text<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(value)? {
        Value::String(text) => Ok((!text.is_empty()).then_some(text)),
        Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_)
        | Value::Table(_) => Err(Error::custom("a text")),
    }
}

pub(super) fn path<'de, D: Deserializer<'de>>(value: D) -> Result<PathBuf, D::Error> {
    text(value)?.map(PathBuf::from).ok_or_else(|| Error::custom("the path of a directory"))
}

pub(super) fn some_path<'de, D: Deserializer<'de>>(value: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(text(value)?.map(PathBuf::from))
}

pub(super) fn secret<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<SecretString>, D::Error> {
    Ok(text(value)?.map(SecretString::from))
}

/// A secret that is long enough to verify tokens with.
pub(super) fn shared_secret<'de, D>(value: D) -> Result<Option<SecretString>, D::Error>
where
    D: Deserializer<'de>,
{
    let secret = text(value)?;
    if secret.as_ref().is_some_and(|secret| secret.len() < SHARED_SECRET_BYTES) {
        return Err(Error::custom(format!("at least {SHARED_SECRET_BYTES} bytes long")));
    }
    Ok(secret.map(SecretString::from))
}

pub(super) fn addresses<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<SocketAddr>, D::Error> {
    const WANTED: &str = "addresses with ports, such as 127.0.0.1:8000 or [::1]:8000";
    let addresses = each(value, WANTED)?;
    if addresses.is_empty() { Err(Error::custom(WANTED)) } else { Ok(addresses) }
}

pub(super) fn hosts<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<IpAddr>, D::Error> {
    each(value, "addresses without ports, such as 10.0.0.1 or fd00::1")
}

/// Origins as browsers send them.
pub(super) fn origins<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    const WANTED: &str = "origins such as https://garage.example, without path";
    let origins: Vec<String> = each(value, WANTED)?;
    let is_origin = |text: &String| {
        url::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == *text)
    };
    if origins.iter().all(is_origin) { Ok(origins) } else { Err(Error::custom(WANTED)) }
}

pub(super) fn rules<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<Rule>, D::Error> {
    each(value, "risk classes such as R3 or commands of the catalogue such as uds.raw")
}

pub(super) fn conditions<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<Condition>, D::Error> {
    each(value, "conditions such as R3: components/gateway/data/vehicle_speed = 0")
}

/// A list of which every text is read.
pub(super) fn each<'de, T: FromStr, D>(value: D, wanted: &str) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
{
    let given = Value::deserialize(value)?;
    let texts = given.as_array().into_iter().flatten().map(Value::as_str);
    let read: Option<Vec<T>> = texts.map(|text| text?.parse().ok()).collect();
    read.filter(|_| given.is_array())
        .ok_or_else(|| Error::custom(format_args!("a list of {wanted}")))
}

pub(super) fn format<'de, D: Deserializer<'de>>(value: D) -> Result<LogFormat, D::Error> {
    match text(value)?.as_deref() {
        Some("auto") => Ok(LogFormat::Auto),
        Some("json") => Ok(LogFormat::Json),
        Some("pretty") => Ok(LogFormat::Pretty),
        Some(_) | None => Err(Error::custom("auto, json or pretty")),
    }
}

pub(super) fn tls_version<'de, D: Deserializer<'de>>(value: D) -> Result<TlsVersion, D::Error> {
    match text(value)?.as_deref() {
        Some("1.2") => Ok(TlsVersion::V1_2),
        Some("1.3") => Ok(TlsVersion::V1_3),
        Some(_) | None => Err(Error::custom("1.2 or 1.3, as a text")),
    }
}

pub(super) fn levels<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    let levels = text(value)?.unwrap_or_default();
    let wanted = |_| Error::custom("levels such as info or info,fleetwire_server=debug");
    EnvFilter::builder().parse(&levels).map_err(wanted)?;
    Ok(levels)
}
