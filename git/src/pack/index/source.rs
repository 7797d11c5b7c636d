//! Owns access to the deflated data of entries, a bounded arena of inflated deltas so that small packs are inflated only once, and the
//! pages of a mapped pack, which are given back after reading.

use super::{NONE, object::IndexedObject};
use crate::{
    error::{Error, Result},
    id::ID_LEN,
    map::FileBytes,
    pack::{EntryHeader, inflate::Inflater},
};

/// Inflated deltas kept from the first pass for the second; a pack with more of them keeps none, since it gains little.
const ARENA_BYTES: usize = 4 << 20;
/// Pages of the pack that may be in memory before they are given back.
const RESIDENT_BYTES: usize = 4 << 20;
/// What reading somewhere brings into memory at least: the kernel maps pages around the one that is asked for.
const FAULT_BYTES: usize = 64 << 10;

/// The bytes of the pack and what is needed to inflate them.
pub(super) struct Source<'a> {
    /// The pack with its trailer.
    pub(super) data: &'a [u8],
    /// The file that `data` is mapped from, if it is.
    file: Option<&'a FileBytes>,
    pub(super) inflater: Inflater,
    /// Inflated deltas, each after its length.
    arena: Vec<u8>,
    /// Where the inflated delta of an entry is in the arena.
    kept_at: Vec<u32>,
    is_arena_full: bool,
    scratch: Vec<u8>,
    /// Bytes of pages read since the last were given back, at most.
    touched_bytes: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(data: &'a [u8], file: Option<&'a FileBytes>) -> Source<'a> {
        let (arena, kept_at, scratch) = (Vec::new(), Vec::new(), Vec::new());
        Source {
            data,
            file,
            inflater: Inflater::new(),
            arena,
            kept_at,
            is_arena_full: false,
            scratch,
            touched_bytes: 0,
        }
    }

    /// The pack without its trailer.
    pub(super) fn body(&self) -> &'a [u8] {
        self.data.get(..self.data.len().saturating_sub(ID_LEN)).unwrap_or_default()
    }

    /// The bytes from `offset` to the end of the last entry.
    pub(super) fn from(&self, offset: u64) -> &'a [u8] {
        usize::try_from(offset).ok().and_then(|at| self.body().get(at..)).unwrap_or_default()
    }

    /// Keeps the inflated delta of entry `index` if there is room.
    pub(super) fn keep(&mut self, index: u32, delta: &[u8]) {
        if self.is_arena_full {
            return;
        }
        if self.arena.len() + size_of::<u32>() + delta.len() > ARENA_BYTES {
            self.is_arena_full = true;
            (self.arena, self.kept_at) = (Vec::new(), Vec::new());
            return;
        }
        self.kept_at.resize(index as usize, NONE);
        self.kept_at.push(self.arena.len() as u32);
        self.arena.extend_from_slice(&(delta.len() as u32).to_le_bytes());
        self.arena.extend_from_slice(delta);
    }

    /// Inflates the data of an entry into `out`.
    pub(super) fn inflate(&mut self, entry: &IndexedObject, out: &mut Vec<u8>) -> Result<()> {
        let offset = entry.offset();
        let bad = |what| Error::bad_pack(what, offset);
        let bytes = self.from(offset);
        let header = EntryHeader::parse(bytes, offset).map_err(bad)?;
        let deflated = bytes.get(header.len..).unwrap_or_default();
        let used = self.inflater.exact(deflated, header.size, out).map_err(bad)?;
        self.touched(used.max(FAULT_BYTES));
        Ok(())
    }

    /// The inflated delta of entry `index`, which is `entry`.
    pub(super) fn delta(&mut self, index: u32, entry: &IndexedObject) -> Result<&[u8]> {
        if let Some(at) = self.kept_at.get(index as usize).filter(|at| **at != NONE) {
            let kept = self.arena.get(*at as usize..).and_then(|from| from.split_first_chunk());
            let (len, from) = kept.map_or((0, &[][..]), |(len, from)| (u32::from_le_bytes(*len), from));
            return Ok(from.get(..len as usize).unwrap_or_default());
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let outcome = self.inflate(entry, &mut scratch);
        self.scratch = scratch;
        outcome.map(|()| self.scratch.as_slice())
    }

    /// Notes that so much of the pack was read, and gives its pages back when it gets much.
    pub(super) fn touched(&mut self, bytes: usize) {
        self.touched_bytes = self.touched_bytes.saturating_add(bytes);
        if self.touched_bytes >= RESIDENT_BYTES {
            self.touched_bytes = 0;
            if let Some(file) = self.file {
                file.give_back_pages();
            }
        }
    }
}
