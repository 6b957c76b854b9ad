//! How many events a second are stored and delivered when vehicles stream as fast as they are heard.
//!
//! Refuses to count what is only stored, or only delivered.

use super::audience::{Audience, Place};
use super::figure::Measured;
use super::installation::{Ground, Installation};
use super::report::{count, each};
use super::submitter::Submitter;
use super::vehicles::{self, Answer};
use std::time::{Duration, Instant};

/// What is measured.
pub(super) const RATE: &str = "events/s, stored and delivered";

/// What is not counted at the beginning.
const WARM_UP: Duration = Duration::from_secs(2);
const STORED: &str = "fleetwire_events_stored_total";

/// Measures it with so many commands at once, each with one watcher.
pub(super) fn measure(ground: Ground, commands: u32, span: Duration) -> Measured {
    let installation = Installation::start(ground, vehicles::listen(Answer::Endless), commands);
    let commands = submit_to_all(&installation);
    let places = commands.iter().map(|id| Place::at_start(installation.watched(id)));
    let mut audience = Audience::connect(installation.address, places.collect());
    audience.count(WARM_UP);
    let (before, stored_before) = (installation.used(), installation.metric(STORED));
    let begun = Instant::now();
    let delivered = audience.count(span);
    let took = begun.elapsed().as_secs_f64();
    let stored = installation.metric(STORED) - stored_before;
    let used = installation.used().since(&before);
    let (delivered_rate, stored_rate) = (count(delivered) / took, stored / took);
    let mut measured = vec![
        (RATE, delivered_rate.min(stored_rate)),
        ("events/s stored", stored_rate),
        ("events/s delivered", delivered_rate),
    ];
    measured.extend(each(&used, delivered));
    measured
}

/// Submits a command to each vehicle; answers their ids.
pub(super) fn submit_to_all(installation: &Installation) -> Vec<String> {
    let submit = |vehicle_id: &String| {
        Submitter::connect(installation.address, installation.token(), vehicle_id).submit()
    };
    installation.vehicle_ids.iter().map(submit).collect()
}
