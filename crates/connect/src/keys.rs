//! Where the keys come from that unlock control units: programs and files in one directory of the server.
//!
//! Refuses any other place, and shows a key to nobody but the vehicle.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the longest key.
const LONGEST: usize = 4096;
/// Where programs find others; nothing else of our environment is for them.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const EXECUTABLE: u32 = 0o100;
/// Others could put a program of theirs in its place.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Others could read the key.
const OPEN_TO_OTHERS: u32 = 0o077;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("this server has no key sources: see vehicles.key_sources")]
    None,
    #[error("this server has no key source {0}")]
    Unknown(String),
    #[error(
        "the key source {0} is open to others: its mode must be 0700, or 0600 for a key itself"
    )]
    Open(String),
    #[error("the key source {0} gave no key")]
    Silent(String),
}

/// The key sources of this server, if it has any; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeySources(Option<Arc<Path>>);

/// A program that makes keys, or a file that holds one.
#[derive(Debug)]
pub(crate) struct KeySource {
    name: String,
    path: PathBuf,
    is_program: bool,
}

/// What a program is told, as one line of JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Lock<'a> {
    pub(crate) sovd_url: &'a str,
    pub(crate) entity: &'a str,
    pub(crate) level: &'a str,
    /// As the vehicle wrote it.
    pub(crate) seed: &'a str,
}

impl KeySources {
    /// Those in a directory.
    pub(crate) fn within(directory: &Path) -> Self {
        Self(Some(directory.into()))
    }

    /// The one of this name, which is no path.
    pub(crate) async fn find(&self, name: &str) -> Result<KeySource, KeyError> {
        let directory = self.0.as_deref().ok_or(KeyError::None)?;
        let unknown = || KeyError::Unknown(name.to_owned());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !name.bytes().all(is_plain) {
            return Err(unknown());
        }
        let path = directory.join(name);
        let found = tokio::fs::metadata(&path).await.ok().filter(std::fs::Metadata::is_file);
        let mode = found.ok_or_else(unknown)?.permissions().mode();
        let is_program = mode & EXECUTABLE != 0;
        let forbidden = if is_program { WRITABLE_BY_OTHERS } else { OPEN_TO_OTHERS };
        if mode & forbidden != 0 {
            return Err(KeyError::Open(name.to_owned()));
        }
        Ok(KeySource { name: name.to_owned(), path, is_program })
    }
}

impl KeySource {
    /// The key for a lock.
    pub(crate) async fn key(&self, lock: &Lock<'_>) -> Result<SecretString, KeyError> {
        let told = if self.is_program {
            timeout(PATIENCE, self.run(lock)).await.unwrap_or_else(|_| {
                Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "it took too long"))
            })
        } else {
            tokio::fs::read(&self.path).await
        };
        let silent = || KeyError::Silent(self.name.clone());
        let told = told.map_err(|error| {
            tracing::warn!(%error, source = self.name, "a key source failed");
            silent()
        })?;
        key_of(&told).map(SecretString::from).ok_or_else(silent)
    }

    /// What the program says to a line about the lock.
    async fn run(&self, lock: &Lock<'_>) -> std::io::Result<Vec<u8>> {
        let mut program = Command::new(&self.path)
            .env_clear()
            .env("PATH", PATH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = program.stdin.take() {
            let line = serde_json::to_string(lock)? + "\n";
            // One that needs no seed need not listen.
            drop(stdin.write_all(line.as_bytes()).await);
        }
        let stdout = match program.stdout.take() {
            Some(stdout) => said(stdout).await?,
            None => Vec::new(),
        };
        let status = program.wait().await?;
        if status.success() { Ok(stdout) } else { Err(std::io::Error::other(status.to_string())) }
    }
}

/// The key in what a source told; `None` if there is none, or it is too long for one.
pub(crate) fn key_of(told: &[u8]) -> Option<&str> {
    let key = std::str::from_utf8(told).ok()?.trim();
    (1..=LONGEST).contains(&key.len()).then_some(key)
}

async fn said(stdout: ChildStdout) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    stdout.take(limit).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
