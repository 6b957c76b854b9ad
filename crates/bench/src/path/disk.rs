//! What the disk takes for a write that lasts.
//!
//! Refuses to be compared with another disk: it writes where the store writes.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const BLOCK: [u8; 4096] = [b'x'; 4096];
/// A log that is reused has its place on the disk before it is written to.
const PLACE: usize = 1 << 20;

/// How long so many writes took, each of 4 KiB and made to last, with a pause before each. A disk and
/// a core that have gone to sleep in between take longer than those that are kept awake.
pub(super) fn syncs(directory: &Path, count: usize, pause: Duration) -> Vec<Duration> {
    let mut file = File::create(directory.join("disk")).expect("there is room");
    file.write_all(&vec![b' '; PLACE]).expect("there is room");
    file.sync_all().expect("the disk works");
    let place = |number: usize| number * BLOCK.len() % PLACE;
    let paused = (0..count).inspect(|_| thread::park_timeout(pause));
    paused.map(|number| sync(&mut file, place(number))).collect()
}

fn sync(file: &mut File, at: usize) -> Duration {
    let begun = Instant::now();
    file.seek(SeekFrom::Start(at as u64)).expect("it is a file");
    file.write_all(&BLOCK).expect("there is room");
    file.sync_data().expect("the disk works");
    begun.elapsed()
}
