//! How fast a finished log is read from its start.
//!
//! Refuses to have it in the server's memory: whoever watched it being written has left.

use super::audience::{Audience, Place};
use super::events::submit_to_all;
use super::figure::Measured;
use super::installation::{Ground, Installation};
use super::report::{at, count};
use super::vehicles::{self, Answer};

/// Parts of the answer.
const EVENTS: u32 = 50_000;
/// Who read at the same time.
const READERS: usize = 100;

/// Measures it.
pub(super) fn measure(ground: Ground) -> Measured {
    let answer = Answer::Ending(EVENTS);
    let installation = Installation::start(ground, vehicles::listen(answer), 1);
    let command_id = submit_to_all(&installation).concat();
    let place = Place::at_start(installation.watched(&command_id));
    let read = |readers: usize| {
        let places = vec![place.clone(); readers];
        let arrivals = Audience::connect(installation.address, places).until_all_have(EVENTS);
        count(u64::from(EVENTS) * readers as u64) / at(&arrivals, 100).as_secs_f64()
    };
    // Until it is written.
    read(1);
    vec![("events/s for one reader", read(1)), ("events/s for 100 readers together", read(READERS))]
}
