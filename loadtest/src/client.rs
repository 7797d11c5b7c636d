//! One HTTP/1.1 connection that is kept open, with one request in flight: what a worker of the load drives.
//!
//! Owns connecting, reconnecting after the server closed, and the headers every request carries. It does not retry
//! a request that failed. Called by the scenarios.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::target::Target;

/// The longest body that is collected whole; packs are streamed instead.
const MAX_COLLECTED_BYTES: usize = 256 * 1024 * 1024;

/// What to send.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// GET without a body, POST with one.
    pub(crate) body: Option<Bytes>,
    /// Path and query, the target's prefix included.
    pub(crate) path: String,
    /// Content type of the body, or what is accepted for a GET.
    pub(crate) media: &'static str,
    /// Sends `Git-Protocol: version=2`.
    pub(crate) protocol_v2: bool,
}

/// One connection to the target.
pub(crate) struct Client {
    target: Arc<Target>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// An answer whose head has arrived.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Incoming,
    /// When the head arrived.
    pub(crate) head_at: Instant,
    /// Body bytes read so far.
    pub(crate) bytes: u64,
    /// When the first byte of the body arrived.
    pub(crate) first_byte_at: Option<Instant>,
}

impl Client {
    /// Opens no connection yet.
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, sender: None }
    }

    /// Sends a request and waits for the head of a 200 answer.
    ///
    /// Errors: no connection, a broken one, another status (with the beginning of its body).
    pub(crate) async fn send(&mut self, call: &Call) -> Result<Answer, String> {
        let request = self.request(call)?;
        let sender = self.connected().await?;
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            Err(e) => {
                self.sender = None;
                return Err(format!("the connection broke: {}", root_cause(&e)));
            }
        };
        let (head, body) = response.into_parts();
        let answer = Answer { body, head_at: Instant::now(), bytes: 0, first_byte_at: None };
        if head.status == StatusCode::OK {
            return Ok(answer);
        }
        let text = answer.collect().await.map(|(bytes, _)| bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[..text.len().min(200)]).trim().to_owned();
        Err(format!("status {}: {text}", head.status.as_u16()))
    }

    /// Drops the connection: what was in flight on it cannot be told apart from what comes next.
    pub(crate) fn close(&mut self) {
        self.sender = None;
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        let usable = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(&self.target.address).await;
            let stream = stream.map_err(|e| format!("cannot connect to {}: {e}", self.target.address))?;
            stream.set_nodelay(true).map_err(|e| format!("cannot set TCP_NODELAY: {e}"))?;
            let (sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(|e| format!("no HTTP connection: {e}"))?;
            // Ends when the sender is dropped or the server closes; its error also fails the request in flight.
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        self.sender.as_mut().ok_or_else(|| "no connection".to_owned())
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, String> {
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let media = HeaderValue::from_static(call.media);
        let mut builder = Request::builder()
            .method(method)
            .uri(&call.path)
            .header(HOST, &self.target.authority)
            .header(USER_AGENT, concat!("atomicqms-loadtest/", env!("CARGO_PKG_VERSION")))
            .header(if call.body.is_some() { CONTENT_TYPE } else { ACCEPT }, media);
        if let Some(value) = &self.target.authorization {
            builder = builder.header(AUTHORIZATION, value);
        }
        if call.protocol_v2 {
            builder = builder.header("Git-Protocol", "version=2");
        }
        builder
            .body(Full::new(call.body.clone().unwrap_or_default()))
            .map_err(|e| format!("`{}` is no request path: {e}", call.path))
    }
}

impl Answer {
    /// The next piece of the body, `None` at its proper end.
    ///
    /// Errors: the connection broke or the body ended early.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|e| format!("the body broke off: {}", root_cause(&e)))?;
            if let Ok(data) = frame.into_data() {
                self.first_byte_at.get_or_insert_with(Instant::now);
                self.bytes += data.len() as u64;
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body, and when its first byte came.
    ///
    /// Errors: as `next`, or longer than is kept in memory.
    pub(crate) async fn collect(mut self) -> Result<(Vec<u8>, Instant), String> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await? {
            if whole.len() + piece.len() > MAX_COLLECTED_BYTES {
                return Err(format!("the body is longer than {MAX_COLLECTED_BYTES} bytes"));
            }
            whole.extend_from_slice(&piece);
        }
        Ok((whole, self.first_byte_at.unwrap_or(self.head_at)))
    }
}

/// hyper says "connection error"; the cause below says what happened.
fn root_cause(error: &hyper::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
