//! The data directory: made, checked and held by one server at a time.
//!
//! Refuses to share it, and to start where nothing could be kept.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;

/// A data directory that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    _lock: File,
}

/// Why the directory is not ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    #[error("{} is no directory: choose one with --data-dir", .0.display())]
    NotADirectory(PathBuf),
    #[error(
        "cannot write to the data directory {}: change its rights, or choose another one with --data-dir",
        .0.display()
    )]
    NotWritable(PathBuf, #[source] io::Error),
    #[error("the disk of the data directory {} is full: make room, then start again", .0.display())]
    Full(PathBuf),
    #[error(
        "another fleetwire is using {}: stop it, or choose another directory with --data-dir",
        .0.display()
    )]
    InUse(PathBuf),
}

impl DataDir {
    /// Makes the directory if it is missing, and holds it.
    pub(crate) fn take(path: &Path) -> Result<Self, DataDirError> {
        make(path)?;
        let lock = open(path).map_err(|cause| refusal(path, cause))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataDirError::InUse(path.into())),
            Err(TryLockError::Error(cause)) => return Err(refusal(path, cause)),
        }
        sign(&lock).map_err(|cause| refusal(path, cause))?;
        Ok(Self { _lock: lock })
    }
}

/// Makes the directory if it is missing, without holding it.
pub(crate) fn make(path: &Path) -> Result<(), DataDirError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|cause| refusal(path, cause))
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path.join("lock"))
}

/// Writes who we are: for people who look, and to see that the disk takes it.
fn sign(mut lock: &File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", process::id())
}

fn refusal(path: &Path, cause: io::Error) -> DataDirError {
    let kind = cause.kind();
    if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        DataDirError::Full(path.into())
    } else if matches!(kind, ErrorKind::NotADirectory | ErrorKind::AlreadyExists) {
        DataDirError::NotADirectory(path.into())
    } else {
        DataDirError::NotWritable(path.into(), cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_held_by_one_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/data");
        let held = DataDir::take(&path).unwrap();
        assert!(matches!(DataDir::take(&path), Err(DataDirError::InUse(_))));
        drop(held);
        DataDir::take(&path).unwrap();
    }

    #[test]
    fn a_file_is_no_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [file.path().to_path_buf(), file.path().join("below")] {
            assert!(matches!(DataDir::take(&path), Err(DataDirError::NotADirectory(_))));
        }
    }

    #[test]
    fn a_place_that_takes_nothing_is_told_as_such() {
        let refused = DataDir::take(Path::new("/proc/fleetwire")).unwrap_err();
        assert!(matches!(refused, DataDirError::NotWritable(..)), "{refused}");
    }
}
