//! The commit graph of one walk, loaded from the object store as far as the walk goes.
//!
//! Owns interning (commits become small numbers), the cut at shallow commits, and the choice between the commit-graph file and the
//! object itself, of which the fields are remembered. Costs about 100 bytes for each commit
//! seen; lives for one request. Used by every algorithm of this module.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::id::table::{HashMap, HashSet, hash_map::Entry};

use super::known::{self, Fields};
use super::object::{peel, read_commit, unreadable};
use crate::{
    commit_graph::Row,
    error::{Error, Result},
    id::{Kind, ObjectId},
    odb::Snapshot,
};

/// Index of a commit in its [`Graph`].
pub(crate) type Node = u32;

/// Commits seen so far, by small numbers.
pub struct Graph<'a> {
    odb: &'a Snapshot,
    interrupt: &'a AtomicBool,
    index: HashMap<ObjectId, Node>,
    commits: Vec<Commit>,
    /// Parents of all loaded commits one after another; `Commit::parents` is a range in it.
    parents: Vec<Node>,
    cut: HashSet<ObjectId>,
    data: Vec<u8>,
    ids: Vec<ObjectId>,
    positions: Vec<u32>,
}

/// What a graph has loaded, without the store it came from.
#[derive(Default)]
pub(crate) struct Memory {
    index: HashMap<ObjectId, Node>,
    commits: Vec<Commit>,
    parents: Vec<Node>,
    cut: HashSet<ObjectId>,
}

#[derive(Clone)]
struct Commit {
    id: ObjectId,
    tree: ObjectId,
    time: u64,
    /// Greater than that of every parent, or [`UNKNOWN_GENERATION`].
    generation: u64,
    /// Position in the commit-graph file.
    position: Option<u32>,
    parents: (u32, u32),
    loaded: bool,
}

/// A walk that has seen more commits is one over a long history, not one that comes again: it would push out what others need.
const REMEMBERED: usize = 4096;

/// The generation of a commit that the commit-graph file does not hold. What the file holds never leads to such a commit.
pub(crate) const UNKNOWN_GENERATION: u64 = u64::MAX;

impl std::fmt::Debug for Graph<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").field("commits", &self.commits.len()).finish_non_exhaustive()
    }
}

/// Fails when the caller wants the work to end.
pub(crate) fn check_interrupt(interrupt: &AtomicBool) -> Result<()> {
    if interrupt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}

impl<'a> Graph<'a> {
    /// An empty graph over the commits of `odb`; loading fails once `interrupt` is set.
    pub fn new(odb: &'a Snapshot, interrupt: &'a AtomicBool) -> Self {
        Graph::with_cut(odb, interrupt, HashSet::default())
    }

    /// A graph in which the commits of `cut` have no parents, as in a shallow clone.
    pub(crate) fn with_cut(odb: &'a Snapshot, interrupt: &'a AtomicBool, cut: HashSet<ObjectId>) -> Self {
        Graph {
            odb,
            interrupt,
            index: HashMap::default(),
            commits: Vec::new(),
            parents: Vec::new(),
            cut,
            data: Vec::new(),
            ids: Vec::new(),
            positions: Vec::new(),
        }
    }

    /// The flag that ends the work.
    pub(crate) fn interrupt(&self) -> &'a AtomicBool {
        self.interrupt
    }

    /// Keeps what was loaded beyond the borrows of this graph, for a negotiation that goes on in a later message.
    pub(crate) fn suspend(self) -> Memory {
        Memory { index: self.index, commits: self.commits, parents: self.parents, cut: self.cut }
    }

    /// Goes on with what an earlier graph over the same objects had loaded; nodes keep their numbers.
    pub(crate) fn resume(odb: &'a Snapshot, interrupt: &'a AtomicBool, memory: Memory) -> Self {
        let Memory { index, commits, parents, cut } = memory;
        Graph { odb, interrupt, index, commits, parents, cut, data: Vec::new(), ids: Vec::new(), positions: Vec::new() }
    }

    /// The object store the graph is loaded from.
    pub(crate) fn odb(&self) -> &'a Snapshot {
        self.odb
    }

    /// Loads a commit.
    ///
    /// Errors: `Lost` when it is missing, `WrongKind` when it is no commit, `Interrupted`.
    pub(crate) fn load(&mut self, id: &ObjectId) -> Result<Node> {
        let node = self.intern(*id);
        self.ensure_loaded(node)?;
        Ok(node)
    }

    /// Loads the commit that an id stands for: itself, or what a tag leads to.
    ///
    /// Errors: as [`Graph::load`].
    pub(crate) fn load_named(&mut self, id: &ObjectId) -> Result<Node> {
        match self.load(id) {
            Err(Error::WrongKind { actual: Kind::Tag, .. }) => {
                let target = peel(self.odb, id)?.target;
                self.load(&target)
            }
            loaded => loaded,
        }
    }

    /// The number of a commit already seen, loaded or not.
    pub(crate) fn lookup(&self, id: &ObjectId) -> Option<Node> {
        self.index.get(id).copied()
    }

    pub(crate) fn id(&self, node: Node) -> ObjectId {
        self.get(node).map_or(ObjectId::null(crate::id::HASH_KIND), |commit| commit.id)
    }

    pub(crate) fn tree(&self, node: Node) -> ObjectId {
        self.get(node).map_or(ObjectId::null(crate::id::HASH_KIND), |commit| commit.tree)
    }

    /// Committer time in seconds; 0 when unreadable.
    pub(crate) fn time(&self, node: Node) -> u64 {
        self.get(node).map_or(0, |commit| commit.time)
    }

    /// A number greater than that of every ancestor, where the commit-graph file has one: a commit with a smaller one cannot reach it.
    pub(crate) fn generation(&self, node: Node) -> u64 {
        self.get(node).map_or(UNKNOWN_GENERATION, |commit| commit.generation)
    }

    /// Where the commit-graph file has a loaded commit.
    pub(crate) fn position(&self, node: Node) -> Option<u32> {
        self.get(node)?.position
    }

    /// The order in which walks visit: children before parents as far as generations are known, newest first where they are not.
    pub(crate) fn rank(&self, node: Node) -> (u64, u64) {
        (self.generation(node), self.time(node))
    }

    /// How many commits were seen.
    pub(crate) fn len(&self) -> usize {
        self.commits.len()
    }

    /// How many parents a loaded commit has.
    pub(crate) fn parent_count(&self, node: Node) -> u32 {
        self.get(node).map_or(0, |commit| commit.parents.1)
    }

    /// A parent of a loaded commit, loaded in turn.
    pub(crate) fn parent(&mut self, node: Node, position: u32) -> Result<Option<Node>> {
        let Some(parent) = self.parent_unloaded(node, position) else { return Ok(None) };
        self.ensure_loaded(parent)?;
        Ok(Some(parent))
    }

    /// A parent of a loaded commit, which may not be loaded itself.
    pub(crate) fn parent_unloaded(&self, node: Node, position: u32) -> Option<Node> {
        let (start, len) = self.get(node)?.parents;
        let at = (position < len).then(|| start.saturating_add(position))?;
        self.parents.get(at as usize).copied()
    }

    fn get(&self, node: Node) -> Option<&Commit> {
        self.commits.get(node as usize)
    }

    fn intern(&mut self, id: ObjectId) -> Node {
        match self.index.entry(id) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                // Four billion commits do not fit into memory before the number does not fit either.
                let node = u32::try_from(self.commits.len()).unwrap_or(u32::MAX);
                entry.insert(node);
                let tree = ObjectId::null(crate::id::HASH_KIND);
                self.commits.push(Commit {
                    id,
                    tree,
                    time: 0,
                    generation: UNKNOWN_GENERATION,
                    position: None,
                    parents: (0, 0),
                    loaded: false,
                });
                node
            }
        }
    }

    fn ensure_loaded(&mut self, node: Node) -> Result<()> {
        let Some(commit) = self.get(node) else { return Ok(()) };
        if commit.loaded {
            return Ok(());
        }
        check_interrupt(self.interrupt)?;
        let id = commit.id;
        if self.load_from_file(node, id)?.is_some() {
            return Ok(());
        }
        let place = self.odb.entry_location(&id);
        if let Some(known) = place.as_ref().and_then(|at| known::get(&at.pack, at.offset)) {
            let parents = self.add_parents(&id, known.parents());
            self.note_loaded(node, known.tree, known.time, parents);
            return Ok(());
        }
        let kind = match &place {
            Some(at) => Some(self.odb.find_at(&at.pack, at.offset, &mut self.data)?),
            None => self.odb.find(&id, &mut self.data)?,
        };
        match kind {
            Some(Kind::Commit) => {}
            Some(actual) => {
                return Err(Error::WrongKind { id, expected: Kind::Commit, actual, referenced_by: None });
            }
            None => return Err(Error::Lost { id }),
        }
        let mut ids = std::mem::take(&mut self.ids);
        ids.clear();
        let read = read_commit(&self.data, &mut ids);
        let parents = self.add_parents(&id, &ids);
        if self.commits.len() <= REMEMBERED
            && let (Some((tree, time)), Some(at)) = (read, place)
            && let Some(fields) = Fields::new(tree, time, &ids)
        {
            known::put(&at.pack, at.offset, fields);
        }
        self.ids = ids;
        let (tree, time) = read.ok_or_else(|| unreadable(&id, "the commit cannot be read"))?;
        self.note_loaded(node, tree, time, parents);
        Ok(())
    }

    fn note_loaded(&mut self, node: Node, tree: ObjectId, time: u64, parents: (u32, u32)) {
        if let Some(commit) = self.commits.get_mut(node as usize) {
            *commit = Commit { tree, time, parents, loaded: true, ..*commit };
        }
    }

    /// Loads a commit from the commit-graph file, without inflating it; `None` when the file does not hold it or the object store
    /// does not: then it is up to the object store to say what is wrong.
    fn load_from_file(&mut self, node: Node, id: ObjectId) -> Result<Option<()>> {
        let Some(file) = self.odb.commit_graph() else { return Ok(None) };
        let Some(position) = file.lookup(&id) else { return Ok(None) };
        if !self.odb.contains(&id)? {
            return Ok(None);
        }
        let mut positions = std::mem::take(&mut self.positions);
        positions.clear();
        let read = file.row(position).and_then(|row| file.parents(position, &mut positions).map(|()| row));
        let mut ids = std::mem::take(&mut self.ids);
        ids.clear();
        ids.extend(positions.iter().filter_map(|parent| file.id(*parent)));
        // Zeros instead of a page of the file would be parents, too.
        let is_whole = ids.len() == positions.len() && !file.has_lost_pages();
        self.positions = positions;
        let loaded = read.filter(|_| is_whole).map(|row| {
            let parents = self.add_parents(&id, &ids);
            if let Some(commit) = self.commits.get_mut(node as usize) {
                let Row { tree, time, generation, .. } = row;
                *commit = Commit { id, tree, time, generation, position: Some(position), parents, loaded: true };
            }
        });
        self.ids = ids;
        Ok(loaded)
    }

    /// Notes the parents of a commit and answers their range.
    fn add_parents(&mut self, id: &ObjectId, ids: &[ObjectId]) -> (u32, u32) {
        let ids = if self.cut.contains(id) { &[] } else { ids };
        let start = u32::try_from(self.parents.len()).unwrap_or(u32::MAX);
        for parent in ids {
            let parent = self.intern(*parent);
            self.parents.push(parent);
        }
        (start, u32::try_from(ids.len()).unwrap_or(u32::MAX))
    }
}

/// One byte of flags for each commit of a graph that may still grow.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    bytes: Vec<u8>,
}

impl Flags {
    pub(crate) fn get(&self, node: Node) -> u8 {
        self.bytes.get(node as usize).copied().unwrap_or(0)
    }

    pub(crate) fn has(&self, node: Node, flags: u8) -> bool {
        self.get(node) & flags != 0
    }

    pub(crate) fn set(&mut self, node: Node, flags: u8) {
        if let Some(byte) = self.slot(node) {
            *byte |= flags;
        }
    }

    pub(crate) fn clear(&mut self, node: Node, flags: u8) {
        if let Some(byte) = self.slot(node) {
            *byte &= !flags;
        }
    }

    fn slot(&mut self, node: Node) -> Option<&mut u8> {
        let at = node as usize;
        if at >= self.bytes.len() {
            self.bytes.resize(at.saturating_add(1), 0);
        }
        self.bytes.get_mut(at)
    }
}
