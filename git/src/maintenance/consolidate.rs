//! Owns the first step of [`crate::maintenance`]: many packs become few, loose objects become packed ones. Refuses to look at what is reachable and to
//! search for deltas: entries are copied.

use std::{collections::HashSet, sync::Arc, sync::atomic::AtomicBool};

use super::{
    bits::Bits, census::Census, check::verify_object, geometric::roll_up, local::Local, prepared::Prepared,
    rewrite::Rewrite,
};
use crate::{error::Result, id::ObjectId, odb::Snapshot, pack::Pack, repository::Repository, walk::check_interrupt};

/// How packs are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsolidateOptions {
    /// Each pack has at least so many times the objects of the next smaller one.
    pub factor: u64,
    /// Join all packs, whatever their sizes.
    pub all: bool,
}

impl Default for ConsolidateOptions {
    fn default() -> Self {
        ConsolidateOptions { factor: 2, all: false }
    }
}

/// Joins the small packs of a repository and its loose objects into one pack; `None` if it is in order.
///
/// Shape: the long phase; reads the objects as they are now. Packs whose objects are all in others are only dropped.
/// Errors: `Corrupt` or `Lost` for damage on disk, `Io`, `DiskFull`, `Interrupted`.
pub fn consolidate(
    repository: &Repository,
    options: &ConsolidateOptions,
    interrupt: &AtomicBool,
) -> Result<Option<Prepared>> {
    let odb = repository.odb();
    let local = Local::of(&repository.objects(), &odb);
    let mut packs = local.regular.clone();
    // Smallest first, and of equal ones the newest.
    packs.sort_by_key(|pack| pack.object_count());
    let superfluous = superfluous(&odb, &packs, &local.kept, interrupt)?;
    packs.retain(|pack| !superfluous.contains(&pack.id()));
    let counts: Vec<u64> = packs.iter().map(|pack| u64::from(pack.object_count())).collect();
    let joined = match options.all && (packs.len() > 1 || local.loose_len() > 0) {
        true => packs.len(),
        false => roll_up(&counts, local.loose_len(), options.factor),
    };
    let mut sources: Vec<Arc<Pack>> = packs;
    sources.truncate(joined);
    let mut replaces: Vec<Arc<Pack>> =
        local.regular.iter().filter(|pack| superfluous.contains(&pack.id())).cloned().collect();
    if sources.is_empty() && local.loose.is_none() {
        return Ok((!replaces.is_empty()).then(|| Prepared::new(repository, Vec::new(), replaces, None)));
    }
    // Oldest and largest first: their deltas have been chosen with most care.
    sources.reverse();
    replaces.extend(sources.iter().cloned());
    let census = Census::take(sources, local.loose.as_deref(), interrupt)?;
    let mut chosen = Bits::new(census.len() as usize);
    let staying: Vec<&Arc<Pack>> = local
        .regular
        .iter()
        .chain(&local.kept)
        .filter(|pack| replaces.iter().all(|gone| gone.id() != pack.id()))
        .collect();
    for at in 0..census.len() {
        if let Some(id) = census.id(at)
            && !is_whole_in(&odb, &staying, &id)?
        {
            chosen.insert(at);
        }
    }
    let task =
        Rewrite { repository, odb: &odb, census: &census, chosen: &chosen, fresh: Default::default(), interrupt };
    let new = task.write()?;
    Ok(Some(Prepared::new(repository, new.into_iter().collect(), replaces, local.loose)))
}

/// The packs all of whose objects are in larger ones: what a crash between publishing and removing leaves, or a push that brought nothing.
///
/// Shape: `packs` are sorted, smallest first; answers ids of packs. What is looked up is only as much as it takes to find one missing object.
fn superfluous(
    odb: &Snapshot,
    packs: &[Arc<Pack>],
    kept: &[Arc<Pack>],
    interrupt: &AtomicBool,
) -> Result<HashSet<u64>> {
    let mut found = HashSet::new();
    for (at, pack) in packs.iter().enumerate() {
        let larger: Vec<&Arc<Pack>> = packs.iter().skip(at + 1).rev().chain(kept).collect();
        // By name first: that costs next to nothing and mostly ends at the first object.
        if !pack.idx().ids().all(|id| larger.iter().any(|other| other.lookup(&id).is_some())) {
            continue;
        }
        let mut is_superfluous = true;
        for id in pack.idx().ids() {
            check_interrupt(interrupt)?;
            is_superfluous = is_superfluous && is_whole_in(odb, &larger, &id)?;
        }
        if is_superfluous {
            found.insert(pack.id());
        }
    }
    Ok(found)
}

/// Whether one of the packs holds an object in good order, so that another copy may go.
///
/// Errors: `Io`; damage only means that this copy does not count.
pub(super) fn is_whole_in(odb: &Snapshot, packs: &[&Arc<Pack>], id: &ObjectId) -> Result<bool> {
    for pack in packs {
        if let Some((index, offset)) = pack.lookup(id)
            && verify_object(odb, pack, index, offset, id)?.is_none()
        {
            return Ok(true);
        }
    }
    Ok(false)
}
