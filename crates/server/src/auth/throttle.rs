//! How often somebody may guess passwords: per account and address together, and per each.
//!
//! Refuses to lock anybody out: who comes from an address that has not failed waits for
//! [`Limits::account_longest`] at most, whatever others try on the same account.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The delay after the first failure that is not free; each further one doubles it.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// How long one who may try only once at a time waits for the end of that attempt.
const NEXT_TURN: Duration = Duration::from_secs(1);
/// Failures are forgotten after that time without another one.
const FORGOTTEN: Duration = Duration::from_hours(1);

/// How much guessing is tolerated.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Failures on an account from one address before there is a delay.
    pub pair_free: u32,
    /// The longest delay of an address on an account that it fails on.
    pub pair_longest: Duration,
    /// Failures on an account from everywhere before there is a delay.
    pub account_free: u32,
    /// The longest delay of an address on an account that others fail on.
    pub account_longest: Duration,
    /// Failures of an address on all accounts before there is a delay.
    pub address_free: u32,
    /// The longest delay of an address that fails on many accounts.
    pub address_longest: Duration,
    /// Attempts at a time on an account from an address that has not failed on it. One that has
    /// tries one at a time.
    pub at_once: u32,
    /// How many accounts, addresses and pairs are remembered, each.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pair_free: 5,
            pair_longest: Duration::from_mins(15),
            account_free: 10,
            account_longest: Duration::from_mins(1),
            address_free: 30,
            address_longest: Duration::from_mins(5),
            at_once: 32,
            remembered: 20_000,
        }
    }
}

/// The door before the password check.
pub(super) struct Gate {
    throttle: Mutex<Throttle>,
    /// Makes keys: they are shorter than names, and no place for a password typed into the name.
    keys: RandomState,
}

/// One attempt that was let in. Dropped without a verdict it counts neither way.
pub(super) struct Attempt<'a> {
    gate: &'a Gate,
    keys: Keys,
    verdict: Verdict,
}

#[derive(Clone, Copy)]
enum Verdict {
    Open,
    Failed,
    Succeeded,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        Self { throttle: Mutex::new(Throttle::new(limits)), keys: RandomState::new() }
    }

    /// Lets an attempt in, or says how long it has to wait.
    pub(super) fn admit(&self, account: &str, address: &str) -> Result<Attempt<'_>, Duration> {
        let keys = self.keys(account, address);
        self.throttle().admit(keys, Instant::now())?;
        Ok(Attempt { gate: self, keys, verdict: Verdict::Open })
    }

    fn keys(&self, account: &str, address: &str) -> Keys {
        let address = neighbourhood(address);
        Keys {
            account: self.keys.hash_one(account),
            address: self.keys.hash_one(&address),
            pair: self.keys.hash_one((account, &address)),
        }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    pub(super) fn failed(mut self) {
        self.verdict = Verdict::Failed;
    }

    pub(super) fn succeeded(mut self) {
        self.verdict = Verdict::Succeeded;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.gate.throttle().settle(self.keys, self.verdict, Instant::now());
    }
}

/// Where an address is, as far as it costs something to be elsewhere: whoever has one IPv6 address
/// has its whole /64.
fn neighbourhood(address: &str) -> String {
    match address.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V6(ip)) => Ipv6Addr::from(u128::from(ip) >> 64 << 64).to_string(),
        Ok(IpAddr::V4(ip)) => ip.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[derive(Debug, Clone, Copy)]
struct Keys {
    account: u64,
    address: u64,
    pair: u64,
}

struct Throttle {
    limits: Limits,
    pairs: Tally,
    accounts: Tally,
    addresses: Tally,
}

impl Throttle {
    fn new(limits: Limits) -> Self {
        let tally = |free, longest| Tally {
            records: HashMap::new(),
            free,
            longest,
            remembered: limits.remembered,
        };
        Self {
            pairs: tally(limits.pair_free, limits.pair_longest),
            accounts: tally(limits.account_free, limits.account_longest),
            addresses: tally(limits.address_free, limits.address_longest),
            limits,
        }
    }

    fn admit(&mut self, keys: Keys, now: Instant) -> Result<(), Duration> {
        wait(self.pairs.locked_until(keys.pair), now)?;
        wait(self.addresses.locked_until(keys.address), now)?;
        let pair = self.pairs.record(keys.pair, now);
        if let Some(locked_until) = self.accounts.locked_until(keys.account) {
            // The wait is fixed when it begins: failures of others do not make it longer.
            let passes_at = *pair.passes_at.get_or_insert(locked_until);
            wait(Some(passes_at), now)?;
        }
        let at_once = if pair.failures == 0 { self.limits.at_once } else { 1 };
        if pair.in_flight >= at_once {
            return Err(NEXT_TURN);
        }
        pair.in_flight = pair.in_flight.saturating_add(1);
        pair.passes_at = None;
        Ok(())
    }

    fn settle(&mut self, keys: Keys, verdict: Verdict, now: Instant) {
        let pair = self.pairs.record(keys.pair, now);
        pair.in_flight = pair.in_flight.saturating_sub(1);
        match verdict {
            Verdict::Open => {}
            Verdict::Succeeded => pair.forgive(),
            Verdict::Failed => {
                self.pairs.fail(keys.pair, now);
                self.accounts.fail(keys.account, now);
                self.addresses.fail(keys.address, now);
            }
        }
    }
}

fn wait(until: Option<Instant>, now: Instant) -> Result<(), Duration> {
    match until.and_then(|until| until.checked_duration_since(now)) {
        Some(left) if !left.is_zero() => Err(left),
        Some(_) | None => Ok(()),
    }
}

/// Failures by key, of which the latest are remembered.
struct Tally {
    records: HashMap<u64, Record>,
    free: u32,
    longest: Duration,
    remembered: usize,
}

struct Record {
    failures: u32,
    in_flight: u32,
    locked_until: Option<Instant>,
    /// When the lock of the account lets this pair pass; `None` = it is not waiting for that.
    passes_at: Option<Instant>,
    touched_at: Instant,
}

impl Record {
    fn forgive(&mut self) {
        (self.failures, self.locked_until) = (0, None);
    }
}

impl Tally {
    fn locked_until(&self, key: u64) -> Option<Instant> {
        self.records.get(&key)?.locked_until
    }

    fn record(&mut self, key: u64, now: Instant) -> &mut Record {
        self.make_room(key, now);
        let record = self.records.entry(key).or_insert(Record {
            failures: 0,
            in_flight: 0,
            locked_until: None,
            passes_at: None,
            touched_at: now,
        });
        if now.saturating_duration_since(record.touched_at) >= FORGOTTEN {
            record.forgive();
        }
        record.touched_at = now;
        record
    }

    fn fail(&mut self, key: u64, now: Instant) {
        let (free, longest) = (self.free, self.longest);
        let record = self.record(key, now);
        record.failures = record.failures.saturating_add(1);
        if let Some(beyond) = record.failures.checked_sub(free) {
            let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(beyond));
            record.locked_until = now.checked_add(delay.min(longest));
        }
    }

    /// Drops the record that was not touched for longest if there is none to spare.
    fn make_room(&mut self, key: u64, now: Instant) {
        if self.records.len() < self.remembered || self.records.contains_key(&key) {
            return;
        }
        self.records
            .retain(|_, record| now.saturating_duration_since(record.touched_at) < FORGOTTEN);
        if self.records.len() < self.remembered {
            return;
        }
        let oldest = self.records.iter().min_by_key(|(_, record)| record.touched_at);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.records.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A throttle with a clock of its own.
    struct Door {
        throttle: Throttle,
        now: Instant,
    }

    const VICTIM: u64 = 1;

    fn from(address: u64) -> Keys {
        on(VICTIM, address)
    }

    fn on(account: u64, address: u64) -> Keys {
        Keys { account, address: 1000 + address, pair: account * 1_000_000 + address }
    }

    impl Door {
        fn new() -> Self {
            Self { throttle: Throttle::new(Limits::default()), now: Instant::now() }
        }

        fn passes(&mut self, span: Duration) {
            self.now += span;
        }

        fn tries(&mut self, keys: Keys, verdict: Verdict) -> Result<(), Duration> {
            self.throttle.admit(keys, self.now)?;
            self.throttle.settle(keys, verdict, self.now);
            Ok(())
        }

        /// Tries as soon and as often as it is let, for that long; answers how often.
        fn hammers(&mut self, keys: Keys, span: Duration) -> u32 {
            let end = self.now + span;
            let mut tries = 0;
            while self.now < end {
                match self.tries(keys, Verdict::Failed) {
                    Ok(()) => tries += 1,
                    Err(delay) => self.now += delay,
                }
            }
            tries
        }
    }

    #[test]
    fn a_few_typing_errors_cost_nothing() {
        let mut door = Door::new();
        for _ in 0..4 {
            door.tries(from(7), Verdict::Failed).unwrap();
        }
        door.tries(from(7), Verdict::Succeeded).unwrap();
        for _ in 0..4 {
            door.tries(from(7), Verdict::Failed).unwrap();
        }
    }

    #[test]
    fn the_delay_grows_with_every_failure() {
        let mut door = Door::new();
        for _ in 0..5 {
            door.tries(from(7), Verdict::Failed).unwrap();
        }
        for seconds in [1, 2, 4, 8] {
            let delay = door.tries(from(7), Verdict::Failed).unwrap_err();
            assert_eq!(delay, Duration::from_secs(seconds));
            door.passes(delay);
            door.tries(from(7), Verdict::Failed).unwrap();
        }
    }

    #[test]
    fn one_address_gets_fewer_than_a_hundred_guesses_a_day() {
        let mut door = Door::new();
        assert!(door.hammers(from(7), Duration::from_hours(12)) < 100);
    }

    #[test]
    fn a_burst_counts_as_much_as_a_sequence() {
        let mut door = Door::new();
        let let_in = (0..1000).filter(|_| door.throttle.admit(from(7), door.now).is_ok()).count();
        assert_eq!(let_in, 32);
        for _ in 0..let_in {
            door.throttle.settle(from(7), Verdict::Failed, door.now);
        }
        let delay = door.throttle.admit(from(7), door.now).unwrap_err();
        assert_eq!(delay, Duration::from_mins(15));
    }

    #[test]
    fn who_has_failed_tries_one_at_a_time() {
        let mut door = Door::new();
        door.tries(from(7), Verdict::Failed).unwrap();
        door.throttle.admit(from(7), door.now).unwrap();
        assert_eq!(door.throttle.admit(from(7), door.now), Err(NEXT_TURN));
    }

    #[test]
    fn an_attempt_without_a_verdict_counts_neither_way() {
        let mut door = Door::new();
        for _ in 0..100 {
            door.tries(from(7), Verdict::Open).unwrap();
        }
        door.tries(from(7), Verdict::Succeeded).unwrap();
    }

    #[test]
    fn an_account_that_many_addresses_fail_on_is_delayed() {
        let mut door = Door::new();
        let let_in = (0..1000).filter(|n| door.tries(from(*n), Verdict::Failed).is_ok()).count();
        assert_eq!(let_in, 10);
    }

    #[test]
    fn the_victim_gets_in_from_another_address_within_90_seconds() {
        let mut door = Door::new();
        for address in 0..5_000 {
            let _refused = door.tries(from(address), Verdict::Failed);
            door.passes(Duration::from_millis(100));
        }
        let start = door.now;
        let delay = door.tries(from(9_999), Verdict::Succeeded).unwrap_err();
        // The attack goes on while the victim waits.
        while door.now < start + delay {
            for address in 5_000..5_100 {
                let _refused = door.tries(from(address), Verdict::Failed);
            }
            door.passes(Duration::from_millis(50));
        }
        door.tries(from(9_999), Verdict::Succeeded).unwrap();
        assert!(door.now - start < Duration::from_secs(90));
    }

    #[test]
    fn one_attacker_does_not_keep_the_victim_waiting() {
        let mut door = Door::new();
        door.hammers(from(7), Duration::from_hours(2));
        door.passes(Duration::from_mins(1));
        door.tries(from(8), Verdict::Succeeded).unwrap();
    }

    #[test]
    fn an_address_that_tries_one_password_on_many_accounts_is_delayed() {
        let mut door = Door::new();
        let tries = (0..1000).filter(|n| door.tries(on(*n, 7), Verdict::Failed).is_ok()).count();
        assert_eq!(tries, 30);
        door.tries(on(5_000, 8), Verdict::Succeeded).unwrap();
    }

    #[test]
    fn failures_are_forgotten() {
        let mut door = Door::new();
        door.hammers(from(7), Duration::from_mins(5));
        door.passes(FORGOTTEN);
        for _ in 0..4 {
            door.tries(from(7), Verdict::Failed).unwrap();
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut door = Door::new();
        door.throttle.pairs.remembered = 100;
        for address in 0..1000 {
            door.passes(Duration::from_mins(2));
            let _refused = door.tries(from(address), Verdict::Failed);
        }
        assert!(door.throttle.pairs.records.len() <= 100);
        assert!(door.throttle.pairs.records.contains_key(&from(999).pair));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        assert_eq!(neighbourhood("2001:db8::1"), neighbourhood("2001:db8::ffff:2"));
        assert_ne!(neighbourhood("2001:db8::1"), neighbourhood("2001:db8:0:1::1"));
        assert_eq!(neighbourhood("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
