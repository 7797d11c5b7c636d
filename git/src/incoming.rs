//! Owns the way of a pushed pack into a repository: quarantine, indexing, completion, proof of closure, installation. Refuses to move refs
//! or to decide who may push. Called by the server's push path on a blocking pool.
//!
//! Shape: [`Incoming`] (a directory, empty) becomes [`Ingested`] (a complete, flushed, verified pack in it) becomes a pack of the repository.
//! Dropping either leaves nothing.

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
    /// In the file at [`Incoming::spool_path`], written and closed.
    Spooled,
}

/// The quarantine of one push.
#[derive(Debug)]
pub struct Incoming {
    repository: Repository,
    quarantine: Quarantine,
    limits: Limits,
}

/// A verified pack that waits in quarantine to be installed.
///
/// Shape: every object is hashed and checked, every reference is proved to exist in the pack or in the repository, files are flushed.
#[derive(Debug)]
pub struct Ingested {
    repository: Repository,
    quarantine: Quarantine,
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
    pub(crate) fn new(repository: Repository, limits: Limits) -> Result<Incoming> {
        let quarantine = Quarantine::create(&repository.objects())?;
        Ok(Incoming { repository, quarantine, limits })
    }

    /// The file into which the caller may write the pack as it arrives. It does not exist yet.
    pub fn spool_path(&self) -> PathBuf {
        self.quarantine.pack_path()
    }

    /// Creates that file, private, for the caller to write to.
    ///
    /// Errors: `Io`, `DiskFull`.
    pub fn create_spool(&self) -> Result<fs::File> {
        files::create_new(&self.spool_path())
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
            PackSource::Spooled => FileBytes::open(&self.spool_path())?,
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
        let pack = completion.write(source, data, &indexed)?;
        let stats = IngestStats { pack_bytes: pack.bytes().len() as u64, ..stats };
        let snapshot = Arc::new(base.with_pack(pack.clone()));
        closure::check_special_blobs(&indexed, &snapshot, &limits, interrupt)?;
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

    /// The pack in quarantine; `None` if nothing was sent.
    pub fn pack(&self) -> Option<&Arc<Pack>> {
        self.pack.as_ref()
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
        let is_still_closed = |current: &Snapshot| {
            if current.generation() == snapshot.generation() {
                return Ok(());
            }
            let Some(outside) = outside else {
                let what = "objects were removed from the repository during this large push; push again".to_owned();
                return Err(Error::BadRequest { what });
            };
            for id in outside {
                if !current.contains(&id)? {
                    return Err(Error::MissingObject { id, kind: "object", referenced_by: None });
                }
            }
            Ok(())
        };
        let place = || {
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
            files::sync_dir(&repository.objects().join("pack"))
        };
        repository.publish(pack, is_still_closed, place)
    }
}

#[cfg(test)]
mod tests;
