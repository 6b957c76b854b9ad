//! What a caller did, as the audit keeps it.
//!
//! Refuses to write it: the store does, in the transaction of the deed.

use super::caller::Caller;
use serde_json::Value;
use store::AuditEntry;

impl Caller {
    /// Something that they do successfully to `object`, for example `fleet/01890a5d-…`.
    pub(super) fn deed(&self, action: &'static str, object: String) -> AuditEntry {
        let session = self.session();
        AuditEntry {
            action,
            actor_id: Some(session.user_id()),
            actor: session.username().to_owned(),
            session_hash: session.session_hash(),
            address: Some(self.origin.address.clone()),
            request_id: self.origin.request_id.clone(),
            object,
            outcome: "success",
            reason: None,
            details: None,
        }
    }

    /// The same, with what else is worth knowing.
    pub(super) fn detailed(
        &self,
        action: &'static str,
        object: String,
        details: Value,
    ) -> AuditEntry {
        AuditEntry { details: Some(details), ..self.deed(action, object) }
    }
}
