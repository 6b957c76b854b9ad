//! Failures as RFC 9457 problems: the only place that maps them to HTTP status.
//!
//! Refuses to tell clients about our insides: what was our fault says only that it was.

use crate::auth::{
    ChangeError, LoginError, MintError, PasswordError, RefreshError, TicketError, TokenError,
    VerifyError,
};
use crate::command::accept::{CancelError, SubmitError, UnseenError};
use crate::command::decide::DecideError;
use crate::observe;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use std::any::Any;
use std::time::Duration;
use store::StoreError;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What went wrong, as the client learns it.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
}

/// One wrong field.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct FieldError {
    /// Where, as a JSON pointer into the body, or the name of a query parameter.
    pub(crate) pointer: String,
    /// What is wrong, and what would be right.
    pub(crate) detail: String,
}

/// The body of every failure, as `application/problem+json`.
///
/// The codes, by status: 400 `bad-request`, `malformed-json`; 401 `unauthenticated`; 403
/// `forbidden`, `own-command`, `password-change-needed`, `switched-off`; 404 `unknown-path`, `unknown-vehicle`, `unknown-command`,
/// `unknown-fleet`, `unknown-user`, `unknown-grant`, `unknown-session`, `unknown-token`, `undiscovered`;
/// 405 `wrong-method`; 408 `too-slow`; 409 `already-ended`, `fleet-not-empty`, `key-reused`,
/// `name-taken`, `not-awaiting-approval`, `other-order`, `own-account`, `single-sign-on`, `too-many-tokens`,
/// `vehicle-offline`, `vin-taken`; 410 `approval-expired`;
/// 412 `stale`; 413 `too-large`; 414 `address-too-long`; 415 `wrong-media-type`; 422
/// `invalid-parameters`, `unknown-command`; 426 `upgrade-required`; 428 `version-needed`; 429
/// `too-many-attempts`, `too-many-streams`; 500 `internal`; 503 `busy`, `not-ready`, `unavailable`; 507 `storage-full`.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// `/problems/<code>`; stable.
    r#type: String,
    /// For people; may be reworded.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened to this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Names the request in the server's log.
    trace_id: String,
    /// The wrong fields, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, detail: None, errors: Vec::new(), retry_after: None }
    }

    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds a wrong field.
    pub(crate) fn field(mut self, pointer: &str, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.to_owned(), detail: detail.into() });
        self
    }

    pub(crate) fn retry_after(self, span: Duration) -> Self {
        Self { retry_after: Some(span), ..self }
    }

    pub(crate) fn invalid() -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-parameters", "Invalid parameters")
    }

    pub(crate) fn unauthenticated(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Not authenticated").detail(detail)
    }

    pub(crate) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not permitted").detail(detail)
    }

    pub(crate) fn not_found(code: &'static str, title: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, title)
    }

    pub(crate) fn conflict(code: &'static str, title: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, code, title)
    }

    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed")
    }

    fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The store does not answer")
            .detail("nothing is known to be stored: try again")
            .retry_after(Duration::from_secs(2))
    }

    fn unminted(cause: &MintError) -> Self {
        tracing::error!(cause = observe::chain(cause), "cannot make tokens");
        Self::internal()
    }

    /// The problem of a bare status that the framework answered.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (code, title) = match status {
            StatusCode::NOT_FOUND => ("unknown-path", "No such path"),
            StatusCode::METHOD_NOT_ALLOWED => ("wrong-method", "The path has not this method"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "The body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("wrong-media-type", "The body must be JSON"),
            StatusCode::REQUEST_TIMEOUT => ("too-slow", "The request took too long to arrive"),
            StatusCode::URI_TOO_LONG => ("address-too-long", "The address is too long"),
            StatusCode::PRECONDITION_FAILED => ("stale", "There is a newer version"),
            StatusCode::PRECONDITION_REQUIRED => ("version-needed", "If-Match is needed"),
            StatusCode::UPGRADE_REQUIRED => ("upgrade-required", "This is a WebSocket"),
            other if other.is_server_error() => ("internal", "The server failed"),
            _ => ("bad-request", "The request cannot be read"),
        };
        Self::new(status, code, title)
    }

    /// Writes the problem down.
    pub(crate) fn render(self, trace_id: String) -> Response<Body> {
        let body = ProblemBody {
            r#type: format!("/problems/{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: self.detail,
            trace_id,
            errors: self.errors,
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, Body::from(json)).into_response();
        let headers = response.headers_mut();
        let media = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media);
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(span) = self.retry_after {
            let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
            let seconds = HeaderValue::from(seconds.max(1));
            if self.status == StatusCode::TOO_MANY_REQUESTS {
                // Whoever is slowed down has one attempt each time that they have waited.
                headers.insert(LIMIT, 1.into());
                headers.insert(REMAINING, 0.into());
                headers.insert(RESET, seconds.clone());
            }
            headers.insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Leaves the problem in the extensions: the outermost layer writes it down, with the trace id.
    fn into_response(self) -> Response<Body> {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What a panic in a handler answers; the hook has logged it.
pub(crate) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response<Body> {
    Problem::internal().into_response()
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let cause = observe::chain(&error);
        match error {
            StoreError::Unavailable(_) | StoreError::Busy => {
                tracing::warn!(cause, "the store did not answer");
                Self::unavailable()
            }
            StoreError::Full(_) => {
                tracing::warn!(cause, "the store's disk is full");
                let full = StatusCode::INSUFFICIENT_STORAGE;
                Self::new(full, "storage-full", "The server's disk is full")
                    .detail("nothing was stored")
                    .retry_after(Duration::from_secs(30))
            }
            StoreError::Corrupt(_) | StoreError::Failed(_) => {
                tracing::error!(cause, "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let words = error.to_string();
        match error {
            SubmitError::UnknownVehicle => Self::not_found("unknown-vehicle", "No such vehicle"),
            SubmitError::UnknownCommand => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown-command",
                "No command of that name",
            )
            .detail("GET /api/v1/catalog lists the commands")
            .field("/command_name", "is in no row of the catalogue"),
            SubmitError::SwitchedOff(_) => {
                Self::new(StatusCode::FORBIDDEN, "switched-off", "The command is switched off")
                    .detail(words)
            }
            SubmitError::InvalidParameters(faults) => {
                faults.into_iter().fold(Self::invalid(), |problem, fault| {
                    let pointer = format!("/command_params{}", fault.pointer);
                    problem.field(&pointer, fault.detail)
                })
            }
            SubmitError::OutOfRange { field, fault } => Self::invalid().field(field, fault),
            SubmitError::ReasonNeeded => Self::invalid().field("/reason", words),
            SubmitError::NotPermitted => Self::forbidden(&words),
            SubmitError::VehicleOffline => {
                Self::new(StatusCode::CONFLICT, "vehicle-offline", "The vehicle is not connected")
                    .detail("give deliver_within_ms to let the command wait for it")
            }
            SubmitError::KeyReused => {
                Self::new(StatusCode::CONFLICT, "key-reused", "The Idempotency-Key was used before")
                    .detail(words)
            }
            SubmitError::Store(cause) => cause.into(),
        }
    }
}

impl From<UnseenError> for Problem {
    fn from(error: UnseenError) -> Self {
        match error {
            UnseenError::UnknownCommand => Self::not_found("unknown-command", "No such command"),
            UnseenError::Store(cause) => cause.into(),
        }
    }
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        let words = error.to_string();
        match error {
            CancelError::Unseen(cause) => cause.into(),
            CancelError::NotPermitted => Self::forbidden(&words),
            CancelError::Ended(command) => {
                Self::new(StatusCode::CONFLICT, "already-ended", "The command has already ended")
                    .detail(format!("it is {}", command.phase().word()))
            }
            CancelError::Store(cause) => cause.into(),
        }
    }
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Self {
        let words = error.to_string();
        match error {
            DecideError::Unseen(cause) => cause.into(),
            DecideError::Own => {
                Self::new(StatusCode::FORBIDDEN, "own-command", "It is your own command")
                    .detail(words)
            }
            DecideError::OtherOrder => {
                Self::conflict("other-order", "The approval is of another command").detail(words)
            }
            DecideError::Late => {
                Self::new(StatusCode::GONE, "approval-expired", "Nobody approved it in time")
                    .detail(words)
            }
            DecideError::NotAwaiting(command) => {
                Self::conflict("not-awaiting-approval", "It waits for no decision")
                    .detail(format!("it is {}", command.phase().word()))
            }
            DecideError::Store(cause) => cause.into(),
        }
    }
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        let reason = error.reason();
        if let VerifyError::Store(cause) = error {
            return cause.into();
        }
        Self::unauthenticated(reason)
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Denied => Self::unauthenticated("wrong username or password"),
            LoginError::ChangeNeeded => {
                let title = "The password has to be changed";
                Self::new(StatusCode::FORBIDDEN, "password-change-needed", title)
                    .detail("POST /api/v1/auth/password, and log in with the new one")
            }
            LoginError::Throttled { retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Too many attempts")
                    .retry_after(retry_after)
            }
            LoginError::Mint(cause) => Self::unminted(&cause),
            LoginError::Store(cause) => cause.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let words = error.to_string();
        match error {
            ChangeError::Login(cause) => cause.into(),
            ChangeError::Same
            | ChangeError::New(
                PasswordError::TooShort | PasswordError::TooLong | PasswordError::Guessable,
            ) => Self::invalid().field("/new", words),
            ChangeError::New(cause @ (PasswordError::Busy | PasswordError::Unhashable)) => {
                cause.into()
            }
            ChangeError::Store(cause) => cause.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Denied => Self::unauthenticated("the refresh token is not valid"),
            RefreshError::Mint(cause) => Self::unminted(&cause),
            RefreshError::Store(cause) => cause.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::TooShort | PasswordError::TooLong | PasswordError::Guessable => {
                Self::invalid().field("/password", error.to_string())
            }
            PasswordError::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many at a time")
                    .detail(error.to_string())
                    .retry_after(Duration::from_secs(2))
            }
            PasswordError::Unhashable => {
                tracing::error!(%error, "cannot hash a password");
                Self::internal()
            }
        }
    }
}

impl From<TicketError> for Problem {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::NoSession => Self::forbidden("a ticket needs a login"),
            TicketError::Mint(cause) => Self::unminted(&cause),
            TicketError::Store(cause) => cause.into(),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let words = error.to_string();
        match error {
            TokenError::Role => Self::invalid().field("/role", words),
            TokenError::Fleets => Self::invalid().field("/fleets", words),
            TokenError::End(_) => Self::invalid().field("/expires_at", words),
            TokenError::TooMany(_) => {
                Self::conflict("too-many-tokens", "There are too many tokens").detail(words)
            }
            TokenError::Denied => Self::unauthenticated("token revoked"),
            TokenError::Mint(cause) => Self::unminted(&cause),
            TokenError::Store(cause) => cause.into(),
        }
    }
}
