//! Requests that are answered before their body was read: the connection ends with the answer, and the answer says so.
//!
//! Owns the note whether a body was read to its end. Without the header a client would send its next request on a connection that is about to close, and
//! many libraries report that as a failure. Called by the middleware.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};

/// Whether the body of one request was read to its end.
pub(super) struct Unread(Option<Arc<AtomicBool>>);

impl Unread {
    /// Watches the body of a request, if it has one.
    pub(super) fn watch(request: Request<Body>) -> (Request<Body>, Self) {
        if request.body().is_end_stream() {
            return (request, Self(None));
        }
        let is_read = Arc::new(AtomicBool::new(false));
        let watched = request.map(|body| Body::new(Watched { body, is_read: Arc::clone(&is_read) }));
        (watched, Self(Some(is_read)))
    }

    /// Says in a refusal that the connection ends with it, if something was left unread. What was accepted has been read but for an end that says nothing.
    pub(super) fn tell(&self, response: &mut Response<Body>) {
        let status = response.status();
        let is_refused = status.is_client_error() || status.is_server_error();
        if is_refused && self.0.as_ref().is_some_and(|is_read| !is_read.load(Ordering::Relaxed)) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

struct Watched {
    body: Body,
    is_read: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.is_read.store(true, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
