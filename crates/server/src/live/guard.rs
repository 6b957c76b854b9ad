//! Whether somebody may still watch: follows the token's end, changes of rights and ends of grants.
//!
//! Refuses to close anything: it says that it is over, and each way out ends in its own manner.

use super::rights::{self, Followed};
use crate::auth::{Auth, Pass};
use model::Timestamp;
use std::future::pending;
use std::time::Duration;
use store::Store;
use tokio::sync::watch;

/// How long ago the rights may have been looked at when a guard begins.
const ADMISSION: Duration = Duration::from_secs(30);

/// Why nothing more may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// The token ran out.
    TokenExpired,
    /// Logout, a disabled user, or a lost right.
    SessionEnded,
    /// Whether the session is alive cannot be found out.
    StoreFailed,
}

/// Waits until the holder of the pass may not follow any more what they follow. Runs beside the
/// writing, so that it ends a session whose client takes nothing too.
///
/// A renewed token comes in by `pass`, and so do changed rights.
pub(crate) async fn guard(
    (auth, store): (&Auth, &Store),
    pass: watch::Sender<Pass>,
    followed: watch::Receiver<Followed>,
) -> Over {
    let mut renewed = pass.subscribe();
    let mut looked_at = store.now().checked_sub(ADMISSION).unwrap_or(Timestamp::MIN);
    loop {
        let current = renewed.borrow_and_update().clone();
        tokio::select! {
            () = passed(Some(current.expires_at), crate::clock::now()) => return Over::TokenExpired,
            () = passed(current.session.next_grant_end(looked_at), store.now()) => {}
            // The sender is this function's own: it cannot be gone.
            _ = renewed.changed() => {}
            () = current.session.changed() => match auth.recheck(&current.session).await {
                Ok(Some(session)) => drop(pass.send_replace(Pass { session, ..current })),
                Ok(None) => return Over::SessionEnded,
                Err(_) => return Over::StoreFailed,
            },
        }
        looked_at = store.now();
        let everything = followed.borrow().clone();
        match rights::may_go_on(store, &pass, &everything).await {
            Ok(true) => {}
            Ok(false) => return Over::SessionEnded,
            Err(_) => return Over::StoreFailed,
        }
    }
}

/// Waits for a moment; for ever if there is none.
async fn passed(moment: Option<Timestamp>, now: Timestamp) {
    match moment {
        Some(moment) => {
            let left = Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO);
            tokio::time::sleep(left).await;
        }
        None => pending().await,
    }
}
