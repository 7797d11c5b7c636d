//! A pushed pack on its way into memory or into the quarantine, as it arrives.
//!
//! Owns the size limit and the choice between memory and file; no thread waits for the client. Called by `http/git/receive.rs` and
//! `ssh/push.rs`.

use atomicqms_git::{Incoming, PackSource};
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;

use crate::http::body_memory::Lease;

/// Packs up to this size stay in memory; larger ones are written to the quarantine as they arrive.
const SPOOL_ABOVE_BYTES: usize = 1024 * 1024;
/// Bytes gathered before a write to the spool file.
const SPOOL_WRITE_BYTES: usize = 256 * 1024;

/// What came after the commands.
pub enum Received {
    /// The complete pack, if the commands ask for one, and what it takes of the memory for bodies.
    Pack(Option<(Incoming, PackSource)>, Option<Lease>),
    /// It was not kept.
    Refused(Refusal),
}

/// Why a pack was not kept.
pub enum Refusal {
    /// It is larger than a pack may be.
    TooLarge,
    /// It could not be stored.
    Storage(atomicqms_git::Error),
}

/// Bytes of a pack on their way into memory or a file.
pub struct Spool {
    place: atomicqms_git::incoming::Spool,
    waiting: BytesMut,
    file: Option<tokio::fs::File>,
    bytes: u64,
    limit: u64,
    lease: Lease,
}

impl Spool {
    /// Starts before the first byte. Units: `limit` in bytes.
    pub fn new(incoming: &Incoming, limit: u64, lease: Lease) -> Self {
        Self { place: incoming.spool(), waiting: BytesMut::new(), file: None, bytes: 0, limit, lease }
    }

    /// Takes one chunk.
    ///
    /// Errors: why the pack is not kept.
    pub async fn push(&mut self, chunk: Bytes) -> std::result::Result<(), Refusal> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.limit {
            return Err(Refusal::TooLarge);
        }
        self.waiting.extend_from_slice(&chunk);
        let most = if self.file.is_some() { SPOOL_WRITE_BYTES } else { SPOOL_ABOVE_BYTES };
        // Where memory is short the disk takes the pack sooner.
        let is_short = self.lease.grow_to(self.waiting.len()).is_err();
        if is_short || self.waiting.len() > most { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> std::result::Result<(), Refusal> {
        let failed = |error| Refusal::Storage(atomicqms_git::Error::io("write", self.place.path(), error));
        let file = match self.file.take() {
            Some(file) => self.file.insert(file),
            None => {
                let place = self.place.clone();
                let made = tokio::task::spawn_blocking(move || place.create()).await;
                let made = made.map_err(|error| failed(std::io::Error::other(error)))?;
                let mut file = tokio::fs::File::from_std(made.map_err(Refusal::Storage)?);
                file.set_max_buf_size(SPOOL_WRITE_BYTES);
                self.file.insert(file)
            }
        };
        file.write_all(&self.waiting).await.map_err(failed)?;
        if self.waiting.capacity() > 2 * SPOOL_WRITE_BYTES {
            self.waiting = BytesMut::new();
        } else {
            self.waiting.clear();
        }
        Ok(())
    }

    /// What came so far. Units: bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the pack; what it takes of the memory stays counted with it.
    ///
    /// Errors: `Refusal::Storage`.
    pub async fn finish(mut self) -> std::result::Result<(PackSource, Option<Lease>), Refusal> {
        if self.file.is_none() {
            return Ok((PackSource::Memory(self.waiting.freeze()), Some(self.lease)));
        }
        self.write().await?;
        if let Some(mut file) = self.file.take() {
            // Writes of tokio's files end in the background; flush waits for the last one and its error.
            file.flush()
                .await
                .map_err(|error| Refusal::Storage(atomicqms_git::Error::io("write", self.place.path(), error)))?;
        }
        Ok((PackSource::Spooled, None))
    }
}
