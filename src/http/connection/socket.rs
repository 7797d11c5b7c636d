//! A TCP stream that gives up on peers which make no progress.
//!
//! Owns the time-outs of one connection: between requests, inside a request head, and while the peer should read.
//! Knows no HTTP; it is told through [`Activity`] whether a request is running. Request bodies are timed by
//! [`super::body::IdleBody`], because a server that does not read must not blame the peer.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::Limits;

/// Longest time a finished connection is kept to let the peer read the answer to a body nobody wanted.
const LINGER_TIME: Duration = Duration::from_secs(5);

/// What one connection is doing; shared by its socket, its service and its bodies.
#[derive(Default)]
pub struct Activity {
    running: AtomicUsize,
    begun: AtomicUsize,
    draining: AtomicBool,
    has_unread_body: AtomicBool,
    crowd: Mutex<Option<Box<dyn Fn() -> bool + Send>>>,
}

impl Activity {
    /// Marks a request as running until the guard is dropped.
    pub fn begin(self: &Arc<Self>) -> RunningRequest {
        self.running.fetch_add(1, Ordering::AcqRel);
        self.begun.fetch_add(1, Ordering::AcqRel);
        // A new head on the same connection means that the body before it was thrown away whole.
        self.has_unread_body.store(false, Ordering::Release);
        *self.crowd.lock().unwrap_or_else(PoisonError::into_inner) = None;
        RunningRequest(Arc::clone(self))
    }

    /// Says how to ask whether others wait for what the running request holds.
    pub fn note_crowd(&self, is_waiting: impl Fn() -> bool + Send + 'static) {
        *self.crowd.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(is_waiting));
    }

    fn is_crowded(&self) -> bool {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|is_waiting| is_waiting())
    }

    /// Tells the socket that no further request is welcome.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Notes that a request body was dropped before its end, so bytes nobody will read are on their way.
    pub(super) fn note_unread_body(&self) {
        self.has_unread_body.store(true, Ordering::Release);
    }

    /// Whether a body was dropped so, since the last request began.
    pub(super) fn has_unread_body(&self) -> bool {
        self.has_unread_body.load(Ordering::Acquire)
    }

    fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire) > 0
    }
}

/// Holds a request as running.
pub struct RunningRequest(Arc<Activity>);

impl Drop for RunningRequest {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A timer that is only set while somebody waits.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    is_set: bool,
}

impl Alarm {
    fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(Duration::ZERO)), is_set: false }
    }

    fn clear(&mut self) {
        self.is_set = false;
    }

    /// Answers Ready when `after` has passed since the alarm was first asked without a [`Alarm::clear`] between.
    fn poll(&mut self, cx: &mut Context<'_>, after: Duration) -> Poll<()> {
        if !self.is_set {
            self.sleep.as_mut().reset(Instant::now() + after);
            self.is_set = true;
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// The stream and its alarms.
pub struct Socket {
    stream: TcpStream,
    limits: Limits,
    activity: Arc<Activity>,
    reading: Alarm,
    writing: Alarm,
    writing_since: Option<Instant>,
    head_started: bool,
    /// Requests begun when the reading clock was last looked at: another number means a new head.
    seen_requests: usize,
    write_is_shut: bool,
}

impl Socket {
    /// Wraps a stream.
    pub fn new(stream: TcpStream, limits: Limits, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            limits,
            activity,
            reading: Alarm::new(),
            writing: Alarm::new(),
            writing_since: None,
            head_started: false,
            seen_requests: 0,
            write_is_shut: false,
        }
    }

    /// Guards a write-like poll: progress clears the alarm, waiting too long fails.
    fn guard_write<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match polled {
            Poll::Ready(result) => {
                self.writing.clear();
                self.writing_since = None;
                Poll::Ready(result)
            }
            Poll::Pending => {
                let since = *self.writing_since.get_or_insert_with(Instant::now);
                loop {
                    let left = self.limits.stall_timeout.saturating_sub(since.elapsed());
                    ready!(self.writing.poll(cx, left.min(self.limits.crowded_stall_timeout)));
                    self.writing.clear();
                    if since.elapsed() >= self.limits.stall_timeout || self.activity.is_crowded() {
                        return Poll::Ready(Err(timed_out("the peer does not read")));
                    }
                }
            }
        }
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        let begun = this.activity.begun.load(Ordering::Acquire);
        if begun != this.seen_requests {
            this.seen_requests = begun;
            this.head_started = false;
            this.reading.clear();
        }
        if this.activity.is_running() {
            return polled;
        }
        match polled {
            Poll::Ready(result) => {
                if !this.head_started {
                    // The first bytes of a head start its own, stricter clock.
                    this.head_started = true;
                    this.reading.clear();
                }
                Poll::Ready(result)
            }
            Poll::Pending if this.activity.draining.load(Ordering::Acquire) => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server is stopping")))
            }
            Poll::Pending => {
                let (after, what) = if this.head_started {
                    (this.limits.header_timeout, "the request head did not come in time")
                } else {
                    (this.limits.idle_timeout, "no request came in time")
                };
                ready!(this.reading.poll(cx, after));
                Poll::Ready(Err(timed_out(what)))
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.guard_write(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.guard_write(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.guard_write(cx, polled)
    }

    /// Closes the writing side; if the peer is still sending a body that nobody reads, throws it away for a short
    /// while, because closing at once would reset the connection and could destroy the answer on its way.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.write_is_shut {
            let polled = Pin::new(&mut this.stream).poll_shutdown(cx);
            ready!(this.guard_write(cx, polled))?;
            this.write_is_shut = true;
            this.reading.clear();
        }
        if !this.activity.has_unread_body() {
            return Poll::Ready(Ok(()));
        }
        let mut space = [0; 16 * 1024];
        loop {
            if this.reading.poll(cx, LINGER_TIME).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut waste = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut waste)) {
                Ok(()) if waste.filled().is_empty() => return Poll::Ready(Ok(())),
                Ok(()) => {}
                // The peer has gone: nobody is left to linger for.
                Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}
