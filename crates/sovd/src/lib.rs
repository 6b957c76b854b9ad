//! A typed client of SOVD servers (ISO 17978-3), lenient with what real servers answer.
//! It refuses to repeat a request, to follow a redirect or to talk to another host.
//!
#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod answer;
mod call;
mod client;
mod data;
mod discovery;
mod document;
mod error;
mod event_stream;
mod fault;
mod fields;
mod http;
mod link;
mod operation;

pub use answer::{Answer, Part, Parts};
pub use call::{Acknowledged, Call};
pub use client::Client;
pub use data::{DataItem, Envelope, Reading};
pub use discovery::{Collection, Entity, EntityRef, Variant, Version, VersionInfo};
pub use error::{Error, GenericError};
pub use fault::{Fault, FaultDetail, FaultStatus};
pub use http::{Admits, Http, Limits, SetupError};
pub use link::Link;
pub use operation::{Execution, ExecutionState, Operation, Started};

pub use reqwest::header::{HeaderName, HeaderValue};
pub use url::Url;
