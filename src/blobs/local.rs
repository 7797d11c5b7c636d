//! Contents in a directory: `ab/cd/HASH`, written to `incoming/`, flushed, renamed.
//!
//! Owns the layout. A crash leaves at most a file in `incoming/`, removed at the next start, or a whole content that no row needs, which a job of its
//! upload removes.

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::{Later, Pending, Source, Store};
use crate::model::BlobId;

const INCOMING: &str = "incoming";
/// Bytes read at once.
const PIECE_BYTES: u64 = 64 * 1024;

/// A directory of contents.
#[derive(Debug)]
pub struct LocalStore {
    root: Arc<Path>,
    count: AtomicU64,
}

impl LocalStore {
    /// Takes a directory, which need not exist yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root: root.into(), count: AtomicU64::new(0) }
    }
}

fn path_of(root: &Path, id: BlobId) -> PathBuf {
    let name = id.to_string();
    root.join(name.get(..2).unwrap_or_default()).join(name.get(2..4).unwrap_or_default()).join(name)
}

impl Store for LocalStore {
    fn tidy(&self) -> Later<'_, ()> {
        Box::pin(async move {
            let incoming = self.root.join(INCOMING);
            fs::create_dir_all(&incoming).await?;
            let mut left = fs::read_dir(&incoming).await?;
            while let Some(file) = left.next_entry().await? {
                fs::remove_file(file.path()).await?;
            }
            Ok(())
        })
    }

    fn begin(&self) -> Later<'_, Box<dyn Pending>> {
        Box::pin(async move {
            // Only one process has the data directory, so a count is enough of a name.
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            let path = self.root.join(INCOMING).join(number.to_string());
            let file = fs::OpenOptions::new().write(true).create_new(true).open(&path).await?;
            let begun = PendingFile { root: Arc::clone(&self.root), file, path: TempPath(Some(path)) };
            Ok(Box::new(begun) as Box<dyn Pending>)
        })
    }

    fn open(&self, id: BlobId, range: Range<u64>) -> Later<'_, Box<dyn Source>> {
        Box::pin(async move {
            let mut file = File::open(path_of(&self.root, id)).await?;
            if range.start > 0 {
                file.seek(SeekFrom::Start(range.start)).await?;
            }
            let left = range.end.saturating_sub(range.start);
            Ok(Box::new(FileSource { file, left }) as Box<dyn Source>)
        })
    }

    fn remove(&self, id: BlobId) -> Later<'_, ()> {
        Box::pin(async move {
            match fs::remove_file(path_of(&self.root, id)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }
}

/// Removed when it is dropped, unless it was renamed.
struct TempPath(Option<PathBuf>);

impl Drop for TempPath {
    fn drop(&mut self) {
        let Some(path) = self.0.take() else { return };
        // What stays is removed at the next start. Gigabytes take a while, which no request should wait for.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || std::fs::remove_file(path))),
            Err(_) => drop(std::fs::remove_file(path)),
        }
    }
}

struct PendingFile {
    root: Arc<Path>,
    file: File,
    path: TempPath,
}

impl Pending for PendingFile {
    fn write(&mut self, bytes: Bytes) -> Later<'_, ()> {
        Box::pin(async move { self.file.write_all(&bytes).await })
    }

    fn publish(mut self: Box<Self>, id: BlobId) -> Later<'static, ()> {
        Box::pin(async move {
            self.file.flush().await?;
            self.file.sync_all().await?;
            let to = path_of(&self.root, id);
            let directory = to.parent().unwrap_or(&self.root).to_path_buf();
            fs::create_dir_all(&directory).await?;
            // Over one that is there already: should the disk have damaged it, this one is whole.
            if let Some(from) = &self.path.0 {
                fs::rename(from, &to).await?;
            }
            self.path.0 = None;
            // The name itself must survive a power cut, and those of the directories above it.
            let mut above = Some(directory.as_path());
            while let Some(directory) = above {
                File::open(directory).await?.sync_all().await?;
                above = directory.parent().filter(|_| directory != &*self.root);
            }
            Ok(())
        })
    }
}

struct FileSource {
    file: File,
    left: u64,
}

impl Source for FileSource {
    fn next(&mut self) -> Later<'_, Option<Bytes>> {
        Box::pin(async move {
            let wanted = self.left.min(PIECE_BYTES);
            if wanted == 0 {
                return Ok(None);
            }
            let mut piece = BytesMut::with_capacity(wanted as usize);
            let read = (&mut self.file).take(wanted).read_buf(&mut piece).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.left -= read as u64;
            Ok(Some(piece.freeze()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::Blobs;

    async fn blobs(root: &Path) -> Blobs {
        let blobs = Blobs::new(Arc::new(LocalStore::new(root.to_path_buf())));
        blobs.tidy().await.unwrap();
        blobs
    }

    async fn put(blobs: &Blobs, content: &'static [u8]) -> BlobId {
        let mut receiving = blobs.receive().await.unwrap();
        for piece in content.chunks(3) {
            receiving.write(Bytes::from_static(piece)).await.unwrap();
        }
        let received = receiving.finish();
        let id = received.id;
        assert_eq!(received.size_bytes, content.len() as u64);
        drop(blobs.publish(received).await.unwrap());
        id
    }

    async fn read(blobs: &Blobs, id: BlobId, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut source = blobs.open(id, range).await?;
        let mut content = Vec::new();
        while let Some(piece) = source.next().await? {
            content.extend_from_slice(&piece);
        }
        Ok(content)
    }

    fn incoming(root: &Path) -> usize {
        std::fs::read_dir(root.join(INCOMING)).unwrap().count()
    }

    #[tokio::test]
    async fn a_content_is_named_by_its_hash_and_read_in_parts() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path()).await;
        let id = put(&blobs, b"hello world").await;
        assert_eq!(id.to_string(), "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
        assert!(dir.path().join("b9/4d").join(id.to_string()).is_file());
        assert_eq!(read(&blobs, id, 0..11).await.unwrap(), b"hello world");
        assert_eq!(read(&blobs, id, 6..9).await.unwrap(), b"wor");
        assert_eq!(read(&blobs, id, 4..4).await.unwrap(), b"");
        assert_eq!(read(&blobs, id, 0..12).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        std::fs::write(dir.path().join("b9/4d").join(id.to_string()), "damaged").unwrap();
        assert_eq!(put(&blobs, b"hello world").await, id);
        assert_eq!(read(&blobs, id, 0..11).await.unwrap(), b"hello world");
        assert_eq!(incoming(dir.path()), 0);
        assert_eq!(put(&blobs, b"").await.to_string().get(..8), Some("e3b0c442"));
    }

    #[tokio::test]
    async fn what_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path()).await;
        let mut receiving = blobs.receive().await.unwrap();
        receiving.write(Bytes::from_static(b"half")).await.unwrap();
        assert_eq!(incoming(dir.path()), 1);
        drop(receiving);
        // Removed on another thread, at once.
        let gone = async {
            while incoming(dir.path()) > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), gone).await.unwrap();
        std::fs::write(dir.path().join(INCOMING).join("99"), "from before a crash").unwrap();
        blobs.tidy().await.unwrap();
        assert_eq!(incoming(dir.path()), 0);
    }

    #[tokio::test]
    async fn nothing_is_removed_while_an_upload_is_between_its_place_and_its_row() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path()).await;
        let id = put(&blobs, b"content").await;
        // Another upload of the same content is published, and its row is not committed yet: removal waits for it.
        let mut receiving = blobs.receive().await.unwrap();
        receiving.write(Bytes::from_static(b"content")).await.unwrap();
        let kept = blobs.publish(receiving.finish()).await.unwrap();
        let mut alone = Box::pin(blobs.alone());
        let waits = std::future::poll_fn(|cx| std::task::Poll::Ready(alone.as_mut().poll(cx).is_pending()));
        assert!(waits.await);
        drop(kept);
        let alone = alone.await;
        alone.remove(id).await.unwrap();
        alone.remove(id).await.unwrap();
        drop(alone);
        assert_eq!(read(&blobs, id, 0..7).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
