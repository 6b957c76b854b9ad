//! What the disk takes for a write that lasts.
//!
//! Refuses to be compared with another disk: it writes where the store writes.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

const BLOCK: [u8; 4096] = [b'x'; 4096];
/// A log that is reused has its place on the disk before it is written to.
const PLACE: usize = 1 << 20;

/// How long so many writes took, each of 4 KiB and made to last before the next.
pub(super) fn syncs(directory: &Path, count: usize) -> Vec<Duration> {
    let mut file = File::create(directory.join("disk")).expect("there is room");
    file.write_all(&vec![b' '; PLACE]).expect("there is room");
    file.sync_all().expect("the disk works");
    (0..count).map(|number| sync(&mut file, number * BLOCK.len() % PLACE)).collect()
}

fn sync(file: &mut File, at: usize) -> Duration {
    let begun = Instant::now();
    file.seek(SeekFrom::Start(at as u64)).expect("it is a file");
    file.write_all(&BLOCK).expect("there is room");
    file.sync_data().expect("the disk works");
    begun.elapsed()
}
