//! Owns reading of pack files: one opened pack with its index, entry headers, entry bytes for verbatim reuse. Indexing of received packs is in
//! [`index`]. Refuses to resolve objects across packs: that is [`crate::odb`]. Called by the object store and by pack generation.
//!
//! Files on disk may be damaged: every access is checked and answers `Corrupt`, never a panic.

pub mod compose;
pub mod delta;
pub mod entry;
pub mod idx;
pub mod index;
pub(crate) mod inflate;

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;

pub use entry::{EntryHeader, EntryKind};
pub use idx::{Idx, IdxEntry};

use crate::{
    error::{Error, Result},
    id::{ID_LEN, ObjectId},
    map::FileBytes,
};

/// Bytes before the first entry: signature, version, object count.
pub const HEADER_LEN: u64 = 12;
/// Bytes after the last entry: the checksum of everything before.
pub const TRAILER_LEN: u64 = ID_LEN as u64;

/// One opened pack with its index. Immutable; shared by `Arc`.
#[derive(Debug)]
pub struct Pack {
    /// Unique in this process; keys caches, also after the file is replaced or removed.
    id: u64,
    path: PathBuf,
    data: FileBytes,
    idx: Idx,
    /// It is no file yet: its bytes are in the database.
    is_waiting: AtomicBool,
    /// Positions in the index in order of pack offsets.
    by_offset: OnceLock<Box<[u32]>>,
    /// The inverse of it.
    ranks: OnceLock<Box<[u32]>>,
    /// Depths of deltas in that order.
    chains: OnceLock<Option<Box<[u16]>>>,
}

impl Pack {
    /// Opens a pack by the path of its `.pack` file; the `.idx` lies beside it.
    ///
    /// Errors: `Io`, `Corrupt` (wrong signature, count or checksums that do not fit each other).
    pub fn open(path: &Path) -> Result<Pack> {
        let idx_path = path.with_extension("idx");
        let idx = Idx::parse(FileBytes::open(&idx_path)?).map_err(|what| Error::corrupt(idx_path, what))?;
        Pack::from_parts(path, FileBytes::open(path)?, idx)
    }

    /// Joins a pack's bytes with its parsed index.
    ///
    /// Errors: `Corrupt`, when they are not of one pack.
    pub fn from_parts(path: &Path, data: FileBytes, idx: Idx) -> Result<Pack> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let corrupt = |what| Error::corrupt(path, what);
        let count = parse_header(&data).map_err(corrupt)?;
        if count != idx.len() {
            return Err(corrupt("object counts of pack and index differ"));
        }
        let trailer = data.len().checked_sub(ID_LEN).and_then(|at| data.get(at..));
        if trailer != Some(idx.pack_checksum()) || (data.len() as u64) < HEADER_LEN + TRAILER_LEN {
            return Err(corrupt("checksums of pack and index differ"));
        }
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Ok(Pack {
            id,
            path: path.into(),
            data,
            idx,
            is_waiting: AtomicBool::new(false),
            by_offset: OnceLock::new(),
            ranks: OnceLock::new(),
            chains: OnceLock::new(),
        })
    }

    /// Makes a pack that is not a file yet and that [`Repository::write_out`](crate::Repository::write_out) makes one, under the name it will have in
    /// `directory` if it is written alone.
    ///
    /// Shape: `data` is a whole pack, `lines` are those of its index, sorted by id.
    /// Errors: `Corrupt`, when they are not of one pack.
    pub(crate) fn in_memory(directory: &Path, data: Bytes, lines: &[IdxEntry]) -> Result<Pack> {
        let checksum = data.last_chunk::<ID_LEN>().copied().unwrap_or_default();
        let path = directory.join(format!("pack-{}.pack", ObjectId::from(checksum)));
        let idx = Idx::parse(Bytes::from(idx::write(lines, &checksum)).into());
        let idx = idx.map_err(|what| Error::corrupt(&path, what))?;
        let pack = Pack::from_parts(&path, data.into(), idx)?;
        pack.is_waiting.store(true, Ordering::Relaxed);
        Ok(pack)
    }

    /// Whether it is not a file yet. Stock git does not see its objects, so nothing that is written for stock git may name it.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Relaxed)
    }

    /// The same pack for another directory, before it is a file.
    ///
    /// Errors: `Corrupt`.
    pub(crate) fn waiting_in(&self, directory: &Path) -> Result<Pack> {
        let path = directory.join(self.path.file_name().unwrap_or_default());
        let pack = Pack::from_parts(&path, self.data.clone(), self.idx.clone())?;
        pack.is_waiting.store(true, Ordering::Relaxed);
        Ok(pack)
    }

    /// The lines of its index, in order of ids.
    pub(crate) fn lines(&self) -> impl Iterator<Item = IdxEntry> + '_ {
        (0..self.idx.len()).filter_map(|at| self.idx.line_at(at))
    }

    /// Notes that it is a file now.
    pub(crate) fn note_written(&self) {
        self.is_waiting.store(false, Ordering::Relaxed);
    }

    /// A number unique among all packs opened by this process.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The `.pack` file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The index.
    pub fn idx(&self) -> &Idx {
        &self.idx
    }

    /// The number of objects.
    pub fn object_count(&self) -> u32 {
        self.idx.len()
    }

    /// Whether a part of it or of its index could not be read when somebody looked there.
    pub(crate) fn has_lost_pages(&self) -> bool {
        self.data.has_lost_pages() || self.idx.has_lost_pages()
    }

    /// The whole file, header and trailer included.
    pub fn bytes(&self) -> &FileBytes {
        &self.data
    }

    /// Where the entries end and the trailer starts.
    pub fn entries_end(&self) -> u64 {
        (self.data.len() as u64).saturating_sub(TRAILER_LEN)
    }

    /// Finds an object: its position in the index and the offset of its entry.
    pub fn lookup(&self, id: &ObjectId) -> Option<(u32, u64)> {
        let index = self.idx.lookup(id)?;
        Some((index, self.idx.offset_at(index)?))
    }

    /// The bytes from `offset` to the end of the entries; where an entry ends is not known without inflating or [`Pack::entry_range`].
    pub(crate) fn entries_from(&self, offset: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        let end = usize::try_from(self.entries_end()).ok()?;
        self.data.get(start..end)
    }

    /// Reads the header of the entry at `offset`.
    ///
    /// Errors: `Corrupt`.
    pub fn entry_header(&self, offset: u64) -> Result<EntryHeader> {
        let bytes = self.entries_from(offset).filter(|_| offset >= HEADER_LEN);
        let bytes = bytes.ok_or_else(|| self.corrupt("an entry lies outside of the pack"))?;
        EntryHeader::parse(bytes, offset).map_err(|what| self.corrupt(what))
    }

    /// Says how the entry at `offset` is stored: whole, or as a delta against which base.
    ///
    /// Errors: `Corrupt`.
    pub fn entry_kind(&self, offset: u64) -> Result<EntryKind> {
        Ok(self.entry_header(offset)?.kind)
    }

    /// The place of an entry in the file, its header included, by its position in the index.
    ///
    /// Errors: `Corrupt`.
    pub fn entry_range(&self, index: u32) -> Result<Range<u64>> {
        let bad = || self.corrupt("an offset of the index lies outside of the pack");
        let offset = self.idx.offset_at(index).ok_or_else(bad)?;
        let order = self.order();
        let rank = order.partition_point(|i| self.idx.offset_at(*i).is_some_and(|o| o <= offset));
        let end = match order.get(rank) {
            Some(next) => self.idx.offset_at(*next).ok_or_else(bad)?,
            None => self.entries_end(),
        };
        if offset < HEADER_LEN || end > self.entries_end() || offset >= end { Err(bad()) } else { Ok(offset..end) }
    }

    /// The bytes of an entry as stored, its header included, by its position in the index.
    ///
    /// Errors: `Corrupt`.
    pub fn entry_bytes(&self, index: u32) -> Result<&[u8]> {
        self.slice(self.entry_range(index)?)
    }

    /// A part of the file.
    ///
    /// Errors: `Corrupt` when it is not there.
    pub(crate) fn slice(&self, range: Range<u64>) -> Result<&[u8]> {
        let start = usize::try_from(range.start).ok();
        let end = usize::try_from(range.end).ok();
        start
            .zip(end)
            .and_then(|(start, end)| self.data.get(start..end))
            .ok_or_else(|| self.corrupt("an entry lies outside of the pack"))
    }

    /// The same, after a look at their checksum: what a disk has damaged must not go on as if it were well.
    ///
    /// Errors: `Corrupt`.
    pub fn checked_entry_bytes(&self, index: u32) -> Result<&[u8]> {
        self.check_entry(index, self.entry_range(index)?)
    }

    /// The same for who knows the place of the entry already.
    pub(crate) fn check_entry(&self, index: u32, range: Range<u64>) -> Result<&[u8]> {
        let bytes = self.slice(range)?;
        match self.idx.crc32_at(index) {
            Some(expected) if expected == crc32fast::hash(bytes) => Ok(bytes),
            _ => Err(self.corrupt("an entry does not match its checksum")),
        }
    }

    /// Finds the position in the index of the entry that starts at `offset`.
    pub fn index_of_offset(&self, offset: u64) -> Option<u32> {
        let order = self.order();
        let rank = order.partition_point(|i| self.idx.offset_at(*i).is_some_and(|o| o < offset));
        order.get(rank).copied().filter(|i| self.idx.offset_at(*i) == Some(offset))
    }

    /// Positions in the index in order of pack offsets; computed on first use.
    pub fn order(&self) -> &[u32] {
        self.by_offset.get_or_init(|| {
            let mut order: Vec<(u64, u32)> =
                (0..self.idx.len()).map(|i| (self.idx.offset_at(i).unwrap_or(u64::MAX), i)).collect();
            order.sort_unstable();
            order.into_iter().map(|(_, i)| i).collect()
        })
    }

    /// For each entry in order of pack offsets, how many deltas lie between it and the whole object its chain ends at; computed on first
    /// use, two bytes an object. `None` unless every delta names its base by offset, inside of this pack.
    pub(crate) fn chains(&self) -> Option<&[u16]> {
        self.chains.get_or_init(|| self.measure_chains()).as_deref()
    }

    fn measure_chains(&self) -> Option<Box<[u16]>> {
        let order = self.order();
        let mut chains: Vec<u16> = Vec::with_capacity(order.len());
        for index in order {
            let header = self.entry_header(self.idx.offset_at(*index)?).ok()?;
            chains.push(match header.kind {
                EntryKind::Full(_) => 0,
                EntryKind::OfsDelta { base_offset } => {
                    // Bases lie before their deltas: what is found is measured already.
                    let rank = order.partition_point(|i| self.idx.offset_at(*i).is_some_and(|o| o < base_offset));
                    let is_there = order.get(rank).and_then(|i| self.idx.offset_at(*i)) == Some(base_offset);
                    chains.get(rank).filter(|_| is_there)?.saturating_add(1)
                }
                EntryKind::RefDelta { .. } => return None,
            });
        }
        Some(chains.into())
    }

    /// How many entries lie before that of an object, by its position in the index; computed on first use. Four bytes an object.
    pub fn rank_of_index(&self, index: u32) -> Option<u32> {
        let ranks = self.ranks.get_or_init(|| {
            let mut ranks = vec![0; self.idx.len() as usize];
            for (rank, index) in (0u32..).zip(self.order()) {
                if let Some(slot) = ranks.get_mut(*index as usize) {
                    *slot = rank;
                }
            }
            ranks.into()
        });
        ranks.get(index as usize).copied()
    }

    pub(crate) fn corrupt(&self, what: &'static str) -> Error {
        Error::corrupt(&self.path, what)
    }
}

/// Reads the header of a pack and answers the number of objects it declares.
pub(crate) fn parse_header(data: &[u8]) -> Result<u32, &'static str> {
    let Some((header, _)) = data.split_first_chunk::<12>() else {
        return Err("shorter than a pack header");
    };
    let [b'P', b'A', b'C', b'K', v0, v1, v2, v3, c0, c1, c2, c3] = *header else {
        return Err("no pack signature");
    };
    match u32::from_be_bytes([v0, v1, v2, v3]) {
        2 | 3 => Ok(u32::from_be_bytes([c0, c1, c2, c3])),
        _ => Err("unsupported pack version"),
    }
}
