//! Owns the end of objects that nothing refers to: they move into a pack of their own with the time since when, and go when that is long ago.
//! Refuses to judge what counts as a reference: refs and remembered values come from the caller.
//!
//! The store stays closed under references: what an object that stays refers to stays, too, however old. What comes while this runs is looked at again
//! before anything is published ([`Leftover::absorb`]).

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::UNIX_EPOCH,
};

use super::{
    bits::Bits,
    census::Census,
    consolidate::is_whole_in,
    cruft::{self, Times},
    local::Local,
    mark::{Marker, Missing, references},
    prepared::Prepared,
    rewrite::{NewPack, Rewrite, write_flushed},
};
use crate::{
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
    pack::Pack,
    repository::Repository,
    walk::check_interrupt,
};

/// What is kept, and how long.
#[derive(Debug, Clone, Default)]
pub struct CollectOptions {
    /// What refs point at. All of it must exist.
    pub tips: Vec<ObjectId>,
    /// What refs pointed at not long ago. What of it is gone is gone.
    pub remembered: Vec<ObjectId>,
    /// Unreachable objects older than this go. Units: seconds since 1970.
    pub expire_before_s: u64,
}

/// The objects that are left out of the new packs, to be compared with what came meanwhile.
#[derive(Debug)]
pub(super) struct Leftover {
    /// Sorted.
    ids: Vec<ObjectId>,
    /// Packs that are known not to need any of them.
    seen: HashSet<u64>,
}

impl Leftover {
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn ids(&self) -> &[ObjectId] {
        &self.ids
    }

    fn has(&self, id: &ObjectId) -> bool {
        self.ids.binary_search(id).is_ok()
    }

    /// Answers whether nothing that came since needs what is left out.
    ///
    /// Shape: objects of new packs refer to objects of new packs or to older ones, so one look at each is enough.
    pub(super) fn absorb(
        &mut self,
        current: &Snapshot,
        tips: impl Iterator<Item = ObjectId>,
        interrupt: &AtomicBool,
    ) -> Result<bool> {
        if self.is_empty() {
            return Ok(true);
        }
        for tip in tips {
            if self.has(&tip) {
                return Ok(false);
            }
        }
        let mut data = Vec::new();
        for pack in current.packs() {
            if self.seen.contains(&pack.id()) {
                continue;
            }
            for index in 0..pack.object_count() {
                check_interrupt(interrupt)?;
                let Some((id, offset)) = pack.idx().id_at(index).zip(pack.idx().offset_at(index)) else { continue };
                let kind = current.find_at(pack, offset, &mut data)?;
                let mut is_needed = self.has(&id);
                references(&id, kind, &data, |found, _, _| {
                    is_needed = is_needed || self.has(&found);
                    Ok(())
                })?;
                if is_needed {
                    return Ok(false);
                }
            }
            self.seen.insert(pack.id());
        }
        Ok(true)
    }
}

/// Separates unreachable objects from the others and leaves out those that expired; `None` if there is nothing to do.
///
/// Shape: the long phase. Only packs that hold unreachable objects are written anew.
/// Errors: `Lost` if a ref reaches something that is missing: then nothing may be removed; `Corrupt`, `Io`, `DiskFull`, `Interrupted`.
pub fn collect(repository: &Repository, options: &CollectOptions, interrupt: &AtomicBool) -> Result<Option<Prepared>> {
    let odb = repository.odb();
    let local = Local::of(&repository.objects(), &odb);
    let all: Vec<Arc<Pack>> = local.regular.iter().chain(&local.kept).chain(&local.cruft).cloned().collect();
    let census = Census::take(all, local.loose.as_deref(), interrupt)?;
    let reachable = reachable(&odb, &census, &local, options, interrupt)?;
    if reachable.count() == u64::from(census.len()) && local.cruft.is_empty() {
        return Ok(None);
    }
    let since = times(&census, &local, &reachable, interrupt)?;
    let kept = rescued(&odb, &census, &reachable, &since, options, interrupt)?;

    let mut leftover = Vec::new();
    for at in (0..census.len()).filter(|at| !reachable.contains(*at) && !kept.contains(*at)) {
        leftover.extend(census.id(at));
    }
    let holds_unreachable =
        |pack: &&Arc<Pack>| pack.idx().ids().any(|id| census.find(&id).is_none_or(|at| !reachable.contains(at)));
    let mixed: Vec<Arc<Pack>> = local.regular.iter().filter(holds_unreachable).cloned().collect();
    let is_loose_mixed = local
        .loose
        .as_ref()
        .is_some_and(|loose| loose.ids().any(|id| census.find(&id).is_none_or(|at| !reachable.contains(at))));
    // Packs of unreachable objects in which nothing changes stay as they are.
    if mixed.is_empty() && !is_loose_mixed && leftover.is_empty() && local.cruft.len() <= 1 {
        return Ok(None);
    }
    let loose = local.loose.filter(|_| is_loose_mixed);
    let replaces: Vec<Arc<Pack>> = mixed.into_iter().chain(local.cruft.iter().cloned()).collect();
    let staying: Vec<&Arc<Pack>> =
        local.regular.iter().chain(&local.kept).filter(|p| replaces.iter().all(|gone| gone.id() != p.id())).collect();

    let parts = Census::take(replaces.clone(), loose.as_deref(), interrupt)?;
    let mut main = Bits::new(parts.len() as usize);
    let mut unreachable = Bits::new(parts.len() as usize);
    for at in 0..parts.len() {
        let Some(id) = parts.id(at) else { continue };
        let Some(whole_at) = census.find(&id) else { continue };
        if is_whole_in(&odb, &staying, &id)? {
            continue;
        }
        if reachable.contains(whole_at) {
            main.insert(at);
        } else if kept.contains(whole_at) {
            unreachable.insert(at);
        }
    }
    let write = |chosen: &Bits| {
        Rewrite { repository, odb: &odb, census: &parts, chosen, fresh: HashMap::new(), interrupt }.write()
    };
    let mut new: Vec<NewPack> = write(&main)?.into_iter().collect();
    if let Some(pack) = write(&unreachable)? {
        new.push(with_times(pack, &census, &since)?);
    }
    let seen = odb.packs().iter().map(|pack| pack.id()).collect();
    let removed = leftover.len() as u64;
    let mut prepared = Prepared::new(repository, new, replaces, loose);
    prepared.stats.unreachable = unreachable.count();
    prepared.stats.removed = removed;
    prepared.leftover = Some(Leftover { ids: leftover, seen });
    Ok(Some(prepared))
}

/// Everything that refs reach and reached lately, and what lies in packs that must not be touched.
fn reachable(
    odb: &Snapshot,
    census: &Census,
    local: &Local,
    options: &CollectOptions,
    interrupt: &AtomicBool,
) -> Result<Bits> {
    let mut marker = Marker::new(odb, census, interrupt);
    for tip in &options.tips {
        marker.walk_from(tip, Missing::Fail)?;
    }
    for old in &options.remembered {
        marker.walk_from(old, Missing::Skip)?;
    }
    for pack in &local.kept {
        for id in pack.idx().ids() {
            marker.walk_from(&id, Missing::Skip)?;
        }
    }
    Ok(marker.marked)
}

/// Since when each unreachable object is not needed: the latest time of any of its copies. Units: seconds since 1970.
fn times(census: &Census, local: &Local, reachable: &Bits, interrupt: &AtomicBool) -> Result<HashMap<u32, u32>> {
    let mut since: HashMap<u32, u32> = HashMap::new();
    let mut note = |id: &ObjectId, time: u32| {
        if let Some(at) = census.find(id).filter(|at| !reachable.contains(*at)) {
            let known = since.entry(at).or_insert(0);
            *known = time.max(*known);
        }
    };
    for pack in &local.regular {
        check_interrupt(interrupt)?;
        let time = modified(pack.path())?;
        pack.idx().ids().for_each(|id| note(&id, time));
    }
    for pack in &local.cruft {
        let times = Times::open(pack)?;
        for (index, id) in (0..).zip(pack.idx().ids()) {
            note(&id, times.at(index).unwrap_or(u32::MAX));
        }
        times.check_readable(pack)?;
    }
    if let Some(loose) = &local.loose {
        for id in loose.ids() {
            check_interrupt(interrupt)?;
            note(&id, modified(&loose.path_of(&id))?);
        }
    }
    Ok(since)
}

fn modified(path: &Path) -> Result<u32> {
    let time = fs::metadata(path).and_then(|found| found.modified()).map_err(|e| Error::io("stat", path, e))?;
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// The unreachable objects that stay: the young ones and what they need.
fn rescued(
    odb: &Snapshot,
    census: &Census,
    reachable: &Bits,
    since: &HashMap<u32, u32>,
    options: &CollectOptions,
    interrupt: &AtomicBool,
) -> Result<Bits> {
    let mut marker = Marker::new(odb, census, interrupt);
    // What is reachable need not be walked again.
    marker.marked = reachable.clone();
    for (at, time) in since {
        if u64::from(*time) >= options.expire_before_s
            && let Some(id) = census.id(*at)
        {
            marker.walk_from(&id, Missing::Skip)?;
        }
    }
    Ok(marker.marked)
}

/// Adds the list of times to a pack of unreachable objects.
fn with_times(mut new: NewPack, census: &Census, since: &HashMap<u32, u32>) -> Result<NewPack> {
    let time = |id: ObjectId| census.find(&id).and_then(|at| since.get(&at)).copied().unwrap_or(u32::MAX);
    let times: Vec<u32> = new.pack.idx().ids().map(time).collect();
    write_flushed(&new.quarantine.mtimes_path(), &cruft::write(&times, new.pack.idx().pack_checksum()))?;
    new.is_cruft = true;
    Ok(new)
}
