//! Why a test could not run here.
//! It decides nothing: the test prints it and ends, or fails where a skip is not acceptable.

use std::fmt;

/// The machine does not offer what the test needs. Shown as one line that says what is missing.
#[derive(Debug)]
pub struct Skipped {
    needs: &'static str,
    cause: String,
}

impl Skipped {
    pub(crate) fn new(needs: &'static str, cause: impl fmt::Display) -> Self {
        // One line also where the alternate form of an error would take several.
        let cause = cause.to_string().replace('\n', "; ");
        Self { needs, cause }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skipped: needs {}: {}", self.needs, self.cause)
    }
}
