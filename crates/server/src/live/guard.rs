//! Whether somebody may still watch: follows the token's end, changes of rights and ends of grants.
//!
//! Refuses to close anything: it says that it is over, and each way out ends in its own manner.

use super::rights::{self, Followed, Target};
use crate::auth::{Auth, Pass};
use model::Timestamp;
use std::future::pending;
use std::sync::Arc;
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

/// Waits until the pass is good no more. Runs beside the writing, so that it ends a session whose
/// client takes nothing too.
pub(crate) async fn guard(
    (auth, store): (&Auth, &Store),
    pass: &watch::Sender<Pass>,
    followed: &Followed,
) -> Over {
    tokio::select! {
        over = token_end(pass, Duration::ZERO) => over,
        over = rights_end((auth, store), pass, followed, |_| Err(Over::SessionEnded)) => over,
    }
}

/// Waits until the token has been over for that long. A renewed one comes in by `pass`.
pub(crate) async fn token_end(pass: &watch::Sender<Pass>, grace: Duration) -> Over {
    let mut renewed = pass.subscribe();
    loop {
        let end = renewed.borrow_and_update().expires_at;
        let end = end.checked_add(grace).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = passed(Some(end), crate::clock::now()) => return Over::TokenExpired,
            // The sender outlives this.
            _ = renewed.changed() => {}
        }
    }
}

/// Follows changes of rights and ends of grants, and tells `lose` what may not be followed any more,
/// until that says that nothing may.
pub(crate) async fn rights_end(
    (auth, store): (&Auth, &Store),
    pass: &watch::Sender<Pass>,
    followed: &Followed,
    mut lose: impl FnMut(Target) -> Result<(), Over>,
) -> Over {
    let mut renewed = pass.subscribe();
    let mut looked_at = store.now().checked_sub(ADMISSION).unwrap_or(Timestamp::MIN);
    loop {
        let session = Arc::clone(&renewed.borrow_and_update().session);
        tokio::select! {
            () = passed(session.next_grant_end(looked_at), store.now()) => {}
            _ = renewed.changed() => {}
            () = session.changed() => match Box::pin(auth.recheck(&session)).await {
                Ok(Some(next)) => {
                    pass.send_if_modified(|pass| {
                        // A pass that was renewed meanwhile has a session of its own.
                        let is_ours = Arc::ptr_eq(&pass.session, &session);
                        if is_ours {
                            pass.session = next;
                        }
                        is_ours
                    });
                }
                Ok(None) => return Over::SessionEnded,
                Err(_) => return Over::StoreFailed,
            },
        }
        looked_at = store.now();
        let Ok(lost) = Box::pin(rights::lost(store, pass, followed)).await else {
            return Over::StoreFailed;
        };
        if let Err(over) = lost.into_iter().try_for_each(&mut lose) {
            return over;
        }
    }
}

/// Waits for a moment; for ever if there is none.
pub(super) async fn passed(moment: Option<Timestamp>, now: Timestamp) {
    match moment {
        Some(moment) => {
            let left = Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO);
            tokio::time::sleep(left).await;
        }
        None => pending().await,
    }
}
