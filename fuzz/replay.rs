//! Gives a fuzz target the inputs that are kept for it, as an ordinary test.
//! Refuses a target that has none: then its name is not that of its directory.

use std::fs;
use std::path::Path;

/// Runs a target on everything in `fuzz/seeds/<target>`.
pub(super) fn seeds(target: &str, run: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let kept: Vec<_> = fs::read_dir(&directory).into_iter().flatten().flatten().collect();
    assert!(!kept.is_empty(), "{} is empty", directory.display());
    for seed in kept {
        let data = fs::read(seed.path()).unwrap_or_default();
        run(&data);
    }
}
