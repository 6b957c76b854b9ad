//! Changing the registry of vehicles: registering, correcting, taking out.
//!
//! Refuses a change that was made on an old version of the vehicle.

use super::App;
use super::caller::Caller;
use super::credentials::{Named, Said};
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use super::text;
use super::vehicles::{View, etag, unknown, vehicle_id};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use model::id::FleetId;
use model::user::Action;
use model::vehicle::{Connector, Model, Vehicle};
use model::vin::{NotAVin, Vin};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{NewVehicle, StoreError, VehicleChange};

/// How a vehicle is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConnectorKind)]
pub(crate) enum Kind {
    #[default]
    Sovd,
    External,
}

/// A vehicle to register.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VehicleDraft)]
pub(crate) struct Draft {
    /// 17 letters and digits. A check digit that does not match is a warning in the answer.
    #[schema(pattern = "^[A-HJ-NPR-Za-hj-npr-z0-9]{17}$")]
    vin: String,
    /// Its fleet: decides who sees it.
    #[schema(value_type = uuid::Uuid)]
    fleet_id: FleetId,
    /// How it is reached: `sovd` (the default) needs `sovd_url`; of `external` vehicles the orders go
    /// to somebody else's program on the bus.
    #[serde(default)]
    connector: Kind,
    /// The address of its SOVD server.
    #[schema(pattern = "^https?://[^/?#@]+(/[^?#@]*)?$")]
    sovd_url: Option<String>,
    /// The bearer token that its SOVD server wants. It is kept encrypted and never shown again.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only, max_length = 8192, pattern = "^[!-~]+$")]
    sovd_token: Said<SecretString>,
    /// Certificates, as PEM, of the only authorities that its SOVD server is believed by; without
    /// them, those that the machine trusts.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only, max_length = 65536)]
    sovd_ca: Said<String>,
    /// A certificate and its private key, as PEM, to show when its SOVD server asks who we are. They are
    /// kept encrypted and never shown again.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only, max_length = 65536)]
    sovd_identity: Said<SecretString>,
    #[serde(default)]
    #[schema(max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    make: String,
    #[serde(default)]
    #[schema(max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    model: String,
    #[schema(minimum = 1900, maximum = 2100)]
    year: Option<i32>,
    /// `ecu_aliases` in it maps an ECU address to a component, `data_aliases` a DID to a data id.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// What to correct of a vehicle; what is absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VehicleChange)]
pub(crate) struct Correction {
    #[schema(value_type = Option<uuid::Uuid>)]
    fleet_id: Option<FleetId>,
    connector: Option<Kind>,
    #[schema(pattern = "^https?://[^/?#@]+(/[^?#@]*)?$")]
    sovd_url: Option<String>,
    /// `null` takes the token away. A `sovd_url` on another server needs it again.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only, max_length = 8192, pattern = "^[!-~]+$")]
    sovd_token: Said<SecretString>,
    /// `null` takes the certificates away.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only, max_length = 65536)]
    sovd_ca: Said<String>,
    /// `null` takes the certificate and its key away.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only, max_length = 65536)]
    sovd_identity: Said<SecretString>,
    #[schema(max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    make: Option<String>,
    #[schema(max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    model: Option<String>,
    #[schema(minimum = 1900, maximum = 2100)]
    year: Option<i32>,
    /// Replaces all of it.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

/// Registers a vehicle.
#[utoipa::path(post, path = "/api/v1/vehicles", tag = "vehicles",
    extensions(("x-permission" = json!("administer"))),
    responses((status = 201, body = View, headers(("etag" = String))),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub(crate) async fn add(
    State(app): State<App>,
    caller: Caller,
    Json(draft): Json<Draft>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Administer)?;
    let new = draft.checked(&app)?;
    let fleet_id = new.change.fleet_id;
    let deed = caller.deed("vehicle_registered", format!("vehicle/{}", new.vin));
    let added = app.store.add_vehicle(new, deed).await;
    let added = named_fleet(&app, fleet_id, added).await?;
    let taken = || Problem::conflict("vin-taken", "There is a vehicle of that VIN");
    let vehicle = app.store.vehicle(added.ok_or_else(taken)?).await?.ok_or_else(unknown)?;
    let location = format!("/api/v1/vehicles/{}", vehicle.vehicle_id);
    let headers = [(header::LOCATION, location), (header::ETAG, etag(&vehicle))];
    Ok((StatusCode::CREATED, headers, Json(View::new(vehicle, caller.session()))))
}

/// Corrects a vehicle. `If-Match` names the version that it was made on.
#[utoipa::path(patch, path = "/api/v1/vehicles/{vehicle_id}", tag = "vehicles",
    extensions(("x-permission" = json!("administer"))),
    params(("vehicle_id" = uuid::Uuid, Path),
        ("if-match" = String, Header, pattern = r#"^(\*|"[0-9]{1,18}")$"#,
            description = "The `ETag` of the vehicle, or *")),
    responses((status = 200, body = View, headers(("etag" = String))),
        (status = 404, body = ProblemBody), (status = 412, body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 428, body = ProblemBody)))]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(correction): Json<Correction>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Administer)?;
    let vehicle_id = vehicle_id(&id)?;
    let version = Version::named(&headers)?.ok_or_else(version_needed)?;
    let vehicle = app.store.vehicle(vehicle_id).await?.ok_or_else(unknown)?;
    let revision = version.revision().unwrap_or(vehicle.revision);
    let change = correction.over(vehicle, &app)?;
    let fleet_id = change.fleet_id;
    let deed = caller.detailed("vehicle_changed", format!("vehicle/{id}"), details(&change));
    let changed = app.store.change_vehicle(vehicle_id, revision, change, deed).await;
    if !named_fleet(&app, fleet_id, changed).await? {
        return Err(stale());
    }
    let vehicle = app.store.vehicle(vehicle_id).await?.ok_or_else(unknown)?;
    let etag = [(header::ETAG, etag(&vehicle))];
    Ok((etag, Json(View::new(vehicle, caller.session()))))
}

/// Takes a vehicle out of the registry; the history of its commands stays.
#[utoipa::path(delete, path = "/api/v1/vehicles/{vehicle_id}", tag = "vehicles",
    extensions(("x-permission" = json!("administer"))),
    params(("vehicle_id" = uuid::Uuid, Path),
        ("if-match" = Option<String>, Header, pattern = r#"^(\*|"[0-9]{1,18}")$"#,
            description = "The `ETag` of the vehicle, or *")),
    responses((status = 204), (status = 404, body = ProblemBody),
        (status = 412, body = ProblemBody)))]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    caller.may(Action::Administer)?;
    let vehicle_id = vehicle_id(&id)?;
    let revision = Version::named(&headers)?.and_then(Version::revision);
    let deed = caller.deed("vehicle_removed", format!("vehicle/{vehicle_id}"));
    if app.store.remove_vehicle(vehicle_id, revision, deed).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    app.store.vehicle(vehicle_id).await?.ok_or_else(unknown)?;
    Err(stale())
}

impl Draft {
    fn checked(self, app: &App) -> Result<NewVehicle, Problem> {
        let not_a_vin = |fault: NotAVin| Problem::invalid().field("/vin", fault.to_string());
        let vin: Vin = self.vin.parse().map_err(not_a_vin)?;
        let model = Model {
            make: text::line("/make", self.make)?,
            model: text::line("/model", self.model)?,
            year: self.year.map(model_year).transpose()?,
        };
        let named = Named {
            token: self.sovd_token,
            authorities: self.sovd_ca,
            identity: self.sovd_identity,
        };
        let place = (self.connector, self.sovd_url);
        // Nothing is known of it yet: as if it had been reached otherwise.
        let connector = connector(place, named, (&Connector::External, &vin), app)?;
        let change =
            VehicleChange { fleet_id: self.fleet_id, model, connector, metadata: self.metadata };
        Ok(NewVehicle { vin, change })
    }
}

impl Correction {
    /// The vehicle as it shall be.
    fn over(self, vehicle: Vehicle, app: &App) -> Result<VehicleChange, Problem> {
        let known = match vehicle.connector {
            Connector::Sovd { .. } => Kind::Sovd,
            Connector::External => Kind::External,
        };
        let kind = self.connector.unwrap_or(known);
        let named = Named {
            token: self.sovd_token,
            authorities: self.sovd_ca,
            identity: self.sovd_identity,
        };
        let before = (&vehicle.connector, &vehicle.vin);
        let known_url = vehicle.connector.sovd_url().filter(|_| kind == Kind::Sovd);
        let sovd_url = self.sovd_url.or_else(|| known_url.map(str::to_owned));
        let connector = connector((kind, sovd_url), named, before, app)?;
        let Model { make, model, year } = vehicle.model;
        Ok(VehicleChange {
            fleet_id: self.fleet_id.unwrap_or(vehicle.fleet_id),
            model: Model {
                make: text::line("/make", self.make.unwrap_or(make))?,
                model: text::line("/model", self.model.unwrap_or(model))?,
                year: self.year.map(model_year).transpose()?.or(year),
            },
            connector,
            metadata: self.metadata.unwrap_or(vehicle.metadata),
        })
    }
}

fn has_bus(app: &App) -> bool {
    app.config.redis_url.is_some() && app.config.bus.external_events
}

/// How a vehicle is to be reached that was reached as `before` says.
fn connector(
    (kind, sovd_url): (Kind, Option<String>),
    named: Named,
    (before, vin): (&Connector, &Vin),
    app: &App,
) -> Result<Connector, Problem> {
    let wrong = |field, rule: &str| Err(Problem::invalid().field(field, rule));
    match (kind, sovd_url) {
        (Kind::Sovd, Some(url)) => {
            let url = text::sovd_url(url)?;
            let credentials = named.over(before, &url, vin, app)?;
            Ok(Connector::Sovd { url, credentials })
        }
        (Kind::Sovd, None) => wrong("/sovd_url", "is missing: where is its SOVD server?"),
        (Kind::External, Some(_)) => {
            wrong("/sovd_url", "must be absent: the connector is external")
        }
        (Kind::External, None) if !has_bus(app) => wrong(
            "/connector",
            "external needs a bus that may be answered on: start the server with redis_url, and leave bus.external_events on",
        ),
        (Kind::External, None) => match named.is_some() {
            Some(pointer) => wrong(pointer, "must be absent: the connector is external"),
            None => Ok(Connector::External),
        },
    }
}

fn model_year(year: i32) -> Result<i32, Problem> {
    let fault = || Problem::invalid().field("/year", "must be between 1900 and 2100");
    (1900..=2100).contains(&year).then_some(year).ok_or_else(fault)
}

fn details(change: &VehicleChange) -> Value {
    json!({
        "fleet_id": change.fleet_id,
        "make": change.model.make,
        "model": change.model.model,
        "year": change.model.year,
        "connector": change.connector.word(),
        "sovd_url": change.connector.sovd_url(),
        "has_sovd_token": change.connector.credentials().map(|it| it.sealed_token.is_some()),
        "has_sovd_ca": change.connector.credentials().map(|it| it.authorities.is_some()),
        "has_sovd_identity": change.connector.credentials().map(|it| it.sealed_identity.is_some()),
    })
}

/// Blames a refused write on a fleet that does not exist, if it does not.
async fn named_fleet<T>(
    app: &App,
    fleet_id: FleetId,
    written: Result<T, StoreError>,
) -> Result<T, Problem> {
    match written {
        Err(StoreError::Failed(_)) if app.store.fleet(fleet_id).await?.is_none() => {
            Err(Problem::invalid().field("/fleet_id", "there is no such fleet"))
        }
        other => Ok(other?),
    }
}

/// The version of a vehicle that a change was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// Whichever is the newest.
    Any,
    Of(i64),
}

impl Version {
    /// What `If-Match` names; `None` without one.
    pub(super) fn named(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
        let tag = value.to_str().unwrap_or_default().trim();
        if tag == "*" {
            return Ok(Some(Self::Any));
        }
        let revision = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        let revision = revision.and_then(|digits| digits.parse().ok());
        revision.map(|revision| Some(Self::Of(revision))).ok_or_else(stale)
    }

    fn revision(self) -> Option<i64> {
        match self {
            Self::Any => None,
            Self::Of(revision) => Some(revision),
        }
    }
}

fn stale() -> Problem {
    Problem::of_status(StatusCode::PRECONDITION_FAILED)
        .detail("get the vehicle again and name its ETag in If-Match")
}

fn version_needed() -> Problem {
    Problem::of_status(StatusCode::PRECONDITION_REQUIRED)
        .detail("name the ETag of the vehicle in If-Match")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(value: &str) -> Result<Option<Version>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, value.parse().unwrap());
        Version::named(&headers)
    }

    #[test]
    fn a_version_is_named_in_quotes() {
        assert_eq!(named(r#""12""#).unwrap(), Some(Version::Of(12)));
        assert_eq!(named("*").unwrap(), Some(Version::Any));
        assert_eq!(Version::named(&HeaderMap::new()).unwrap(), None);
        for value in ["12", r#"W/"12""#, r#""x""#, ""] {
            assert!(named(value).is_err(), "{value}");
        }
    }
}
