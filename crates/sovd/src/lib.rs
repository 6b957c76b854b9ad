//! A typed client of SOVD servers (ISO 17978-3), lenient with what real servers answer.
//! It refuses to repeat a change, to follow a link to another host or to guess at an outcome.
//!
#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod answer;
mod bulk_data;
mod call;
mod clear_data;
mod client;
mod communication_log;
mod configuration;
mod content;
mod data;
mod data_list;
mod discovery;
mod document;
mod download;
mod entity_status;
mod error;
mod event;
mod event_reader;
mod event_stream;
mod exchange;
mod execution;
mod fault;
mod fields;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod http;
mod link;
mod listed;
mod lock;
mod lock_trouble;
mod log;
mod mode;
mod operation;
mod readable;
mod receipt;
mod relation;
mod retry;
mod script;
mod subscription;
mod token;
mod trigger;
mod update;

pub use answer::{Answer, Part, Parts};
pub use bulk_data::{BulkItem, Deleted};
pub use call::Call;
pub use clear_data::{ClearState, ClearStatus, Clearable};
pub use client::{Client, InvalidToken};
pub use communication_log::CommunicationLog;
pub use configuration::Configuration;
pub use content::{Content, Upload};
pub use data::{DataCategory, DataGroup, DataItem, Envelope, Reading};
pub use data_list::{DataList, ListedReading};
pub use discovery::{Collection, Entity, EntityRef, Variant, Version, VersionInfo};
pub use download::{Download, Fetched};
pub use entity_status::{EntityStatus, StatusChange};
pub use error::{Error, GenericError};
pub use event::{EventEnvelope, Events};
pub use execution::{Capability, Controlled, Execution, ExecutionState, Started};
pub use fault::{Fault, FaultDetail};
pub use http::{Admits, Http, Identity, Limits, SetupError, Transport};
pub use link::Link;
pub use listed::{Named, NextPage, Page, RawPage};
pub use lock::{Lock, LockRequest};
pub use lock_trouble::LockTrouble;
pub use log::{LogConfig, LogContext, LogEntry, LogLevel, LogSeverity, Logs};
pub use mode::{Mode, ModeSet, ModeState};
pub use operation::{Challenge, Operation};
pub use receipt::{Accepted, Acknowledged, Created};
pub use relation::Relation;
pub use retry::Retries;
pub use script::{Script, ScriptEnd, ScriptRun};
pub use subscription::{Interval, Subscription};
pub use token::{Encoding, Grant, Token};
pub use trigger::{Condition, Trigger, TriggerRequest};
pub use update::{EntityProgress, Origin, Update, UpdateState, UpdateStatus, UpdateStep};

pub use reqwest::header::{HeaderName, HeaderValue};
pub use url::Url;
