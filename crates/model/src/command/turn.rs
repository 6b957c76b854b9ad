//! Whose turn it is at one vehicle.
//!
//! Refuses to know whether the vehicle can be reached: it only keeps the order.

use super::Risk;
use crate::id::CommandId;

/// How many reads may share a vehicle.
pub const MAX_READS: usize = 4;

/// A command that waits for one vehicle; the slice given to [`next`] is sorted by turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The command.
    pub command_id: CommandId,
    /// Its risk class.
    pub risk: Risk,
}

/// The commands that may start now, given the risk classes of those in flight.
///
/// Reads share the vehicle, up to [`MAX_READS`]; anything else runs alone. A command never
/// overtakes one that waits before it, so that a stream of reads cannot starve a write.
pub fn next(in_flight: &[Risk], waiting: &[Waiting]) -> Vec<CommandId> {
    if in_flight.iter().any(|risk| !risk.is_repeatable()) {
        return Vec::new();
    }
    match waiting.first() {
        Some(first) if !first.risk.is_repeatable() => {
            if in_flight.is_empty() {
                vec![first.command_id]
            } else {
                Vec::new()
            }
        }
        _ => waiting
            .iter()
            .take_while(|candidate| candidate.risk.is_repeatable())
            .take(MAX_READS.saturating_sub(in_flight.len()))
            .map(|candidate| candidate.command_id)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(risks: &[Risk]) -> Vec<Waiting> {
        risks.iter().map(|&risk| Waiting { command_id: CommandId::new(), risk }).collect()
    }

    #[test]
    fn reads_share_a_vehicle_up_to_four() {
        let queue = waiting(&[Risk::R0; 6]);
        assert_eq!(next(&[], &queue).len(), 4);
        assert_eq!(next(&[Risk::R0; 3], &queue), [queue[0].command_id]);
    }

    #[test]
    fn a_write_runs_alone() {
        let queue = waiting(&[Risk::R2, Risk::R0]);
        assert_eq!(next(&[], &queue), [queue[0].command_id]);
        assert!(next(&[Risk::R0], &queue).is_empty());
        assert!(next(&[Risk::R2], &waiting(&[Risk::R0])).is_empty());
    }

    #[test]
    fn reads_do_not_overtake_a_waiting_write() {
        let queue = waiting(&[Risk::R0, Risk::R1, Risk::R0]);
        assert_eq!(next(&[], &queue), [queue[0].command_id]);
    }
}
