//! A program with a shifted clock is wrong about the time of day, and about nothing else.

use std::process::{Command, Output};

use fleetwire_testkit::faketime;

const HOUR: i64 = 3600;

/// Seconds since 1970 and since the machine's start, as a program with a shifted clock sees them.
fn clocks(offset_seconds: i64) -> Option<(i64, i64)> {
    // As the processes under test are started: through another program.
    let mut program = Command::new("setpriv");
    program.args(["--pdeathsig", "KILL", "--", "python3", "-c"]);
    program.arg("import time; print(int(time.time()), int(time.monotonic()))");
    if offset_seconds != 0 {
        let shifted = faketime::shift(&mut program, offset_seconds);
        shifted.inspect_err(|skipped| println!("{skipped}")).ok()?;
    }
    let Output { stdout, stderr, .. } = program.output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    let (wall, monotonic) = stdout.trim().split_once(' ').ok_or(stderr).unwrap();
    Some((wall.parse().unwrap(), monotonic.parse().unwrap()))
}

#[test]
fn the_wall_clock_is_shifted_forth_and_back_and_the_monotonic_clock_is_not() {
    let (wall, monotonic) = clocks(0).unwrap();
    for offset in [HOUR, -HOUR, 5, -5] {
        let Some((shifted, same)) = clocks(offset) else { return };
        assert!((offset..offset + 3).contains(&(shifted - wall)), "{offset}: {shifted} - {wall}");
        assert!((0..3).contains(&(same - monotonic)), "{offset}: {same} - {monotonic}");
    }
}
