//! Owns the step from new packs in quarantine to a new set of objects: look again, move into place, publish, note what is superfluous. Refuses to be
//! called outside of the repository's turn: what it looks at must not change before it has published.

use std::{
    fs,
    sync::{Arc, PoisonError, atomic::AtomicBool},
};

use super::{collect::Leftover, fault, lag::is_graph_due, retire::Retired, rewrite::NewPack};
use crate::{
    commit_graph::WriteOptions,
    error::{Error, Result},
    files,
    id::ObjectId,
    multi_pack_index,
    odb::{LooseObjects, Snapshot},
    pack::Pack,
    repository::Repository,
    view::View,
};

/// Something that is derived from a repository's objects and wants to follow them, such as a commit-graph.
///
/// Shape: called outside of the turn, on a blocking thread, after a publication and when pushes have come to rest; a failure is logged and
/// harms nothing.
pub trait AfterPublish: Send + Sync {
    /// Writes what is derived, if what is there has fallen behind.
    ///
    /// Errors: its own; `Interrupted`.
    fn derive(&self, repository: &Repository, view: &View, interrupt: &AtomicBool) -> Result<()>;
}

/// The commit-graph file, written anew over everything that the refs reach once it lacks too much of it.
#[derive(Debug, Clone, Default)]
pub struct CommitGraphFile {
    /// What it holds.
    pub options: WriteOptions,
}

impl AfterPublish for CommitGraphFile {
    fn derive(&self, repository: &Repository, view: &View, interrupt: &AtomicBool) -> Result<()> {
        let tips: Vec<ObjectId> = view.refs.iter().map(|item| item.peeled.unwrap_or(item.target)).collect();
        if !is_graph_due(&repository.odb(), &tips, interrupt)? {
            return Ok(());
        }
        repository.write_commit_graph(&tips, &self.options, interrupt).map(drop)
    }
}

/// The multi-pack index, written anew over all packs once there are others than it names.
#[derive(Debug, Clone, Copy, Default)]
pub struct MultiPackIndexFile;

impl AfterPublish for MultiPackIndexFile {
    fn derive(&self, repository: &Repository, _: &View, interrupt: &AtomicBool) -> Result<()> {
        let (objects, odb) = (repository.objects(), repository.odb());
        let directory = objects.join("pack");
        let own = odb.packs().iter().filter(|pack| !pack.is_waiting() && pack.path().parent() == Some(&directory));
        let packs: Vec<Arc<Pack>> = own.cloned().collect();
        let mut names: Vec<String> = packs.iter().map(|pack| multi_pack_index::index_name(pack)).collect();
        names.sort_unstable();
        if packs.len() < 2 || multi_pack_index::named_packs(&objects)?.is_some_and(|named| named == names) {
            return Ok(());
        }
        multi_pack_index::write(&objects, &packs, interrupt)
    }
}

/// What a long step made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PreparedStats {
    /// Packs that are replaced.
    pub replaced_packs: u64,
    /// Their bytes, without indices.
    pub replaced_bytes: u64,
    /// Loose objects that are replaced.
    pub replaced_loose: u64,
    /// Packs written.
    pub new_packs: u64,
    /// Their bytes, without indices.
    pub new_bytes: u64,
    /// Objects in them.
    pub objects: u64,
    /// Deltas found for objects that were stored whole.
    pub new_deltas: u64,
    /// Objects that nothing refers to and that are kept for now.
    pub unreachable: u64,
    /// Objects that are going to be removed.
    pub removed: u64,
}

/// New packs that wait to be published. Dropping it leaves nothing.
#[derive(Debug)]
pub struct Prepared {
    pub(super) repository: Repository,
    pub(super) new: Vec<NewPack>,
    pub(super) replaces: Vec<Arc<Pack>>,
    pub(super) loose: Option<Arc<LooseObjects>>,
    /// What is left out of the new packs.
    pub(super) leftover: Option<Leftover>,
    pub(super) stats: PreparedStats,
}

/// What became of a [`Prepared`].
#[derive(Debug, Clone)]
pub enum Published {
    /// The new set of objects is in use.
    Done(Arc<Snapshot>),
    /// The repository has changed so that the work is of no use; nothing happened. Begin again.
    Outdated(&'static str),
}

impl Prepared {
    pub(super) fn new(
        repository: &Repository,
        new: Vec<NewPack>,
        replaces: Vec<Arc<Pack>>,
        loose: Option<Arc<LooseObjects>>,
    ) -> Prepared {
        let bytes = |packs: &mut dyn Iterator<Item = &Arc<Pack>>| packs.map(|pack| pack.bytes().len() as u64).sum();
        let stats = PreparedStats {
            replaced_packs: replaces.len() as u64,
            replaced_bytes: bytes(&mut replaces.iter()),
            replaced_loose: loose.as_ref().map_or(0, |loose| loose.len() as u64),
            new_packs: new.len() as u64,
            new_bytes: bytes(&mut new.iter().map(|new| &new.pack)),
            objects: new.iter().map(|new| u64::from(new.pack.object_count())).sum(),
            ..PreparedStats::default()
        };
        Prepared { repository: repository.clone(), new, replaces, loose, leftover: None, stats }
    }

    /// What was made.
    pub fn stats(&self) -> PreparedStats {
        self.stats
    }

    /// The objects that are going to be removed for good, sorted.
    pub fn removed_ids(&self) -> &[ObjectId] {
        self.leftover.as_ref().map_or(&[], |leftover| leftover.ids())
    }

    /// Looks at what came since the work began, so that [`Prepared::publish`] has less to look at. Outside of the turn.
    ///
    /// Errors: `Corrupt`, `Io`, `Interrupted`. Answers whether publishing still makes sense.
    pub fn catch_up(&mut self, view: &View, interrupt: &AtomicBool) -> Result<bool> {
        match &mut self.leftover {
            Some(leftover) => leftover.absorb(&view.odb, tips(view), interrupt),
            None => Ok(true),
        }
    }

    /// Moves the new packs into place and publishes them instead of the old ones. Inside of the turn of `repository`, whose current state `view` is.
    ///
    /// Errors: `Io`, `DiskFull`, `Corrupt`, `Interrupted`; then nothing is published.
    pub fn publish(self, repository: &Repository, view: &View, interrupt: &AtomicBool) -> Result<Published> {
        if !self.repository.is_same(repository) {
            return Ok(Published::Outdated("the repository was opened anew"));
        }
        let Prepared { new, mut replaces, loose, mut leftover, .. } = self;
        let mut outdated = None;
        let snapshot = repository.exchange(|current| {
            let is_here = |pack: &Arc<Pack>| current.packs().iter().any(|known| Arc::ptr_eq(known, pack));
            let is_loose_here = loose.as_ref().is_none_or(|loose| {
                current.loose_in(&repository.objects()).is_some_and(|known| Arc::ptr_eq(known, loose))
            });
            if !is_loose_here || !replaces.iter().all(is_here) {
                outdated = Some("its packs were replaced");
                return Ok(None);
            }
            if let Some(leftover) = &mut leftover
                && !leftover.absorb(current, tips(view), interrupt)?
            {
                outdated = Some("an object that was to be removed is needed again");
                return Ok(None);
            }
            // Nothing is replaced or removed by the word of an index that was read as zeros.
            current.check_readable()?;
            let packs: Vec<Arc<Pack>> = new.iter().map(|new| Arc::clone(&new.pack)).collect();
            for new in &new {
                place(new)?;
                fault::reach("a pack in place");
            }
            files::sync_dir(&repository.objects().join("pack"))?;
            let lacks_objects = leftover.as_ref().is_some_and(|leftover| !leftover.is_empty());
            let next = current.replaced(&replaces, &packs, loose.as_ref(), lacks_objects);
            // Copying one pack alone gives the same file again.
            replaces.retain(|old| !packs.iter().any(|new| new.path() == old.path()));
            Ok(Some(next))
        })?;
        if let Some(why) = outdated {
            return Ok(Published::Outdated(why));
        }
        fault::reach("published");
        let mut retired = repository.retired().lock().unwrap_or_else(PoisonError::into_inner);
        retired.push(Retired { packs: replaces, loose });
        Ok(Published::Done(snapshot))
    }
}

fn tips(view: &View) -> impl Iterator<Item = ObjectId> + '_ {
    view.refs.iter().map(|reference| reference.target)
}

/// Moves one pack into place, its index last: git looks for packs by their indices.
pub(super) fn place(new: &NewPack) -> Result<()> {
    let target = new.pack.path();
    let moves = [
        (new.quarantine.pack_path(), target.to_owned()),
        (new.quarantine.mtimes_path(), target.with_extension("mtimes")),
        (new.quarantine.idx_path(), target.with_extension("idx")),
    ];
    for (at, (from, to)) in moves.into_iter().enumerate() {
        if at == 1 && !new.is_cruft {
            continue;
        }
        fs::rename(from, &to).map_err(|e| Error::io("rename to", &to, e))?;
        fault::reach("a file in place");
    }
    Ok(())
}
