//! A request body that knows about time: it fails when the peer stops sending.
//!
//! Owns no content. Every request body passes through [`IdleBody`] already; handlers need nothing of their own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::socket::Activity;

/// The peer sent nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the request body stalled for {seconds} s")]
pub struct BodyStalled {
    /// How long the server waited.
    pub seconds: u64,
}

/// A body whose poll fails when `timeout` passes without data while somebody waits for it.
pub struct IdleBody<B> {
    inner: B,
    timeout: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
    ended: bool,
    activity: Option<Arc<Activity>>,
}

impl<B: HttpBody> IdleBody<B> {
    /// Wraps a body. `activity` is told when the body is dropped before its end.
    pub fn new(inner: B, timeout: Duration, activity: Option<&Arc<Activity>>) -> Self {
        let ended = inner.is_end_stream();
        Self { inner, timeout, alarm: None, ended, activity: activity.cloned() }
    }
}

impl<B> HttpBody for IdleBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.alarm = None;
                this.ended |= frame.is_none() || this.inner.is_end_stream();
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let timeout = this.timeout;
                let alarm =
                    this.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + timeout)));
                ready!(alarm.as_mut().poll(cx));
                Poll::Ready(Some(Err(Box::new(BodyStalled { seconds: timeout.as_secs() }))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for IdleBody<B> {
    fn drop(&mut self) {
        if !self.ended
            && let Some(activity) = &self.activity
        {
            activity.note_unread_body();
        }
    }
}
