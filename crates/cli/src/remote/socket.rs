//! One WebSocket to a server, by the subprotocol `fleetwire.v1`.
//!
//! Refuses to come back by itself: that is for whoever watches, and knows what was seen.

use super::access::Access;
use super::failure::Failure;
use futures_util::{SinkExt, StreamExt};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL};
use reqwest::header::{SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Method, StatusCode, Upgraded};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// How long the upgrade may take.
const UPGRADE_WITHIN: Duration = Duration::from_secs(15);
/// How long the server may be silent: it says something at least every 20 s.
const SILENCE: Duration = Duration::from_secs(45);

/// An open socket.
pub(super) struct Socket(WebSocketStream<Upgraded>);

/// Why there is nothing more to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// The connection has gone, or the server goes down.
    Gone,
    /// The token has ended.
    Ended,
    /// This user may not watch.
    Forbidden,
}

impl Socket {
    /// Opens one; `None` = nobody let it in, for now.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub(super) async fn open(access: &Access) -> Result<Option<Self>, Failure> {
        let protocols = format!("fleetwire.v1, bearer.{}", access.token().await?);
        let request = access.http.request(Method::GET, "/ws")?;
        let request = request
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, generate_key())
            .header(SEC_WEBSOCKET_PROTOCOL, protocols);
        let opened = timeout(UPGRADE_WITHIN, async {
            let answer = request.send().await.ok()?;
            let is_open = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
            if is_open { answer.upgrade().await.ok() } else { None }
        });
        let Ok(Some(upgraded)) = opened.await else { return Ok(None) };
        Ok(Some(Self(WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await)))
    }

    /// Follows a command from after an offset.
    pub(super) async fn follow(&mut self, command_id: &str, after: u64) {
        let action = json!({ "action": "subscribe", "command_id": command_id, "after": after });
        self.say(&action).await;
    }

    /// Goes on with another token.
    pub(super) async fn renew(&mut self, token: &str) {
        self.say(&json!({ "action": "auth", "token": token })).await;
    }

    async fn say(&mut self, action: &Value) {
        // A socket that takes nothing is found gone when it is listened to.
        self.0.send(Message::text(action.to_string())).await.ok();
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> Result<Value, Closed> {
        loop {
            let heard = timeout(SILENCE, self.0.next()).await.map_err(|_| Closed::Gone)?;
            match heard {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|_| Closed::Gone);
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(meaning(frame.map_or(1006, |frame| frame.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Closed::Gone),
            }
        }
    }
}

/// What a close code asks for.
fn meaning(code: u16) -> Closed {
    match code {
        4401 | 4419 => Closed::Ended,
        4403 | 4404 => Closed::Forbidden,
        _ => Closed::Gone,
    }
}
