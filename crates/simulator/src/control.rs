//! The control server: sets how vehicles behave and tells what reached them.
//!
//! Speaks no SOVD, and is not part of any vehicle.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::ledger::Count;
use crate::run::{Order, Remote};
use crate::setting::{Setting, SettingError};

type Remotes = Arc<BTreeMap<String, Remote>>;

/// Why the control server refuses a request.
#[derive(Debug, thiserror::Error)]
enum ControlError {
    #[error("there is no vehicle `{0}`")]
    UnknownVehicle(String),
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("the vehicle cannot listen at its address: {0}")]
    Address(#[from] io::Error),
    #[error("the simulator is shutting down")]
    ShuttingDown,
    #[error("there is no such path")]
    NoSuchPath,
    #[error("the path does not have this method")]
    NoSuchMethod,
}

/// Every route of the control server.
pub(crate) fn routes(remotes: BTreeMap<String, Remote>) -> Router {
    Router::new()
        .route("/control/vehicles", get(list))
        .route("/control/vehicles/{vin}", get(show).put(set))
        .route("/control/vehicles/{vin}/executions", get(counts).delete(clear_counts))
        .fallback(async || ControlError::NoSuchPath)
        .method_not_allowed_fallback(async || ControlError::NoSuchMethod)
        .with_state(Arc::new(remotes))
}

async fn list(State(remotes): State<Remotes>) -> Json<Vec<Value>> {
    let entry = |(vin, remote): (&String, &Remote)| {
        let online = remote.vehicle.setting().is_reachable();
        json!({
            "vin": vin,
            "base_url": remote.base_url,
            "dialect": remote.vehicle.plan.dialect.word(),
            "online": online,
        })
    };
    Json(remotes.iter().map(entry).collect())
}

async fn show(
    State(remotes): State<Remotes>,
    Path(vin): Path<String>,
) -> Result<Json<Value>, ControlError> {
    Ok(Json(remote(&remotes, vin)?.vehicle.setting().shown()))
}

/// Answers when the setting is in force: listener open or closed, connections reset.
async fn set(
    State(remotes): State<Remotes>,
    Path(vin): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ControlError> {
    let remote = remote(&remotes, vin)?;
    let setting = Setting::from_json(&body, &remote.vehicle.plan)?;
    let shown = setting.shown();
    let (done, finished) = oneshot::channel();
    let order = Order { setting, done };
    remote.orders.send(order).await.map_err(|_| ControlError::ShuttingDown)?;
    finished.await.map_err(|_| ControlError::ShuttingDown)??;
    Ok(Json(shown))
}

async fn counts(
    State(remotes): State<Remotes>,
    Path(vin): Path<String>,
) -> Result<Json<BTreeMap<Arc<str>, Count>>, ControlError> {
    Ok(Json(remote(&remotes, vin)?.vehicle.counts()))
}

async fn clear_counts(
    State(remotes): State<Remotes>,
    Path(vin): Path<String>,
) -> Result<StatusCode, ControlError> {
    remote(&remotes, vin)?.vehicle.clear_counts();
    Ok(StatusCode::NO_CONTENT)
}

fn remote(remotes: &Remotes, vin: String) -> Result<&Remote, ControlError> {
    remotes.get(&vin).ok_or(ControlError::UnknownVehicle(vin))
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::UnknownVehicle(_) | Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Setting(_) => StatusCode::BAD_REQUEST,
            Self::Address(_) | Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}
