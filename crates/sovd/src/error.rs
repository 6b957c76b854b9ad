//! Why a call failed, cut along the line that decides what may be said about the vehicle.
//! Refuses to guess: only a failure before the first byte counts as not sent.

use std::error::Error as _;

use reqwest::Method;
use rustls::AlertDescription;
use serde::Serialize;
use serde_json::Value;

use crate::fields;
use crate::http::NotAdmitted;
use crate::link::Link;

/// Longest text taken over from an answer that is no JSON, in characters.
const TEXT_LIMIT: usize = 1000;
/// What an error is called that only its vendor code explains.
const VENDOR_SPECIFIC: &str = "vendor-specific";
/// The vendor codes of errors that were made from a status begin so.
const HTTP: &str = "http-";

/// Why a call gave no result.
///
/// Only `NotSent`, `NotAdmitted` and `NotTrusted` prove by themselves that nothing was done. A refusal is the server's word, and worth
/// what its status says: behind a 5xx a control unit may have acted. After any other error the
/// request may have been carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server was not reached (refused, no route, DNS, TLS, timeout): provably nothing was sent.
    #[error("not sent: the server was not reached")]
    NotSent(#[source] reqwest::Error),
    /// The address of the server is none that may be talked to; nothing was sent.
    #[error("not sent: the address {host} is not admitted")]
    NotAdmitted {
        /// The host as the client was given it.
        host: String,
    },
    /// No TLS connection came about that both sides would trust; nothing was read of what was sent.
    #[error("not carried out: no TLS connection: {cause}")]
    NotTrusted {
        /// What is wrong, as the TLS library says it.
        cause: String,
    },
    /// The connection was lost without an answer.
    #[error("no answer: the connection was lost")]
    Lost(#[source] reqwest::Error),
    /// An answer came that is not what SOVD says.
    #[error("malformed answer: {what}")]
    Malformed {
        /// What was wrong with it.
        what: String,
    },
    /// The answer broke off before its announced end.
    #[error("the answer broke off")]
    Truncated,
    /// The answer, or one part of it, is larger than allowed.
    #[error("the answer exceeds {limit} bytes")]
    TooLarge {
        /// The limit that was exceeded.
        limit: usize,
    },
    /// The server answered, and the answer is no.
    #[error("refused with {status}: {error}")]
    Refused {
        /// The HTTP status: 4xx or 5xx, or 3xx because redirects are not followed.
        status: u16,
        /// What the server said.
        error: Box<GenericError>,
    },
    /// The server has no such collection (404 where it announced none) or verb (405, 501).
    #[error("not supported by the server ({status}): {error}")]
    Unsupported {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        error: Box<GenericError>,
    },
}

impl Error {
    /// The HTTP status of a refusal; `None` if the server did not refuse.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Unsupported { status, .. } => Some(*status),
            Self::NotSent(_)
            | Self::NotAdmitted { .. }
            | Self::NotTrusted { .. }
            | Self::Lost(_)
            | Self::Malformed { .. }
            | Self::Truncated
            | Self::TooLarge { .. } => None,
        }
    }

    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }

    pub(crate) fn not_admitted(host: &str) -> Self {
        Self::NotAdmitted { host: host.to_owned() }
    }

    /// A failure before the head of the answer was read.
    pub(crate) fn unanswered(cause: reqwest::Error, host: &str, method: &Method) -> Self {
        let cause = cause.without_url();
        if has_cause(&cause, <dyn std::error::Error>::is::<NotAdmitted>) {
            Self::not_admitted(host)
        } else if let Some(refusal) = tls_refusal(&cause, method) {
            Self::NotTrusted { cause: refusal }
        } else if cause.is_connect() || cause.is_builder() {
            Self::NotSent(cause)
        } else if is_no_http(&cause) {
            Self::malformed("not HTTP")
        } else {
            Self::Lost(cause)
        }
    }

    /// A status other than 2xx; `announced` says whether the server itself named the place.
    pub(crate) fn refusal(status: u16, body: &[u8], place: &Link, announced: bool) -> Self {
        let error = Box::new(GenericError::from_body(status, body, place));
        match status {
            405 | 501 => Self::Unsupported { status, error },
            404 if !announced => Self::Unsupported { status, error },
            _ => Self::Refused { status, error },
        }
    }
}

/// Whether something answered that does not speak HTTP.
fn is_no_http(error: &reqwest::Error) -> bool {
    has_cause(error, |cause| {
        cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)
    })
}

/// What TLS says of a handshake that either side has refused; `None` if none was.
fn tls_refusal(error: &reqwest::Error, method: &Method) -> Option<String> {
    let refusal = causes(error).find_map(tls_error)?;
    let is_refused = if error.is_connect() {
        true
    } else if method.is_safe() {
        is_about_us(refusal)
    } else {
        *refusal == rustls::Error::AlertReceived(AlertDescription::CertificateRequired)
    };
    is_refused.then(|| refusal.to_string())
}

/// Whether the server does not take our certificate, or wants one. In TLS 1.3 it says so after we have
/// finished the handshake, and so perhaps after the request. Only that it *wants* one (RFC 8446, 4.4.2.4)
/// is never said later, when a request may have been carried out.
fn is_about_us(refusal: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    matches!(
        refusal,
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError
        )
    )
}

/// An I/O error names the source of what it holds as its own: what it holds has to be asked for.
fn tls_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let held = cause.downcast_ref::<std::io::Error>()?.get_ref()?;
    held.downcast_ref().or_else(|| tls_error(held))
}

fn has_cause(
    error: &reqwest::Error,
    wanted: impl Fn(&(dyn std::error::Error + 'static)) -> bool,
) -> bool {
    causes(error).any(wanted)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// What a server says when it refuses, or when an execution went wrong.
///
/// A server that gave no such document has one made from its status and text: `vendor-specific`
/// with `http-<status>` as vendor code.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GenericError {
    /// One of the standard's words, e.g. `precondition-not-fulfilled`.
    pub error_code: String,
    /// For people.
    pub message: String,
    /// The server's own code; `None` if it gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_code: Option<String>,
    /// JSON pointer to the element that failed; `None` if the request failed as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Details as the server gave them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// The UDS negative response code of the ECU; `None` if no ECU refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nrc: Option<u8>,
}

impl std::fmt::Display for GenericError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.vendor_code.as_ref().unwrap_or(&self.error_code), self.message)?;
        self.nrc.map_or(Ok(()), |nrc| write!(f, " (NRC 0x{nrc:02X})"))
    }
}

impl GenericError {
    /// Whether the server gave no such document: somebody on the way to it may have answered instead.
    pub fn is_made_up(&self) -> bool {
        let code = self.vendor_code.as_deref().unwrap_or_default();
        self.error_code == VENDOR_SPECIFIC && code.starts_with(HTTP)
    }

    fn from_body(status: u16, body: &[u8], place: &Link) -> Self {
        serde_json::from_slice(body)
            .ok()
            .and_then(|value: Value| Self::from_object(&value))
            .unwrap_or_else(|| Self::from_text(status, &String::from_utf8_lossy(body), place))
    }

    /// Also looks inside `{path, error: {…}}` and `{error: {code, message}}`.
    fn from_object(value: &Value) -> Option<Self> {
        let inner = value.get("error").filter(|error| error.is_object()).unwrap_or(value);
        let text = |name: &str| inner.get(name).and_then(fields::text);
        let parameters = inner.get("parameters").filter(|value| !value.is_null()).cloned();
        Some(Self {
            error_code: text("error_code").or_else(|| text("code"))?,
            message: text("message").unwrap_or_default(),
            vendor_code: text("vendor_code"),
            path: value.get("path").and_then(fields::text),
            nrc: parameters.as_ref().and_then(nrc),
            parameters,
        })
    }

    /// A refusal without a word at least says what was asked for.
    fn from_text(status: u16, text: &str, place: &Link) -> Self {
        let text: String = text.trim().chars().take(TEXT_LIMIT).collect();
        let message =
            if text.is_empty() { format!("HTTP status {status} at {place}") } else { text };
        Self { vendor_code: Some(format!("{HTTP}{status}")), ..Self::plain(message) }
    }

    fn plain(message: String) -> Self {
        Self {
            error_code: VENDOR_SPECIFIC.to_owned(),
            message,
            vendor_code: None,
            path: None,
            parameters: None,
            nrc: None,
        }
    }

    /// The errors inside an answer of success: a list, a single one, or a mere text.
    pub(crate) fn listed(value: &Value) -> Vec<Self> {
        match value {
            Value::Null => Vec::new(),
            Value::Array(errors) => errors.iter().map(Self::inside).collect(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                vec![Self::inside(value)]
            }
        }
    }

    fn inside(value: &Value) -> Self {
        let text = || fields::text(value).unwrap_or_else(|| value.to_string());
        Self::from_object(value).unwrap_or_else(|| Self::plain(text()))
    }
}

/// The negative response code: a number, a text like `0x22`, or a list whose first entry is one.
fn nrc(parameters: &Value) -> Option<u8> {
    let value = parameters.get("nrc").or_else(|| parameters.get("NRC"))?;
    let first = value.as_array().map_or(Some(value), |list| list.first())?;
    u8::try_from(fields::code(first)?).ok()
}
