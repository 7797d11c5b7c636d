//! Owns the completion of a verified pack: the bytes as sent, then the bases that a thin pack lacks, as `git index-pack --fix-thin` does, then a
//! matching header and trailer; and its index. Small ones in memory, others in files, flushed. Refuses to move anything out of quarantine.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest, Sha1};

use super::{PackSource, quarantine::Quarantine};
use crate::{
    error::{Error, Result},
    files,
    id::{ID_LEN, ObjectId},
    limits::Limits,
    map::FileBytes,
    odb::Snapshot,
    pack::{
        EntryKind, Idx, Pack, entry,
        idx::{self, IdxEntry},
        index::{Indexed, IndexedObject},
    },
};

/// Position of the object count in the header.
const COUNT_AT: usize = 8;
/// Between two looks at the interrupt flag.
const PIECE_BYTES: usize = 8 << 20;

/// Bases that come to more than so many times the limit for packs in memory are not even tried there.
const INFLATED_TIMES: u64 = 16;

/// The index is written in pieces of this size.
const IDX_BUFFER_BYTES: usize = 256 << 10;

/// What writing needs beside the pack itself.
pub(super) struct Completion<'a> {
    pub(super) quarantine: &'a Quarantine,
    pub(super) objects: &'a Path,
    pub(super) base: &'a Snapshot,
    pub(super) limits: &'a Limits,
    pub(super) interrupt: &'a AtomicBool,
}

impl Completion<'_> {
    /// Completes the pack of `indexed`, whose bytes are `data`, under the name it will get: in memory if it came so and is small, in the quarantine
    /// otherwise.
    pub(super) fn complete(&self, source: PackSource, data: FileBytes, indexed: &Indexed) -> Result<Arc<Pack>> {
        let limit = self.limits.max_inline_pack_bytes;
        if matches!(source, PackSource::Memory(_)) && data.len() as u64 <= limit {
            let bases_bytes = self.size_of_bases(indexed)?;
            // As sizes are before deflating, so that nothing is made that turns out to be too large.
            if (data.len() as u64).saturating_add(bases_bytes) <= limit.saturating_mul(INFLATED_TIMES)
                && let Some(pack) = self.complete_in_memory(&data, indexed)?
            {
                return Ok(Arc::new(pack));
            }
        }
        self.quarantine.make()?;
        self.write(source, data, indexed)
    }

    /// Completes a small pack without a file; `None` if it gets too large by its bases.
    fn complete_in_memory(&self, data: &FileBytes, indexed: &Indexed) -> Result<Option<Pack>> {
        let directory = self.objects.join("pack");
        let mut base_lines = Vec::new();
        if indexed.external_bases.is_empty() {
            let lines: Vec<IdxEntry> = indexed.objects.iter().map(IndexedObject::line).collect();
            // Not the caller's buffer: it may be part of a larger one, and the snapshot lives long.
            return Pack::in_memory(&directory, Bytes::copy_from_slice(data), &lines).map(Some);
        }
        let body_len = data.len().saturating_sub(ID_LEN);
        let bases = self.bases(indexed, body_len as u64, &mut base_lines)?;
        if (data.len() + bases.len()) as u64 > self.limits.max_inline_pack_bytes {
            return Ok(None);
        }
        let count = count_with(indexed, &base_lines)?;
        let checksum = self.checksum(data, body_len, count, &bases)?;
        let mut whole = Vec::with_capacity(data.len() + bases.len());
        let (head, rest) = data.get(..body_len).and_then(|body| body.split_at_checked(COUNT_AT)).unwrap_or_default();
        whole.extend_from_slice(head);
        whole.extend_from_slice(&count.to_be_bytes());
        whole.extend_from_slice(rest.get(4..).unwrap_or_default());
        whole.extend_from_slice(&bases);
        whole.extend_from_slice(&checksum);
        let lines: Vec<IdxEntry> = all_lines(&indexed.objects, &base_lines).collect();
        Pack::in_memory(&directory, whole.into(), &lines).map(Some)
    }

    /// Writes pack and index into the quarantine and opens them under the name they will get.
    fn write(&self, source: PackSource, data: FileBytes, indexed: &Indexed) -> Result<Arc<Pack>> {
        let mut base_lines = Vec::new();
        let (data, checksum) = if indexed.external_bases.is_empty() {
            (self.store_as_sent(source, data)?, indexed.checksum)
        } else {
            let body_len = data.len().saturating_sub(ID_LEN);
            let _memory = self.limits.memory.reserve(self.size_of_bases(indexed)?, self.interrupt)?;
            let bases = self.bases(indexed, body_len as u64, &mut base_lines)?;
            let count = count_with(indexed, &base_lines)?;
            self.store_completed(source, data, count, &bases)?
        };
        let idx_path = self.quarantine.idx_path();
        let mut out = BufWriter::with_capacity(IDX_BUFFER_BYTES, files::create_new(&idx_path)?);
        let lines = all_lines(&indexed.objects, &base_lines);
        let written = idx::write_to(&mut out, lines, &checksum).and_then(|()| out.flush());
        written.and_then(|()| files::sync(out.get_ref())).map_err(|e| Error::io("write", &idx_path, e))?;
        drop(out);
        let idx = Idx::parse(FileBytes::open(&idx_path)?).map_err(|what| Error::corrupt(idx_path, what))?;
        let name = format!("pack-{}.pack", ObjectId::from(checksum));
        Ok(Arc::new(Pack::from_parts(&self.objects.join("pack").join(name), data, idx)?))
    }

    /// What the bases take at most: all of them deflated, and one inflated.
    fn size_of_bases(&self, indexed: &Indexed) -> Result<u64> {
        let mut sum = 0u64;
        let mut largest = 0u64;
        for id in &indexed.external_bases {
            let size = self.base.header(id)?.map_or(0, |(_, size)| size);
            sum = sum.saturating_add(size);
            largest = largest.max(size);
        }
        Ok(sum.saturating_add(largest))
    }

    /// Makes the entries of the bases that a thin pack lacks, and adds their lines to the index.
    fn bases(&self, indexed: &Indexed, start: u64, lines: &mut Vec<IdxEntry>) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for id in &indexed.external_bases {
            self.check_interrupt()?;
            let at = out.len();
            self.append_base(id, &mut out)?;
            if start + out.len() as u64 > self.limits.max_pack_bytes {
                return Err(Error::TooLarge { what: "size of the completed pack", limit: self.limits.max_pack_bytes });
            }
            let crc32 = crc32fast::hash(out.get(at..).unwrap_or_default());
            lines.push(IdxEntry { id: *id, offset: start + at as u64, crc32 });
        }
        Ok(out)
    }

    /// Appends one object as an entry stored whole: its bytes as they are if it is stored so, deflated anew otherwise.
    fn append_base(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<()> {
        if let Some(at) = self.base.entry_location(id)
            && matches!(at.pack.entry_kind(at.offset)?, EntryKind::Full(_))
        {
            out.extend_from_slice(at.pack.entry_bytes(at.index)?);
            return Ok(());
        }
        let object = self.base.read(id)?;
        entry::write_full_header(out, object.kind, object.data.len() as u64);
        let mut encoder = ZlibEncoder::new(out, Compression::fast());
        let written = encoder.write_all(&object.data).and_then(|()| encoder.finish().map(|_| ()));
        written.map_err(|e| Error::io("deflate for", self.quarantine.pack_path(), e))
    }

    /// Leaves a pack that is complete as it is, and answers its bytes as they are in the file.
    fn store_as_sent(&self, source: PackSource, data: FileBytes) -> Result<FileBytes> {
        let path = self.quarantine.pack_path();
        let failed = |e| Error::io("write", &path, e);
        match source {
            PackSource::Memory(_) => {
                write_and_flush(&mut files::create_new(&path)?, &data).map_err(failed)?;
                // Not the caller's buffer: it may be part of a larger one, and the snapshot lives long.
                FileBytes::open(&path)
            }
            PackSource::Spooled => {
                File::open(&path).and_then(|file| files::sync(&file)).map_err(failed)?;
                Ok(data)
            }
        }
    }

    /// Writes the pack with its bases, and answers its bytes and checksum.
    fn store_completed(
        &self,
        source: PackSource,
        data: FileBytes,
        count: u32,
        bases: &[u8],
    ) -> Result<(FileBytes, [u8; ID_LEN])> {
        let body_len = data.len().saturating_sub(ID_LEN);
        let path = self.quarantine.pack_path();
        let failed = |e| Error::io("write", &path, e);
        let checksum = self.checksum(&data, body_len, count, bases)?;
        let mut file = match source {
            PackSource::Memory(_) => {
                let mut file = files::create_new(&path)?;
                file.write_all(data.get(..body_len).unwrap_or_default()).map_err(failed)?;
                file
            }
            PackSource::Spooled => {
                // The mapping must go before the file changes under it.
                drop(data);
                let mut file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
                file.seek(SeekFrom::Start(body_len as u64)).map_err(failed)?;
                file
            }
        };
        file.write_all(bases).map_err(failed)?;
        file.write_all(&checksum).map_err(failed)?;
        file.write_all_at(&count.to_be_bytes(), COUNT_AT as u64).map_err(failed)?;
        files::sync(&file).map_err(failed)?;
        Ok((FileBytes::open(&path)?, checksum))
    }

    /// The trailer of the completed pack: other count, other sum, so all of it is summed again.
    fn checksum(&self, data: &FileBytes, body_len: usize, count: u32, bases: &[u8]) -> Result<[u8; ID_LEN]> {
        let body = data.get(..body_len).unwrap_or_default();
        let mut hasher = Sha1::new();
        hasher.update(body.get(..COUNT_AT).unwrap_or_default());
        hasher.update(count.to_be_bytes());
        for piece in body.get(COUNT_AT + 4..).unwrap_or_default().chunks(PIECE_BYTES) {
            self.check_interrupt()?;
            hasher.update(piece);
            data.give_back_pages();
        }
        hasher.update(bases);
        Ok(hasher.finalize().into())
    }

    fn check_interrupt(&self) -> Result<()> {
        if self.interrupt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// The number of objects in a completed pack.
fn count_with(indexed: &Indexed, bases: &[IdxEntry]) -> Result<u32> {
    let count = u32::try_from(indexed.objects.len() + bases.len());
    count.map_err(|_| Error::TooLarge { what: "number of objects", limit: u64::from(u32::MAX) })
}

/// The lines of the index in order of ids: those of the objects sent and those of the added bases, which are sorted both.
fn all_lines<'a>(
    objects: &'a [IndexedObject],
    bases: &'a [IdxEntry],
) -> impl Iterator<Item = IdxEntry> + Clone + use<'a> {
    let mut objects = objects.iter().map(IndexedObject::line).peekable();
    let mut bases = bases.iter().copied().peekable();
    std::iter::from_fn(move || match (objects.peek(), bases.peek()) {
        (Some(object), Some(base)) if base.id < object.id => bases.next(),
        (None, _) => bases.next(),
        (Some(_), _) => objects.next(),
    })
}

fn write_and_flush(file: &mut File, data: &[u8]) -> std::io::Result<()> {
    file.write_all(data)?;
    files::sync(file)
}
