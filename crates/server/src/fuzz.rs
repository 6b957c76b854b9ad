//! What fuzz targets ask of the readers of this crate; each stands beside the reader that it is about.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

pub use crate::audit::fuzz::exports;
pub use crate::auth::keyring::fuzz::tokens;
#[cfg(feature = "oidc")]
pub use crate::auth::oidc::id_token::fuzz::id_tokens;
pub use crate::command::fuzz::parameters;
pub use crate::config::fuzz::settings;
pub use crate::http::fuzz::{bodies, requests};
pub use crate::live::redis::fuzz::bus_messages;
pub use crate::live::socket::fuzz::{client_frames, client_messages};

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_survived() {
        replay::seeds("bodies", bodies);
        replay::seeds("bus_messages", bus_messages);
        replay::seeds("client_frames", client_frames);
        replay::seeds("client_messages", client_messages);
        replay::seeds("exports", exports);
        #[cfg(feature = "oidc")]
        replay::seeds("id_tokens", id_tokens);
        replay::seeds("parameters", parameters);
        replay::seeds("requests", requests);
        replay::seeds("settings", settings);
        replay::seeds("tokens", tokens);
    }
}
