//! Faults of the link: what every request of a vehicle may meet, whoever sent it.
//!
//! Knows neither commands nor resources; a request that is not hit passes untouched.

mod rule;
mod spoil;
mod vanish;

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::behaviour::Stage;
use crate::serve::Wire;
pub use rule::NoFault;
use rule::{Kind, Rule};
pub(crate) use vanish::hide;

/// Statuses that a server fails with.
const FAILURES: [StatusCode; 4] = [
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// Which faults the link to a vehicle has, written as `latency=50ms,5xx=1%,cut-sse=5%`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Injection {
    rules: Vec<Rule>,
}

/// An injection at work: it draws the same lots whenever it starts anew.
#[derive(Debug)]
pub(crate) struct Injector {
    injection: Injection,
    seed: u64,
    /// Requests that each rule has seen.
    seen: Vec<AtomicU64>,
    gone: Mutex<BTreeMap<String, Gone>>,
}

/// A control unit that has vanished for a while.
#[derive(Debug, Clone, Copy)]
struct Gone {
    until: Instant,
    status: StatusCode,
}

impl Injection {
    /// Whether no request is ever hit.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl FromStr for Injection {
    type Err = NoFault;

    fn from_str(words: &str) -> Result<Self, NoFault> {
        let words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
        Ok(Self { rules: words.map(str::parse).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.rules.iter().map(Rule::to_string).collect();
        formatter.write_str(&words.join(","))
    }
}

impl Injector {
    /// Vehicles of one seed differ by their VIN.
    pub(crate) fn new(injection: Injection, seed: u64, vin: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, vin).hash(&mut hasher);
        let seen = injection.rules.iter().map(|_| AtomicU64::new(0)).collect();
        Self { injection, seed: hasher.finish(), seen, gone: Mutex::default() }
    }

    pub(crate) fn injection(&self) -> &Injection {
        &self.injection
    }

    /// The lot of a request that is hit by a fault of this kind, and the rule that hits it.
    fn hit(&self, kind: Kind, path: &str) -> Option<(&Rule, u64)> {
        let mut hit = None;
        for (index, (rule, seen)) in self.injection.rules.iter().zip(&self.seen).enumerate() {
            if rule.concerns(kind, path) {
                let turn = seen.fetch_add(1, Ordering::Relaxed);
                let lot = self.lot(index, turn);
                hit = hit.or_else(|| rule.hits(turn, lot).then_some((rule, lot)));
            }
        }
        hit
    }

    fn lot(&self, rule: usize, turn: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, rule, turn).hash(&mut hasher);
        hasher.finish()
    }

    fn latency(&self, path: &str) -> Option<Duration> {
        self.hit(Kind::Latency, path).map(|(rule, lot)| rule.pause(lot))
    }

    /// Lets the control unit of a path vanish, if it is hit and there.
    fn vanish(&self, path: &str) {
        let Some(component) = vanish::component_of(path) else { return };
        if self.is_gone(component).is_some() {
            return;
        }
        let Some((rule, lot)) = self.hit(Kind::Vanish, path) else { return };
        let status =
            if lot & 1 == 0 { StatusCode::NOT_FOUND } else { StatusCode::SERVICE_UNAVAILABLE };
        let gone = Gone { until: Instant::now() + rule.pause(lot), status };
        let mut all = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, gone| gone.until > Instant::now());
        all.insert(component.to_owned(), gone);
    }

    /// What a control unit that has vanished answers; `None` if it is there.
    fn is_gone(&self, component: &str) -> Option<StatusCode> {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.get(component).filter(|gone| gone.until > Instant::now()).map(|gone| gone.status)
    }

    fn is_complete(&self) -> bool {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// Hands a request on, unless the link has a fault for it; spoils the answer if it has one for that.
pub(crate) async fn meet(State(stage): State<Stage>, request: Request, next: Next) -> Response {
    let injector = stage.vehicle.injector();
    if injector.injection().is_empty() {
        return next.run(request).await;
    }
    let base = stage.vehicle.plan.dialect.base();
    let path = request.uri().path();
    let path = path.strip_prefix(base).unwrap_or(path).to_owned();
    let wire = request.extensions().get::<Wire>().cloned();
    if let Some(pause) = injector.latency(&path) {
        tokio::time::sleep(pause).await;
    }
    if injector.hit(Kind::ResetBefore, &path).is_some() {
        return reset(wire).await;
    }
    if let Some((_, lot)) = injector.hit(Kind::ServerError, &path) {
        return failure(lot).into_response();
    }
    injector.vanish(&path);
    let answer = next.run(request).await;
    if injector.hit(Kind::ResetAfter, &path).is_some() {
        return reset(wire).await;
    }
    spoil::spoilt(&injector, &path, answer).await
}

/// Never answers: the connection goes down under the request.
async fn reset(wire: Option<Wire>) -> Response {
    if let Some(wire) = wire {
        wire.reset();
    }
    std::future::pending().await
}

fn failure(lot: u64) -> StatusCode {
    let index = usize::try_from(lot % 4).unwrap_or_default();
    FAILURES.get(index).copied().unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injector(words: &str, seed: u64, vin: &str) -> Injector {
        Injector::new(words.parse().unwrap(), seed, vin)
    }

    fn hits(injector: &Injector, turns: usize) -> Vec<bool> {
        (0..turns).map(|_| injector.hit(Kind::ServerError, "/components").is_some()).collect()
    }

    #[test]
    fn a_share_of_the_requests_is_hit() {
        let hits = hits(&injector("5xx=25%", 1, "VIN"), 4000);
        let share = hits.iter().filter(|hit| **hit).count();
        assert!((900..1100).contains(&share), "{share}");
    }

    #[test]
    fn the_same_seed_hits_the_same_requests() {
        let drawn = |seed, vin| hits(&injector("5xx=50%", seed, vin), 64);
        assert_eq!(drawn(1, "VIN"), drawn(1, "VIN"));
        assert_ne!(drawn(1, "VIN"), drawn(2, "VIN"));
        assert_ne!(drawn(1, "VIN"), drawn(1, "OTHER"));
    }

    #[test]
    fn a_number_hits_the_first_requests_only() {
        assert_eq!(hits(&injector("5xx=2x", 1, "VIN"), 4), [true, true, false, false]);
    }

    #[test]
    fn a_path_is_hit_with_all_below_it_and_nothing_beside_it() {
        let injector = injector("5xx=100%@/components/a", 1, "VIN");
        let is_hit = |path: &str| injector.hit(Kind::ServerError, path).is_some();
        assert!(is_hit("/components/a"));
        assert!(is_hit("/components/a/faults"));
        assert!(!is_hit("/components/ab"));
        assert!(!is_hit("/components"));
    }

    #[test]
    fn latency_stays_between_its_bounds() {
        let injector = injector("latency=20ms..30ms", 1, "VIN");
        for _ in 0..100 {
            let pause = injector.latency("/").unwrap();
            assert!((20..=30).contains(&pause.as_millis()), "{pause:?}");
        }
    }
}
