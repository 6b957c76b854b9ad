//! The directory of one server under test, which goes when the server goes.
//! It knows nothing of what lies in it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// Locked by the test process for as long as the directory is in use.
const OWNER_LOCK: &str = "owner.lock";

/// A temporary directory. Removed when dropped; one whose test process was killed is removed by the
/// next start of the same program.
#[derive(Debug)]
pub(crate) struct InstanceDirectory {
    directory: TempDir,
    _owner: File,
}

impl InstanceDirectory {
    /// An empty directory for one instance of `program`.
    pub(crate) fn create(program: &str) -> io::Result<Self> {
        let prefix = format!("fleetwire-{program}-");
        remove_abandoned(&prefix);
        let directory = tempfile::Builder::new().prefix(&prefix).tempdir()?;
        // Locked first and named after: nobody ever sees the name without the lock.
        let unnamed = directory.path().join("owner.new");
        let owner = File::create(&unnamed)?;
        owner.lock()?;
        fs::rename(&unnamed, directory.path().join(OWNER_LOCK))?;
        Ok(Self { directory, _owner: owner })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes the directories of test processes that were killed.
fn remove_abandoned(prefix: &str) {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let named = path.file_name().and_then(OsStr::to_str);
        if named.is_some_and(|name| name.starts_with(prefix)) && is_abandoned(&path) {
            // May fail for the directory of another user, or where two tests clean at once.
            fs::remove_dir_all(&path).ok();
        }
    }
}

fn is_abandoned(directory: &Path) -> bool {
    File::open(directory.join(OWNER_LOCK)).is_ok_and(|owner| owner.try_lock().is_ok())
}
