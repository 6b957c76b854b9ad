//! The failure type byte of a trouble code: how the fault shows (SAE J2012-DA, ISO 15031-6).
//!
//! Refuses to guess: a byte that is not in the table is called unknown.

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// The third byte of a trouble code.
///
/// Serialised as `{"code": "0x13", "text": "circuit open"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FailureType(u8);

impl FailureType {
    /// The failure type of this byte.
    pub fn new(byte: u8) -> Self {
        Self(byte)
    }

    /// The byte.
    pub fn byte(self) -> u8 {
        self.0
    }

    /// What it says about the fault; `None` if the table does not have it.
    pub fn known(self) -> Option<&'static str> {
        match self.0 >> 4 {
            0x0..=0x2 => circuit_or_signal(self.0),
            0x3..=0x6 => internal(self.0),
            _ => outside(self.0),
        }
    }

    /// What it says about the fault, or that this is not known.
    pub fn text(self) -> String {
        self.known().map_or_else(|| format!("unknown failure type 0x{:02X}", self.0), str::to_owned)
    }
}

impl Serialize for FailureType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("FailureType", 2)?;
        fields.serialize_field("code", &format!("0x{:02X}", self.0))?;
        fields.serialize_field("text", &self.text())?;
        fields.end()
    }
}

/// General (0x), electrical (1x) and signal (2x) failures.
fn circuit_or_signal(byte: u8) -> Option<&'static str> {
    Some(match byte {
        0x00 => "no further information",
        0x01 => "general electrical failure",
        0x02 => "general signal failure",
        0x03 => "frequency or pulse width failure",
        0x04 => "system internal failure",
        0x05 => "system programming failure",
        0x06 => "algorithm based failure",
        0x07 => "mechanical failure",
        0x08 => "bus signal or message failure",
        0x09 => "component failure",
        0x11 => "circuit short to ground",
        0x12 => "circuit short to battery",
        0x13 => "circuit open",
        0x14 => "circuit short to ground or open",
        0x15 => "circuit short to battery or open",
        0x16 => "circuit voltage below threshold",
        0x17 => "circuit voltage above threshold",
        0x18 => "circuit current below threshold",
        0x19 => "circuit current above threshold",
        0x1A => "circuit resistance below threshold",
        0x1B => "circuit resistance above threshold",
        0x1C => "circuit voltage out of range",
        0x1D => "circuit current out of range",
        0x1E => "circuit resistance out of range",
        0x1F => "circuit intermittent",
        0x21 => "signal amplitude below minimum",
        0x22 => "signal amplitude above maximum",
        0x23 => "signal stuck low",
        0x24 => "signal stuck high",
        0x25 => "signal shape failure",
        0x26 => "signal changes too slowly",
        0x27 => "signal changes too fast",
        0x28 => "signal bias out of range",
        0x29 => "signal invalid",
        0x2A => "signal stuck in range",
        0x2B => "signal cross coupled",
        0x2F => "signal erratic",
        _ => return None,
    })
}

/// Pulse width (3x), system internal (4x), programming (5x) and algorithm (6x) failures.
fn internal(byte: u8) -> Option<&'static str> {
    Some(match byte {
        0x31 => "no signal",
        0x32 => "signal low time below minimum",
        0x33 => "signal low time above maximum",
        0x34 => "signal high time below minimum",
        0x35 => "signal high time above maximum",
        0x36 => "signal frequency too low",
        0x37 => "signal frequency too high",
        0x38 => "signal frequency incorrect",
        0x39 => "too few pulses",
        0x3A => "too many pulses",
        0x41 => "general checksum failure",
        0x42 => "general memory failure",
        0x43 => "special memory failure",
        0x44 => "data memory failure",
        0x45 => "program memory failure",
        0x46 => "calibration memory failure",
        0x47 => "watchdog or safety controller failure",
        0x48 => "supervision software failure",
        0x49 => "internal electronic failure",
        0x4A => "incorrect component installed",
        0x4B => "over temperature",
        0x51 => "not programmed",
        0x52 => "not activated",
        0x53 => "deactivated",
        0x54 => "missing calibration",
        0x55 => "not configured",
        0x56 => "invalid or incompatible configuration",
        0x57 => "invalid or incompatible software",
        0x61 => "signal calculation failure",
        0x62 => "signal compare failure",
        0x63 => "circuit or component protection time-out",
        0x64 => "signal plausibility failure",
        0x65 => "signal has too few transitions",
        0x66 => "signal has too many transitions",
        0x67 => "signal incorrect after event",
        0x68 => "event information",
        _ => return None,
    })
}

/// Mechanical (7x), bus (8x) and component (9x) failures; beyond them the maker's own.
fn outside(byte: u8) -> Option<&'static str> {
    Some(match byte {
        0x71 => "actuator stuck",
        0x72 => "actuator stuck open",
        0x73 => "actuator stuck closed",
        0x74 => "actuator slipping",
        0x75 => "emergency position not reachable",
        0x76 => "wrong mounting position",
        0x77 => "commanded position not reachable",
        0x78 => "alignment or adjustment incorrect",
        0x79 => "mechanical linkage failure",
        0x7A => "fluid leak or seal failure",
        0x7B => "low fluid level",
        0x81 => "invalid serial data received",
        0x82 => "alive or sequence counter incorrect",
        0x83 => "signal protection value incorrect",
        0x84 => "signal below allowable range",
        0x85 => "signal above allowable range",
        0x86 => "signal invalid",
        0x87 => "missing message",
        0x88 => "bus off",
        0x91 => "parametric failure",
        0x92 => "performance or incorrect operation",
        0x93 => "no operation",
        0x94 => "unexpected operation",
        0x95 => "incorrect assembly",
        0x96 => "component internal failure",
        0x97 => "operation obstructed or blocked",
        0x98 => "component or system over temperature",
        0x9A => "operating conditions",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes_have_a_text_and_others_say_that_they_have_none() {
        for (byte, text) in [
            (0x00, "no further information"),
            (0x13, "circuit open"),
            (0x31, "no signal"),
            (0x64, "signal plausibility failure"),
            (0x87, "missing message"),
            (0x10, "unknown failure type 0x10"),
            (0xF1, "unknown failure type 0xF1"),
        ] {
            assert_eq!(FailureType::new(byte).text(), text);
        }
    }

    #[test]
    fn each_text_stands_in_the_part_of_its_category() {
        let known = (0..=u8::MAX).filter(|byte| FailureType::new(*byte).known().is_some());
        let found = (0..=u8::MAX).filter(|byte| {
            [circuit_or_signal, internal, outside].iter().any(|part| part(*byte).is_some())
        });
        assert!(known.eq(found));
    }
}
