//! A complete answer in memory or on disk, and the body that sends it.
//!
//! Owns the checksums of what lies on disk: a piece is looked at before it is sent, and an answer that was not looked at lately is
//! looked at as a whole before its first byte leaves, so that damage costs one generation and no broken clone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use crc32fast::Hasher;
use http_body::{Frame, SizeHint};

/// Bytes of each piece that has a checksum, but for the last.
pub(super) const PIECE_BYTES: usize = 256 * 1024;
/// So long the whole need not be looked at again: its pages are in memory, and each piece is looked at anyway.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// What is counted about an answer each time it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// As in the metrics.
    pub service: &'static str,
    /// Objects of its pack.
    pub objects: u64,
}

/// A complete answer.
pub struct Kept {
    bytes: Bytes,
    /// Of each piece; none for what lies in memory.
    sums: Box<[u32]>,
    facts: Facts,
    began: Instant,
    /// Milliseconds after `began` at which the whole was found well.
    checked_ms: AtomicU64,
    is_damaged: AtomicBool,
}

impl Kept {
    /// Keeps what lies in memory.
    pub(super) fn in_memory(bytes: Bytes, facts: Facts) -> Self {
        Self::new(bytes, Box::default(), facts)
    }

    /// Keeps what lies on disk, with the checksum of each piece.
    pub(super) fn on_disk(bytes: Bytes, sums: Vec<u32>, facts: Facts) -> Self {
        Self::new(bytes, sums.into(), facts)
    }

    fn new(bytes: Bytes, sums: Box<[u32]>, facts: Facts) -> Self {
        let (checked_ms, is_damaged) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { bytes, sums, facts, began: Instant::now(), checked_ms, is_damaged }
    }

    /// Units: bytes.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Where it lies, as in the metrics.
    pub fn place(&self) -> &'static str {
        if self.sums.is_empty() { "memory" } else { "disk" }
    }

    /// What is counted about it.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    pub(super) fn weight(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// Whether [`Kept::check`] is due before it is sent.
    pub fn is_check_due(&self) -> bool {
        let since = self.elapsed_ms().saturating_sub(self.checked_ms.load(Ordering::Relaxed));
        !self.sums.is_empty() && u128::from(since) >= CHECK_EVERY.as_millis()
    }

    /// Reads all of it and says whether it is what was kept. Blocks.
    pub fn check(&self) -> bool {
        let is_well = (0..self.sums.len()).all(|number| self.piece(number).is_some());
        if is_well {
            self.checked_ms.store(self.elapsed_ms(), Ordering::Relaxed);
        }
        is_well
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a piece did not match its checksum when it was to be sent.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// One piece, if it matches its checksum.
    fn piece(&self, number: usize) -> Option<Bytes> {
        let start = number.checked_mul(PIECE_BYTES).filter(|start| *start < self.bytes.len())?;
        let piece = self.bytes.slice(start..(start + PIECE_BYTES).min(self.bytes.len()));
        let sum = self.sums.get(number)?;
        if crc32fast::hash(&piece) == *sum {
            return Some(piece);
        }
        self.is_damaged.store(true, Ordering::Relaxed);
        None
    }
}

/// Checksums of pieces, made as the bytes come.
#[derive(Default)]
pub(super) struct Sums {
    done: Vec<u32>,
    crc: Hasher,
    in_piece: usize,
}

impl Sums {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.in_piece));
            self.crc.update(now);
            self.in_piece += now.len();
            bytes = later;
            if self.in_piece == PIECE_BYTES {
                self.end_piece();
            }
        }
    }

    fn end_piece(&mut self) {
        self.done.push(std::mem::take(&mut self.crc).finalize());
        self.in_piece = 0;
    }

    pub(super) fn finish(mut self) -> Vec<u32> {
        if self.in_piece > 0 {
            self.end_piece();
        }
        self.done
    }
}

/// Sends a kept answer without copying it.
pub struct KeptBody<P> {
    kept: Arc<Kept>,
    next: usize,
    sent: usize,
    /// Kept until the client has taken everything.
    _place: P,
}

impl<P> KeptBody<P> {
    /// Sends all of it, holding `place` meanwhile.
    pub fn new(kept: Arc<Kept>, place: P) -> Self {
        Self { kept, next: 0, sent: 0, _place: place }
    }
}

impl<P: Unpin> http_body::Body for KeptBody<P> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.is_end_stream() {
            return Poll::Ready(None);
        }
        let piece = match this.kept.sums.is_empty() {
            true => Some(this.kept.bytes.clone()),
            false => this.kept.piece(this.next),
        };
        this.next += 1;
        Poll::Ready(Some(match piece {
            Some(piece) => {
                this.sent += piece.len();
                Ok(Frame::data(piece))
            }
            // The connection is broken off, so that the client cannot take what it has for whole.
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "a kept answer is damaged")),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.sent >= self.kept.bytes.len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.kept.bytes.len() - self.sent) as u64)
    }
}
