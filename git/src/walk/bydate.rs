//! History as a log shows it: every commit reachable from some tips once, newest first.
//!
//! Owns the order by committer date (a child may follow its parent when clocks were wrong). Called by pages, and by the check
//! whether an unadvertised commit may be fetched.

use std::collections::BinaryHeap;

use super::graph::{Flags, Graph, Node};
use crate::{error::Result, id::ObjectId};

const SEEN: u8 = 1;

/// Iterates over reachable commits, newest first.
///
/// Errors: each item may fail with `Lost`, `WrongKind` or `Interrupted`; the iteration ends after that.
#[derive(Debug)]
pub struct CommitsByDate<'g, 'a> {
    graph: &'g mut Graph<'a>,
    heap: BinaryHeap<(u64, Node)>,
    seen: Flags,
    failed: bool,
}

impl<'g, 'a> CommitsByDate<'g, 'a> {
    /// Starts at `tips`, which must be commits.
    pub fn new(graph: &'g mut Graph<'a>, tips: impl IntoIterator<Item = ObjectId>) -> Result<Self> {
        let mut walk = CommitsByDate { graph, heap: BinaryHeap::new(), seen: Flags::default(), failed: false };
        for tip in tips {
            let node = walk.graph.load(&tip)?;
            walk.add(node);
        }
        Ok(walk)
    }

    /// The date of the commit that comes next, as its committer has it.
    pub(crate) fn next_time(&self) -> Option<u64> {
        self.heap.peek().map(|(time, _)| *time)
    }

    /// The root tree of a commit already returned.
    pub fn tree_of(&self, commit: &ObjectId) -> Option<ObjectId> {
        self.graph.lookup(commit).map(|node| self.graph.tree(node))
    }

    fn add(&mut self, node: Node) {
        if !self.seen.has(node, SEEN) {
            self.seen.set(node, SEEN);
            self.heap.push((self.graph.time(node), node));
        }
    }

    fn step(&mut self) -> Result<Option<ObjectId>> {
        let Some((_, node)) = self.heap.pop() else { return Ok(None) };
        for position in 0..self.graph.parent_count(node) {
            if let Some(parent) = self.graph.parent(node, position)? {
                self.add(parent);
            }
        }
        Ok(Some(self.graph.id(node)))
    }
}

impl Iterator for CommitsByDate<'_, '_> {
    type Item = Result<ObjectId>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}
