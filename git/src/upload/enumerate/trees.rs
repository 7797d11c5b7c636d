//! Walking trees: whole, or compared with trees that are dealt with already.
//!
//! Owns the descent, which is a loop so that a pushed tree of any depth cannot exhaust the stack. Called by `enumerate` with the
//! root tree of each new commit.

use std::cmp::Ordering;

use crate::id::table::HashMap;

use super::{ALWAYS, Found, IF_NOT_HELD};
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    odb::Snapshot,
    upload::{filter::Filter, ticker::Ticker},
    walk::{TreeEntries, TreeEntry, unreadable},
};

/// More trees than this are not compared with: merges of more parents exist, and only cost a few objects too many.
const MAX_BASES: usize = 16;

/// A tree at the same place in a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) tree: ObjectId,
    /// The client has it, and so everything in it.
    pub(super) is_held: bool,
}

struct Task {
    tree: ObjectId,
    depth: u32,
    bases: Vec<Base>,
}

/// What stays from one tree to the next.
pub(super) struct TreeWalk<'a> {
    odb: &'a Snapshot,
    filter: &'a Filter,
    /// Trees visited, with the smallest depth they were visited at.
    visited: HashMap<ObjectId, u32>,
    stack: Vec<Task>,
    data: Vec<u8>,
    base_data: Vec<Vec<u8>>,
}

impl<'a> TreeWalk<'a> {
    pub(super) fn new(odb: &'a Snapshot, filter: &'a Filter) -> Self {
        let (visited, stack) = (HashMap::default(), Vec::new());
        TreeWalk { odb, filter, visited, stack, data: Vec::new(), base_data: Vec::new() }
    }

    /// What is left out.
    pub(super) fn filter(&self) -> &'a Filter {
        self.filter
    }

    /// Adds what is below `tree` and not in any of `bases`.
    pub(super) fn visit(
        &mut self,
        tree: ObjectId,
        depth: u32,
        bases: Vec<Base>,
        found: &mut Found<'_>,
        ticker: &mut Ticker<'_, '_>,
    ) -> Result<()> {
        self.stack.push(Task { tree, depth, bases });
        while let Some(task) = self.stack.pop() {
            ticker.counting(found.objects.len())?;
            self.run(task, found, ticker)?;
        }
        Ok(())
    }

    /// Adds a tree the client asked for by id or through a tag, with everything below it.
    pub(super) fn visit_wanted(
        &mut self,
        tree: ObjectId,
        found: &mut Found<'_>,
        ticker: &mut Ticker<'_, '_>,
    ) -> Result<()> {
        found.add(tree, ALWAYS);
        // Git does not count a named tree as a level.
        self.read(&tree)?;
        let data = std::mem::take(&mut self.data);
        for entry in TreeEntries::new(&data) {
            match entry.kind {
                Some(Kind::Tree) => self.visit(entry.id, 0, Vec::new(), found, ticker)?,
                Some(_) => self.blob(entry.id, 0, found)?,
                None => {}
            }
        }
        Ok(())
    }

    fn run(&mut self, mut task: Task, found: &mut Found<'_>, ticker: &mut Ticker<'_, '_>) -> Result<()> {
        if !self.filter.passes_depth(task.depth) || task.bases.iter().any(|base| base.tree == task.tree) {
            return Ok(());
        }
        if self.was_visited(&task.tree, task.depth) || found.held.contains(&task.tree) || found.knows(&task.tree) {
            return Ok(());
        }
        if self.filter.passes_kind(Kind::Tree) {
            found.add(task.tree, IF_NOT_HELD);
        }
        task.bases.dedup();
        task.bases.truncate(MAX_BASES);
        self.read(&task.tree)?;
        let mut base_data = std::mem::take(&mut self.base_data);
        base_data.resize_with(task.bases.len(), Vec::new);
        for (base, data) in task.bases.iter().zip(&mut base_data) {
            read_tree(self.odb, &base.tree, data)?;
            if base.is_held {
                found.held.insert(base.tree);
                found.held.extend(TreeEntries::new(data).filter(|entry| entry.kind.is_some()).map(|entry| entry.id));
            }
        }
        let mut sides: Vec<Side<'_>> =
            task.bases.iter().zip(&base_data).map(|(base, data)| Side::new(*base, data)).collect();

        let data = std::mem::take(&mut self.data);
        let depth = task.depth.saturating_add(1);
        let mut entries = TreeEntries::new(&data);
        for entry in entries.by_ref() {
            ticker.counting(found.objects.len())?;
            let Some(kind) = entry.kind else { continue };
            let mut is_shared = false;
            let mut bases = Vec::new();
            for side in &mut sides {
                if let Some(other) = side.find(&entry) {
                    is_shared |= other.id == entry.id;
                    bases.push(Base { tree: other.id, is_held: side.base.is_held });
                }
            }
            if is_shared {
                continue;
            }
            if kind == Kind::Tree {
                self.stack.push(Task { tree: entry.id, depth, bases });
            } else {
                self.blob(entry.id, depth, found)?;
            }
        }
        let is_broken = entries.is_broken();
        drop(sides);
        self.base_data = base_data;
        self.data = data;
        match is_broken {
            true => Err(unreadable(&task.tree, "the tree cannot be read")),
            false => Ok(()),
        }
    }

    /// Whether nothing new can come from visiting a tree, noting the visit.
    fn was_visited(&mut self, tree: &ObjectId, depth: u32) -> bool {
        match self.visited.get_mut(tree) {
            Some(seen) if !self.filter.depends_on_depth() || *seen <= depth => true,
            Some(seen) => {
                *seen = depth;
                false
            }
            None => {
                self.visited.insert(*tree, depth);
                false
            }
        }
    }

    fn blob(&mut self, id: ObjectId, depth: u32, found: &mut Found<'_>) -> Result<()> {
        if !self.filter.passes_kind(Kind::Blob) || !self.filter.passes_depth(depth) {
            return Ok(());
        }
        if let Some(limit) = self.filter.blob_limit() {
            let is_large = || match self.odb.header(&id)? {
                Some((_, size)) => Ok(size >= limit),
                None => Err(Error::Lost { id }),
            };
            if limit == 0 || is_large()? {
                return Ok(());
            }
        }
        found.add(id, IF_NOT_HELD);
        Ok(())
    }

    fn read(&mut self, id: &ObjectId) -> Result<()> {
        read_tree(self.odb, id, &mut self.data)
    }
}

fn read_tree(odb: &Snapshot, id: &ObjectId, data: &mut Vec<u8>) -> Result<()> {
    match odb.find(id, data)? {
        Some(Kind::Tree) => Ok(()),
        Some(actual) => Err(Error::WrongKind { id: *id, expected: Kind::Tree, actual, referenced_by: None }),
        None => Err(Error::Lost { id: *id }),
    }
}

/// A base tree read in step with the tree compared to it; both are sorted the same way.
struct Side<'d> {
    base: Base,
    entries: std::iter::Peekable<TreeEntries<'d>>,
}

impl<'d> Side<'d> {
    fn new(base: Base, data: &'d [u8]) -> Self {
        Side { base, entries: TreeEntries::new(data).peekable() }
    }

    /// Finds the entry with the same name and type, or rather misses it in trees that are not sorted.
    fn find(&mut self, wanted: &TreeEntry<'_>) -> Option<TreeEntry<'d>> {
        while self.entries.next_if(|entry| compare(entry, wanted) == Ordering::Less).is_some() {}
        self.entries.next_if(|entry| compare(entry, wanted) == Ordering::Equal && entry.kind == wanted.kind)
    }
}

/// Git's order of tree entries: a tree sorts as if its name ended with a slash.
fn compare(a: &TreeEntry<'_>, b: &TreeEntry<'_>) -> Ordering {
    let common = a.name.len().min(b.name.len());
    let (a_start, a_rest) = a.name.split_at(common);
    let (b_start, b_rest) = b.name.split_at(common);
    let next = |rest: &[u8], entry: &TreeEntry<'_>| match rest.first() {
        Some(byte) => *byte,
        None if entry.kind == Some(Kind::Tree) => b'/',
        None => 0,
    };
    a_start
        .cmp(b_start)
        .then_with(|| next(a_rest, a).cmp(&next(b_rest, b)))
        .then_with(|| a_rest.len().cmp(&b_rest.len()))
}
