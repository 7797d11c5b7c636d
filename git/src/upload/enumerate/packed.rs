//! Objects of the pack that has bitmaps, as bits: chosen ones and ones that the client has.
//!
//! Owns counting among chosen objects without a table of them: a number for every 64. Made by `bitmapped`, asked by pack writing.

use std::sync::Arc;

use crate::{bitmap::Bitmap, bits::Bits, id::ObjectId, pack::Pack};

/// Objects of one pack.
#[derive(Debug)]
pub(in crate::upload) struct Packed {
    bitmap: Arc<Bitmap>,
    chosen: Bits,
    /// How many are chosen before each word of the bits.
    before: Vec<u32>,
    held: Bits,
}

impl Packed {
    pub(super) fn new(bitmap: Arc<Bitmap>, chosen: Bits, held: Bits) -> Packed {
        let mut sum = 0u32;
        let before = chosen.words().iter().map(|word| {
            let before = sum;
            sum = sum.saturating_add(word.count_ones());
            before
        });
        let before = before.collect();
        Packed { bitmap, chosen, before, held }
    }

    /// The pack.
    pub(in crate::upload) fn pack(&self) -> &Arc<Pack> {
        self.bitmap.pack()
    }

    /// Whether every object of the pack is chosen.
    pub(in crate::upload) fn is_whole(&self) -> bool {
        self.chosen.count() == u64::from(self.pack().object_count())
    }

    /// Which of the chosen objects it is, counted from the start of the pack.
    pub(super) fn find(&self, id: &ObjectId) -> Option<u32> {
        let position = self.bitmap.position(id).filter(|position| self.chosen.contains(*position))?;
        let word = self.chosen.words().get(position as usize / 64)?;
        let below = word & (1u64 << (position % 64)).wrapping_sub(1);
        Some(self.before.get(position as usize / 64)?.saturating_add(below.count_ones()))
    }

    pub(super) fn is_held(&self, id: &ObjectId) -> bool {
        self.bitmap.position(id).is_some_and(|position| self.held.contains(position))
    }

    /// Position in the index and offset of each chosen object.
    pub(in crate::upload) fn places(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let pack = self.pack();
        self.chosen.iter().map(|position| {
            let index = pack.order().get(position as usize).copied().unwrap_or(u32::MAX);
            (index, pack.idx().offset_at(index).unwrap_or(u64::MAX))
        })
    }
}
