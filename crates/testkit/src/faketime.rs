//! A program whose clock is wrong, by libfaketime.
//! It shifts the wall clock only: what a program measures by the monotonic clock stays true.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Skipped;

/// Lets the program see a wall clock that is ahead by `offset_seconds`, or behind if negative.
///
/// It works for `fleetwire`. A program with jemalloc, such as `redis-server`, does not start with it.
///
/// # Errors
///
/// [`Skipped`] where libfaketime is not installed.
pub fn shift(command: &mut Command, offset_seconds: i64) -> Result<(), Skipped> {
    let library = library();
    if !library.is_file() {
        let cause = format!("{} is missing", library.display());
        return Err(Skipped::new("the package libfaketime", cause));
    }
    remove_abandoned();
    command.env("LD_PRELOAD", library);
    command.env("FAKETIME", format!("{offset_seconds:+}"));
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Ok(())
}

/// Where Debian installs the variant for programs with threads.
fn library() -> PathBuf {
    PathBuf::from(format!("/usr/lib/{ARCH}-linux-gnu/faketime/libfaketimeMT.so.1"))
}

/// Removes what killed programs left in shared memory: one that got the same process id would not
/// start.
fn remove_abandoned() {
    for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(is_abandoned) {
            // Fails where another user's program left it.
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn is_abandoned(name: &str) -> bool {
    let prefixes = ["faketime_shm_", "sem.faketime_sem_"];
    let owner = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    let owner = owner.and_then(|owner| owner.parse::<u32>().ok());
    owner.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists())
}
