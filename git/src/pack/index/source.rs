//! Owns access to the deflated data of entries, and a bounded arena of inflated deltas so that small packs are inflated only once.

use super::{Entry, NONE};
use crate::{
    error::{Error, Result},
    pack::inflate::Inflater,
};

/// Inflated deltas kept from the first pass for the second.
const ARENA_BYTES: usize = 8 << 20;

/// The bytes of the pack and what is needed to inflate them.
pub(super) struct Source<'a> {
    /// The pack without its trailer.
    pub(super) body: &'a [u8],
    pub(super) inflater: Inflater,
    arena: Vec<u8>,
    scratch: Vec<u8>,
}

impl<'a> Source<'a> {
    pub(super) fn new(body: &'a [u8]) -> Source<'a> {
        Source { body, inflater: Inflater::new(), arena: Vec::new(), scratch: Vec::new() }
    }

    /// The bytes from `offset` to the end of the last entry.
    pub(super) fn from(&self, offset: u64) -> &'a [u8] {
        usize::try_from(offset).ok().and_then(|at| self.body.get(at..)).unwrap_or_default()
    }

    fn deflated(&self, entry: &Entry) -> &'a [u8] {
        self.from(entry.offset).get(usize::from(entry.header_len)..).unwrap_or_default()
    }

    /// Keeps an inflated delta if there is room, and answers where.
    pub(super) fn keep(&mut self, delta: &[u8]) -> u32 {
        if self.arena.len() + delta.len() > ARENA_BYTES {
            return NONE;
        }
        let at = self.arena.len() as u32;
        self.arena.extend_from_slice(delta);
        at
    }

    /// Inflates the data of an entry into `out`.
    pub(super) fn inflate(&mut self, entry: &Entry, out: &mut Vec<u8>) -> Result<()> {
        let deflated = self.deflated(entry);
        let inflated = self.inflater.exact(deflated, entry.size, out);
        inflated.map(|_| ()).map_err(|what| Error::bad_pack(what, entry.offset))
    }

    /// The inflated delta of an entry.
    pub(super) fn delta(&mut self, entry: &Entry) -> Result<&[u8]> {
        if entry.kept_at != NONE {
            let at = entry.kept_at as usize;
            return Ok(self.arena.get(at..at + entry.size as usize).unwrap_or_default());
        }
        let deflated = self.deflated(entry);
        let inflated = self.inflater.exact(deflated, entry.size, &mut self.scratch);
        inflated.map_err(|what| Error::bad_pack(what, entry.offset))?;
        Ok(&self.scratch)
    }
}
