//! Accepting connections and serving them until the end.
//!
//! Refuses to fall over: a failed accept waits, a slow handshake or header ends its connection, and
//! the number of connections has a limit.

use super::body::Watched;
use super::origin::Peer;
use axum::Router;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long to wait after an accept failed, for want of file descriptors for example.
const BREATH: Duration = Duration::from_millis(100);
/// How large the head of a request may be.
const MAX_HEAD: usize = 16 * 1024;
/// How many headers it may have.
const MAX_HEADERS: usize = 100;

/// What connections may cost, and what they are sealed with.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) header_timeout: Duration,
    pub(crate) connections: Arc<Semaphore>,
    /// `None` = they are not sealed.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// How long whoever has asked nothing yet may take to do so when the server stops, and how long those
/// are still let in who are at the door.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Accepts until `shutdown`. Connections run on `tasks`.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    tasks: TaskTracker,
    shutdown: CancellationToken,
) {
    while let Some(seat) =
        shutdown.run_until_cancelled(Arc::clone(&limits.connections).acquire_owned()).await
    {
        let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await else { break };
        match accepted {
            Ok((stream, peer)) => {
                let connection =
                    serve((stream, peer), router.clone(), limits.clone(), shutdown.clone());
                tasks.spawn(async move {
                    connection.await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    // The kernel has connected them already: each gets an answer, and no reset.
    let until = tokio::time::Instant::now() + LAST_WORD;
    while let Ok(Ok((stream, peer))) = tokio::time::timeout_at(until, listener.accept()).await {
        tasks.spawn(serve((stream, peer), router.clone(), limits.clone(), shutdown.clone()));
    }
}

async fn serve(
    (stream, peer): (TcpStream, SocketAddr),
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    // Frames are small and already joined: waiting for more would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let timeout = limits.header_timeout;
    let Some(tls) = limits.tls else {
        return converse((stream, peer), router, timeout, shutdown).await;
    };
    // On the heap: what is not sealed pays nothing for it.
    let sealed = Box::pin(async move {
        if let Some(stream) = shake_hands(&tls, stream, timeout, &shutdown).await {
            converse((stream, peer), router, timeout, shutdown).await;
        }
    });
    sealed.await;
}

/// Agrees on keys, within the time for a header.
async fn shake_hands(
    tls: &TlsAcceptor,
    stream: TcpStream,
    limit: Duration,
    shutdown: &CancellationToken,
) -> Option<TlsStream<TcpStream>> {
    let end = async {
        shutdown.cancelled().await;
        tokio::time::sleep(LAST_WORD).await;
    };
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(limit, tls.accept(stream)) => shaken.ok()?,
        () = end => return None,
    };
    shaken.inspect_err(|error| tracing::debug!(%error, "no TLS with a client")).ok()
}

/// Answers requests until one side has enough.
async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    (stream, peer): (S, SocketAddr),
    router: Router,
    header_timeout: Duration,
    shutdown: CancellationToken,
) {
    let has_asked = Arc::new(AtomicBool::new(false));
    let connection = http1(header_timeout)
        .serve_connection(TokioIo::new(stream), answering(peer, router, Arc::clone(&has_asked)))
        .with_upgrades();
    tokio::pin!(connection);
    let end = async {
        shutdown.cancelled().await;
        if !has_asked.load(Ordering::Relaxed) {
            tokio::time::sleep(LAST_WORD).await;
        }
    };
    let served = tokio::select! {
        served = &mut connection => served,
        () = end => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended early");
    }
}

fn answering(
    peer: SocketAddr,
    router: Router,
    has_asked: Arc<AtomicBool>,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Send {
    service_fn(move |request: Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        let (head, body) = request.into_parts();
        let (body, end) = Watched::new(body);
        let mut request = Request::from_parts(head, Body::new(body));
        request.extensions_mut().insert(Peer(peer));
        let answer = router.clone().oneshot(request);
        async move {
            let mut response = answer.await?;
            if !end.is_reached() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    })
}

fn http1(header_timeout: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD);
    builder
}
