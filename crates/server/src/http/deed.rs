//! What a caller did, as the audit keeps it.
//!
//! Refuses to write it: the store does, in the transaction of the deed.

use super::caller::Caller;
use serde_json::Value;
use store::AuditEntry;

impl Caller {
    /// Something that they do successfully to `object`, for example `fleet/01890a5d-…`.
    pub(super) fn deed(&self, action: &'static str, object: String) -> AuditEntry {
        self.origin.deed_of(self.session(), action, object)
    }

    /// The same, with what else is worth knowing.
    pub(super) fn detailed(
        &self,
        action: &'static str,
        object: String,
        details: Value,
    ) -> AuditEntry {
        self.origin.detailed_deed_of(self.session(), action, object, details)
    }
}
