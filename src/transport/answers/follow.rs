//! The end that reads an answer in the making, at its own pace.
//!
//! Owns the position of one reader. A slow one holds up nobody: the file waits for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::watch;

use super::flight::{End, Flight, Progress};
use super::kept::PIECE_BYTES;

/// One reader.
pub struct Follower {
    flight: Arc<Flight>,
    progress: watch::Receiver<Progress>,
    read: u64,
}

impl Follower {
    /// Begins at the first byte; `None` once the work was given up.
    pub(super) fn join(flight: &Arc<Flight>) -> Option<Follower> {
        flight.enter().then(|| Follower { flight: Arc::clone(flight), progress: flight.watch(), read: 0 })
    }

    /// Waits until something can be read, or nothing ever will.
    ///
    /// Errors: it broke off before its first byte.
    pub async fn ready(mut self) -> io::Result<Follower> {
        let progress = self.wait().await?;
        if progress.written == 0 && progress.end != Some(End::Whole) {
            return Err(broken());
        }
        Ok(self)
    }

    /// Waits for bytes that were not read yet, or the end.
    async fn wait(&mut self) -> io::Result<Progress> {
        let read = self.read;
        let news = self.progress.wait_for(|progress| progress.written > read || progress.end.is_some()).await;
        Ok(*news.map_err(|_| broken())?)
    }

    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let progress = match self.wait().await {
            Ok(progress) => progress,
            Err(error) => return Some(Err(error)),
        };
        let there = progress.written.saturating_sub(self.read);
        if there == 0 {
            return (progress.end == Some(End::Broken)).then(|| Err(broken()));
        }
        let len = usize::try_from(there).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let bytes = self.flight.read(self.read, len);
        self.read += len as u64;
        Some(bytes)
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the answer broke off")
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.flight.leave();
    }
}

type Step = Pin<Box<dyn Future<Output = (Follower, Option<io::Result<Bytes>>)> + Send>>;

/// Sends an answer as it is made.
pub struct FollowerBody<P> {
    step: Option<Step>,
    /// Kept until the client has taken everything.
    _place: P,
}

impl<P> FollowerBody<P> {
    /// Sends all of it, holding `place` meanwhile.
    pub fn new(follower: Follower, place: P) -> Self {
        Self { step: Some(step(follower)), _place: place }
    }
}

fn step(mut follower: Follower) -> Step {
    Box::pin(async move {
        let next = follower.next().await;
        (follower, next)
    })
}

impl<P: Unpin> http_body::Body for FollowerBody<P> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Some(running) = self.step.as_mut() else { return Poll::Ready(None) };
        let (follower, next) = ready!(running.as_mut().poll(cx));
        self.step = match next {
            Some(Ok(_)) => Some(step(follower)),
            Some(Err(_)) | None => None,
        };
        Poll::Ready(next.map(|read| read.map(Frame::data)))
    }
}
