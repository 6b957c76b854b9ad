//! Where a request comes from: the client's address and the request's names.
//!
//! Refuses forwarded addresses unless the peer is a trusted proxy.

use super::App;
use crate::auth::Origin;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the TCP connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The names of a request: the client's own, and the one of its trace.
#[derive(Debug, Clone)]
pub(crate) struct RequestNames {
    pub(crate) request_id: String,
    pub(crate) trace_id: String,
}

/// The extractor of an [`Origin`].
pub(crate) struct From(pub(crate) Origin);

impl FromRequestParts<App> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip().to_canonical());
        let address = peer.map(|peer| client(peer, &parts.headers, &app.config.trusted_proxies));
        let names = parts.extensions.get::<RequestNames>();
        Ok(Self(Origin {
            address: address.map(|address| address.to_string()).unwrap_or_default(),
            request_id: names.map(|names| names.request_id.clone()),
            trace_id: names.map(|names| names.trace_id.clone()),
        }))
    }
}

/// The client's address: the last one in the chain that is no proxy of ours.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let chain = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<IpAddr> =
        chain.flat_map(|list| list.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        if !trusted.contains(&client) {
            break;
        }
        client = hop.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, "6.6.6.6, 7.7.7.7, 10.0.0.2".parse().unwrap());
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(client(at("10.0.0.1"), &headers, &[]), at("10.0.0.1"));
        let trusted = [at("10.0.0.1"), at("10.0.0.2")];
        assert_eq!(client(at("10.0.0.1"), &headers, &trusted), at("7.7.7.7"));
    }
}
