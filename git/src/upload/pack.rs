//! Writing a pack: stored entries are copied where the client can use them as they are, everything else is deflated anew.
//!
//! Owns the order of entries, the reuse of deltas and the integrity of the stream: the header counts exactly the entries that
//! follow, each object is written once, and the trailer is the hash of it all. Refuses to choose objects (`enumerate`) and never
//! searches for new deltas. Called by `upload::respond`.
//!
//! A stored delta is copied when its base goes out before it in this pack, or, for thin packs, is known to be held by the client.
//! Bases are written first by a depth-first walk. As copies come from packs in one order of preference and packs are complete in themselves, bases
//! never lead in a circle; should a damaged store say otherwise, the circle is broken by writing one object whole. A pack of which everything is
//! sent goes first and as it is ([`verbatim`]).

mod sink;
mod verbatim;

use super::{
    UploadOutcome, UploadStats,
    enumerate::Selection,
    locate::{LOOSE, Place, locate},
    request::FetchRequest,
    ticker::Ticker,
};
use crate::{
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
    pack::{
        EntryKind, Pack,
        entry::{write_full_header, write_ofs_delta_header, write_ref_delta_header},
    },
};
use sink::Sink;

/// Deltas deeper than this are written whole. Chains grow across packs when each push builds on the last one, and every client would
/// pay for it with each read.
const MAX_CHAIN: u16 = 250;

/// Writes the pack of `selection`.
///
/// Errors: `Lost` for an object that vanished, `Corrupt` for damage found on the way, `Interrupted`, `PeerGone`. The stream is
/// unusable after any of them.
pub(super) fn write(
    odb: &Snapshot,
    fetch: &FetchRequest,
    selection: &Selection,
    ticker: &mut Ticker<'_, '_>,
) -> Result<UploadStats> {
    let count = u32::try_from(selection.objects.len());
    let count = count.map_err(|_| Error::TooLarge { what: "number of objects", limit: u64::from(u32::MAX) })?;
    let places = locate(odb, selection);
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_unstable_by_key(|at| places.get(*at as usize).copied());
    let mut writer = Writer {
        odb,
        fetch,
        selection,
        entries: vec![Entry::default(); selection.objects.len()],
        places,
        order,
        sink: Sink::new(ticker),
        stats: UploadStats { outcome: UploadOutcome::Pack, objects: u64::from(count), ..UploadStats::default() },
        deltas: 0,
        data: Vec::new(),
        header: Vec::new(),
    };
    writer.run(count)
}

/// What is known about one object of the pack.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    state: State,
    /// Deltas between the object and the whole object its chain ends at.
    chain: u16,
    /// Where its entry starts in the pack being written.
    offset: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    New,
    /// Waits for its base.
    Open,
    Written,
}

/// How an object is going to be written.
enum Plan<'p> {
    /// The stored entry as it is.
    Copy(&'p Pack),
    /// The stored delta against an object of this pack.
    Delta { pack: &'p Pack, base: u32, len: usize, size: u64 },
    /// The stored delta against an object the client has.
    Thin { pack: &'p Pack, base: ObjectId, len: usize, size: u64 },
    /// Whole, deflated anew.
    Whole,
}

struct Writer<'w, 't, 'b> {
    odb: &'w Snapshot,
    fetch: &'w FetchRequest,
    selection: &'w Selection,
    places: Vec<Place>,
    /// Objects by place; also how the base of a delta is found by its offset.
    order: Vec<u32>,
    entries: Vec<Entry>,
    sink: Sink<'w, 't, 'b>,
    stats: UploadStats,
    deltas: u64,
    data: Vec<u8>,
    header: Vec<u8>,
}

impl<'w> Writer<'w, '_, '_> {
    fn run(&mut self, count: u32) -> Result<UploadStats> {
        // The choice was made by these files: before anything of it leaves.
        self.odb.check_readable()?;
        self.sink.put(b"PACK\0\0\0\x02")?;
        self.sink.put(&count.to_be_bytes())?;
        self.write_whole_pack()?;
        for rank in 0..self.order.len() {
            if let Some(at) = self.order.get(rank).copied() {
                self.write_with_bases(at)?;
            }
        }
        // And so was what was copied.
        self.odb.check_readable()?;
        self.stats.pack_bytes = self.sink.finish()?;
        let (total, deltas, reused) = (self.stats.objects, self.deltas, self.stats.reused);
        self.sink.say(&format!("Total {total} (delta {deltas}), reused {reused} (delta {deltas}), pack-reused 0\n"))?;
        Ok(self.stats.clone())
    }

    /// Writes an object after the bases it needs.
    fn write_with_bases(&mut self, at: u32) -> Result<()> {
        if self.entry(at).state != State::New {
            return Ok(());
        }
        let mut waiting = vec![at];
        while let Some(at) = waiting.last().copied() {
            self.sink.tick()?;
            let mut plan = self.plan(at)?;
            if let Plan::Delta { base, .. } = plan {
                let base_entry = self.entry(base);
                match base_entry.state {
                    State::New => {
                        self.set(at, |entry| entry.state = State::Open);
                        waiting.push(base);
                        continue;
                    }
                    // The base waits for this very object.
                    State::Open => plan = Plan::Whole,
                    State::Written if base_entry.chain >= MAX_CHAIN => plan = Plan::Whole,
                    State::Written => {}
                }
            }
            self.write_entry(at, plan)?;
            waiting.pop();
        }
        Ok(())
    }

    fn plan(&self, at: u32) -> Result<Plan<'w>> {
        let place = self.place(at);
        let Some(pack) = self.pack(place) else { return Ok(Plan::Whole) };
        let header = pack.entry_header(place.offset)?;
        let (len, size) = (header.len, header.size);
        let (base, id) = match header.kind {
            EntryKind::Full(_) => return Ok(Plan::Copy(pack)),
            EntryKind::OfsDelta { base_offset } => {
                // Mostly the base's chosen copy is the one in the same pack: found without looking up its id.
                match self.find_place(place.pack, base_offset) {
                    Some(base) => (Some(base), None),
                    None => {
                        let id = pack.index_of_offset(base_offset).and_then(|index| pack.idx().id_at(index));
                        (id.and_then(|id| self.selection.find(&id)), id)
                    }
                }
            }
            EntryKind::RefDelta { base } => (self.selection.find(&base), Some(base)),
        };
        Ok(match (base, id) {
            (Some(base), _) => Plan::Delta { pack, base, len, size },
            (None, Some(base)) if self.fetch.thin_pack && self.selection.is_held(&base) => {
                Plan::Thin { pack, base, len, size }
            }
            _ => Plan::Whole,
        })
    }

    fn write_entry(&mut self, at: u32, plan: Plan<'w>) -> Result<()> {
        let place = self.place(at);
        let offset = self.sink.offset();
        let is_reused = !matches!(plan, Plan::Whole);
        let mut chain = 0;
        self.header.clear();
        match plan {
            Plan::Copy(pack) => self.sink.put(pack.checked_entry_bytes(place.index)?)?,
            Plan::Delta { pack, base, len, size } => {
                let (base_entry, base_id) = (self.entry(base), self.id(base)?);
                chain = base_entry.chain.saturating_add(1);
                match offset.checked_sub(base_entry.offset) {
                    Some(distance) if self.fetch.ofs_delta && distance > 0 => {
                        write_ofs_delta_header(&mut self.header, distance, size);
                    }
                    _ => write_ref_delta_header(&mut self.header, &base_id, size),
                }
                self.put_delta(pack.checked_entry_bytes(place.index)?, len)?;
            }
            Plan::Thin { pack, base, len, size } => {
                chain = 1;
                write_ref_delta_header(&mut self.header, &base, size);
                self.put_delta(pack.checked_entry_bytes(place.index)?, len)?;
            }
            Plan::Whole => {
                let id = self.id(at)?;
                let Some(kind) = self.odb.find(&id, &mut self.data)? else { return Err(Error::Lost { id }) };
                write_full_header(&mut self.header, kind, self.data.len() as u64);
                self.sink.put(&self.header)?;
                self.sink.put_deflated(&self.data)?;
            }
        }
        self.stats.reused = self.stats.reused.saturating_add(u64::from(is_reused));
        self.deltas = self.deltas.saturating_add(u64::from(chain > 0));
        self.set(at, |entry| *entry = Entry { state: State::Written, chain, offset });
        Ok(())
    }

    /// Writes the header made before and the stored deflated delta, which starts `len` bytes into its stored entry.
    fn put_delta(&mut self, stored: &[u8], len: usize) -> Result<()> {
        self.sink.put(&self.header)?;
        self.sink.put(stored.get(len..).unwrap_or_default())
    }

    /// Finds the selected object whose chosen copy starts at `offset` of a pack.
    fn find_place(&self, pack: u32, offset: u64) -> Option<u32> {
        let key = |at: &u32| self.places.get(*at as usize).map(|place| (place.pack, place.offset));
        let found = self.order.binary_search_by_key(&Some((pack, offset)), key).ok()?;
        self.order.get(found).copied()
    }

    fn pack(&self, place: Place) -> Option<&'w Pack> {
        if place.pack == LOOSE {
            return None;
        }
        self.odb.packs().iter().rev().nth(place.pack as usize).map(|pack| &**pack)
    }

    fn place(&self, at: u32) -> Place {
        self.places.get(at as usize).copied().unwrap_or(super::locate::NOWHERE)
    }

    fn id(&self, at: u32) -> Result<ObjectId> {
        let id = self.selection.objects.get(at as usize).copied();
        id.ok_or(Error::Lost { id: ObjectId::null(crate::id::HASH_KIND) })
    }

    fn entry(&self, at: u32) -> Entry {
        self.entries.get(at as usize).copied().unwrap_or_default()
    }

    fn set(&mut self, at: u32, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(at as usize) {
            change(entry);
        }
    }
}
