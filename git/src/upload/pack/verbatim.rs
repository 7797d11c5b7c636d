//! A pack that is wanted as a whole leaves as it lies on disk, without a look at each of its deltas.
//!
//! Owns when that is right: every object of the pack is sent, the client takes deltas by offset, and no delta needs anything outside of the
//! pack. Distances between entries stay what they are, so the entries need no change. Each entry's checksum is looked at all the same.

use super::{Entry, MAX_CHAIN, State, Writer};
use crate::{
    error::Result,
    pack::{HEADER_LEN, Pack},
};

/// Bytes that leave at once.
const RUN_BYTES: u64 = 1 << 20;

impl<'w> Writer<'w, '_, '_> {
    /// Writes the pack that bitmaps chose, if all of it is wanted and it can go as it is; its objects are the first of the selection.
    pub(super) fn write_whole_pack(&mut self) -> Result<()> {
        let selection = self.selection;
        let Some(packed) = selection.packed.as_ref().filter(|packed| packed.is_whole() && self.fetch.ofs_delta) else {
            return Ok(());
        };
        let pack: &'w Pack = packed.pack();
        let Some(chains) = pack.chains().filter(|chains| chains.iter().all(|chain| *chain < MAX_CHAIN)) else {
            return Ok(());
        };
        let shift = self.sink.offset().saturating_sub(HEADER_LEN);
        for (entry, (index, chain)) in self.entries.iter_mut().zip(pack.order().iter().zip(chains)) {
            let Some(offset) = pack.idx().offset_at(*index) else { return Err(pack.corrupt("an offset is missing")) };
            *entry = Entry { state: State::Written, chain: *chain, offset: offset.saturating_add(shift) };
        }
        self.stats.reused = u64::from(pack.object_count());
        self.deltas = chains.iter().filter(|chain| **chain > 0).count() as u64;
        self.write_entries(pack)
    }

    fn write_entries(&mut self, pack: &'w Pack) -> Result<()> {
        let mut run_start = HEADER_LEN;
        let mut start = HEADER_LEN;
        let mut order = pack.order().iter().copied().peekable();
        while let Some(index) = order.next() {
            let end = match order.peek() {
                Some(next) => pack.idx().offset_at(*next),
                None => Some(pack.entries_end()),
            };
            let end = end.ok_or_else(|| pack.corrupt("an offset is missing"))?;
            pack.check_entry(index, start..end)?;
            start = end;
            if end.saturating_sub(run_start) >= RUN_BYTES || order.peek().is_none() {
                self.sink.put(pack.slice(run_start..end)?)?;
                run_start = end;
            }
            self.sink.tick()?;
        }
        Ok(())
    }
}
