//! Logs of an entity: entries, and what is written to them.
//! Refuses to sort or merge: entries come as the server has them.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::fields::{self, Fields};
use crate::link::Link;
use crate::receipt::Acknowledged;

/// Where an entity's entries and the configuration of its logs are.
#[derive(Debug, Clone)]
pub struct Logs {
    /// Read with [`Client::log_entries`].
    pub entries: Link,
    /// Read with [`Client::log_config`].
    pub config: Link,
}

/// How serious an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogSeverity {
    /// What only developers want to know.
    Debug,
    /// What happens in normal operation.
    Info,
    /// What may become a failure.
    Warn,
    /// What has failed.
    Error,
    /// What cannot go on.
    Fatal,
}

impl LogSeverity {
    /// The word for it, e.g. `warn`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    fn named(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        [Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal]
            .into_iter()
            .find(|severity| word.starts_with(severity.word()))
    }
}

/// What wrote an entry, or what is configured.
#[derive(Debug, Clone, PartialEq)]
pub enum LogContext {
    /// A process of an operating system (RFC 5424).
    Process {
        /// `None` if the server gave none.
        host: Option<String>,
        /// `None` if the server gave none.
        process: Option<String>,
        /// `None` if the server gave none.
        pid: Option<u64>,
    },
    /// An application of AUTOSAR (Diagnostic Log and Trace).
    Autosar {
        /// `None` if the server gave none.
        session: Option<String>,
        /// `None` if the server gave none.
        application: Option<String>,
        /// `None` if the server gave none.
        context: Option<String>,
        /// `None` if the server gave none.
        message: Option<String>,
    },
    /// Something that the standard does not know; `null` if the server said nothing.
    Other(Value),
}

/// A line of a log.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// RFC 3339; `None` if the server gave none.
    pub timestamp: Option<String>,
    /// `None` if the server gave none that is known.
    pub severity: Option<LogSeverity>,
    /// What wrote it.
    pub context: LogContext,
    /// The line.
    pub message: String,
    /// Where there is more about it; `None` if there is not.
    pub href: Option<Link>,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// From which severity on something is written to the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLevel {
    /// What writes.
    pub context: LogContext,
    /// The least severity; `None` if the server gave none that is known.
    pub severity: Option<LogSeverity>,
}

/// What is written to the logs of an entity.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// One for each context.
    pub levels: Vec<LogLevel>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

impl Client {
    /// Where the logs of an entity are.
    ///
    /// Some servers have entries, but not this page: see [`Entity::place_of`] with `logs` and
    /// `entries`.
    pub fn logs(&self, entity: &Entity) -> Call<Logs> {
        let (place, announced) = entity.collection("logs");
        Call::get(self, &place, Logs::decode).announced(announced)
    }

    /// The entries at `place`, all that the server still has of them.
    pub fn log_entries(&self, place: &Link) -> Call<Vec<LogEntry>> {
        Call::get(self, place, LogEntry::decode_list)
    }

    /// What is written to the logs, from the configuration at `place`.
    pub fn log_config(&self, place: &Link) -> Call<LogConfig> {
        Call::get(self, place, LogConfig::decode)
    }

    /// Says what is to be written to the logs.
    pub fn set_log_config(&self, place: &Link, levels: &[LogLevel]) -> Call<Acknowledged> {
        let items: Vec<Value> = levels.iter().map(LogLevel::body).collect();
        self.set_log_items(place, &items)
    }

    /// The same in the server's own JSON, for what the standard does not know.
    pub fn set_log_items(&self, place: &Link, items: &[Value]) -> Call<Acknowledged> {
        Call::put(self, place, json!({"items": items}), Acknowledged::decode)
    }

    /// Returns to what is written by default.
    pub fn reset_log_config(&self, place: &Link) -> Call<Acknowledged> {
        Call::delete(self, place, Acknowledged::decode)
    }
}

impl Call<Vec<LogEntry>> {
    /// Asks for entries of this severity.
    pub fn severity(self, severity: LogSeverity) -> Self {
        self.query("severity", severity.word())
    }
}

impl Logs {
    fn decode(document: &Document) -> Result<Self, Error> {
        let fields = Fields::of(document.required("logs")?, "logs")?;
        let place = document.place();
        let at = |name: &str| fields.link(name, place).unwrap_or_else(|| place.child(name));
        Ok(Self { entries: at("entries"), config: at("config") })
    }
}

impl LogEntry {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("log entries", |place, raw| {
            let fields = Fields::of(raw, "log entry")?;
            let severity = fields.text(&["severity", "level"]);
            Ok(Self {
                timestamp: fields.text(&["timestamp"]),
                severity: severity.and_then(|word| LogSeverity::named(&word)),
                context: LogContext::decode(fields.value(&["context"]).unwrap_or_default()),
                message: fields.text(&["msg", "message"]).unwrap_or_default(),
                href: fields.link("href", place),
                raw: raw.to_owned(),
            })
        })
    }
}

impl LogConfig {
    /// The standard has the levels under one name in the answer, and under another in the request.
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("log configuration")?;
        let fields = Fields::of(raw, "log configuration")?;
        let levels = fields.list(&["contexts", "items"]).unwrap_or_default();
        Ok(Self {
            levels: levels.iter().map(|level| LogLevel::decode(level)).collect(),
            raw: raw.to_owned(),
        })
    }
}

impl LogLevel {
    fn decode(raw: &RawValue) -> Self {
        let fields = Fields::of_any(raw);
        let severity = fields.text(&["severity", "level"]);
        Self {
            context: LogContext::decode(fields.value(&["context"]).unwrap_or_default()),
            severity: severity.and_then(|word| LogSeverity::named(&word)),
        }
    }

    fn body(&self) -> Value {
        let severity = self.severity.map(|severity| ("severity", severity.word().into()));
        [("context", self.context.body())].into_iter().chain(severity).collect()
    }
}

impl LogContext {
    fn decode(value: Value) -> Self {
        let text = |name: &str| value.get(name).and_then(fields::text);
        match value.get("type").and_then(Value::as_str) {
            Some("RFC5424") => Self::Process {
                host: text("host"),
                process: text("process"),
                pid: text("pid").and_then(|pid| pid.parse().ok()),
            },
            Some("AUTOSAR_DLT") => Self::Autosar {
                session: text("session"),
                application: text("application_id"),
                context: text("context_id"),
                message: text("message_id"),
            },
            _ => Self::Other(value),
        }
    }

    fn body(&self) -> Value {
        let member = |name: &str, text: &Option<String>| {
            text.as_ref().map(|text| (name.to_owned(), Value::from(text.as_str())))
        };
        let (kind, members) = match self {
            Self::Other(value) => return value.clone(),
            Self::Process { host, process, pid } => {
                let pid = pid.map(|pid| ("pid".to_owned(), pid.into()));
                ("RFC5424", vec![member("host", host), member("process", process), pid])
            }
            Self::Autosar { session, application, context, message } => {
                let names = ["session", "application_id", "context_id", "message_id"];
                let texts = [session, application, context, message];
                let members = names.into_iter().zip(texts);
                ("AUTOSAR_DLT", members.map(|(name, text)| member(name, text)).collect())
            }
        };
        let kind = ("type".to_owned(), kind.into());
        members.into_iter().flatten().chain([kind]).collect()
    }
}
