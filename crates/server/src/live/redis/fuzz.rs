//! What comes over the bus, read by a fuzz target.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use super::subscriber::{Told, told};
use model::command::external::Heard;

/// A channel, and after a line feed the text on it.
///
/// # Panics
///
/// If an event goes out in other words than it came in.
pub fn bus_messages(data: &[u8]) {
    let Ok(message) = str::from_utf8(data) else { return };
    let (channel, text) = message.split_once('\n').unwrap_or(("fleetwire:notices", message));
    match told(channel, text) {
        Some(Told::Event(command_id, frame)) => {
            assert_eq!(frame.text(), text);
            assert!(frame.len() <= text.len() + 10);
            assert!(
                channel.contains(&command_id.to_string()) || channel.contains(char::is_uppercase)
            );
        }
        Some(Told::External(command_id)) => drop(Heard::read(command_id, text)),
        Some(Told::Notice(_)) | None => {}
    }
}
