//! The HTTP connections to vehicles and their limits.
//! Refuses redirects, decompression, proxies and any repetition of a request: where one of them is
//! wanted, it is said request by request.

use std::fmt;
use std::net::IpAddr;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Certificate, ClientBuilder, Method, redirect, retry};
use url::{Host, Url};

/// What one exchange with a vehicle may cost at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time to reach the server, TLS handshake included.
    pub connect_timeout: Duration,
    /// Bytes of one answer that is a single document.
    pub body_bytes: usize,
    /// Bytes of one part of a streamed answer.
    pub part_bytes: usize,
}

impl Default for Limits {
    /// 5 s, 8 MiB, 4 MiB.
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), body_bytes: 8 << 20, part_bytes: 4 << 20 }
    }
}

/// Says whether a server at this address may be talked to.
pub type Admits = fn(IpAddr) -> bool;

/// A certificate of ours and its private key, for mutual TLS.
#[derive(Clone)]
pub struct Identity(reqwest::Identity);

impl Identity {
    /// From PEM that holds the certificate, those between it and its authority, and the private key.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if one of them is missing or cannot be read. Whether they belong together is seen by
    /// [`Http::over`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, SetupError> {
        reqwest::Identity::from_pem(pem).map(Self).map_err(SetupError)
    }
}

/// Says that there is one, and nothing of it.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// How servers are reached.
#[derive(Debug, Clone)]
pub struct Transport {
    /// What one exchange may cost.
    pub limits: Limits,
    /// Which addresses may be talked to. Says nothing about a unix socket.
    pub admits: Admits,
    /// The certificates, as PEM, of the only authorities that servers are believed by; `None` for
    /// those that the machine trusts.
    pub authorities: Option<Vec<u8>>,
    /// What is shown to a server that asks who its client is; `None` = nothing.
    pub identity: Option<Identity>,
    /// The unix socket that every connection goes through; `None` for TCP. The host of an address
    /// then only serves as the `Host` header, and as the name that TLS asks for.
    #[cfg(unix)]
    pub unix_socket: Option<PathBuf>,
}

impl Default for Transport {
    /// TCP to any address, default limits, the machine's authorities.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            admits: |_| true,
            authorities: None,
            identity: None,
            #[cfg(unix)]
            unix_socket: None,
        }
    }
}

impl Transport {
    #[cfg(unix)]
    fn is_tcp(&self) -> bool {
        self.unix_socket.is_none()
    }

    #[cfg(not(unix))]
    fn is_tcp(&self) -> bool {
        true
    }
}

/// Connections to any number of vehicles; cheap to clone.
///
/// Reads share kept-alive connections. A state-changing request always opens its own: only then
/// does a failed connect prove that nothing was sent, and only then can no layer below find a
/// reason to send it again.
#[derive(Debug, Clone)]
pub struct Http {
    reads: reqwest::Client,
    changes: reqwest::Client,
    limits: Limits,
    admits: Admits,
    is_tcp: bool,
}

impl Http {
    /// Sets up the connections, to any address; opens none yet. Where the caller can reach more than a
    /// vehicle should know of, [`Http::admitting`] draws the line.
    ///
    /// On a machine without any root certificate plain `http` works and every `https` server is
    /// untrusted.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if TLS cannot be set up.
    pub fn new(limits: Limits) -> Result<Self, SetupError> {
        Self::admitting(limits, |_| true)
    }

    /// The same, connecting only to addresses that `admits` lets pass, whatever names stand for them.
    ///
    /// # Errors
    ///
    /// As [`Http::new`].
    pub fn admitting(limits: Limits, admits: Admits) -> Result<Self, SetupError> {
        Self::over(&Transport { limits, admits, ..Transport::default() })
    }

    /// The same over TCP or a unix socket, believing the machine's or one's own authorities.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if TLS cannot be set up, as when the authorities cannot be read, or the key of the
    /// identity is that of another certificate.
    pub fn over(transport: &Transport) -> Result<Self, SetupError> {
        Self::asking(&Arc::new(System), transport)
    }

    /// The same, asking `names` which addresses a name stands for.
    fn asking<N>(names: &Arc<N>, transport: &Transport) -> Result<Self, SetupError>
    where
        N: Resolve + 'static,
    {
        let &Transport { limits, admits, .. } = transport;
        let trusted = transport.authorities.as_deref().map(trusted).transpose()?;
        let judge = || Judge { names: Arc::clone(names), admits };
        let strict = || through(strict(limits).dns_resolver(judge()), transport);
        let reads = build(strict, trusted.as_deref())?;
        let changes = build(|| strict().pool_max_idle_per_host(0), trusted.as_deref())?;
        Ok(Self { reads, changes, limits, admits, is_tcp: transport.is_tcp() })
    }

    /// Whether the host of `url` is a name, which the resolver judges, or an admitted address.
    pub(crate) fn may_reach(&self, url: &Url) -> bool {
        // Through a unix socket no address is connected to.
        if !self.is_tcp {
            return true;
        }
        match url.host() {
            Some(Host::Ipv4(address)) => (self.admits)(address.into()),
            Some(Host::Ipv6(address)) => (self.admits)(address.into()),
            Some(Host::Domain(_)) | None => true,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn client_for(&self, method: &Method) -> &reqwest::Client {
        if method.is_safe() { &self.reads } else { &self.changes }
    }
}

/// Has names looked up anew for every connection, once, and lets through what it has judged: no name
/// is looked up again between the judgement and the connection.
struct Judge<N> {
    names: Arc<N>,
    admits: Admits,
}

impl<N: Resolve> Resolve for Judge<N> {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, admits) = (self.names.resolve(name), self.admits);
        Box::pin(async move {
            let found: Vec<_> = found.await?.collect();
            let admitted: Vec<_> =
                found.iter().copied().filter(|address| admits(address.ip())).collect();
            if admitted.is_empty() && !found.is_empty() {
                return Err(NotAdmitted.into());
            }
            let addresses: Addrs = Box::new(admitted.into_iter());
            Ok(addresses)
        })
    }
}

/// Names as the machine knows them.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port of the address is put in later.
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// All addresses that a name stands for are refused.
#[derive(Debug, thiserror::Error)]
#[error("no admitted address")]
pub(crate) struct NotAdmitted;

/// Why no HTTP client could be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up")]
pub struct SetupError(#[source] reqwest::Error);

fn trusted(pem: &[u8]) -> Result<Vec<Certificate>, SetupError> {
    Certificate::from_pem_bundle(pem).map_err(SetupError)
}

fn through(mut builder: ClientBuilder, transport: &Transport) -> ClientBuilder {
    if let Some(Identity(identity)) = &transport.identity {
        builder = builder.identity(identity.clone());
    }
    #[cfg(unix)]
    if let Some(path) = &transport.unix_socket {
        return builder.unix_socket(path.clone());
    }
    builder
}

fn build(
    builder: impl Fn() -> ClientBuilder,
    trusted: Option<&[Certificate]>,
) -> Result<reqwest::Client, SetupError> {
    if let Some(trusted) = trusted {
        return builder().tls_certs_only(trusted.iter().cloned()).build().map_err(SetupError);
    }
    builder()
        .build()
        // Without system roots the builder fails as a whole, also for plain HTTP: trust nobody.
        .or_else(|_| builder().tls_certs_only([]).build())
        .map_err(SetupError)
}

fn strict(limits: Limits) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    reqwest::Client::builder()
        .default_headers(headers)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits.connect_timeout)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        // HTTP/2 would share one connection between requests, and may refuse and replay streams.
        .http1_only()
        .no_proxy()
        // Off by name: another crate of the same build may switch the features on.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
}

#[cfg(test)]
mod tests;
