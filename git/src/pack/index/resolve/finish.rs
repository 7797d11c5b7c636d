//! Owns the end of indexing: nothing unresolved, nothing twice, no base both inside and outside, chains that end.

use super::{Context, EXTERNAL, Entry, Indexed, NONE, Scanned, lost_entry};
use crate::{
    error::{Error, Result},
    id::ObjectId,
    pack::{idx::IdxEntry, index::IndexedObject},
};

pub(super) fn finish(
    mut scanned: Scanned<'_>,
    externals: Vec<ObjectId>,
    deltas: u64,
    context: &Context<'_>,
) -> Result<Indexed> {
    check_resolved(&scanned)?;
    let mut objects: Vec<(IndexedObject, u32)> = Vec::with_capacity(scanned.entries.len());
    for (index, entry) in scanned.entries.iter().enumerate() {
        let (id, kind) = entry.resolved.ok_or_else(lost_entry)?;
        let line = IdxEntry { id, offset: entry.offset, crc32: entry.crc32 };
        objects.push((IndexedObject { entry: line, kind }, index as u32));
    }
    objects.sort_unstable_by_key(|(object, _)| object.entry.id);
    if let Some([_, (second, _)]) = objects.array_windows().find(|[(a, _), (b, _)]| a.entry.id == b.entry.id) {
        return Err(Error::bad_pack("the same object appears twice", second.entry.offset));
    }
    let mut external_bases = drop_redundant(&mut scanned.entries, &externals, &objects, context)?;
    external_bases.sort_unstable();
    Ok(Indexed {
        objects: objects.into_iter().map(|(object, _)| object).collect(),
        external_bases,
        deltas,
        unpacked_bytes: scanned.unpacked_bytes,
        checksum: scanned.checksum,
        references: scanned.visitor.references,
        special_blobs: scanned.visitor.special_blobs,
    })
}

/// Refuses a pack with deltas that have no base, naming the base of the first.
fn check_resolved(scanned: &Scanned<'_>) -> Result<()> {
    let is_unresolved = |entry: &Entry| entry.resolved.is_none();
    let count = scanned.entries.iter().filter(|entry| is_unresolved(entry)).count() as u64;
    if count == 0 {
        return Ok(());
    }
    let unresolved_lines =
        scanned.by_id.iter().filter(|(_, index)| scanned.entries.get(*index as usize).is_some_and(is_unresolved));
    // A delta by offset is unresolved only because one by id below it is.
    match unresolved_lines.min_by_key(|(_, index)| *index) {
        Some((base, _)) => Err(Error::MissingBase { base: *base, count }),
        None => Err(lost_entry()),
    }
}

/// Leaves out external bases that turned out to be in the pack as the result of another delta, and answers the others.
///
/// On disk a delta by id finds its base in its own pack, so with the base left out it applies to the one in the pack. That must not close a
/// circle, which is checked over the chains as they are then.
fn drop_redundant(
    entries: &mut [Entry],
    externals: &[ObjectId],
    objects: &[(IndexedObject, u32)],
    context: &Context<'_>,
) -> Result<Vec<ObjectId>> {
    let in_pack = |id: &ObjectId| -> Option<u32> {
        let at = objects.binary_search_by(|(object, _)| object.entry.id.cmp(id)).ok()?;
        objects.get(at).map(|(_, index)| *index)
    };
    let replaced: Vec<Option<u32>> = externals.iter().map(in_pack).collect();
    if replaced.iter().all(Option::is_none) {
        return Ok(externals.to_vec());
    }
    for entry in entries.iter_mut().filter(|entry| entry.base != NONE && entry.base & EXTERNAL != 0) {
        if let Some(Some(index)) = replaced.get((entry.base & !EXTERNAL) as usize) {
            entry.base = *index;
        }
    }
    check_chains(entries, context.limits.max_delta_depth)?;
    Ok(externals.iter().zip(&replaced).filter(|(_, replaced)| replaced.is_none()).map(|(id, _)| *id).collect())
}

/// Computes all depths anew and refuses circles.
fn check_chains(entries: &mut [Entry], max_depth: u32) -> Result<()> {
    const UNKNOWN: u32 = u32::MAX;
    for entry in entries.iter_mut() {
        entry.depth = if entry.is_delta { UNKNOWN } else { 0 };
    }
    let mut path: Vec<usize> = Vec::new();
    for start in 0..entries.len() {
        let mut at = start;
        let mut depth = loop {
            let entry = entries.get(at).ok_or_else(lost_entry)?;
            if entry.depth != UNKNOWN {
                break entry.depth;
            }
            path.push(at);
            if path.len() > entries.len() {
                return Err(Error::bad_pack("deltas form a circle", entry.offset));
            }
            if entry.base & EXTERNAL != 0 {
                break 0;
            }
            at = entry.base as usize;
        };
        while let Some(index) = path.pop() {
            depth += 1;
            if depth > max_depth {
                return Err(Error::TooLarge { what: "length of a chain of deltas", limit: u64::from(max_depth) });
            }
            if let Some(entry) = entries.get_mut(index) {
                entry.depth = depth;
            }
        }
    }
    Ok(())
}
