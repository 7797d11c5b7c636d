//! Owns the search for deltas for objects that are stored whole. Refuses to touch what is stored as a delta already, and to use more memory than it is
//! given. Work for idle time: reads all packs of a repository and compares each whole object with its neighbours.
//!
//! Neighbours are objects of one kind with similar names and sizes, the larger first: what is compared is mostly two versions of one file. Every delta
//! is applied once before it counts, and the finished pack is read back like any other.

use std::{
    collections::{HashMap, VecDeque},
    io::Write,
    sync::{Arc, atomic::AtomicBool},
};

use flate2::{Compression, write::ZlibEncoder};

use super::{
    bits::Bits,
    census::{Census, LOOSE},
    delta::DeltaIndex,
    local::Local,
    mark::{Marker, Missing},
    prepared::Prepared,
    rewrite::{FreshDelta, GOOD_CHAIN, Rewrite},
};
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    odb::Snapshot,
    pack::{EntryKind, Pack, delta},
    repository::Repository,
    walk::check_interrupt,
};

/// Smaller objects are not worth the trouble.
const SMALLEST_BYTES: u64 = 50;
/// What a delta costs beside its bytes.
const OVERHEAD_BYTES: usize = 20;

/// How hard to search.
#[derive(Debug, Clone)]
pub struct CompressOptions {
    /// What refs point at: names of files are learned from their trees.
    pub tips: Vec<ObjectId>,
    /// Neighbours that each object is compared with.
    pub window: usize,
    /// Memory for objects in the window, and as much again for deltas found. Units: bytes.
    pub memory_bytes: u64,
    /// Larger objects stay whole. Units: bytes.
    pub max_object_bytes: u64,
}

impl Default for CompressOptions {
    fn default() -> Self {
        CompressOptions { tips: Vec::new(), window: 10, memory_bytes: 128 << 20, max_object_bytes: 16 << 20 }
    }
}

/// An object that may become a delta or a base.
struct Candidate {
    at: u32,
    size: u64,
    name: u64,
    kind: Kind,
    is_whole: bool,
}

/// Searches deltas and writes all own packs anew as one; `None` if nothing was found that is worth it.
///
/// Shape: the long phase.
/// Errors: `Corrupt`, `Lost`, `Io`, `DiskFull`, `Interrupted`.
pub fn compress(
    repository: &Repository,
    options: &CompressOptions,
    interrupt: &AtomicBool,
) -> Result<Option<Prepared>> {
    let odb = repository.odb();
    let local = Local::of(&repository.objects(), &odb);
    let packs: Vec<Arc<Pack>> = local.regular.clone();
    let census = Census::take(packs.clone(), None, interrupt)?;
    let candidates = candidates(&odb, &census, options, interrupt)?;
    let fresh = Search::new(&odb, &census, options, interrupt)?.run(&candidates)?;
    if fresh.is_empty() {
        return Ok(None);
    }
    let deltas = fresh.len() as u64;
    let mut chosen = Bits::new(census.len() as usize);
    for at in 0..census.len() {
        chosen.insert(at);
    }
    let new = Rewrite { repository, odb: &odb, census: &census, chosen: &chosen, fresh, interrupt }.write()?;
    let mut prepared = Prepared::new(repository, new.into_iter().collect(), packs, None);
    if prepared.stats.new_bytes >= prepared.stats.replaced_bytes {
        return Ok(None);
    }
    prepared.stats.new_deltas = deltas;
    Ok(Some(prepared))
}

/// All objects in the order in which they are compared.
fn candidates(
    odb: &Snapshot,
    census: &Census,
    options: &CompressOptions,
    interrupt: &AtomicBool,
) -> Result<Vec<Candidate>> {
    let mut marker = Marker::new(odb, census, interrupt);
    marker.names = Some(vec![0; census.len() as usize]);
    for tip in &options.tips {
        marker.walk_from(tip, Missing::Skip)?;
    }
    let names = marker.names.unwrap_or_default();
    let mut candidates = Vec::new();
    for at in 0..census.len() {
        check_interrupt(interrupt)?;
        let Some(place) = census.place(at).filter(|place| place.pack != LOOSE) else { continue };
        let Some(pack) = census.pack(place) else { continue };
        let (kind, size) = odb.header_at(pack, place.offset)?;
        if size < SMALLEST_BYTES || size > options.max_object_bytes {
            continue;
        }
        let is_whole = matches!(pack.entry_kind(place.offset)?, EntryKind::Full(_));
        let name = names.get(at as usize).copied().unwrap_or(0);
        candidates.push(Candidate { at, size, name, kind, is_whole });
    }
    candidates.sort_by(|a, b| {
        let rank = |candidate: &Candidate| (crate::id::kind_name(candidate.kind), candidate.name);
        rank(a).cmp(&rank(b)).then(b.size.cmp(&a.size)).then(a.at.cmp(&b.at))
    });
    Ok(candidates)
}

/// An object in the window.
struct Neighbour {
    at: u32,
    data: Vec<u8>,
    index: Option<DeltaIndex>,
}

struct Search<'a> {
    odb: &'a Snapshot,
    census: &'a Census,
    options: &'a CompressOptions,
    interrupt: &'a AtomicBool,
    /// The base of each object that is or becomes a delta; `NONE` for the others.
    bases: Vec<u32>,
    /// Longest chain of deltas on top of each object.
    above: Vec<u16>,
    found: HashMap<u32, FreshDelta>,
    found_bytes: u64,
}

const NONE: u32 = u32::MAX;

impl<'a> Search<'a> {
    fn new(
        odb: &'a Snapshot,
        census: &'a Census,
        options: &'a CompressOptions,
        interrupt: &'a AtomicBool,
    ) -> Result<Self> {
        let len = census.len() as usize;
        let (bases, above) = (vec![NONE; len], vec![0; len]);
        let mut search =
            Search { odb, census, options, interrupt, bases, above, found: HashMap::new(), found_bytes: 0 };
        for at in 0..census.len() {
            check_interrupt(interrupt)?;
            if let Some(base) = search.stored_base(at)? {
                search.set_base(at, base);
            }
        }
        for at in 0..census.len() {
            check_interrupt(interrupt)?;
            search.raise(at);
        }
        Ok(search)
    }

    fn stored_base(&self, at: u32) -> Result<Option<u32>> {
        let Some(place) = self.census.place(at) else { return Ok(None) };
        let Some(pack) = self.census.pack(place) else { return Ok(None) };
        Ok(match pack.entry_kind(place.offset)? {
            EntryKind::Full(_) => None,
            EntryKind::OfsDelta { base_offset } => self.census.at_offset(pack, base_offset),
            EntryKind::RefDelta { base } => self.census.find(&base),
        })
    }

    fn base(&self, at: u32) -> Option<u32> {
        self.bases.get(at as usize).copied().filter(|base| *base != NONE)
    }

    fn set_base(&mut self, at: u32, base: u32) {
        if let Some(slot) = self.bases.get_mut(at as usize) {
            *slot = base;
        }
    }

    fn above(&self, at: u32) -> u16 {
        self.above.get(at as usize).copied().unwrap_or(0)
    }

    /// Lets everything below an object know how long the chain on top of it is.
    fn raise(&mut self, mut at: u32) {
        let mut height = self.above(at);
        // A circle through several packs ends here; the writer cuts it.
        for _ in 0..GOOD_CHAIN {
            let Some(base) = self.base(at) else { return };
            height = height.saturating_add(1);
            match self.above.get_mut(base as usize) {
                Some(known) if *known < height => *known = height,
                _ => return,
            }
            at = base;
        }
    }

    /// How many deltas lie between an object and one stored whole; `None` if the way leads past `past` or does not end in time.
    fn depth(&self, mut at: u32, past: u32) -> Option<u16> {
        for depth in 0..=GOOD_CHAIN {
            if at == past {
                return None;
            }
            match self.base(at) {
                Some(base) => at = base,
                None => return Some(depth),
            }
        }
        None
    }

    fn run(mut self, candidates: &[Candidate]) -> Result<HashMap<u32, FreshDelta>> {
        let mut window: VecDeque<Neighbour> = VecDeque::new();
        let mut held = 0u64;
        let mut last: Option<&Candidate> = None;
        for candidate in candidates {
            check_interrupt(self.interrupt)?;
            if last.is_some_and(|last| last.kind != candidate.kind) {
                window.clear();
                held = 0;
            }
            last = Some(candidate);
            let id = self.census.id(candidate.at).ok_or(Error::Lost { id: ObjectId::null(crate::id::HASH_KIND) })?;
            let mut data = Vec::new();
            self.odb.find(&id, &mut data)?.ok_or(Error::Lost { id })?;
            if candidate.is_whole && self.found_bytes < self.options.memory_bytes {
                self.search(candidate, &data, &mut window)?;
            }
            held = held.saturating_add(DeltaIndex::cost_bytes(data.len() as u64));
            window.push_back(Neighbour { at: candidate.at, data, index: None });
            while window.len() > self.options.window || (held > self.options.memory_bytes && window.len() > 1) {
                if let Some(gone) = window.pop_front() {
                    held = held.saturating_sub(DeltaIndex::cost_bytes(gone.data.len() as u64));
                }
            }
        }
        Ok(self.found)
    }

    /// Compares an object with its neighbours and remembers the best delta.
    fn search(&mut self, candidate: &Candidate, data: &[u8], window: &mut VecDeque<Neighbour>) -> Result<()> {
        let Some(stored) = self.stored_len(candidate.at)? else { return Ok(()) };
        // A delta counts when it is clearly smaller than what is stored now.
        let mut best_len = stored.saturating_sub(OVERHEAD_BYTES);
        let mut best: Option<(u32, u64, Vec<u8>)> = None;
        for neighbour in window.iter_mut().rev() {
            let Some(depth) = self.depth(neighbour.at, candidate.at) else { continue };
            if depth.saturating_add(1).saturating_add(self.above(candidate.at)) > GOOD_CHAIN {
                continue;
            }
            let index = match &neighbour.index {
                Some(index) => index,
                None => match DeltaIndex::new(&neighbour.data) {
                    Some(index) => neighbour.index.insert(index),
                    None => continue,
                },
            };
            // Deltas shrink when they are deflated, but not by more than about half.
            let Some(found) = index.delta(&neighbour.data, data, best_len.saturating_mul(2)) else { continue };
            let Some(deflated) = deflate(&found).filter(|deflated| deflated.len() < best_len) else { continue };
            let mut applied = Vec::new();
            if delta::apply(&neighbour.data, &found, &mut applied).is_err() || applied != data {
                tracing::error!("a delta that was just made does not give back its object; it is not used");
                continue;
            }
            best_len = deflated.len();
            best = Some((neighbour.at, found.len() as u64, deflated));
        }
        if let Some((base, size, deflated)) = best {
            self.found_bytes = self.found_bytes.saturating_add(deflated.len() as u64);
            self.set_base(candidate.at, base);
            self.raise(candidate.at);
            self.found.insert(candidate.at, FreshDelta { base, size, deflated });
        }
        Ok(())
    }

    fn stored_len(&self, at: u32) -> Result<Option<usize>> {
        let Some(place) = self.census.place(at) else { return Ok(None) };
        let Some(pack) = self.census.pack(place) else { return Ok(None) };
        Ok(Some(pack.entry_bytes(place.index)?.len()))
    }
}

/// Writing to memory fails only if there is none left; then the object stays as it is.
fn deflate(data: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).ok()?;
    encoder.finish().ok()
}
