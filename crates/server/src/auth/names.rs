//! What a user can be called, and where they can be written to.
//!
//! Refuses what could not be typed, stored or shown.

/// Bytes of the longest name.
const LONGEST_NAME: usize = 64;
/// Bytes of the longest email address that mail servers take.
const LONGEST_EMAIL: usize = 254;

/// Whether a user can log in by that name: letters, digits, dots, hyphens, underscores and @.
pub(crate) fn is_username(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(allowed)
}

/// Whether it is an address to write to. Whether anybody reads it is not for us to know.
pub(crate) fn is_email(text: &str) -> bool {
    let is_odd = |symbol: char| symbol.is_control() || symbol.is_whitespace();
    let halves = text.split_once('@');
    let is_whole = halves
        .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    is_whole && text.len() <= LONGEST_EMAIL && !text.chars().any(is_odd)
}
