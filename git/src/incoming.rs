//! Owns the way of a pushed pack into a repository: quarantine, indexing, completion, proof of closure, installation. Refuses to move refs
//! or to decide who may push. Called by the server's push path on a blocking pool.
//!
//! Shape: [`Incoming`] becomes [`Ingested`] (a complete, verified pack: a small one in memory, a large one flushed to a file in quarantine)
//! becomes a pack of the repository. Dropping either leaves nothing.

pub(crate) mod closure;
mod complete;
pub(crate) mod quarantine;

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use bytes::Bytes;

use crate::{
    error::{Error, Result},
    files,
    id::ObjectId,
    limits::Limits,
    maintenance::write_out,
    map::FileBytes,
    odb::Snapshot,
    pack::{Pack, index},
    repository::Repository,
};
use complete::Completion;
use quarantine::Quarantine;

pub use crate::pack::index::Progress;

/// Where the bytes of a pushed pack are.
#[derive(Debug, Clone)]
pub enum PackSource {
    /// In memory.
    Memory(Bytes),
    /// In the file that [`Incoming::spool`] made, written and closed.
    Spooled,
}

/// The quarantine of one push; it takes no place on disk before it is needed.
#[derive(Debug)]
pub struct Incoming {
    repository: Repository,
    quarantine: Arc<Quarantine>,
    limits: Limits,
}

/// Where the pack of a push may be written as it arrives.
#[derive(Debug, Clone)]
pub struct Spool(Arc<Quarantine>);

impl Spool {
    /// Creates the file, private, for the caller to write to; once.
    ///
    /// Errors: `Io`, `DiskFull`.
    pub fn create(&self) -> Result<fs::File> {
        self.0.make()?;
        files::create_new(&self.0.pack_path())
    }

    /// The path of the file, for messages.
    pub fn path(&self) -> PathBuf {
        self.0.pack_path()
    }
}

/// A verified pack that waits to be installed, in memory or in quarantine.
///
/// Shape: every object is hashed and checked, every reference is proved to exist in the pack or in the repository, files are flushed.
#[derive(Debug)]
pub struct Ingested {
    repository: Repository,
    quarantine: Arc<Quarantine>,
    snapshot: Arc<Snapshot>,
    pack: Option<Arc<Pack>>,
    /// What the pack needs of the repository, to be looked at again if objects were removed meanwhile.
    outside: Option<Vec<ObjectId>>,
    stats: IngestStats,
}

/// What was received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestStats {
    /// Objects in the pack as sent.
    pub objects: u64,
    /// Of these, how many came as deltas.
    pub deltas: u64,
    /// Bases added because the pack was thin.
    pub added_bases: u64,
    /// Bytes as sent.
    pub received_bytes: u64,
    /// Bytes of the pack on disk.
    pub pack_bytes: u64,
    /// Bytes of all objects, inflated and resolved.
    pub unpacked_bytes: u64,
}

impl Incoming {
    pub(crate) fn new(repository: Repository, limits: Limits) -> Incoming {
        let quarantine = Arc::new(Quarantine::for_push(&repository.objects()));
        Incoming { repository, quarantine, limits }
    }

    /// A file for the pack, if the caller does not keep it in memory.
    pub fn spool(&self) -> Spool {
        Spool(Arc::clone(&self.quarantine))
    }

    /// The limits this push is held to.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Verifies a whole pack and makes it ready to be installed. An empty pack is fine and installs nothing.
    ///
    /// Errors: peer faults (`BadPack`, `MissingBase`, `TooLarge`, `MissingObject`, `WrongKind`, `Fsck`, `Collision`), `Interrupted`, and ours
    /// (`DiskFull`, `Io`, `Corrupt`). The quarantine is removed in every case.
    pub fn ingest(
        self,
        source: PackSource,
        progress: &mut dyn FnMut(Progress),
        interrupt: &AtomicBool,
    ) -> Result<Ingested> {
        let base = self.repository.odb();
        let data = match &source {
            PackSource::Memory(bytes) => FileBytes::from(bytes.clone()),
            PackSource::Spooled => FileBytes::open(&self.quarantine.pack_path())?,
        };
        let indexed = index::index_file(&data, &base, &self.limits, progress, interrupt)?;
        closure::prove(&indexed, &base, interrupt)?;
        let stats = IngestStats {
            objects: indexed.objects.len() as u64,
            deltas: indexed.deltas,
            added_bases: indexed.external_bases.len() as u64,
            received_bytes: data.len() as u64,
            pack_bytes: 0,
            unpacked_bytes: indexed.unpacked_bytes,
        };
        let Incoming { repository, quarantine, limits } = self;
        if indexed.objects.is_empty() {
            return Ok(Ingested { repository, quarantine, snapshot: base, pack: None, outside: None, stats });
        }
        let completion = Completion {
            quarantine: &quarantine,
            objects: &repository.objects(),
            base: &base,
            limits: &limits,
            interrupt,
        };
        let pack = completion.complete(source, data, &indexed)?;
        let stats = IngestStats { pack_bytes: pack.bytes().len() as u64, ..stats };
        let snapshot = Arc::new(base.with_pack(pack.clone()));
        closure::check_special_blobs(&indexed, &snapshot, &limits, interrupt)?;
        base.check_readable()?;
        let outside = indexed.references.outside(|id| indexed.find(id).is_some());
        Ok(Ingested { repository, quarantine, snapshot, pack: Some(pack), outside, stats })
    }
}

impl Ingested {
    /// What was received.
    pub fn stats(&self) -> IngestStats {
        self.stats
    }

    /// The repository's objects together with the pack in quarantine, to check what refs would point at.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The pack; `None` if nothing was sent.
    pub fn pack(&self) -> Option<&Arc<Pack>> {
        self.pack.as_ref()
    }

    /// Whether the pack is only in memory, so that it may be made durable elsewhere and [adopted](Repository::adopt).
    pub fn is_in_memory(&self) -> bool {
        self.pack.as_ref().is_some_and(|pack| pack.is_waiting())
    }

    /// Makes the pack fit the repository as it is now, without publishing it or writing anything: for one that is in memory and that the caller makes
    /// durable before it is [adopted](Repository::adopt).
    ///
    /// Shape: `repository` is the opening that takes turns now, and the call belongs into its turn. `None` if nothing was sent.
    /// Errors: as [`Ingested::install_into`], and `Corrupt`.
    pub fn check_for(self, repository: &Repository) -> Result<Option<Arc<Pack>>> {
        let Ingested { repository: own, snapshot, pack, outside, .. } = self;
        check_closed(&snapshot, outside, &repository.odb())?;
        match pack {
            // Moved meanwhile: it will be written to where the repository is now.
            Some(pack) if repository.path() != own.path() => {
                pack.waiting_in(&repository.objects().join("pack")).map(|pack| Some(Arc::new(pack)))
            }
            pack => Ok(pack),
        }
    }

    /// Moves the pack into the repository and publishes the new set of objects. Durable once it returns.
    ///
    /// Errors: as [`Ingested::install_into`].
    pub fn install(self) -> Result<Arc<Snapshot>> {
        let repository = self.repository.clone();
        self.install_into(&repository)
    }

    /// Like [`Ingested::install`], into another opening of the same directory: the one that takes turns now.
    ///
    /// Errors: `Io`, `DiskFull`; `MissingObject` or `BadRequest` when maintenance removed meanwhile what the pack builds on. Then nothing is
    /// published.
    pub fn install_into(self, repository: &Repository) -> Result<Arc<Snapshot>> {
        let Ingested { repository: own, quarantine, snapshot, pack, outside, .. } = self;
        // Of a directory that was moved meanwhile the quarantine has moved, too, and installing fails as it should.
        let repository = if repository.path() == own.path() { repository.clone() } else { own };
        let Some(pack) = pack else { return Ok(repository.odb()) };
        let target = pack.path().to_owned();
        let is_still_closed = |current: &Snapshot| check_closed(&snapshot, outside, current);
        let place = || {
            if pack.is_waiting() {
                quarantine.make()?;
                write_out::write_files(&pack, &quarantine)?;
            }
            let idx = target.with_extension("idx");
            fs::rename(quarantine.pack_path(), &target).map_err(|e| Error::io("rename to", &target, e))?;
            // The index goes last: git looks for packs by their indices.
            if let Err(e) = fs::rename(quarantine.idx_path(), &idx) {
                if !idx.is_file() {
                    // A pack without index is of no use to anybody; if it cannot be removed either, it does no harm.
                    let _ = fs::remove_file(&target);
                }
                return Err(Error::io("rename to", idx, e));
            }
            files::sync_dir(&repository.objects().join("pack"))?;
            pack.note_written();
            Ok(())
        };
        repository.publish(Arc::clone(&pack), is_still_closed, place)
    }
}

/// Looks again at what a pack builds on, if objects were removed since it was checked against `then`.
fn check_closed(then: &Snapshot, outside: Option<Vec<ObjectId>>, now: &Snapshot) -> Result<()> {
    if now.generation() == then.generation() {
        return Ok(());
    }
    let Some(outside) = outside else {
        let what = "objects were removed from the repository during this large push; push again".to_owned();
        return Err(Error::BadRequest { what });
    };
    for id in outside {
        if !now.contains(&id)? {
            return Err(Error::MissingObject { id, kind: "object", referenced_by: None });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
