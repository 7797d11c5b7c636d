//! The access line and the request metrics, written when the answer has left (or the client has).
//!
//! Owns what is said about a request: method, route pattern, status, time, bytes, login. Never a raw path, a query
//! string, a token or an address.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tracing::{Level, Span};

use super::context::RequestContext;
use super::tally;
use crate::http::router::Group;
use crate::telemetry::access_lines::{self, AccessLine};

/// Label of requests that took no route.
const NO_ROUTE: &str = "unmatched";

/// An answer body that writes the line when it is dropped.
pub struct AccessLogBody {
    inner: Body,
    context: Arc<RequestContext>,
    method: Method,
    status: StatusCode,
    span: Span,
    sent_bytes: u64,
    is_complete: bool,
}

impl AccessLogBody {
    /// Wraps the answer to one request.
    pub fn new(inner: Body, context: Arc<RequestContext>, method: Method, status: StatusCode, span: Span) -> Self {
        let is_complete = inner.is_end_stream() || method == Method::HEAD;
        Self { inner, context, method, status, span, sent_bytes: 0, is_complete }
    }
}

impl HttpBody for AccessLogBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        let _entered = this.span.enter();
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.sent_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                this.is_complete |= this.inner.is_end_stream();
            }
            Poll::Ready(None) => this.is_complete = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for AccessLogBody {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        let elapsed = self.context.started().elapsed();
        let route = self.context.route();
        let pattern = route.map_or(NO_ROUTE, |route| route.path);
        let method = method_label(&self.method);
        let status = self.status.as_u16();
        tally::count(method, pattern, self.status, elapsed);
        let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let login = self.context.login().unwrap_or("-");
        let (bytes, complete) = (self.sent_bytes, self.is_complete);
        if route.is_some_and(|route| route.group == Group::Health) {
            tracing::debug!(method, route = pattern, status, duration_ms, bytes, complete, login, "request");
            return;
        }
        if !tracing::enabled!(Level::INFO) {
            return;
        }
        let line = AccessLine { method, route: pattern, status, duration_ms, bytes, complete, login };
        if !access_lines::write(module_path!(), self.context.id(), line) {
            tracing::info!(method, route = pattern, status, duration_ms, bytes, complete, login, "request");
        }
    }
}

/// Names a method without letting clients invent metric labels.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
