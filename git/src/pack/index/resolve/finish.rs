//! Owns the end of indexing: nothing unresolved, nothing twice, no base both inside and outside, chains that end.

use super::{Context, EXTERNAL, Indexed, IndexedObject, NONE, Scanned, lost_entry};
use crate::{
    error::{Error, Result},
    id::ObjectId,
    pack::index::{object::Form, waiting::Waiting},
};

pub(super) fn finish(mut scanned: Scanned<'_>, externals: Vec<ObjectId>, context: &Context<'_>) -> Result<Indexed> {
    check_resolved(&scanned.entries)?;
    // While bases are still known by position.
    let mut external_bases = drop_redundant(&mut scanned.waiting, &scanned.entries, &externals, context)?;
    external_bases.sort_unstable();
    let mut objects = scanned.entries;
    drop((scanned.waiting, scanned.source));
    objects.sort_unstable_by_key(IndexedObject::id);
    if let Some([_, second]) = objects.array_windows().find(|[a, b]| a.id() == b.id()) {
        return Err(Error::bad_pack("the same object appears twice", second.offset()));
    }
    Ok(Indexed {
        objects,
        external_bases,
        deltas: scanned.deltas,
        unpacked_bytes: scanned.unpacked_bytes,
        checksum: scanned.checksum,
        references: scanned.visitor.references,
        special_blobs: scanned.visitor.special_blobs,
    })
}

/// Refuses a pack with deltas that have no base, naming the base of the first.
fn check_resolved(entries: &[IndexedObject]) -> Result<()> {
    let count = entries.iter().filter(|entry| entry.known_kind().is_none()).count() as u64;
    if count == 0 {
        return Ok(());
    }
    // A delta by offset is unresolved only because one by id below it is.
    match entries.iter().find_map(IndexedObject::awaited_base) {
        Some(base) => Err(Error::MissingBase { base, count }),
        None => Err(lost_entry()),
    }
}

/// Leaves out external bases that turned out to be in the pack as the result of another delta, and answers the others.
///
/// On disk a delta by id finds its base in its own pack, so with the base left out it applies to the one in the pack. That must not close a
/// circle, which is checked over the chains as they are then.
fn drop_redundant(
    waiting: &mut Waiting,
    entries: &[IndexedObject],
    externals: &[ObjectId],
    context: &Context<'_>,
) -> Result<Vec<ObjectId>> {
    let replaced = find_all(externals, entries);
    if replaced.iter().all(Option::is_none) {
        return Ok(externals.to_vec());
    }
    for index in 0..entries.len() as u32 {
        let base = waiting.base(index);
        if base != NONE
            && base & EXTERNAL != 0
            && let Some(Some(replacement)) = replaced.get((base & !EXTERNAL) as usize)
        {
            waiting.set_base(index, *replacement);
        }
    }
    check_chains(waiting, entries, context.limits.max_delta_depth)?;
    Ok(externals.iter().zip(&replaced).filter(|(_, replaced)| replaced.is_none()).map(|(id, _)| *id).collect())
}

/// The positions of some objects among the entries, which are in order of their offsets.
fn find_all(ids: &[ObjectId], entries: &[IndexedObject]) -> Vec<Option<u32>> {
    let mut sorted: Vec<(ObjectId, usize)> = ids.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    let mut found = vec![None; ids.len()];
    if ids.is_empty() {
        return found;
    }
    for (entry, index) in entries.iter().zip(0_u32..) {
        if let Ok(at) = sorted.binary_search_by_key(&entry.id(), |(id, _)| *id)
            && let Some(slot) = sorted.get(at).and_then(|(_, place)| found.get_mut(*place))
        {
            *slot = Some(index);
        }
    }
    found
}

/// Computes all depths anew and refuses circles.
fn check_chains(waiting: &Waiting, entries: &[IndexedObject], max_depth: u32) -> Result<()> {
    const UNKNOWN: u32 = u32::MAX;
    let depth_at_first = |entry: &IndexedObject| if entry.form() == Form::Whole { 0 } else { UNKNOWN };
    let mut depths: Vec<u32> = entries.iter().map(depth_at_first).collect();
    let mut path: Vec<u32> = Vec::new();
    for (start, entry) in (0_u32..).zip(entries) {
        let mut at = start;
        let mut depth = loop {
            let known = *depths.get(at as usize).ok_or_else(lost_entry)?;
            if known != UNKNOWN {
                break known;
            }
            path.push(at);
            if path.len() > entries.len() {
                return Err(Error::bad_pack("deltas form a circle", entry.offset()));
            }
            let base = waiting.base(at);
            if base & EXTERNAL != 0 {
                break 0;
            }
            at = base;
        };
        while let Some(index) = path.pop() {
            depth += 1;
            if depth > max_depth {
                return Err(Error::TooLarge { what: "length of a chain of deltas", limit: u64::from(max_depth) });
            }
            if let Some(slot) = depths.get_mut(index as usize) {
                *slot = depth;
            }
        }
    }
    Ok(())
}
