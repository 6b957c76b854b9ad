//! The driving cycle that live values follow: idle, accelerate, cruise, brake.
//!
//! Knows no units: a course is a number from 0 to 1.

use std::f64::consts::TAU;

use serde::Deserialize;

const IDLE_S: f64 = 8.0;
const ACCELERATE_S: f64 = 12.0;
const CRUISE_S: f64 = 30.0;
const BRAKE_S: f64 = 10.0;
const CYCLE_S: f64 = IDLE_S + ACCELERATE_S + CRUISE_S + BRAKE_S;
/// How far a value trembles that would stand still.
const RIPPLE: f64 = 0.02;

/// What a live value follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Course {
    /// Swings on its own, whatever the vehicle does.
    #[default]
    Drift,
    Speed,
    Brake,
}

/// What the vehicle does, and how far into it, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Idle,
    Accelerate(f64),
    Cruise,
    Brake(f64),
}

impl Course {
    /// Where the value is between its bounds, 0 to 1; `period_s` is that of a swing.
    pub(crate) fn level(self, time_s: f64, period_s: f64) -> f64 {
        let swing = f64::midpoint(1.0, (TAU * time_s / period_s).sin());
        let level = match self {
            Self::Drift => return swing,
            Self::Speed => speed(Phase::at(time_s)),
            Self::Brake => brake(Phase::at(time_s)),
        };
        level * (1.0 - RIPPLE) + swing * RIPPLE
    }
}

impl Phase {
    fn at(time_s: f64) -> Self {
        let time_s = time_s.rem_euclid(CYCLE_S);
        if time_s < IDLE_S {
            Self::Idle
        } else if time_s < IDLE_S + ACCELERATE_S {
            Self::Accelerate(time_s - IDLE_S)
        } else if time_s < CYCLE_S - BRAKE_S {
            Self::Cruise
        } else {
            Self::Brake(time_s - (CYCLE_S - BRAKE_S))
        }
    }
}

fn speed(phase: Phase) -> f64 {
    match phase {
        Phase::Idle => 0.0,
        Phase::Accelerate(since_s) => since_s / ACCELERATE_S,
        Phase::Cruise => 1.0,
        Phase::Brake(since_s) => 1.0 - since_s / BRAKE_S,
    }
}

fn brake(phase: Phase) -> f64 {
    match phase {
        Phase::Idle => 0.3,
        Phase::Accelerate(_) | Phase::Cruise => 0.0,
        Phase::Brake(_) => 0.8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vehicle_stands_gathers_speed_keeps_it_and_brakes() {
        let speed = |time_s| Course::Speed.level(time_s, 20.0);
        assert!(speed(1.0) < 0.1);
        assert!((0.4..0.6).contains(&speed(14.0)));
        assert!(speed(40.0) > 0.9);
        assert!(speed(59.0) < 0.2);
        assert!(Course::Brake.level(40.0, 15.0) < 0.1);
        assert!(Course::Brake.level(55.0, 15.0) > 0.7);
    }
}
