//! How many commands a second are accepted for vehicles that are not there.
//!
//! Refuses to count what was not answered `201`.

use super::figure::Measured;
use super::installation::{Ground, Installation};
use super::report::{count, each};
use super::submitter::Submitter;
use super::vehicles;
use std::thread;
use std::time::{Duration, Instant};

/// What is measured.
pub(super) const RATE: &str = "submits/s";

/// Clients, each with a connection, a vehicle and one submit under way.
const CLIENTS: u32 = 64;
/// What is not counted at the beginning.
const WARM_UP: Duration = Duration::from_secs(1);

/// Measures it.
pub(super) fn measure(ground: Ground, span: Duration) -> Measured {
    let installation = Installation::start(ground, vehicles::nobody(), CLIENTS);
    rush(&installation, WARM_UP);
    let (before, begun) = (installation.used(), Instant::now());
    let mut delays = rush(&installation, span);
    let (took, used) = (begun.elapsed(), installation.used().since(&before));
    delays.sort_unstable();
    let submits = delays.len() as u64;
    let median = delays.get(delays.len() / 2).copied().unwrap_or_default();
    let mut measured = vec![
        (RATE, count(submits) / took.as_secs_f64()),
        ("p50 of a submit, ms", median.as_secs_f64() * 1e3),
    ];
    measured.extend(each(&used, submits));
    measured
}

/// Submits with all clients as fast as they are answered; answers how long each submit took.
fn rush(installation: &Installation, span: Duration) -> Vec<Duration> {
    let until = Instant::now() + span;
    let client = |vehicle_id: &str| {
        let mut submitter =
            Submitter::connect(installation.address, installation.token(), vehicle_id);
        let mut delays = Vec::new();
        while Instant::now() < until {
            let begun = Instant::now();
            submitter.submit();
            delays.push(begun.elapsed());
        }
        delays
    };
    thread::scope(|scope| {
        let ids = installation.vehicle_ids.iter();
        let clients: Vec<_> = ids.map(|id| scope.spawn(move || client(id))).collect();
        let delays = clients.into_iter().map(|it| it.join().expect("no client gives up"));
        delays.flatten().collect()
    })
}
