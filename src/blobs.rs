//! Contents of files, named by their SHA-256: kept once however many rows need them.
//!
//! Owns the trait that stores implement, the way a content comes in ([`Blobs::receive`]) and goes out ([`Blobs::alone`]), and the lock that keeps
//! the two apart: between the moment a content is in place and the commit of the row that needs it nothing may remove it. Knows no names, no rows
//! and no rights. Called by `forge/attachments.rs`.

pub mod local;
mod sniff;

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, RwLockWriteGuard};

pub use self::sniff::{is_shown_inline, sniff};
use crate::model::BlobId;

/// What a store answers later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Where contents are kept.
///
/// Shape: every operation may be repeated. A content that was published is whole and stays so; a reader that has begun may finish although it is removed.
pub trait Store: Send + Sync + 'static {
    /// Makes the store ready and removes what uploads left there when the server last ended; once, before the first upload.
    fn tidy(&self) -> Later<'_, ()>;

    /// Begins a content whose hash is not known yet. Dropped unpublished, it leaves nothing.
    fn begin(&self) -> Later<'_, Box<dyn Pending>>;

    /// Opens a part of a content. Units: bytes, within its length.
    ///
    /// Errors: `NotFound`.
    fn open(&self, id: BlobId, range: Range<u64>) -> Later<'_, Box<dyn Source>>;

    /// Removes a content; one that is not there is no fault.
    fn remove(&self, id: BlobId) -> Later<'_, ()>;
}

/// A content on its way in.
pub trait Pending: Send {
    /// Adds bytes.
    fn write(&mut self, bytes: Bytes) -> Later<'_, ()>;

    /// Makes everything written durable and gives it its name; one that is there already is replaced by the same.
    fn publish(self: Box<Self>, id: BlobId) -> Later<'static, ()>;
}

/// A content on its way out.
pub trait Source: Send {
    /// The next bytes; none at the end.
    fn next(&mut self) -> Later<'_, Option<Bytes>>;
}

/// A content that came in whole, not published yet.
pub struct Received {
    pending: Box<dyn Pending>,
    /// Its name.
    pub id: BlobId,
    /// Its length. Units: bytes.
    pub size_bytes: u64,
    /// What its first bytes look like.
    pub content_type: &'static str,
}

/// Keeps a published content from being removed until the row that needs it is committed.
pub struct Kept(#[expect(dead_code, reason = "held, never read")] OwnedRwLockReadGuard<()>);

/// The time in which nothing is published.
pub struct Alone<'a> {
    _nobody_publishes: RwLockWriteGuard<'a, ()>,
    store: &'a dyn Store,
}

/// The store of this server; cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn Store>,
    removing: Arc<RwLock<()>>,
}

/// A content that is being received.
pub struct Receiving {
    pending: Box<dyn Pending>,
    hash: Sha256,
    size_bytes: u64,
    head: Vec<u8>,
}

impl Blobs {
    /// Over a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, removing: Arc::new(RwLock::new(())) }
    }

    /// Makes the store ready; once, before anything is received, and by the server that has the data directory alone.
    ///
    /// Errors: those of the store.
    pub async fn tidy(&self) -> io::Result<()> {
        self.store.tidy().await
    }

    /// Begins to receive a content.
    ///
    /// Errors: those of the store.
    pub async fn receive(&self) -> io::Result<Receiving> {
        let pending = self.store.begin().await?;
        Ok(Receiving { pending, hash: Sha256::new(), size_bytes: 0, head: Vec::new() })
    }

    /// Puts a content in its place. Keep the answer until the row that needs it is committed or given up.
    ///
    /// Errors: those of the store.
    pub async fn publish(&self, received: Received) -> io::Result<Kept> {
        let guard = Arc::clone(&self.removing).read_owned().await;
        received.pending.publish(received.id).await?;
        Ok(Kept(guard))
    }

    /// Opens a part of a content. Units: bytes.
    ///
    /// Errors: `NotFound`, those of the store.
    pub async fn open(&self, id: BlobId, range: Range<u64>) -> io::Result<Box<dyn Source>> {
        self.store.open(id, range).await
    }

    /// Waits until nothing is between its place and its row, and keeps it so: what no row needs now may be removed.
    pub async fn alone(&self) -> Alone<'_> {
        Alone { _nobody_publishes: self.removing.write().await, store: &*self.store }
    }
}

impl Alone<'_> {
    /// Removes a content that no row needs, asked after this was made; one that is not there is no fault.
    ///
    /// Errors: those of the store.
    pub async fn remove(&self, id: BlobId) -> io::Result<()> {
        self.store.remove(id).await
    }
}

impl Receiving {
    /// Adds bytes.
    ///
    /// Errors: those of the store.
    pub async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        let room = sniff::HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(room));
        self.hash.update(&bytes);
        self.size_bytes = self.size_bytes.saturating_add(bytes.len() as u64);
        self.pending.write(bytes).await
    }

    /// Bytes so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Names what was received.
    pub fn finish(self) -> Received {
        let id = BlobId::new(self.hash.finalize().into());
        Received { pending: self.pending, id, size_bytes: self.size_bytes, content_type: sniff(&self.head) }
    }
}
