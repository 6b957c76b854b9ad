//! What is measured of a server: how fast it delivers, how late, and what that costs.
//!
//! Refuses to measure what is wrong: an event that is lost, repeated or reordered ends the run.

use crate::contender::{Contender, Ground, Running, Shape, program_bytes};
use crate::cpu::{Used, forget_peak, peak_kib, resident_kib};
use crate::load::Load;
use crate::load::socket::{Socket, Way};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Bytes of an event: what a response of the product with a small payload takes.
pub(crate) const EVENT_BYTES: usize = 512;
/// Events under way in a closed loop.
const OUTSTANDING: usize = 24;
/// What is not counted at the beginning.
const WARM_UP: Duration = Duration::from_millis(700);
/// Watchers that connect and do nothing.
const IDLE: u32 = 5000;
/// Connections that are opened, given an event, and closed.
const CONNECTS: u32 = 5000;
/// Bytes of an event that is to fill the sockets of those who do not read.
const LARGE_EVENT_BYTES: usize = 8192;
/// Watchers beside those who stop reading.
const HEALTHY: u32 = 180;
const STALLED: u32 = 20;
/// Watchers beside those who never read a byte.
const FEW_HEALTHY: u32 = 20;
const ZERO_WINDOW: u32 = 100;
/// What is streamed beside them.
const STREAM_BYTES: usize = 250_000_000;
/// Between two events in an open loop.
const PERIOD: Duration = Duration::from_millis(10);
/// The same for the stream, which is over before a server gives up those who do not read.
const STREAM_PERIOD: Duration = Duration::from_micros(800);

/// A row, or a few, of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Figure {
    /// 1 topic, 100 watchers, full speed.
    #[value(name = "1x100")]
    OneByHundred,
    /// 1 topic, 1,000 watchers, full speed.
    #[value(name = "1x1000")]
    OneByThousand,
    /// 1 topic, 5,000 watchers, full speed.
    #[value(name = "1x5000")]
    OneByFiveThousand,
    /// 1,000 topics with one watcher each, full speed.
    #[value(name = "1000x1")]
    ThousandByOne,
    /// One event at a time, 100 in a second.
    #[value(name = "single")]
    Single,
    /// Memory of connections without events.
    #[value(name = "idle")]
    Idle,
    /// Connections that get one event and leave.
    #[value(name = "connect")]
    Connect,
    /// 20 of 200 watchers do not read.
    #[value(name = "stalled")]
    Stalled,
    /// 100 watchers never read a byte of 250 MB, beside 20 that do.
    #[value(name = "zero-window")]
    ZeroWindow,
    /// A server without clients.
    #[value(name = "empty")]
    Empty,
}

/// A measured quantity by name.
pub(crate) type Measured = Vec<(&'static str, f64)>;

impl Figure {
    /// As tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneByHundred => "1 topic × 100",
            Self::OneByThousand => "1 topic × 1,000",
            Self::OneByFiveThousand => "1 topic × 5,000",
            Self::ThousandByOne => "1,000 topics × 1",
            Self::Single => "one event at a time",
            Self::Idle => "idle connections",
            Self::Connect => "connect, event, close",
            Self::Stalled => "20 stalled of 200",
            Self::ZeroWindow => "100 that never read, 250 MB",
            Self::Empty => "nobody connected",
        }
    }

    /// What the contender is given for it.
    pub(crate) fn shape(self) -> Shape {
        let shape = |topics, watchers| Shape { topics, watchers, event_bytes: EVENT_BYTES };
        match self {
            Self::OneByHundred => shape(1, 100),
            Self::OneByThousand => shape(1, 1000),
            Self::OneByFiveThousand => shape(1, 5000),
            Self::ThousandByOne => shape(1000, 1),
            Self::Single | Self::Connect => shape(1, 1),
            Self::Idle => shape(1, IDLE),
            Self::Stalled => Shape { event_bytes: LARGE_EVENT_BYTES, ..shape(1, HEALTHY) },
            Self::ZeroWindow => Shape { event_bytes: LARGE_EVENT_BYTES, ..shape(1, FEW_HEALTHY) },
            Self::Empty => shape(0, 0),
        }
    }

    /// Whether a contender can do it at all, and in a way of its own.
    pub(crate) fn suits(self, contender: Contender) -> bool {
        match self {
            Self::OneByHundred
            | Self::OneByThousand
            | Self::OneByFiveThousand
            | Self::ThousandByOne
            | Self::Single => true,
            Self::Connect => contender.replays() && !contender.is_on_bus(),
            Self::Idle | Self::Stalled | Self::Empty => !contender.is_on_bus(),
            // NATS cuts off some of those who read, too.
            Self::ZeroWindow => matches!(contender, Contender::Joined | Contender::Ours),
        }
    }

    /// Measures a contender.
    pub(crate) fn measure(self, contender: Contender, ground: &Ground, span: Duration) -> Measured {
        let running = contender.start(ground, self.shape());
        match self {
            Self::OneByHundred
            | Self::OneByThousand
            | Self::OneByFiveThousand
            | Self::ThousandByOne => full_speed(running, self.shape(), span),
            Self::Single => single(running, span),
            Self::Idle => idle(&running),
            Self::Connect => connects(running),
            Self::Stalled => stalled(running, span),
            Self::ZeroWindow => zero_window(running, span),
            Self::Empty => empty(contender, &running),
        }
    }
}

fn full_speed(running: Running, shape: Shape, span: Duration) -> Measured {
    let Running { process, ways, feed, place: _place } = running;
    let mut load = Load::connect(&ways, shape.watchers, feed);
    load.rush(OUTSTANDING, WARM_UP);
    let before = processor_time(process.id());
    let deliveries = load.rush(OUTSTANDING, span);
    let used = processor_time(process.id()).saturating_sub(before);
    load.settle();
    let millions = count(deliveries) / 1e6;
    vec![
        ("deliveries/s", count(deliveries) / span.as_secs_f64()),
        ("CPU s per million deliveries", used.as_secs_f64() / millions),
    ]
}

fn single(running: Running, span: Duration) -> Measured {
    let Running { process: _process, ways, feed, place: _place } = running;
    let mut load = Load::connect(&ways, 1, feed);
    load.pace(PERIOD, periods(WARM_UP, PERIOD));
    let delays = load.pace(PERIOD, periods(span, PERIOD));
    vec![("p50, µs", micros(&delays, 50)), ("p99, µs", micros(&delays, 99))]
}

fn idle(running: &Running) -> Measured {
    let way = running.ways.first().expect("it has a topic");
    // What the first connection costs is no matter of connections.
    let first = Socket::open(way);
    let before = resident_kib(running.process.id());
    let sockets: Vec<_> = (0..IDLE).map(|_| Socket::open(way)).collect();
    let after = resident_kib(running.process.id());
    drop((first, sockets));
    vec![("KiB each", count(after.saturating_sub(before)) / f64::from(IDLE))]
}

fn connects(running: Running) -> Measured {
    let Running { process, ways, mut feed, place: _place } = running;
    // These ask for nothing but the event.
    let way = Way { greeting: String::new(), ..ways.first().expect("it has a topic").clone() };
    feed.publish(0, 1);
    feed.flush();
    let visit = || {
        let mut socket = Socket::open(&way);
        socket.event();
        socket.close();
    };
    (0..CONNECTS / 10).for_each(|_| visit());
    let before = processor_time(process.id());
    (0..CONNECTS).for_each(|_| visit());
    let used = processor_time(process.id()).saturating_sub(before);
    vec![("CPU µs each", used.as_secs_f64() * 1e6 / f64::from(CONNECTS))]
}

fn stalled(running: Running, span: Duration) -> Measured {
    let Running { process, ways, feed, place: _place } = running;
    let way = ways.first().expect("it has a topic").clone();
    let mut load = Load::connect(&ways, HEALTHY, feed);
    load.pace(PERIOD, periods(WARM_UP, PERIOD));
    // Long enough to fill what the kernel keeps for a socket that nobody reads, and as long without:
    // what a server gathers in that time anyway is no growth.
    let periods = periods(span * 4, PERIOD);
    let alone = load.pace(PERIOD, periods);
    let before = settled_kib(process.id());
    let way = way.from(load.newest());
    let stalled: Vec<_> = (0..STALLED).map(|_| Socket::open(&way)).collect();
    let beside = load.pace(PERIOD, periods);
    let after = peak_kib(process.id());
    let lost = lost(stalled, load.newest());
    let mut measured = healthy(&alone, &beside, after.saturating_sub(before));
    measured.push(("stalled that lost events", lost));
    measured
}

/// How many do not get everything when they read on, all at the same time.
fn lost(stalled: Vec<Socket>, newest: u32) -> f64 {
    let readers: Vec<_> =
        stalled.into_iter().map(|it| thread::spawn(move || it.catches_up(newest))).collect();
    let is_lost = |reader: JoinHandle<bool>| !reader.join().is_ok_and(|it| it);
    readers.into_iter().fold(0.0, |lost, reader| lost + f64::from(u8::from(is_lost(reader))))
}

fn zero_window(running: Running, span: Duration) -> Measured {
    let Running { process, ways, feed, place: _place } = running;
    let way = ways.first().expect("it has a topic").clone();
    let mut load = Load::connect(&ways, FEW_HEALTHY, feed);
    load.pace(STREAM_PERIOD, periods(WARM_UP, STREAM_PERIOD));
    let alone = load.pace(STREAM_PERIOD, periods(span, STREAM_PERIOD));
    let before = settled_kib(process.id());
    let shut: Vec<_> = (0..ZERO_WINDOW).map(|_| Socket::open_narrow(&way)).collect();
    let events = u32::try_from(STREAM_BYTES / LARGE_EVENT_BYTES).unwrap_or(u32::MAX);
    let beside = load.pace(STREAM_PERIOD, events);
    let after = peak_kib(process.id());
    drop(shut);
    healthy(&alone, &beside, after.saturating_sub(before))
}

/// The memory in use, from which on growth counts.
fn settled_kib(process: u32) -> u64 {
    forget_peak(process);
    resident_kib(process)
}

fn healthy(alone: &[Duration], beside: &[Duration], growth_kib: u64) -> Measured {
    vec![
        ("healthy p99, µs", micros(beside, 99)),
        ("healthy p99 against without", micros(beside, 99) / micros(alone, 99)),
        ("growth, MiB", count(growth_kib) / 1024.0),
    ]
}

fn empty(contender: Contender, running: &Running) -> Measured {
    let mut measured = vec![("RSS, MB", count(resident_kib(running.process.id())) * 1024.0 / 1e6)];
    if contender == Contender::Ours {
        measured.push(("stripped program, MB", count(program_bytes(running)) / 1e6));
    }
    measured
}

fn processor_time(process: u32) -> Duration {
    Used::by(&[("server", process)]).0.into_values().sum()
}

fn periods(span: Duration, period: Duration) -> u32 {
    u32::try_from(span.as_micros() / period.as_micros()).unwrap_or(u32::MAX)
}

/// The delay that so many of a hundred do not exceed.
fn micros(delays: &[Duration], share: usize) -> f64 {
    delays.get(delays.len() * share / 100).map_or(f64::NAN, |it| it.as_secs_f64() * 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 here")]
fn count(number: u64) -> f64 {
    number as f64
}
