//! Owns the immutable set of objects of one repository: lookup over all packs, resolving deltas, loose objects, alternates. Refuses to notice
//! changes on disk: [`crate::Repository`] publishes a new [`Snapshot`] when a pack is installed. Read by everything that looks at objects.
//!
//! A miss costs no system call: packs are opened once and loose objects are listed once. Damage on disk answers `Corrupt`, never a panic.

mod cache;
mod decode;
mod gix_traits;
mod loose;
mod prefix;
mod scan;
mod tips;

use std::{
    collections::HashSet,
    ffi::OsStr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub use tips::Tip;

use crate::{
    bitmap::{Bitmap, LazyBitmap},
    commit_graph::CommitGraph,
    error::{Error, Result},
    id::{Kind, ObjectId},
    pack::Pack,
};
pub(crate) use decode::size as size_at;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use loose::read as read_loose;
pub(crate) use loose::{LooseObjects, path_of as loose_path};
pub(crate) use scan::list_packs;

/// Said of a file that was whole when it was opened.
pub(crate) const UNREADABLE: &str = "a part of the file cannot be read any more";

/// All objects of one repository at one moment.
///
/// Shape: cloning the `Arc` around it is the way to keep it; packs removed from disk stay readable through it.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Newest first: what was pushed last is what is asked for first. Packs of alternates follow.
    packs: Vec<Arc<Pack>>,
    loose: Vec<Arc<LooseObjects>>,
    /// What the commit-graph file says of some of the commits; it may name others that are not here.
    commit_graph: Option<Arc<CommitGraph>>,
    /// What the commits of one of the packs reach, if a file says so.
    bitmap: Option<Arc<LazyBitmap>>,
    /// Two snapshots with the same number: the later one lacks nothing that the earlier one has.
    generation: u64,
}

/// Where an object's entry lies in a pack.
#[derive(Debug, Clone)]
pub struct EntryLocation {
    /// The pack.
    pub pack: Arc<Pack>,
    /// Position in the pack's index.
    pub index: u32,
    /// Offset of the entry in the pack.
    pub offset: u64,
}

/// An object with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its content.
    pub data: Vec<u8>,
}

impl Snapshot {
    /// Says whether an object exists.
    ///
    /// Errors: none today; callers handle them so that a store over a network can follow.
    pub fn contains(&self, id: &ObjectId) -> Result<bool> {
        Ok(self.packs.iter().any(|pack| pack.idx().lookup(id).is_some())
            || self.loose.iter().any(|loose| loose.contains(id)))
    }

    /// Answers kind and size of an object without reading all of it.
    ///
    /// Errors: `Corrupt`, `Io`.
    pub fn header(&self, id: &ObjectId) -> Result<Option<(Kind, u64)>> {
        if let Some(at) = self.entry_location(id) {
            return decode::header(&at.pack, at.offset).map(Some);
        }
        for loose in self.loose.iter().filter(|loose| loose.contains(id)) {
            if let Some(found) = loose.header(id)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Reads an object into `out`, which is cleared first, and answers its kind.
    ///
    /// Errors: `Corrupt`, `Io`.
    pub fn find(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Option<Kind>> {
        if let Some(at) = self.entry_location(id) {
            return decode::object(&at.pack, at.offset, out).map(Some);
        }
        for loose in self.loose.iter().filter(|loose| loose.contains(id)) {
            if let Some(kind) = loose.find(id, out)? {
                return Ok(Some(kind));
            }
        }
        Ok(None)
    }

    /// Reads an object that must exist.
    ///
    /// Errors: `Lost` if it does not, `Corrupt`, `Io`.
    pub fn read(&self, id: &ObjectId) -> Result<Object> {
        let mut data = Vec::new();
        let kind = self.find(id, &mut data)?.ok_or(Error::Lost { id: *id })?;
        Ok(Object { kind, data })
    }

    /// Reads the object whose entry starts at `offset` of `pack` into `out`, which is cleared first.
    ///
    /// Errors: `Corrupt`.
    pub fn find_at(&self, pack: &Pack, offset: u64, out: &mut Vec<u8>) -> Result<Kind> {
        decode::object(pack, offset, out)
    }

    /// Finds the pack entry of an object, for verbatim reuse; loose objects have none.
    pub fn entry_location(&self, id: &ObjectId) -> Option<EntryLocation> {
        self.packs.iter().find_map(|pack| {
            let (index, offset) = pack.lookup(id)?;
            Some(EntryLocation { pack: pack.clone(), index, offset })
        })
    }

    /// What the packs of this repository take, without indices and loose objects. Units: bytes.
    pub fn size_bytes(&self) -> u64 {
        self.packs().iter().map(|pack| pack.bytes().len() as u64).sum()
    }

    /// The packs, newest first.
    pub fn packs(&self) -> &[Arc<Pack>] {
        &self.packs
    }

    /// The number of loose objects; zero in repositories that only this server writes.
    pub fn loose_count(&self) -> usize {
        self.loose.iter().map(|loose| loose.len()).sum()
    }

    /// The commit-graph file, if there is one that can be used. What it describes may not exist here: ask [`Snapshot::contains`].
    pub fn commit_graph(&self) -> Option<&CommitGraph> {
        self.commit_graph.as_deref()
    }

    /// What the commits of one of the packs reach, if there is a bitmap file that can be used.
    pub(crate) fn bitmap(&self) -> Option<&Arc<Bitmap>> {
        self.bitmap.as_ref()?.get()
    }

    /// Fails once a part of one of the files could not be read when somebody looked there, because it was cut off or the disk failed: such a part reads
    /// as zeros, and what was made of it may be wrong. Costs nothing but looks at marks; ask it after the work, and before the result is believed.
    ///
    /// Errors: `Corrupt`, naming the file.
    pub(crate) fn check_readable(&self) -> Result<()> {
        if let Some(pack) = self.packs.iter().find(|pack| pack.has_lost_pages()) {
            return Err(Error::corrupt(pack.path(), UNREADABLE));
        }
        if let Some(bitmap) = self.bitmap.as_ref().filter(|bitmap| bitmap.has_lost_pages()) {
            return Err(Error::corrupt(crate::bitmap::file_of(bitmap.pack().path()), UNREADABLE));
        }
        match self.commit_graph().is_some_and(CommitGraph::has_lost_pages) {
            true => Err(Error::corrupt("objects/info/commit-graph", UNREADABLE)),
            false => Ok(()),
        }
    }

    /// All ids, pack by pack; an object stored twice appears twice.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.packs.iter().flat_map(|pack| pack.idx().ids()).chain(self.loose.iter().flat_map(|loose| loose.ids()))
    }

    /// Reads kind and size of the object whose entry starts at `offset` of `pack`.
    ///
    /// Errors: `Corrupt`.
    pub(crate) fn header_at(&self, pack: &Pack, offset: u64) -> Result<(Kind, u64)> {
        decode::header(pack, offset)
    }

    /// The objects of this repository and of another, for questions that concern both, such as what a fork has that its source lacks.
    ///
    /// Shape: for reading; what only the other has is not in this repository. What is found in both is read from this one.
    pub fn joined(&self, other: &Snapshot) -> Snapshot {
        let packs = self.packs.iter().chain(&other.packs).cloned().collect();
        let loose = self.loose.iter().chain(&other.loose).cloned().collect();
        Snapshot { packs, loose, generation: next_generation(), ..self.clone() }
    }

    /// This snapshot with one more pack, in front.
    pub(crate) fn with_pack(&self, pack: Arc<Pack>) -> Snapshot {
        let packs = std::iter::once(pack).chain(self.packs.iter().cloned()).collect();
        Snapshot { packs, ..self.clone() }
    }

    /// This snapshot with the packs of another that are no files yet, in front.
    pub(crate) fn with_waiting_of(self, other: &Snapshot) -> Snapshot {
        let missing = other.packs.iter().filter(|pack| pack.is_waiting() && !self.holds(pack));
        let packs = missing.chain(&self.packs).cloned().collect();
        Snapshot { packs, ..self }
    }

    /// Whether a pack of this name is in it.
    pub fn holds(&self, pack: &Pack) -> bool {
        // As bytes: paths are compared part by part, and a push asks this of every pack.
        let name = pack.path().as_os_str();
        self.packs.iter().any(|known| known.path().as_os_str() == name)
    }

    /// This snapshot without some of its packs.
    pub(crate) fn without_packs(mut self, is_unwanted: impl Fn(&Pack) -> bool) -> Snapshot {
        self.packs.retain(|pack| !is_unwanted(pack));
        self.with_own_bitmap()
    }

    /// This snapshot with another bitmap file, whose pack is in it.
    pub(crate) fn with_bitmap(&self, bitmap: Arc<Bitmap>) -> Snapshot {
        Snapshot { bitmap: Some(Arc::new(bitmap.into())), ..self.clone() }.with_own_bitmap()
    }

    /// Without a bitmap whose pack is not in it, or not the very one that was opened here.
    fn with_own_bitmap(mut self) -> Snapshot {
        let packs = &self.packs;
        self.bitmap = self.bitmap.filter(|bitmap| packs.iter().any(|pack| Arc::ptr_eq(pack, bitmap.pack())));
        self
    }

    /// This snapshot with the commit-graph file as it is now; a damaged one is left out.
    ///
    /// Errors: `Io`.
    pub(crate) fn with_commit_graph_of(&self, objects: &Path) -> Result<Snapshot> {
        let commit_graph = scan::open_commit_graph(objects, self.commit_graph.as_ref())?;
        Ok(Snapshot { commit_graph, ..self.clone() })
    }

    /// A number that stays the same as long as objects only come and none goes.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The loose objects of one object directory.
    pub(crate) fn loose_in(&self, objects: &Path) -> Option<&Arc<LooseObjects>> {
        self.loose.iter().find(|loose| loose.directory() == objects)
    }

    /// This snapshot with `new` packs in place of `old` ones and, if asked, without the loose objects of one directory.
    ///
    /// Shape: `lacks_objects` says that not everything of the old packs is in the new ones.
    pub(crate) fn replaced(
        &self,
        old: &[Arc<Pack>],
        new: &[Arc<Pack>],
        loose: Option<&Arc<LooseObjects>>,
        lacks_objects: bool,
    ) -> Snapshot {
        let gone: HashSet<&OsStr> = old.iter().chain(new).map(|pack| pack.path().as_os_str()).collect();
        let is_gone = |pack: &Arc<Pack>| gone.contains(pack.path().as_os_str());
        // What came since is newer than what was rewritten, and stays in front of it.
        let newer = self.packs.iter().take_while(|pack| !is_gone(pack)).count();
        let newer = if newer == self.packs.len() { 0 } else { newer };
        let mut packs: Vec<Arc<Pack>> = self.packs.iter().filter(|pack| !is_gone(pack)).cloned().collect();
        packs.splice(newer..newer, new.iter().cloned());
        let is_other = |known: &&Arc<LooseObjects>| loose.is_none_or(|gone| !Arc::ptr_eq(known, gone));
        let loose = self.loose.iter().filter(is_other).cloned().collect();
        let generation = if lacks_objects { next_generation() } else { self.generation };
        Snapshot { packs, loose, generation, ..self.clone() }.with_own_bitmap()
    }
}

/// A number that no snapshot of this process has had.
fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests;
