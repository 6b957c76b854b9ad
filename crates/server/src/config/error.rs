//! What can be wrong with settings, each in a sentence that says where and what would be right.
//!
//! Refuses to show a secret, even a wrong one.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `config.default.toml`.
    Default,
    /// A line of the configuration file, from 1.
    File(PathBuf, usize),
    /// A variable of the environment.
    Variable(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "file {}, line {line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// Why there are no settings to start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}, the file of {role}", path.display())]
    Read {
        /// What the file is for: the settings, or the variable that names it.
        role: String,
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{place}: {fault}")]
    Syntax {
        /// Where in the file.
        place: Place,
        /// What is wrong there.
        fault: String,
    },
    /// There is no such setting.
    #[error("there is no setting `{key}` (from {place}); the nearest is `{nearest}`")]
    Unknown {
        /// The key as given.
        key: String,
        /// Where it stands.
        place: Place,
        /// The known key that is most like it.
        nearest: String,
    },
    /// The value is of the wrong kind, or out of bounds.
    #[error("{key} = {shown} (from {place}) is not right: it must be {wanted}")]
    Wrong {
        /// The setting.
        key: String,
        /// Its value, unless it is secret.
        shown: String,
        /// Where it stands.
        place: Place,
        /// What would be right.
        wanted: String,
    },
    /// Two settings contradict each other.
    #[error("{} ({:?}) must be at most {} ({:?})", small.0, small.1, large.0, large.1)]
    Disagree {
        /// The one that is too large.
        small: (&'static str, Duration),
        /// Its limit.
        large: (&'static str, Duration),
    },
    /// One of two settings that need each other.
    #[error("{0} is set and {1} is not: set both, or neither")]
    Half(&'static str, &'static str),
    /// This program was built without OpenID Connect.
    #[error(
        "oidc.issuer is set, and this build has no OpenID Connect: take one that was made with \
         `cargo build --release --features oidc`, or leave [oidc] out"
    )]
    NoOidc,
    /// An issuer vouches for people who get no role.
    #[error(
        "oidc.issuer is set, and nobody could sign in: set oidc.role_claim and oidc.roles, or \
         oidc.default_role"
    )]
    OidcForNobody,
    /// `database_url` is none.
    #[error(transparent)]
    Database(#[from] store::OpenError),
    /// What is behind a URL does not prove who it is.
    #[error(
        "{setting} leads to {host}, and others could listen on the way or pose as it; {way_out}, or \
         set insecure_links = true if nobody else is on that network"
    )]
    Exposed {
        /// The setting.
        setting: &'static str,
        /// Where it leads.
        host: String,
        /// How it could prove itself.
        way_out: &'static str,
    },
    /// Plain HTTP would be open to other machines.
    #[error(
        "listen = {0}: other machines could read what is sent, for it is plain HTTP; listen on \
         127.0.0.1, or set tls.certificate and tls.key, or put a proxy that speaks TLS in front and \
         set insecure = true"
    )]
    PlainHttp(SocketAddr),
}
