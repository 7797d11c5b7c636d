//! The TCP stream under an SSH connection, with a line by which others can cut it.
//!
//! Owns counting bytes, noticing that none move, and the cut: the library holds the stream in a task of its own, and whoever limits connections must be able to end
//! one that hangs. Called by `ssh.rs`.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

/// The stream, given to the library.
pub(super) struct Socket {
    stream: TcpStream,
    line: Line,
}

/// The other end of the cut; cheap to clone.
#[derive(Clone)]
pub(super) struct Line(Arc<Wire>);

struct Wire {
    is_cut: watch::Sender<bool>,
    began: Instant,
    /// When bytes last went either way. Units: milliseconds since it began.
    moved_ms: AtomicU64,
    /// Who waits to read and to write.
    wakers: Mutex<[Option<Waker>; 2]>,
}

/// Wraps an accepted stream.
pub(super) fn pair(stream: TcpStream) -> (Socket, Line) {
    // Small packets of a negotiation must not wait for each other; a socket that refuses works all the same.
    let _ = stream.set_nodelay(true);
    let line = Line(Arc::new(Wire {
        is_cut: watch::Sender::new(false),
        began: Instant::now(),
        moved_ms: AtomicU64::new(0),
        wakers: Mutex::default(),
    }));
    (Socket { stream, line: line.clone() }, line)
}

impl Line {
    /// Ends the stream for the library, whatever it is waiting for.
    pub(super) fn cut(&self) {
        self.0.is_cut.send_replace(true);
        let waiting = std::mem::take(&mut *self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// Waits for the cut.
    pub(super) async fn was_cut(&self) {
        let mut is_cut = self.0.is_cut.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = is_cut.wait_for(|is_cut| *is_cut).await;
    }

    /// How long no byte has gone either way.
    pub(super) fn still_for(&self) -> Duration {
        self.0.began.elapsed().saturating_sub(Duration::from_millis(self.0.moved_ms.load(Ordering::Relaxed)))
    }

    fn moved(&self) {
        let now = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.moved_ms.store(now, Ordering::Relaxed);
    }

    /// Notes who waits; true when there is nothing to wait for any more.
    fn watch(&self, place: usize, cx: &Context<'_>) -> bool {
        let mut wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = wakers.get_mut(place)
            && !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *slot = Some(cx.waker().clone());
        }
        drop(wakers);
        // Looked at after the waker is in place: a cut in between wakes it.
        *self.0.is_cut.borrow()
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was ended by the server")
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.line.watch(0, cx) {
            return Poll::Ready(Err(cut()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let read = buf.filled().len().saturating_sub(before);
        if read > 0 {
            self.line.moved();
            metrics::counter!("atomicqms_ssh_bytes_total", "direction" => "in").increment(read as u64);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.line.watch(1, cx) {
            return Poll::Ready(Err(cut()));
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, data);
        if let Poll::Ready(Ok(written)) = &polled {
            self.line.moved();
            metrics::counter!("atomicqms_ssh_bytes_total", "direction" => "out").increment(*written as u64);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
