//! Owns writing one pack out of objects of many: stored entries are copied as they are, distances to bases made anew. Refuses to choose the objects and
//! to put the pack into place. Called by every long step of maintenance.
//!
//! Nothing dangles: a delta is only kept if its base is written into the same pack, before it. Where that cannot be (the base is not chosen, chains
//! through several packs run in a circle or get too long) the object is written whole. A look at its checksum goes before copying an entry, and at the end
//! every object of the new pack is read back and hashed.

mod output;

use std::{collections::HashMap, sync::Arc, sync::atomic::AtomicBool};

use super::{bits::Bits, census::Census, census::LOOSE, census::Place, check::verify_objects, fault};
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    incoming::quarantine::Quarantine,
    odb::Snapshot,
    pack::{EntryKind, Pack, entry, idx::IdxEntry},
    repository::Repository,
    walk::check_interrupt,
};
use output::Output;
pub(super) use output::write_flushed;

/// Longest chain where a whole copy is at hand, as git's `pack.depth`.
pub(super) const GOOD_CHAIN: u16 = 50;
/// Longest chain at all, as git allows.
const MAX_CHAIN: u16 = 4000;

/// A delta that was found for an object stored whole.
#[derive(Debug)]
pub(super) struct FreshDelta {
    /// The base, by its position in the census.
    pub(super) base: u32,
    /// Size of the delta, inflated.
    pub(super) size: u64,
    /// The delta, deflated.
    pub(super) deflated: Vec<u8>,
}

/// What to write.
pub(super) struct Rewrite<'a> {
    pub(super) repository: &'a Repository,
    pub(super) odb: &'a Snapshot,
    pub(super) census: &'a Census,
    pub(super) chosen: &'a Bits,
    pub(super) fresh: HashMap<u32, FreshDelta>,
    pub(super) interrupt: &'a AtomicBool,
}

/// A flushed pack with its index in a quarantine, opened under the name that it will have.
#[derive(Debug)]
pub(super) struct NewPack {
    pub(super) quarantine: Quarantine,
    pub(super) pack: Arc<Pack>,
    /// A list of times lies beside it.
    pub(super) is_cruft: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    New,
    /// Waits for its base.
    Open,
    Written,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    offset: u64,
    chain: u16,
    state: State,
}

/// How an object is written.
enum Plan {
    Copy(Place),
    Delta { place: Place, base: u32, header_len: usize, size: u64 },
    Fresh(FreshDelta),
    Whole,
}

impl Rewrite<'_> {
    /// Writes the pack; `None` if nothing is chosen.
    ///
    /// Errors: `Corrupt`, `Lost`, `Io`, `DiskFull`, `Interrupted`, `TooLarge`. Then nothing is left behind.
    pub(super) fn write(self) -> Result<Option<NewPack>> {
        let order = self.order()?;
        if order.is_empty() {
            return Ok(None);
        }
        let objects = self.repository.objects();
        let quarantine = Quarantine::for_maintenance(&objects)?;
        let (odb, interrupt) = (self.odb, self.interrupt);
        let count = order.len() as u32;
        let output = Output::create(&quarantine.pack_path(), count)?;
        let entries = vec![Entry::default(); self.census.len() as usize];
        let mut writer =
            Writer { task: self, output, entries, lines: Vec::with_capacity(order.len()), data: Vec::new() };
        for at in order {
            writer.write_with_bases(at)?;
        }
        let Writer { output, lines, .. } = writer;
        fault::reach("entries written");
        let pack = output.finish(lines, &quarantine.idx_path(), &objects.join("pack"))?;
        fault::reach("pack and index flushed");
        let mut broken = None;
        verify_objects(odb, &pack, interrupt, &mut |_, what| broken = broken.or(Some(what)))?;
        if let Some(what) = broken {
            return Err(Error::corrupt(quarantine.pack_path(), what));
        }
        Ok(Some(NewPack { quarantine, pack: Arc::new(pack), is_cruft: false }))
    }

    /// The chosen objects in the order of the pack: what walks read together lies together.
    fn order(&self) -> Result<Vec<u32>> {
        let mut keys = Vec::with_capacity(usize::try_from(self.chosen.count()).unwrap_or(0));
        for at in (0..self.census.len()).filter(|at| self.chosen.contains(*at)) {
            check_interrupt(self.interrupt)?;
            let Some((place, id)) = self.census.place(at).zip(self.census.id(at)) else { continue };
            let rank = match self.kind(place, &id)? {
                Kind::Commit => 0u8,
                Kind::Tag => 1,
                Kind::Tree => 2,
                Kind::Blob => 3,
            };
            keys.push((rank, place.pack, place.offset, at));
        }
        keys.sort_unstable();
        Ok(keys.into_iter().map(|(_, _, _, at)| at).collect())
    }

    fn kind(&self, place: Place, id: &ObjectId) -> Result<Kind> {
        match self.census.pack(place) {
            Some(pack) => Ok(self.odb.header_at(pack, place.offset)?.0),
            None => Ok(self.odb.header(id)?.ok_or(Error::Lost { id: *id })?.0),
        }
    }
}

struct Writer<'a> {
    task: Rewrite<'a>,
    output: Output,
    entries: Vec<Entry>,
    lines: Vec<IdxEntry>,
    data: Vec<u8>,
}

impl Writer<'_> {
    /// Writes an object after the bases it needs.
    fn write_with_bases(&mut self, at: u32) -> Result<()> {
        if self.entry(at).state != State::New {
            return Ok(());
        }
        let mut waiting = vec![at];
        while let Some(at) = waiting.last().copied() {
            check_interrupt(self.task.interrupt)?;
            let mut plan = self.plan(at)?;
            if let Some(base) = plan.base() {
                let (has_whole, found) = (self.task.census.whole_copy(at).is_some(), self.entry(base));
                let limit = if has_whole || matches!(plan, Plan::Fresh(_)) { GOOD_CHAIN } else { MAX_CHAIN };
                match found.state {
                    State::New => {
                        self.give_back(at, plan);
                        self.set(at, Entry { state: State::Open, ..Entry::default() });
                        waiting.push(base);
                        continue;
                    }
                    State::Open => plan = self.without_base(at)?,
                    State::Written if found.chain >= limit => plan = self.without_base(at)?,
                    State::Written => {}
                }
            }
            self.write_entry(at, plan)?;
            waiting.pop();
        }
        Ok(())
    }

    fn plan(&mut self, at: u32) -> Result<Plan> {
        if let Some(fresh) = self.task.fresh.remove(&at) {
            return Ok(Plan::Fresh(fresh));
        }
        let census = self.task.census;
        let Some(place) = census.place(at).filter(|place| place.pack != LOOSE) else { return Ok(Plan::Whole) };
        let Some(pack) = census.pack(place) else { return Ok(Plan::Whole) };
        let header = pack.entry_header(place.offset)?;
        let base = match header.kind {
            EntryKind::Full(_) => return Ok(Plan::Copy(place)),
            EntryKind::OfsDelta { base_offset } => census.at_offset(pack, base_offset),
            EntryKind::RefDelta { base } => census.find(&base),
        };
        match base.filter(|base| self.task.chosen.contains(*base)) {
            Some(base) => Ok(Plan::Delta { place, base, header_len: header.len, size: header.size }),
            None => self.without_base(at),
        }
    }

    /// The plan for an object whose delta is of no use.
    fn without_base(&self, at: u32) -> Result<Plan> {
        let census = self.task.census;
        if let Some(place) = census.whole_copy(at) {
            return Ok(Plan::Copy(place));
        }
        // An object that was to become a delta is stored whole.
        if let Some(place) = census.place(at)
            && let Some(pack) = census.pack(place)
            && matches!(pack.entry_kind(place.offset)?, EntryKind::Full(_))
        {
            return Ok(Plan::Copy(place));
        }
        Ok(Plan::Whole)
    }

    fn give_back(&mut self, at: u32, plan: Plan) {
        if let Plan::Fresh(fresh) = plan {
            self.task.fresh.insert(at, fresh);
        }
    }

    fn write_entry(&mut self, at: u32, plan: Plan) -> Result<()> {
        let id = self.task.census.id(at).ok_or_else(lost_count)?;
        let offset = self.output.begin();
        let mut chain = 0;
        match plan {
            Plan::Copy(place) => self.output.put(stored(self.task.census, place)?)?,
            Plan::Delta { place, base, header_len, size } => {
                chain = self.put_delta_header(base, size)?;
                let deflated = stored(self.task.census, place)?.get(header_len..).unwrap_or_default();
                self.output.put(deflated)?;
            }
            Plan::Fresh(fresh) => {
                chain = self.put_delta_header(fresh.base, fresh.size)?;
                self.output.put(&fresh.deflated)?;
            }
            Plan::Whole => {
                let mut data = std::mem::take(&mut self.data);
                let kind = self.task.odb.find(&id, &mut data)?.ok_or(Error::Lost { id })?;
                let mut header = Vec::with_capacity(16);
                entry::write_full_header(&mut header, kind, data.len() as u64);
                self.output.put(&header)?;
                self.output.put_deflated(&data)?;
                self.data = data;
            }
        }
        self.lines.push(IdxEntry { id, offset, crc32: self.output.end() });
        self.set(at, Entry { offset, chain, state: State::Written });
        Ok(())
    }

    fn put_delta_header(&mut self, base: u32, size: u64) -> Result<u16> {
        let base = self.entry(base);
        let distance = self.output.offset().checked_sub(base.offset).filter(|distance| *distance > 0);
        let mut header = Vec::with_capacity(24);
        entry::write_ofs_delta_header(&mut header, distance.ok_or_else(lost_count)?, size);
        self.output.put(&header)?;
        Ok(base.chain.saturating_add(1))
    }

    fn entry(&self, at: u32) -> Entry {
        self.entries.get(at as usize).copied().unwrap_or_default()
    }

    fn set(&mut self, at: u32, entry: Entry) {
        if let Some(slot) = self.entries.get_mut(at as usize) {
            *slot = entry;
        }
    }
}

impl Plan {
    fn base(&self) -> Option<u32> {
        match self {
            Plan::Delta { base, .. } | Plan::Fresh(FreshDelta { base, .. }) => Some(*base),
            Plan::Copy(_) | Plan::Whole => None,
        }
    }
}

/// The stored bytes of an entry, after a look at their checksum: damage must not be copied as if it were well.
fn stored(census: &Census, place: Place) -> Result<&[u8]> {
    let pack = census.pack(place).ok_or_else(lost_count)?;
    pack.checked_entry_bytes(place.index)
}

/// Positions come from the census itself; a wrong one would be a fault of ours and must not become a pack.
fn lost_count() -> Error {
    Error::corrupt("a pack being written", "its parts do not fit each other")
}
