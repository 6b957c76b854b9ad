//! What the product has to reach, and against whom.
//!
//! Refuses goals in deliveries or seconds: they would be goals for a machine.

use super::figure::Figure;
use crate::contender::Contender;
use crate::goal::Goal;

const RATE: &str = "deliveries/s";
const COST: &str = "CPU s per million deliveries";
const WITHOUT: &str = "healthy p99 against without";
const GROWTH: &str = "growth, MiB";

/// A goal for a quantity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) figure: Figure,
    pub(super) quantity: &'static str,
    pub(super) contender: Contender,
    /// By whose value it is divided; `None` = the value itself counts.
    pub(super) against: Option<Contender>,
    pub(super) goal: Goal,
}

/// All of them, in the order of the table.
pub(super) fn targets() -> Vec<Target> {
    let mut targets = Vec::new();
    // Storing each event limits few watchers: there, what is delivered was stored elsewhere.
    for (figure, contender) in [
        (Figure::OneByHundred, Contender::OursBus),
        (Figure::OneByThousand, Contender::Ours),
        (Figure::OneByFiveThousand, Contender::Ours),
        (Figure::ThousandByOne, Contender::OursBus),
    ] {
        let target =
            |quantity, against, goal| Target { figure, quantity, contender, against, goal };
        let limit = Some(Contender::Joined);
        targets.push(target(RATE, limit, Goal::at_least(0.7, 0.9)));
        targets.push(target(COST, limit, Goal::at_most(1.5, 1.25)));
    }
    let nats = |figure, goal| ours(figure, RATE, Some(Contender::Nats), goal);
    targets.push(nats(Figure::OneByThousand, Goal::at_least(2.5, 3.0)));
    targets.push(nats(Figure::OneByFiveThousand, Goal::at_least(6.0, 10.0)));
    targets.push(Target {
        contender: Contender::OursBus,
        against: Some(Contender::JoinedBus),
        ..ours(Figure::Single, "p50, µs", None, Goal::at_most(1.3, 1.15))
    });
    let connect = Goal::at_most(3.0, 2.0);
    targets.push(ours(Figure::Connect, "CPU µs each", Some(Contender::Joined), connect));
    targets.extend([
        ours(Figure::Idle, "KiB each", None, Goal::at_most(6.0, 4.0)),
        ours(Figure::Stalled, WITHOUT, None, Goal::at_most(2.0, 2.0)),
        ours(Figure::Stalled, GROWTH, None, Goal::at_most(2.0, 2.0)),
        ours(Figure::Stalled, "stalled that lost events", None, Goal::at_most(20.0, 0.0)),
        ours(Figure::ZeroWindow, WITHOUT, None, Goal::at_most(2.0, 2.0)),
        ours(Figure::ZeroWindow, GROWTH, None, Goal::at_most(128.0, 128.0)),
        ours(Figure::Empty, "RSS, MB", None, Goal::at_most(40.0, 20.0)),
        ours(Figure::Empty, "stripped program, MB", None, Goal::at_most(40.0, 25.0)),
    ]);
    targets
}

fn ours(figure: Figure, quantity: &'static str, against: Option<Contender>, goal: Goal) -> Target {
    Target { figure, quantity, contender: Contender::Ours, against, goal }
}
