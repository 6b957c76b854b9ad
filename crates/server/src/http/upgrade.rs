//! From an HTTP request to the bare connection under a WebSocket.
//!
//! Refuses whatever is not an upgrade by RFC 6455, and knows nothing of what is said afterwards.

use super::problem::Problem;
use crate::live::wire::Wire;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

/// The answer to a request that asks for a WebSocket, and the connection once that has gone out.
pub(crate) fn begin(
    request: &mut Request,
    protocol: Option<&'static str>,
) -> Result<(Response<Body>, Upgrading), Problem> {
    let refusal = || {
        Problem::of_status(StatusCode::UPGRADE_REQUIRED).detail("connect with a WebSocket client")
    };
    let mut response = create_response_with_body(request, Body::empty).map_err(|_| refusal())?;
    let on_upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or_else(refusal)?;
    if let Some(protocol) = protocol {
        let name = HeaderValue::from_static(protocol);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    Ok((response, Upgrading(on_upgrade)))
}

/// A connection that becomes bare when the answer has gone out.
pub(crate) struct Upgrading(OnUpgrade);

impl Upgrading {
    /// The connection, and what the client has sent already; `None` = it broke.
    pub(crate) async fn bare(self) -> Option<(Wire, Bytes)> {
        let upgraded = match self.0.await.ok()?.downcast::<TokioIo<TcpStream>>() {
            Ok(plain) => return Some((plain.io.into_inner().into(), plain.read_buf)),
            Err(upgraded) => upgraded,
        };
        let sealed = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
        Some((sealed.io.into_inner().into_inner().into(), sealed.read_buf))
    }
}

/// The subprotocols that a client offers.
pub(crate) fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim)
}
