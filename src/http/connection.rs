//! Accepts TCP connections and speaks HTTP/1.1 on them, within limits.
//!
//! Owns the accept loop, the connection limit, the time-outs of slow peers and the graceful end. Knows no route and
//! no error body: the service it is given answers everything. Called by `server.rs`.

pub mod body;
pub mod socket;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use atomicqms_actors::Shares;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::{Service, ServiceExt};

use self::body::IdleBody;
pub use self::socket::Activity;
use self::socket::Socket;
use crate::access::throttle::network_of;
use crate::config::Network;
use crate::http::held::HeldBody;
use crate::http::middleware::context::{REQUEST_ID, new_id};

/// Connections over the limit that are told so at the same time; further ones are closed without a word.
const REFUSALS_AT_ONCE: usize = 64;
/// Longest wait for a refused peer to read its refusal.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Pause after the system refuses to accept (out of descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a connection over the limit is told, after its request id.
const REFUSAL: &str = "content-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\nretry-after: 5\r\n\
connection: close\r\n\r\ntoo many connections\n";

/// Limits of one listener. See `[server]` in the settings.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections at once.
    pub max_connections: usize,
    /// Most connections of one address that is no trusted proxy's.
    pub max_connections_per_address: usize,
    /// Time for a whole request head, counted from its first byte.
    pub header_timeout: Duration,
    /// Time a connection may sit without a request.
    pub idle_timeout: Duration,
    /// Time without progress after which a peer that should read or send is dropped.
    pub stall_timeout: Duration,
    /// The same while others wait for what the peer holds.
    pub crowded_stall_timeout: Duration,
    /// Largest request head.
    pub max_header_bytes: usize,
}

impl From<&crate::config::Server> for Limits {
    fn from(settings: &crate::config::Server) -> Self {
        Self {
            max_connections: settings.max_connections,
            max_connections_per_address: settings.max_connections_per_address,
            header_timeout: Duration::from_secs(settings.header_timeout_seconds),
            idle_timeout: Duration::from_secs(settings.idle_timeout_seconds),
            stall_timeout: Duration::from_secs(settings.stall_timeout_seconds),
            crowded_stall_timeout: Duration::from_secs(settings.crowded_stall_timeout_seconds),
            max_header_bytes: settings.max_header_bytes,
        }
    }
}

/// The other end of the connection, as the socket knows it; found in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Counts one open connection for as long as it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("atomicqms_http_connections").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("atomicqms_http_connections").decrement(1.0);
    }
}

/// Serves connections until `stop`, then finishes the running requests and returns.
///
/// Idle connections are closed at `stop`; the caller bounds the wait for the others by dropping this future, which
/// breaks them off.
///
/// Shape: connections of `proxies` count only against the common limit, because many people call through each of them.
pub async fn serve<S>(
    listener: TcpListener,
    service: S,
    limits: Limits,
    proxies: &[Network],
    stop: impl Future<Output = ()>,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let mut connections = JoinSet::new();
    let room = Arc::new(Semaphore::new(limits.max_connections));
    let shares = Shares::new("connections of one address", limits.max_connections_per_address);
    let refusals = Arc::new(Semaphore::new(REFUSALS_AT_ONCE));
    let (draining, drain) = watch::channel(false);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                on_accept_error(&error).await;
                continue;
            }
        };
        let ip = peer.ip().to_canonical();
        let is_proxy = proxies.iter().any(|network| network.contains(ip));
        let share = if is_proxy { Ok(None) } else { shares.enter_now(network_of(ip)).map(Some) };
        if let (Ok(share), Ok(place)) = (share, Arc::clone(&room).try_acquire_owned()) {
            let connection = connection(stream, peer, service.clone(), limits, drain.clone());
            connections.spawn(async move {
                let _counted = (Counted::new(), place, share);
                connection.await;
            });
        } else {
            metrics::counter!("atomicqms_http_connections_refused_total").increment(1);
            if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
                connections.spawn(async move {
                    let _place = place;
                    // A peer that does not take its refusal in time is simply closed.
                    let _ = tokio::time::timeout(REFUSAL_TIME, refuse(stream)).await;
                });
            }
        }
    }
    drop(listener);
    // Nobody listens any more when no connection is left.
    let _ = draining.send(true);
    while connections.join_next().await.is_some() {}
}

async fn on_accept_error(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        return;
    }
    tracing::error!(error = %error, "cannot accept connections");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    let id = new_id();
    tracing::debug!(request.id = %id, "a connection over the limit was refused");
    stream.write_all(format!("HTTP/1.1 503 Service Unavailable\r\n{REQUEST_ID}: {id}\r\n{REFUSAL}").as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with unread bytes would reset the connection and could destroy the refusal on its way.
    let mut waste = [0; 4096];
    while stream.read(&mut waste).await? > 0 {}
    Ok(())
}

async fn connection<S>(
    stream: TcpStream,
    peer: SocketAddr,
    service: S,
    limits: Limits,
    mut drain: watch::Receiver<bool>,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    // Without it small answers wait for the peer's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %error, "cannot set TCP_NODELAY");
    }
    let activity = Arc::new(Activity::default());
    let io = TokioIo::new(Socket::new(stream, limits, Arc::clone(&activity)));
    let busy = Arc::clone(&activity);
    let handler = service_fn(move |request: Request<Incoming>| {
        let guard = busy.begin();
        let mut request = request.map(|incoming| {
            // Most requests have no body.
            if incoming.is_end_stream() {
                return Body::empty();
            }
            Body::new(IdleBody::new(incoming, limits.stall_timeout, Some(&busy)))
        });
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(Arc::clone(&busy));
        let answer = service.clone().oneshot(request);
        let activity = Arc::clone(&busy);
        async move {
            let mut answer = answer.await?;
            let is_refused = answer.status().is_client_error() || answer.status().is_server_error();
            // Otherwise a client would send its next request on a connection that is about to close. What was accepted has been read, but for
            // an end that says nothing.
            if is_refused && activity.has_unread_body() {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer.map(|body| HeldBody { inner: body, _place: guard }))
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        // The socket measures heads and idleness apart; this is the outer bound.
        .header_read_timeout(limits.idle_timeout + limits.header_timeout)
        .max_header_size(limits.max_header_bytes);
    let mut serving = std::pin::pin!(http.serve_connection(io, handler));
    let mut is_draining = *drain.borrow_and_update();
    if is_draining {
        activity.drain();
        serving.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            result = serving.as_mut() => {
                if let Err(error) = result {
                    // Peers that leave, stall or talk nonsense are daily business.
                    tracing::debug!(error = %error, "connection ended early");
                }
                return;
            }
            // The sender outlives every connection, so an error cannot come before the value.
            _ = drain.changed(), if !is_draining => {
                is_draining = true;
                activity.drain();
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests;
