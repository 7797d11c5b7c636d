//! Streams a git answer that a blocking thread writes to a connection that async code serves.
//!
//! Owns the bounded bridge between the two: back-pressure, the time-out for a client that stops reading, and
//! the interrupt flag that is set when the client leaves. Knows no protocol: over HTTP the reading half is the response body,
//! over SSH it is taken chunk by chunk.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::forge::intake::{OpenUpload, UploadSlot};

/// Bytes gathered before a chunk is handed to the connection; two side-band packets fit.
const CHUNK_BYTES: usize = 128 * 1024;
/// An answer that ends within this time, and within one chunk, travels whole.
const WHOLE_WITHIN: Duration = Duration::from_millis(50);
/// Chunks that may wait for a slow client: bounds memory to about half a MiB an answer.
const CHUNKS_WAITING: usize = 4;

enum Part {
    Chunk(Bytes),
    Whole(Bytes),
    End,
    Failed(io::Error),
}

/// Sets the flag when dropped before the end of the answer was seen.
struct Interest {
    interrupt: Arc<AtomicBool>,
    ended: bool,
}

impl Drop for Interest {
    fn drop(&mut self) {
        if !self.ended {
            self.interrupt.store(true, Ordering::Relaxed);
        }
    }
}

/// The writing half, used on a blocking thread.
pub struct AnswerWriter {
    runtime: Handle,
    parts: mpsc::Sender<Part>,
    buffer: BytesMut,
    streaming: bool,
    began: Instant,
    stall_timeout: Duration,
    sent: Arc<AtomicU64>,
    slot: Option<UploadSlot>,
}

/// The reading half: becomes the response body.
pub struct Answer {
    first: Option<Bytes>,
    parts: Option<mpsc::Receiver<Part>>,
    length: Option<u64>,
    interest: Interest,
    /// Kept until the client has taken everything: what waits for it here is memory.
    _open: Option<OpenUpload>,
}

/// An answer whose first bytes are still awaited.
pub struct Pending {
    parts: mpsc::Receiver<Part>,
    interest: Interest,
}

/// Creates both halves. `interrupt` is set when the client leaves before the end.
///
/// Units: `stall_timeout` bounds how long one chunk may wait for the client.
pub fn channel(
    runtime: Handle,
    stall_timeout: Duration,
    interrupt: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
) -> (AnswerWriter, Pending) {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
    let writer = AnswerWriter {
        runtime,
        parts: sender,
        buffer: BytesMut::with_capacity(CHUNK_BYTES),
        streaming: false,
        began: Instant::now(),
        stall_timeout,
        sent,
        slot: None,
    };
    (writer, Pending { parts: receiver, interest: Interest { interrupt, ended: false } })
}

impl AnswerWriter {
    /// Makes the writer give up its place among the generators while the client is slow.
    pub fn with_slot(mut self, slot: UploadSlot) -> Self {
        self.slot = Some(slot);
        self
    }

    fn send(&mut self, part: Part) -> io::Result<()> {
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the client left");
        let part = match self.parts.try_send(part) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(gone()),
            Err(TrySendError::Full(part)) => part,
        };
        if let Some(slot) = &mut self.slot {
            slot.pause();
        }
        let sending = self.parts.send(part);
        let stall_timeout = self.stall_timeout;
        // Inside the runtime: the timer must find it.
        match self.runtime.block_on(async { tokio::time::timeout(stall_timeout, sending).await }) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(gone()),
            Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading")),
        }
        match &mut self.slot {
            Some(slot) => self.runtime.block_on(slot.resume()).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    fn send_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = self.buffer.split().freeze();
        self.buffer.reserve(CHUNK_BYTES);
        self.streaming = true;
        self.send(Part::Chunk(chunk))
    }

    /// The whole answer so far, as long as nothing of it was sent.
    pub fn unsent(&self) -> Option<&[u8]> {
        (!self.streaming).then_some(&self.buffer)
    }

    /// Whether so many bytes and the end of the answer can be written without waiting for the client.
    pub fn takes_at_once(&self, bytes: usize) -> bool {
        self.buffer.len() + bytes < CHUNK_BYTES && self.parts.capacity() >= 2
    }

    /// Ends the answer. A short one travels whole, so that its length is known to the client.
    pub fn finish(mut self) -> io::Result<()> {
        if self.streaming {
            self.send_buffer()?;
            return self.send(Part::End);
        }
        let whole = self.buffer.split().freeze();
        self.send(Part::Whole(whole))
    }

    /// Ends the answer in failure. Nothing sent yet: the caller of [`Pending::ready`] gets the error.
    /// Otherwise the connection is broken off, so that the client cannot take the answer for complete.
    pub fn fail(mut self, error: io::Error) {
        // The client may be gone: then there is nobody to tell.
        let _ = self.send(Part::Failed(error));
    }
}

impl io::Write for AnswerWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if self.buffer.len() >= CHUNK_BYTES {
            self.send_buffer()?;
        }
        Ok(bytes.len())
    }

    /// An answer that has just begun may be over at once, and then travels whole: words about its progress wait so long.
    fn flush(&mut self) -> io::Result<()> {
        if !self.streaming && self.began.elapsed() < WHOLE_WITHIN {
            return Ok(());
        }
        self.send_buffer()
    }
}

impl Pending {
    /// Waits for the first bytes or the end of the answer.
    ///
    /// Errors: the writer's own error if it failed before anything was sent; `BrokenPipe` if it vanished.
    pub async fn ready(mut self) -> io::Result<Answer> {
        let vanished = || io::Error::new(io::ErrorKind::BrokenPipe, "the answer ended without a result");
        let part = self.parts.recv().await.ok_or_else(vanished)?;
        let mut interest = self.interest;
        let (first, parts, length) = match part {
            Part::Chunk(first) => (Some(first), Some(self.parts), None),
            Part::Whole(whole) => {
                let length = whole.len() as u64;
                (Some(whole).filter(|bytes| !bytes.is_empty()), None, Some(length))
            }
            Part::End => (None, None, Some(0)),
            Part::Failed(error) => return Err(error),
        };
        interest.ended = parts.is_none();
        Ok(Answer { first, parts, length, interest, _open: None })
    }
}

impl Answer {
    /// Keeps a place until this answer is taken or dropped.
    pub fn holding(mut self, open: OpenUpload) -> Self {
        self._open = Some(open);
        self
    }

    /// Waits for the next bytes; none: the answer is complete.
    ///
    /// Errors: the writer's own error; `BrokenPipe` if it vanished.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let frame = std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut *self), cx)).await?;
        Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
    }

    fn end(&mut self) {
        self.parts = None;
        self.interest.ended = true;
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let Some(parts) = self.parts.as_mut() else { return Poll::Ready(None) };
        let Some(part) = std::task::ready!(parts.poll_recv(cx)) else {
            // The writer vanished without a word (a panic): a clean end would make a truncated answer look whole.
            self.end();
            let error = io::Error::new(io::ErrorKind::BrokenPipe, "the answer broke off");
            return Poll::Ready(Some(Err(error)));
        };
        Poll::Ready(match part {
            Part::Chunk(bytes) | Part::Whole(bytes) => Some(Ok(Frame::data(bytes))),
            Part::End => {
                self.end();
                None
            }
            Part::Failed(error) => {
                self.end();
                Some(Err(error))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.parts.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use http_body_util::BodyExt;

    use super::*;

    fn halves(stall: Duration) -> (AnswerWriter, Pending, Arc<AtomicBool>) {
        let interrupt = Arc::new(AtomicBool::new(false));
        let (writer, pending) = channel(Handle::current(), stall, Arc::clone(&interrupt), Arc::new(AtomicU64::new(0)));
        (writer, pending, interrupt)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn short_answer_has_a_length() {
        let (mut writer, pending, _) = halves(Duration::from_secs(5));
        let thread = tokio::task::spawn_blocking(move || {
            writer.write_all(b"0000").unwrap();
            writer.finish().unwrap();
        });
        let answer = pending.ready().await.unwrap();
        assert_eq!(http_body::Body::size_hint(&answer).exact(), Some(4));
        assert_eq!(answer.collect().await.unwrap().to_bytes(), &b"0000"[..]);
        thread.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn long_answer_arrives_in_order() {
        let (mut writer, pending, _) = halves(Duration::from_secs(5));
        let body: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let copy = body.clone();
        let thread = tokio::task::spawn_blocking(move || {
            for piece in copy.chunks(1_001) {
                writer.write_all(piece).unwrap();
            }
            writer.finish().unwrap();
        });
        let answer = pending.ready().await.unwrap();
        assert_eq!(answer.collect().await.unwrap().to_bytes(), body);
        thread.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_that_stops_reading_ends_the_writer() {
        let (mut writer, pending, _) = halves(Duration::from_millis(50));
        let thread = tokio::task::spawn_blocking(move || {
            let block = vec![0u8; CHUNK_BYTES];
            loop {
                if let Err(error) = writer.write_all(&block) {
                    return error.kind();
                }
            }
        });
        let answer = pending.ready().await.unwrap();
        assert_eq!(thread.await.unwrap(), io::ErrorKind::TimedOut);
        drop(answer);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_that_leaves_interrupts_the_work() {
        let (mut writer, pending, interrupt) = halves(Duration::from_secs(5));
        let thread = tokio::task::spawn_blocking(move || {
            let block = vec![0u8; CHUNK_BYTES];
            while writer.write_all(&block).is_ok() {}
        });
        drop(pending.ready().await.unwrap());
        thread.await.unwrap();
        assert!(interrupt.load(Ordering::Relaxed));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn failure_before_the_first_byte_is_an_error() {
        let (writer, pending, _) = halves(Duration::from_secs(5));
        tokio::task::spawn_blocking(move || writer.fail(io::Error::other("broken"))).await.unwrap();
        assert!(pending.ready().await.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_that_vanishes_breaks_the_body() {
        let (mut writer, pending, _) = halves(Duration::from_secs(5));
        let thread = tokio::task::spawn_blocking(move || {
            writer.write_all(&vec![1u8; CHUNK_BYTES]).unwrap();
        });
        assert!(pending.ready().await.unwrap().collect().await.is_err());
        thread.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn failure_midway_breaks_the_body() {
        let (mut writer, pending, _) = halves(Duration::from_secs(5));
        let thread = tokio::task::spawn_blocking(move || {
            writer.write_all(&vec![1u8; CHUNK_BYTES]).unwrap();
            writer.fail(io::Error::other("broken"));
        });
        assert!(pending.ready().await.unwrap().collect().await.is_err());
        thread.await.unwrap();
    }
}
