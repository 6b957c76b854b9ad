//! Whether somebody may still watch: follows the token's end and changes of rights.
//!
//! Refuses to close anything: it says that it is over, and each way out ends in its own manner.

use crate::auth::{Auth, Pass};
use std::time::Duration;
use tokio::sync::watch;

/// Why nothing more may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// The token ran out.
    TokenExpired,
    /// Logout, or a disabled user.
    SessionEnded,
    /// Whether the session is alive cannot be found out.
    StoreFailed,
}

/// Waits until the session is over. A renewed token comes in by `renewed`; changed rights go out
/// by `pass`.
pub(crate) async fn guard(
    auth: &Auth,
    mut renewed: watch::Receiver<Pass>,
    pass: watch::Sender<Pass>,
) -> Over {
    loop {
        let current = renewed.borrow_and_update().clone();
        let left = Duration::try_from(current.expires_at.duration_since(crate::clock::now()))
            .unwrap_or(Duration::ZERO);
        tokio::select! {
            () = tokio::time::sleep(left) => return Over::TokenExpired,
            // The sender is this function's own: it cannot be gone.
            _ = renewed.changed() => {}
            () = current.session.changed() => match auth.recheck(&current.session).await {
                Ok(Some(session)) => drop(pass.send_replace(Pass { session, ..current })),
                Ok(None) => return Over::SessionEnded,
                Err(_) => return Over::StoreFailed,
            },
        }
    }
}
