//! Requests that this server makes of others because somebody asked for it: mirrors now.
//!
//! Owns where they may go. The address that a connection is made to is looked at after the name was resolved, and again once it stands, for the first request and for
//! each redirection alike; so a name that resolves otherwise the next time changes nothing. Refuses proxies of the environment, which would connect for us
//! unseen, and to remember connections, cookies or names. What an answer means is the caller's.

mod connect;
mod fault;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HOST, LOCATION, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::sync::OnceCell;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::Url;

pub use self::fault::{Fault, FaultKind};
use crate::config::network::Network;

/// Longest address of a request. Units: bytes.
const MAX_URL_BYTES: usize = 2048;
/// Most headers of an answer.
const MAX_HEADERS: usize = 100;
/// Longest head of an answer. Units: bytes.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// How we call ourselves.
const AGENT: &str = concat!("AtomicQMS/", env!("CARGO_PKG_VERSION"));

/// Where requests may go and how long they may take.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Networks that may be reached although no server on the internet has their addresses.
    pub allowed_networks: Vec<Network>,
    /// Requests without TLS are allowed.
    pub allows_http: bool,
    /// Authorities to trust beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Longest time until a connection stands, TLS included.
    pub connect_timeout: Duration,
    /// Longest time without any byte.
    pub idle_timeout: Duration,
    /// What is too slow although it never stops.
    pub low_speed: LowSpeed,
    /// Most redirections of one request.
    pub max_redirects: usize,
}

/// A body that brings fewer bytes than this is given up. A server may say little for a while before it sends much, so it is measured over some time.
#[derive(Debug, Clone, Copy)]
pub struct LowSpeed {
    /// Least bytes a second; 0: any.
    pub bytes_a_second: u64,
    /// Over so much time that was spent waiting.
    pub window: Duration,
}

impl Default for LowSpeed {
    fn default() -> Self {
        Self { bytes_a_second: 1000, window: Duration::from_secs(300) }
    }
}

impl LowSpeed {
    /// Whether so many bytes are too few for a window.
    fn is_undercut_by(&self, bytes: u64) -> bool {
        u128::from(bytes).saturating_mul(1000) < u128::from(self.bytes_a_second).saturating_mul(self.window.as_millis())
    }
}

/// What came in the window that is under way. Only time spent waiting for the other side counts.
#[derive(Debug, Default)]
struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allowed_networks: Vec::new(),
            allows_http: false,
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            low_speed: LowSpeed::default(),
            max_redirects: 3,
        }
    }
}

/// Makes requests; cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<Shared>);

struct Shared {
    settings: Settings,
    tls: OnceCell<TlsConnector>,
}

/// One request.
#[derive(Clone)]
pub struct Request {
    /// GET, which follows redirections, or another, which does not.
    pub method: Method,
    /// What to ask.
    pub url: Url,
    /// Headers beside those that every request has.
    pub headers: Vec<(&'static str, HeaderValue)>,
    /// Shown to this origin and to no other that it names.
    pub authorization: Option<HeaderValue>,
    /// Sent whole.
    pub body: Bytes,
    /// Most bytes of the answer. Units: bytes.
    pub max_bytes: u64,
}

/// The head of an answer, and its body as it arrives.
pub struct Answer {
    /// Status; never a redirection that was followed.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// What answered in the end.
    pub url: Url,
    body: Incoming,
    left: u64,
    idle_timeout: Duration,
    low_speed: LowSpeed,
    pace: Pace,
    _connection: Connection,
}

/// Ends the connection with the answer.
struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads an address that somebody typed.
///
/// Errors: why it is none to make requests of.
pub fn parse_url(text: &str) -> Result<Url, &'static str> {
    if text.len() > MAX_URL_BYTES {
        return Err("the address is too long");
    }
    // The parser would leave some of them out, so that people saw another address than is used.
    if text.chars().any(|character| character.is_control() || character.is_whitespace() || character == '\\') {
        return Err("the address may not hold spaces or backslashes");
    }
    // It would also take `https:host` and `https:///host`.
    let host = text.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    if host.is_empty() || host.starts_with('/') {
        return Err("the address must begin with https://");
    }
    let url = Url::parse(text).map_err(|_| "this is no address")?;
    check(&url)?;
    Ok(url)
}

fn check(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the address must begin with https://");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("the address names no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address may not hold a user name or password");
    }
    if url.fragment().is_some() || url.as_str().len() > MAX_URL_BYTES {
        return Err("this is no address");
    }
    Ok(())
}

impl Outbound {
    /// Connects to nobody yet.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Shared { settings, tls: OnceCell::new() }))
    }

    /// Says before anything is tried that an address would be refused for its scheme.
    ///
    /// Errors: the reason.
    pub fn check_scheme(&self, url: &Url) -> Result<(), &'static str> {
        match url.scheme() {
            "http" if !self.0.settings.allows_http => Err("the address must begin with https://"),
            _ => check(url),
        }
    }

    /// Makes a request and waits for the head of its answer.
    ///
    /// Errors: see [`FaultKind`]. An answer with any status is none.
    pub async fn send(&self, mut request: Request) -> Result<Answer, Fault> {
        let mut redirects = 0;
        loop {
            let answer = self.send_once(&request).await?;
            let is_redirect = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
            if !is_redirect {
                return Ok(answer);
            }
            redirects += 1;
            if request.method != Method::GET || redirects > self.0.settings.max_redirects {
                return Err(FaultKind::Redirected.because(format!("{} by {}", answer.status, answer.url)));
            }
            let next = next_url(&answer)?;
            if next.origin() != request.url.origin() {
                request.authorization = None;
            }
            request.url = next;
        }
    }

    async fn send_once(&self, request: &Request) -> Result<Answer, Fault> {
        let settings = &self.0.settings;
        let url = &request.url;
        self.check_scheme(url).map_err(|why| FaultKind::Refused.because(format!("{url}: {why}")))?;
        let connecting = Box::pin(self.connect(url));
        let stream = timeout(settings.connect_timeout, connecting)
            .await
            .map_err(|_| FaultKind::Late.because("connecting"))??;
        let broken = |error: hyper::Error| FaultKind::Broken.because(words(&error));
        let mut builder = hyper::client::conn::http1::Builder::new();
        builder.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let connection = Connection(tokio::spawn(async move { drop(connection.await) }).abort_handle());
        let asked = sender.send_request(message(request)?);
        let answer = timeout(settings.idle_timeout, asked).await.map_err(|_| FaultKind::Late.because("its answer"))?;
        let (head, body) = answer.map_err(broken)?.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            url: url.clone(),
            body,
            left: request.max_bytes,
            idle_timeout: settings.idle_timeout,
            low_speed: settings.low_speed,
            pace: Pace::default(),
            _connection: connection,
        })
    }
}

fn message(request: &Request) -> Result<axum::http::Request<Full<Bytes>>, Fault> {
    let url = &request.url;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let mut builder = axum::http::Request::builder()
        .method(&request.method)
        .uri(target)
        .header(HOST, host)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close");
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    if let Some(secret) = &request.authorization {
        let mut secret = secret.clone();
        secret.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, secret);
    }
    builder.body(Full::new(request.body.clone())).map_err(|error| FaultKind::Broken.because(words(&error)))
}

/// Where a redirection leads.
fn next_url(answer: &Answer) -> Result<Url, Fault> {
    let refuse = |why: &str| FaultKind::Redirected.because(format!("by {}: {why}", answer.url));
    let location =
        answer.headers.get(LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(|| refuse("to nowhere"))?;
    let next = answer.url.join(location).map_err(|_| refuse("to what is no address"))?;
    check(&next).map_err(refuse)?;
    if answer.url.scheme() == "https" && next.scheme() != "https" {
        return Err(refuse("away from TLS"));
    }
    Ok(next)
}

impl Answer {
    /// The next bytes of the body; none: it is complete.
    ///
    /// Errors: `Late`, also for what comes too slowly; `TooLarge`, `Broken`.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        let mut idle = Duration::ZERO;
        loop {
            let most =
                self.idle_timeout.saturating_sub(idle).min(self.low_speed.window.saturating_sub(self.pace.waited));
            let since = Instant::now();
            let next = timeout(most, self.body.frame()).await;
            let waited = since.elapsed();
            idle += waited;
            self.pace.waited += waited;
            if let Ok(Some(Ok(frame))) = &next {
                self.pace.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            if self.pace.waited >= self.low_speed.window {
                let Pace { bytes, .. } = std::mem::take(&mut self.pace);
                let is_over = matches!(next, Ok(None));
                if !is_over && self.low_speed.is_undercut_by(bytes) {
                    return Err(FaultKind::Late.because(format!("{bytes} bytes in {:?}", self.low_speed.window)));
                }
            }
            let next = match next {
                Ok(next) => next,
                Err(_) if idle < self.idle_timeout => continue,
                Err(_) => return Err(FaultKind::Late.because("the rest of its answer")),
            };
            let Some(frame) = next else { return Ok(None) };
            let frame = frame.map_err(|error| FaultKind::Broken.because(words(&error)))?;
            let Ok(data) = frame.into_data() else { continue };
            let len = data.len() as u64;
            if len > self.left {
                return Err(FaultKind::TooLarge.because(self.url.to_string()));
            }
            self.left -= len;
            return Ok(Some(data));
        }
    }
}

/// An error and its causes on one line, for the log.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
