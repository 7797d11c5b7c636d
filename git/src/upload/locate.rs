//! Where the objects of a pack are stored, and in which order to write them.
//!
//! Owns the choice among several copies: the oldest pack wins, because a pack pushed later may hold copies only to complete
//! its deltas, and their originals are what other deltas were made against. What bitmaps have chosen is in their pack, and taken from there without
//! a look at others. Called by pack writing.

use std::sync::Arc;

use super::enumerate::Selection;
use crate::{id::ObjectId, odb::Snapshot};

/// Where one object is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Position in [`Snapshot::packs`] counted from the oldest; [`LOOSE`] when in no pack.
    pub(super) pack: u32,
    /// Offset in that pack.
    pub(super) offset: u64,
    /// Position in that pack's index.
    pub(super) index: u32,
}

/// The pack number of objects that are in no pack.
pub(super) const LOOSE: u32 = u32::MAX;

/// The place of objects that are in no pack.
pub(super) const NOWHERE: Place = Place { pack: LOOSE, offset: 0, index: 0 };

/// Finds every selected object, in the order of `selection.objects`.
pub(super) fn locate(odb: &Snapshot, selection: &Selection) -> Vec<Place> {
    let packs = odb.packs();
    if let Some(packed) = &selection.packed
        && let Some((_, number)) = packs.iter().rev().zip(0_u32..).find(|(pack, _)| Arc::ptr_eq(pack, packed.pack()))
    {
        let mut places = Vec::with_capacity(selection.objects.len());
        places.extend(packed.places().map(|(index, offset)| Place { pack: number, offset, index }));
        places.extend(ask_packs(odb, selection.objects.get(places.len()..).unwrap_or_default()));
        return places;
    }
    let stored: usize = packs.iter().map(|pack| pack.object_count() as usize).sum();
    // Asking each pack for each object costs about as much per question as reading four ids of an index.
    let questions = selection.objects.len().saturating_mul(packs.len());
    if questions < stored.saturating_mul(4) { ask_packs(odb, &selection.objects) } else { scan_packs(odb, selection) }
}

fn ask_packs(odb: &Snapshot, objects: &[ObjectId]) -> Vec<Place> {
    let find = |id| {
        odb.packs().iter().rev().zip(0_u32..).find_map(|(pack, number)| {
            let (index, offset) = pack.lookup(id)?;
            Some(Place { pack: number, offset, index })
        })
    };
    objects.iter().map(|id| find(id).unwrap_or(NOWHERE)).collect()
}

fn scan_packs(odb: &Snapshot, selection: &Selection) -> Vec<Place> {
    let mut places = vec![NOWHERE; selection.objects.len()];
    for (pack, number) in odb.packs().iter().rev().zip(0_u32..) {
        for (id, index) in pack.idx().ids().zip(0_u32..) {
            let Some(at) = selection.find(&id) else { continue };
            let Some(place) = places.get_mut(at as usize) else { continue };
            if *place == NOWHERE
                && let Some(offset) = pack.idx().offset_at(index)
            {
                *place = Place { pack: number, offset, index };
            }
        }
    }
    places
}
