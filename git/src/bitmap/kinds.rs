//! Owns finding the kind of every object of a pack without reading any of them: a delta has the kind of its base. Called by the writer.

use std::sync::atomic::AtomicBool;

use crate::{
    bits::Bits,
    error::Result,
    id::Kind,
    odb::Snapshot,
    pack::{EntryKind, Pack},
    walk::check_interrupt,
};

/// The objects of each kind by their positions in the pack: commits, trees, blobs, tags.
///
/// Errors: `Corrupt`, `Interrupted`.
pub(super) fn of_pack(odb: &Snapshot, pack: &Pack, interrupt: &AtomicBool) -> Result<[Bits; 4]> {
    let mut kinds = std::array::from_fn(|_| Bits::new(pack.object_count() as usize));
    let mut known: Vec<Kind> = Vec::with_capacity(pack.object_count() as usize);
    for (position, index) in (0u32..).zip(pack.order()) {
        check_interrupt(interrupt)?;
        let offset = pack.idx().offset_at(*index).ok_or_else(|| pack.corrupt("the index cannot be read"))?;
        let kind = match pack.entry_kind(offset)? {
            EntryKind::Full(kind) => kind,
            EntryKind::OfsDelta { base_offset } => {
                // Such a base lies before the delta, so its kind is known by now.
                let base = pack.index_of_offset(base_offset).and_then(|base| pack.rank_of_index(base));
                let kind = base.and_then(|base| known.get(base as usize)).copied();
                kind.ok_or_else(|| pack.corrupt("a delta has no base in its pack"))?
            }
            EntryKind::RefDelta { .. } => odb.header_at(pack, offset)?.0,
        };
        known.push(kind);
        if let Some(bits) = kinds.get_mut(super::place_of(kind)) {
            bits.insert(position);
        }
    }
    Ok(kinds)
}
