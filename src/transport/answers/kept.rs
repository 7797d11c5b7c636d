//! A complete answer in memory or on disk, and the body that sends it.
//!
//! Owns the checksums of what lies on disk: a piece is looked at before it is sent, and an answer that was not looked at lately is
//! looked at as a whole before its first byte leaves, so that damage costs one generation and no broken clone. Pages may have to be read from disk
//! then, on the blocking pool; afterwards they are in memory, and a piece costs no wait.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use atomicqms_git::FileBytes;
use bytes::Bytes;
use crc32fast::Hasher;
use http_body::{Frame, SizeHint};

/// Bytes of each piece that is mapped, looked at and sent, but for the last: few enough to be still in the processor's cache when the kernel
/// copies them.
pub(super) const PIECE_BYTES: usize = 512 * 1024;
/// So long the whole need not be looked at again: its pages are in memory, and each piece is looked at anyway.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Not yet.
const NEVER: u64 = u64::MAX;

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
    content: Content,
    len: u64,
    facts: Facts,
    began: Instant,
    /// Milliseconds after `began` at which somebody last looked at the whole.
    checked_ms: AtomicU64,
    /// The same for reading it into memory; `NEVER` before the first time.
    lifted_ms: AtomicU64,
    is_damaged: AtomicBool,
}

enum Content {
    Memory(Bytes),
    /// A file without a name, with the checksum of each piece. Mapped piece by piece: what is kept costs no memory.
    Disk {
        file: File,
        sums: Box<[u32]>,
    },
}

impl Kept {
    /// Keeps what lies in memory.
    pub(super) fn in_memory(bytes: Bytes, facts: Facts) -> Self {
        let len = bytes.len() as u64;
        Self::new(Content::Memory(bytes), len, facts)
    }

    /// Keeps what lies on disk, with the checksum of each piece.
    pub(super) fn on_disk(file: File, len: u64, sums: Vec<u32>, facts: Facts) -> Self {
        Self::new(Content::Disk { file, sums: sums.into() }, len, facts)
    }

    fn new(content: Content, len: u64, facts: Facts) -> Self {
        let (checked_ms, lifted_ms, is_damaged) = (AtomicU64::new(0), AtomicU64::new(NEVER), AtomicBool::new(false));
        Self { content, len, facts, began: Instant::now(), checked_ms, lifted_ms, is_damaged }
    }

    /// Units: bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where it lies, as in the metrics.
    pub fn place(&self) -> &'static str {
        match self.content {
            Content::Memory(_) => "memory",
            Content::Disk { .. } => "disk",
        }
    }

    /// What is counted about it.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// Whether the one who asks is to [`Kept::check`] it before it is sent. Of many who ask at once one is: for the others each piece is
    /// looked at anyway.
    pub fn takes_check(&self) -> bool {
        let (now, last) = (self.elapsed_ms(), self.checked_ms.load(Ordering::Relaxed));
        matches!(self.content, Content::Disk { .. })
            && u128::from(now.saturating_sub(last)) >= CHECK_EVERY.as_millis()
            && self.checked_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Whether the one who asks is to read it into memory: one of many, and not again soon after it had to make room there.
    pub(super) fn takes_lifting(&self) -> bool {
        let (now, last) = (self.elapsed_ms(), self.lifted_ms.load(Ordering::Relaxed));
        let is_due = last == NEVER || u128::from(now.saturating_sub(last)) >= CHECK_EVERY.as_millis();
        matches!(self.content, Content::Disk { .. })
            && is_due
            && self.lifted_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Reads all of it, looking at every piece; `None` if one is damaged. Blocks.
    pub(super) fn read_whole(&self) -> Option<Kept> {
        let mut whole = Vec::with_capacity(usize::try_from(self.len).ok()?);
        while (whole.len() as u64) < self.len {
            whole.extend_from_slice(&self.piece(whole.len() as u64)?);
        }
        Some(Kept::in_memory(whole.into(), self.facts))
    }

    /// Reads all of it and says whether it is what was kept. Blocks.
    pub fn check(&self) -> bool {
        let mut at = 0;
        while at < self.len {
            match self.piece(at) {
                Some(piece) => at += piece.len() as u64,
                None => return false,
            }
        }
        true
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a piece did not match its checksum when it was to be sent.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// The piece that begins at `at`, if it matches its checksum.
    fn piece(&self, at: u64) -> Option<Bytes> {
        let (file, sums) = match &self.content {
            Content::Memory(bytes) => return Some(bytes.clone()),
            Content::Disk { file, sums } => (file, sums),
        };
        let len = usize::try_from(self.len.saturating_sub(at)).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let number = usize::try_from(at / PIECE_BYTES as u64).ok()?;
        let piece = FileBytes::window(file, at, len).ok().map(Bytes::from_owner);
        match (piece, sums.get(number)) {
            (Some(piece), Some(sum)) if crc32fast::hash(&piece) == *sum => Some(piece),
            _ => {
                self.is_damaged.store(true, Ordering::Relaxed);
                None
            }
        }
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
    sent: u64,
    /// Kept until the client has taken everything.
    _place: P,
}

impl<P> KeptBody<P> {
    /// Sends all of it, holding `place` meanwhile.
    pub fn new(kept: Arc<Kept>, place: P) -> Self {
        Self { kept, sent: 0, _place: place }
    }
}

impl<P: Unpin> http_body::Body for KeptBody<P> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(match self.kept.piece(self.sent) {
            Some(piece) => {
                self.sent += piece.len() as u64;
                Ok(Frame::data(piece))
            }
            // The connection is broken off, so that the client cannot take what it has for whole.
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "a kept answer is damaged")),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.sent >= self.kept.len
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.kept.len.saturating_sub(self.sent))
    }
}
