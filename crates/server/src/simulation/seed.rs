//! What a seed makes of a world: its dice, and how much goes wrong in it.
//!
//! Refuses every other source of chance: the same seed is the same world, step by step.

/// Moments and spans of a world are counted in microseconds.
pub(super) type Micros = u64;
/// A millisecond.
pub(super) const MS: Micros = 1_000;
/// A second.
pub(super) const SECOND: Micros = 1_000 * MS;

/// The dice of a world (splitmix64).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `least` to below `limit`.
    pub(super) fn between(&mut self, least: u64, limit: u64) -> u64 {
        least + self.next() % (limit - least)
    }

    /// An index into something of that length.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.next() % length as u64).unwrap()
    }

    pub(super) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.index(among.len())]
    }

    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.next() % 1000 < per_mille
    }
}

/// How often, of a thousand times, something goes wrong; 0 throughout in a calm world.
#[derive(Debug, Clone, Default)]
pub(super) struct Weather {
    /// A request to the store never arrives.
    pub(super) request_lost: u64,
    /// It is committed, and nobody is told.
    pub(super) answer_lost: u64,
    /// It is committed long after whoever asked has given up.
    pub(super) request_late: u64,
    /// The way to the store, or back, takes up to seconds.
    pub(super) store_slow: u64,
    /// A message on the bus is lost, comes twice, or comes late and so out of order.
    pub(super) bus_lost: u64,
    pub(super) bus_twice: u64,
    pub(super) bus_late: u64,
    /// No connection to a vehicle comes about.
    pub(super) link_refused: u64,
    /// An order, or the answer to it, is lost.
    pub(super) link_lost: u64,
    /// Parts come twice, or late and so out of order.
    pub(super) parts_mixed: u64,
    /// How many blows fall.
    pub(super) blows: Blows,
}

/// How many blows of each kind fall while a world is young.
#[derive(Debug, Clone, Default)]
pub(super) struct Blows {
    pub(super) crashes: u64,
    pub(super) freezes: u64,
    pub(super) partitions: u64,
    pub(super) outages: u64,
    pub(super) breakdowns: u64,
    pub(super) junk: u64,
    pub(super) rogues: u64,
    pub(super) departures: u64,
}

impl Weather {
    /// One world in eight is calm, and in two of eight the store, the vehicles and the processes can
    /// be relied on but for crashes; else each kind of fault is absent, rare or frequent.
    pub(super) fn of(dice: &mut Dice) -> Self {
        let wild = Self::wild(dice);
        match dice.index(8) {
            0 => Self::default(),
            1 | 2 => Self {
                bus_lost: wild.bus_lost,
                bus_twice: wild.bus_twice,
                bus_late: wild.bus_late,
                link_refused: wild.link_refused,
                parts_mixed: wild.parts_mixed,
                blows: Blows { freezes: 0, outages: 0, ..wild.blows },
                ..Self::default()
            },
            _ => wild,
        }
    }

    /// Whether whoever asks the store is answered at once, and nobody is frozen.
    pub(super) fn is_prompt(&self) -> bool {
        let Self { request_lost, answer_lost, request_late, store_slow, blows, .. } = self;
        let faults = [request_lost, answer_lost, request_late, store_slow];
        faults.into_iter().chain([&blows.freezes, &blows.outages]).all(|&rate| rate == 0)
    }

    fn wild(dice: &mut Dice) -> Self {
        let mut rate = |often: u64| dice.pick(&[0, often / 5, often]);
        Self {
            request_lost: rate(100),
            answer_lost: rate(100),
            request_late: rate(60),
            store_slow: rate(80),
            bus_lost: rate(300),
            bus_twice: rate(200),
            bus_late: rate(300),
            link_refused: rate(300),
            link_lost: rate(200),
            parts_mixed: rate(400),
            blows: Blows {
                crashes: rate(25),
                freezes: rate(25),
                partitions: rate(20),
                outages: rate(10),
                breakdowns: rate(15),
                junk: rate(60),
                rogues: rate(10),
                departures: rate(60),
            },
        }
    }
}
