//! The file in which a login is kept: readable by its owner alone, and changed as a whole.
//!
//! Refuses a file that others can read.

use super::failure::{Failure, Kind};
use serde::{Deserialize, Serialize};
use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A login that is kept. No `Debug`: it holds tokens.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Credentials {
    /// The address of the server that gave it.
    pub(super) server: String,
    pub(super) access_token: String,
    /// When the access token ends, in seconds since 1970.
    pub(super) ends_at: u64,
    pub(super) refresh_token: String,
}

/// The file, for as long as no other process of this user may change it.
pub(super) struct Keeper {
    path: PathBuf,
    /// Unlocked when it is closed.
    _lock: File,
}

impl Keeper {
    /// Waits for other processes that use the login.
    ///
    /// # Errors
    ///
    /// [`Kind::Other`] if there is no place for it.
    pub(super) fn open() -> Result<Self, Failure> {
        let directory = directory()?;
        let opened = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        let lock = opened.and_then(|()| {
            let path = directory.join("credentials.lock");
            let lock = private().write(true).create(true).truncate(false).open(path)?;
            lock.lock().map(|()| lock)
        });
        let lock = lock.map_err(|error| failed(&directory, &error))?;
        Ok(Self { path: directory.join("credentials.json"), _lock: lock })
    }

    /// What is kept; `None` = nobody is logged in.
    pub(super) fn read(&self) -> Result<Option<Credentials>, Failure> {
        let failed = |error: io::Error| failed(&self.path, &error);
        let text = match fs::read(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(failed)?,
        };
        let mode = fs::metadata(&self.path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            let message = format!("others can read {}", self.path.display());
            return Err(Failure::new(Kind::Denied, message).hint("chmod 600, or log in again"));
        }
        let read = serde_json::from_slice(&text);
        read.map(Some).map_err(|error| failed(io::Error::other(error)))
    }

    /// Keeps this instead of what there was.
    pub(super) fn write(&self, credentials: &Credentials) -> Result<(), Failure> {
        let fresh = self.path.with_extension("new");
        let written = serde_json::to_vec(credentials).map_err(io::Error::other).and_then(|text| {
            // One that was left behind may be readable by others.
            forget(&fresh)?;
            let mut file = private().write(true).create_new(true).open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)
        });
        written.map_err(|error| failed(&self.path, &error))
    }

    /// Keeps nothing.
    pub(super) fn clear(&self) -> Result<(), Failure> {
        forget(&self.path).map_err(|error| failed(&self.path, &error))
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn directory() -> Result<PathBuf, Failure> {
    let set = |name| env::var_os(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    let homeless = || Failure::new(Kind::Other, "there is neither XDG_CONFIG_HOME nor HOME");
    Ok(base.ok_or_else(homeless)?.join("fleetwire"))
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Kind::Other, format!("{}: {error}", path.display()))
}
