//! Owns the bytes of files that are read as one slice: mapped when large, read into the heap when small. With [`bus`], which makes a page that
//! cannot be read harmless, the one module of this crate with `unsafe`. Refuses to look at the content. Called by the pack store and by the quarantine.
//!
//! Why mapping is sound here: the files are packs and indices. They live in directories that only this server writes, are complete and
//! flushed before they get the name under which they are opened, are never written again (replaced by rename, removed by unlink, which
//! leaves a mapping intact) and the mapping is private and read-only. The spool of a push is mapped only after the last byte is written and
//! the mapping is dropped before the pack is completed in place. An answer that is kept lies in a file that has no name any more, is only
//! appended to, and is mapped as far as it is written.

#![expect(unsafe_code, reason = "memory mapping; the argument is in the module documentation")]

mod bus;

use std::{fs::File, io, ops::Deref, os::unix::fs::FileExt, path::Path};

use bytes::Bytes;

use crate::error::{Error, Result};

/// Files up to this size are read, not mapped: each mapping costs kernel areas, of which a process has 65,530 by default.
const HEAP_LIMIT: u64 = 64 * 1024;

/// The whole content of one file, as a slice.
#[derive(Clone)]
pub struct FileBytes(Inner);

#[derive(Clone)]
enum Inner {
    Mapped(std::sync::Arc<Mapped>),
    Heap(Bytes),
}

/// Fields are dropped in this order: nothing is listed that is not mapped.
struct Mapped {
    guarded: bus::Guarded,
    map: memmap2::Mmap,
}

impl FileBytes {
    /// Opens `path` and makes its content available.
    ///
    /// Errors: `Io`.
    pub fn open(path: &Path) -> Result<FileBytes> {
        let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        let read = |e| Error::io("read", path, e);
        let len = file.metadata().map_err(|e| Error::io("stat", path, e))?.len();
        if len <= HEAP_LIMIT {
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            file.read_exact_at(&mut bytes, 0).map_err(read)?;
            return Ok(FileBytes(Inner::Heap(bytes.into())));
        }
        FileBytes::window(&file, 0, usize::try_from(len).unwrap_or(usize::MAX)).map_err(read)
    }

    /// Maps a part of an open file.
    ///
    /// Shape: the part is written: from now on nobody writes to it or cuts it off. Costs memory only while it lives.
    pub fn window(file: &File, start: u64, len: usize) -> io::Result<FileBytes> {
        // SAFETY: see the module documentation: nobody truncates or rewrites the file while it is mapped. Should somebody do so, `bus` gives zeros.
        let map = unsafe { memmap2::MmapOptions::new().offset(start).len(len).map_copy_read_only(file) }?;
        let guarded = bus::Guarded::new(&map);
        Ok(FileBytes(Inner::Mapped(std::sync::Arc::new(Mapped { guarded, map }))))
    }

    /// Whether a part of the file could not be read when somebody looked at it, because the file was cut off or the disk failed. That part reads
    /// as zeros, so whatever came of it is void.
    pub fn has_lost_pages(&self) -> bool {
        matches!(&self.0, Inner::Mapped(mapped) if mapped.guarded.has_lost_pages())
    }
}

impl FileBytes {
    /// Lets the kernel take back the memory of all pages that were read, which stay readable. For who reads a large file once.
    pub(crate) fn give_back_pages(&self) {
        if let Inner::Mapped(mapped) = &self.0 {
            // SAFETY: the mapping is private and was never written to, so what is dropped is read from the file again, which stays the same
            // (see the module documentation).
            let given = unsafe { mapped.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
            // A kernel that cannot do it keeps the pages, which costs memory and nothing else.
            let _ = given;
        }
    }
}

impl From<Bytes> for FileBytes {
    fn from(bytes: Bytes) -> Self {
        FileBytes(Inner::Heap(bytes))
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Inner::Mapped(mapped) => &mapped.map,
            Inner::Heap(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileBytes({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_files_read_alike() {
        let dir = tempfile::tempdir().unwrap();
        for len in [0usize, 1, HEAP_LIMIT as usize, HEAP_LIMIT as usize + 1] {
            let content: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let path = dir.path().join(len.to_string());
            std::fs::write(&path, &content).unwrap();
            let bytes = FileBytes::open(&path).unwrap();
            assert!(*bytes == content[..]);
            bytes.give_back_pages();
            assert!(*bytes == content[..], "still there");
        }
        assert!(matches!(FileBytes::open(&dir.path().join("absent")), Err(Error::Io { .. })));
    }

    #[test]
    fn a_file_that_is_cut_off_reads_as_zeros_from_there_on_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let (cut, whole) = (dir.path().join("cut"), dir.path().join("whole"));
        std::fs::write(&cut, vec![7; 1 << 20]).unwrap();
        std::fs::write(&whole, vec![7; 1 << 20]).unwrap();
        let (cut_bytes, whole_bytes) = (FileBytes::open(&cut).unwrap(), FileBytes::open(&whole).unwrap());
        std::fs::OpenOptions::new().write(true).open(&cut).unwrap().set_len(512 << 10).unwrap();
        assert!(!cut_bytes.has_lost_pages(), "nobody has looked yet");
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let bytes = cut_bytes.clone();
                std::thread::spawn(move || bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>())
            })
            .collect();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 7 * (512 << 10));
        }
        assert!(cut_bytes.has_lost_pages());
        assert!(whole_bytes.iter().all(|byte| *byte == 7) && !whole_bytes.has_lost_pages());
    }
}
