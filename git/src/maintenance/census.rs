//! Owns the list of all objects of some packs and loose objects, each once, with the copy that is used. Refuses to read any of them. Costs about 36 bytes
//! an object while it lasts. Made by every long step of maintenance.
//!
//! Of several copies a delta is preferred: a pushed pack brings its bases whole, which are stored as deltas elsewhere. The whole copy is remembered, for
//! when the delta turns out to be of no use (chains too long, or circles through several packs).

use std::{collections::HashMap, sync::Arc, sync::atomic::AtomicBool};

use crate::{
    error::{Error, Result},
    id::ObjectId,
    odb::LooseObjects,
    pack::{EntryKind, Pack},
    walk::check_interrupt,
};

/// One stored copy of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Position in [`Census::packs`], or [`LOOSE`].
    pub(super) pack: u32,
    /// Position in the pack's index.
    pub(super) index: u32,
    /// Offset in the pack.
    pub(super) offset: u64,
}

/// In [`Place::pack`]: a loose object.
pub(super) const LOOSE: u32 = u32::MAX;

/// Objects in order of their ids; they are called by their positions in it.
#[derive(Debug)]
pub(super) struct Census {
    pub(super) packs: Vec<Arc<Pack>>,
    lines: Vec<(ObjectId, Place)>,
    /// Whole copies of objects whose chosen copy is a delta.
    whole: HashMap<u32, Place>,
}

impl Census {
    /// Lists the objects of packs, best pack first, and loose objects.
    ///
    /// Errors: `TooLarge`, `Corrupt`, `Interrupted`.
    pub(super) fn take(packs: Vec<Arc<Pack>>, loose: Option<&LooseObjects>, interrupt: &AtomicBool) -> Result<Census> {
        let total: usize = packs.iter().map(|pack| pack.object_count() as usize).sum();
        let total = total.saturating_add(loose.map_or(0, LooseObjects::len));
        if u32::try_from(total).is_err() {
            return Err(Error::TooLarge { what: "number of objects", limit: u64::from(u32::MAX) });
        }
        let mut all: Vec<(ObjectId, Place)> = Vec::with_capacity(total);
        for (number, pack) in (0..).zip(&packs) {
            check_interrupt(interrupt)?;
            for index in 0..pack.object_count() {
                let id = pack.idx().id_at(index).zip(pack.idx().offset_at(index));
                let (id, offset) = id.ok_or_else(|| pack.corrupt("the index cannot be read"))?;
                all.push((id, Place { pack: number, index, offset }));
            }
        }
        let loose = loose.into_iter().flat_map(LooseObjects::ids);
        all.extend(loose.map(|id| (id, Place { pack: LOOSE, index: 0, offset: 0 })));
        all.sort_unstable_by_key(|(id, place)| (*id, place.pack));
        let mut census = Census { packs, lines: all, whole: HashMap::new() };
        census.choose()?;
        Ok(census)
    }

    /// Leaves one copy of each object.
    fn choose(&mut self) -> Result<()> {
        let all = std::mem::take(&mut self.lines);
        let mut lines: Vec<(ObjectId, Place)> = Vec::with_capacity(all.len());
        for group in all.chunk_by(|a, b| a.0 == b.0) {
            let Some(first) = group.first() else { continue };
            let mut chosen = *first;
            if group.len() > 1 {
                let mut whole = None;
                let mut delta = None;
                for (_, place) in group {
                    match self.is_delta(*place)? {
                        true => delta = delta.or(Some(*place)),
                        false => whole = whole.or(Some(*place)),
                    }
                }
                if let (Some(delta), Some(whole)) = (delta, whole) {
                    self.whole.insert(lines.len() as u32, whole);
                    chosen.1 = delta;
                }
            }
            lines.push(chosen);
        }
        lines.shrink_to_fit();
        self.lines = lines;
        Ok(())
    }

    fn is_delta(&self, place: Place) -> Result<bool> {
        match self.pack(place) {
            Some(pack) => Ok(!matches!(pack.entry_kind(place.offset)?, EntryKind::Full(_))),
            None => Ok(false),
        }
    }

    pub(super) fn len(&self) -> u32 {
        // `take` refuses more.
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }

    /// The position of an object.
    pub(super) fn find(&self, id: &ObjectId) -> Option<u32> {
        self.lines.binary_search_by(|(known, _)| known.cmp(id)).ok().and_then(|at| u32::try_from(at).ok())
    }

    pub(super) fn id(&self, at: u32) -> Option<ObjectId> {
        self.lines.get(at as usize).map(|(id, _)| *id)
    }

    pub(super) fn place(&self, at: u32) -> Option<Place> {
        self.lines.get(at as usize).map(|(_, place)| *place)
    }

    /// A whole copy of an object whose chosen copy is a delta.
    pub(super) fn whole_copy(&self, at: u32) -> Option<Place> {
        self.whole.get(&at).copied()
    }

    /// The pack of a place; `None` for a loose object.
    pub(super) fn pack(&self, place: Place) -> Option<&Arc<Pack>> {
        self.packs.get(place.pack as usize)
    }

    /// The object whose entry starts at an offset of a pack.
    pub(super) fn at_offset(&self, pack: &Pack, offset: u64) -> Option<u32> {
        let id = pack.index_of_offset(offset).and_then(|index| pack.idx().id_at(index))?;
        self.find(&id)
    }
}
