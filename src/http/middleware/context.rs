//! What is known about one request outside its handler: its id, where it came from, which route it took, who calls.
//!
//! Owns who may say so: ids and addresses in headers are believed from trusted proxies only. Put into the request's
//! extensions by the middleware.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::http::{Extensions, HeaderMap, Request};

use crate::config::Network;
use crate::http::connection::Peer;
use crate::http::router::RouteInfo;

/// Header that carries the request id, both ways.
pub const REQUEST_ID: &str = "x-request-id";
/// Longest id that is taken from a proxy. Units: bytes.
const REQUEST_ID_MAX_BYTES: usize = 64;

/// Facts about one request.
#[derive(Debug)]
pub struct RequestContext {
    id: Arc<str>,
    client_ip: IpAddr,
    started: Instant,
    route: OnceLock<RouteInfo>,
    login: OnceLock<String>,
    used_query_token: AtomicBool,
}

impl RequestContext {
    /// Reads what the connection and, from trusted proxies, the headers say.
    pub fn new<B>(request: &Request<B>, trusted: &[Network]) -> Self {
        let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let peer = peer.to_canonical();
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
        let (id, client_ip) = if is_trusted(peer) {
            (given_id(request.headers()), forwarded_ip(request.headers(), is_trusted).unwrap_or(peer))
        } else {
            (None, peer)
        };
        Self {
            id: id.unwrap_or_else(new_id),
            client_ip,
            started: Instant::now(),
            route: OnceLock::new(),
            login: OnceLock::new(),
            used_query_token: AtomicBool::new(false),
        }
    }

    /// Finds the context of a request.
    pub fn of(extensions: &Extensions) -> Option<&Arc<Self>> {
        extensions.get()
    }

    /// The request id.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The caller's address, as far as trusted proxies know it.
    pub fn client_ip(&self) -> IpAddr {
        self.client_ip
    }

    /// When the head of the request had arrived.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The route the request took, once it is known.
    pub fn route(&self) -> Option<&RouteInfo> {
        self.route.get()
    }

    /// Notes the route.
    pub fn set_route(&self, route: RouteInfo) {
        // A second call cannot happen: one request takes one route.
        let _ = self.route.set(route);
    }

    /// The caller's login, for the access line.
    pub fn login(&self) -> Option<&str> {
        self.login.get().map(String::as_str)
    }

    /// Notes who calls.
    pub fn set_login(&self, login: &str) {
        let _ = self.login.set(login.to_owned());
    }

    /// Notes that the token came in the query string, which the answer warns about.
    pub fn note_query_token(&self) {
        self.used_query_token.store(true, Ordering::Relaxed);
    }

    /// Whether the token came in the query string.
    pub fn used_query_token(&self) -> bool {
        self.used_query_token.load(Ordering::Relaxed)
    }
}

/// Makes an id for a request, or for a connection that is refused before any.
pub fn new_id() -> Arc<str> {
    ulid::Ulid::generate().to_string().into()
}

fn given_id(headers: &HeaderMap) -> Option<Arc<str>> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_sane = (1..=REQUEST_ID_MAX_BYTES).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    is_sane.then(|| id.into())
}

/// Walks `X-Forwarded-For` from its trusted end to the first address that no trusted proxy vouches for.
fn forwarded_ip(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut nearest = None;
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        // An unreadable hop ends the trust: what lies behind it may be invented.
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        let address = address.to_canonical();
        nearest = Some(address);
        if !is_trusted(address) {
            return nearest;
        }
    }
    nearest.or_else(|| Some(headers.get("x-real-ip")?.to_str().ok()?.trim().parse::<IpAddr>().ok()?.to_canonical()))
}
