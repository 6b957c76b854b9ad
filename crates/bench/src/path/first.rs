//! How long it takes from a submit to the vehicle's answer on a socket that is open.
//!
//! Refuses to wait with the next submit: delays count from when each was due.

use super::figure::Measured;
use super::installation::{Ground, Installation};
use super::report::{at, each};
use super::submitter::Submitter;
use super::vehicles::{self, Answer};
use super::{disk, report};
use crate::frame;
use crate::load::socket::{Dialect, Socket, Way};
use std::hint;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

/// What is measured.
pub(super) const RATIO: &str = "p50 / one fsync at this pace";

/// Clients, who take turns; each has a vehicle, a connection and a socket.
const CLIENTS: u32 = 64;
/// Between two submits.
const PERIOD: Duration = Duration::from_millis(10);
/// What is not counted at the beginning.
const WARM_UP: Duration = Duration::from_secs(1);
/// More than a sleeper of a sleeping core is late.
const LATENESS: Duration = Duration::from_micros(300);
/// Writes to the disk, half of them before the load and half of them after it.
const SYNCS: usize = 300;

/// When a submit was answered and when its first event came, after it was due.
type Delay = (Duration, Duration);

/// Measures it.
pub(super) fn measure(ground: Ground, span: Duration) -> Measured {
    let installation = Installation::start(ground, vehicles::listen(Answer::List), CLIENTS);
    let mut clients: Vec<_> = installation
        .vehicle_ids
        .iter()
        .map(|vehicle_id| Client::connect(&installation, vehicle_id))
        .collect();
    let place = installation.place.path();
    // At the pace of the load, because it is the disk of the load that a commit waits for.
    let mut syncs = disk::syncs(place, SYNCS / 2, PERIOD);
    let mut rushed = disk::syncs(place, SYNCS / 2, Duration::ZERO);
    drop(pace(&mut clients, WARM_UP));
    let before = installation.used();
    let delays = pace(&mut clients, span);
    let used = installation.used().since(&before);
    syncs.extend(disk::syncs(place, SYNCS / 2, PERIOD));
    rushed.extend(disk::syncs(place, SYNCS / 2, Duration::ZERO));
    let (mut accepted, mut first): (Vec<_>, Vec<_>) = delays.into_iter().unzip();
    for durations in [&mut syncs, &mut rushed, &mut accepted, &mut first] {
        durations.sort_unstable();
    }
    let millis = |durations: &[Duration], share| at(durations, share).as_secs_f64() * 1e3;
    let mut measured = vec![
        (RATIO, millis(&first, 50) / millis(&syncs, 50)),
        ("p50, ms", millis(&first, 50)),
        ("p99, ms", millis(&first, 99)),
        ("p50 until accepted, ms", millis(&accepted, 50)),
        ("one fsync at this pace, ms", millis(&syncs, 50)),
        ("one fsync after the other, ms", millis(&rushed, 50)),
    ];
    measured.extend(each(&used, first.len() as u64));
    measured
}

/// Submits at a fixed rate, whatever comes of it.
fn pace(clients: &mut [Client], span: Duration) -> Vec<Delay> {
    let (begun, turn) = (Instant::now(), PERIOD * report::small(clients.len()));
    let one = |number: usize, client: &mut Client| {
        let mut due = begun + PERIOD * report::small(number);
        let mut delays = Vec::new();
        while due < begun + span {
            delays.push(client.submit(due));
            due += turn;
        }
        delays
    };
    thread::scope(|scope| {
        let numbered = clients.iter_mut().enumerate();
        let submitting: Vec<_> =
            numbered.map(|(number, client)| scope.spawn(move || one(number, client))).collect();
        let delays = submitting.into_iter().map(|it| it.join().expect("no client gives up"));
        delays.flatten().collect()
    })
}

/// Sleeps most of the time away and watches the clock for the rest: a sleeper is woken late, and its lateness is not the server's.
fn wait_until(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()) {
        match left.checked_sub(LATENESS) {
            Some(sleep) => thread::park_timeout(sleep),
            None => hint::spin_loop(),
        }
    }
}

struct Client {
    submitter: Submitter,
    socket: Socket,
}

impl Client {
    /// One whose socket is open, on a command that has been answered.
    fn connect(installation: &Installation, vehicle_id: &str) -> Self {
        let address = installation.address;
        let mut submitter = Submitter::connect(address, installation.token(), vehicle_id);
        let path = installation.watched(&submitter.submit());
        let greeting = String::new();
        let mut socket = Socket::open(&Way { address, path, dialect: Dialect::Plain, greeting });
        socket.event();
        Self { submitter, socket }
    }

    /// Submits when it is due, and follows the command on the open socket.
    fn submit(&mut self, due: Instant) -> Delay {
        wait_until(due);
        let command_id = self.submitter.submit();
        let accepted = due.elapsed();
        let action = format!(r#"{{"action":"subscribe","command_id":"{command_id}"}}"#);
        let frame = frame::of_client(frame::TEXT, action.as_bytes());
        self.socket.stream.write_all(&frame).expect("the server reads");
        self.socket.event();
        (accepted, due.elapsed())
    }
}
