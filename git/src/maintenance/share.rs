//! Owns giving a repository the objects that some refs of another one reach. Packs of which all is reached are shared: the file gets a second name, so
//! that neither repository depends on the other, whatever is tidied or deleted there. What is left is copied into one pack. Refuses to share a pack that holds anything else:
//! what was taken out of one repository must not come into another. Called for forks, in the turn of the new repository.

use std::{fs, io::ErrorKind, path::Path, sync::Arc, sync::atomic::AtomicBool};

use super::{
    bits::Bits,
    census::Census,
    mark::{Marker, Missing},
    prepared::place,
    rewrite::Rewrite,
};
use crate::{
    error::{Error, Result},
    files,
    id::ObjectId,
    incoming::quarantine::Quarantine,
    odb::Snapshot,
    pack::Pack,
    repository::Repository,
    walk::check_interrupt,
};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShareStats {
    /// Packs that are the same file in both repositories.
    pub shared_packs: u64,
    /// Objects that were copied.
    pub copied_objects: u64,
}

/// Gives `target` everything that `tips` reach in `source`, whose objects are `objects`, and publishes it.
///
/// Shape: in the turn of `target`; nobody in `source` waits for it. Exactly what is reached comes over.
/// Errors: `Lost`, `Corrupt` for damage in the source, `Io`, `DiskFull`, `Interrupted`; then nothing is published.
pub fn share(
    source: &Repository,
    objects: &Arc<Snapshot>,
    tips: &[ObjectId],
    target: &Repository,
    interrupt: &AtomicBool,
) -> Result<ShareStats> {
    let loose = objects.loose_in(&source.objects()).cloned();
    let census = Census::take(objects.packs().to_vec(), loose.as_deref(), interrupt)?;
    let mut marker = Marker::new(objects, &census, interrupt);
    for tip in tips {
        marker.walk_from(tip, Missing::Fail)?;
    }
    let reached = marker.marked;
    let mut linked: Vec<(Arc<Pack>, Quarantine)> = Vec::new();
    for pack in objects.packs().iter().filter(|pack| !pack.is_waiting()) {
        check_interrupt(interrupt)?;
        if pack.idx().ids().all(|id| census.find(&id).is_some_and(|at| reached.contains(at)))
            && let Some(quarantine) = link(pack, target)?
        {
            linked.push((Arc::clone(pack), quarantine));
        }
    }
    let mut left = Bits::new(census.len() as usize);
    for at in (0..census.len()).filter(|at| reached.contains(*at)) {
        if let Some(id) = census.id(at)
            && linked.iter().all(|(pack, _)| pack.lookup(&id).is_none())
        {
            left.insert(at);
        }
    }
    // Nothing is copied by the word of an index that was read as zeros.
    objects.check_readable()?;
    let copied_objects = left.count();
    let task = Rewrite {
        repository: target,
        odb: objects,
        census: &census,
        chosen: &left,
        fresh: Default::default(),
        interrupt,
    };
    let new = task.write()?;
    let directory = target.objects().join("pack");
    let shared_packs = linked.len() as u64;
    for (pack, quarantine) in linked {
        move_in(&pack, &quarantine, &directory)?;
    }
    if let Some(new) = &new {
        place(new)?;
    }
    files::sync_dir(&directory)?;
    target.refresh()?;
    Ok(ShareStats { shared_packs, copied_objects })
}

/// Gives the files of a pack second names in a quarantine of `target`; `None` where that cannot be: the pack was replaced meanwhile, or lies on another file system.
fn link(pack: &Pack, target: &Repository) -> Result<Option<Quarantine>> {
    let quarantine = Quarantine::for_maintenance(&target.objects())?;
    for (ending, to) in [("pack", quarantine.pack_path()), ("idx", quarantine.idx_path())] {
        let from = pack.path().with_extension(ending);
        match fs::hard_link(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return Err(Error::io("link", &from, error)),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(quarantine))
}

/// Moves a pack with a second name into place, its index last.
fn move_in(pack: &Pack, quarantine: &Quarantine, directory: &Path) -> Result<()> {
    let Some(name) = pack.path().file_name() else { return Err(pack.corrupt("the pack has no name")) };
    let to = directory.join(name);
    for (from, to) in [(quarantine.pack_path(), to.clone()), (quarantine.idx_path(), to.with_extension("idx"))] {
        fs::rename(&from, &to).map_err(|error| Error::io("rename to", &to, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
