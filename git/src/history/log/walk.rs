//! Owns the walk of a log in the order of dates: what is hidden, and git's default history simplification for paths. Called by [`super::log`].
//!
//! Hidden commits are walked along with the others, as git does: what simplification knows of them depends on the order. Git stops a few
//! commits after the last one of interest; we go on longer when a clock was wrong, so that nothing hidden is listed.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::LogRequest;
use crate::{
    error::Result,
    history::path::PathFinder,
    id::ObjectId,
    walk::{Flags, Graph, Node},
};

const SEEN: u8 = 1;
const HIDDEN: u8 = 2;
/// Named as hidden by the caller: simplification still counts a parent that is one.
const BOTTOM: u8 = 4;
const POPPED: u8 = 8;

/// Hidden commits visited after the last one of interest when dates look right.
const SLOP: usize = 64;
/// The same once a parent newer than its child was seen.
const SLOP_AFTER_SKEW: usize = 4096;

/// One commit of the walk.
#[derive(Debug, Clone)]
pub(super) struct Visited {
    pub(super) node: Node,
    /// The parents that history goes on with.
    pub(super) parents: Vec<Node>,
    /// Whether the commit is part of the log, and not only on the way.
    pub(super) is_shown: bool,
}

pub(super) struct Walk {
    heap: BinaryHeap<(u64, Reverse<u64>, Node)>,
    pushed: u64,
    flags: Flags,
    paths: Vec<PathFinder>,
    first_parent: bool,
    since: Option<u64>,
    has_hidden: bool,
    /// Queued commits that are not hidden.
    open: usize,
    oldest_open: u64,
    skewed: bool,
    slop: usize,
}

impl Walk {
    pub(super) fn new(graph: &mut Graph<'_>, request: &LogRequest, paths: &[Vec<u8>]) -> Result<Walk> {
        let mut walk = Walk {
            heap: BinaryHeap::new(),
            pushed: 0,
            flags: Flags::default(),
            // The empty path is everything: no simplification.
            paths: paths.iter().map(|path| PathFinder::new(path)).collect(),
            first_parent: request.first_parent,
            since: request.since,
            has_hidden: !request.hidden.is_empty(),
            open: 0,
            oldest_open: u64::MAX,
            skewed: false,
            slop: 0,
        };
        if walk.paths.iter().any(|path| path.path().is_empty()) {
            walk.paths.clear();
        }
        let mut start = |ids: &[ObjectId], flags: u8| -> Result<Vec<Node>> {
            let nodes: Result<Vec<Node>> = ids.iter().map(|id| graph.load_named(id)).collect();
            let nodes = nodes?;
            nodes.iter().for_each(|node| walk.flags.set(*node, flags));
            Ok(nodes)
        };
        let hidden = start(&request.hidden, HIDDEN | BOTTOM)?;
        let tips = start(&request.tips, 0)?;
        for node in tips.iter().chain(&hidden) {
            walk.push(graph, *node);
        }
        for node in hidden {
            walk.hide_parents(graph, node);
        }
        Ok(walk)
    }

    pub(super) fn is_hidden(&self, node: Node) -> bool {
        self.flags.has(node, HIDDEN)
    }

    /// The next commit that is not known to be hidden.
    pub(super) fn next(&mut self, graph: &mut Graph<'_>) -> Result<Option<Visited>> {
        while let Some((time, _, node)) = self.heap.pop() {
            self.flags.set(node, POPPED);
            let is_old = self.since.is_some_and(|since| time < since);
            if !self.is_hidden(node) {
                self.open = self.open.saturating_sub(1);
                if !is_old {
                    self.oldest_open = self.oldest_open.min(time);
                    return self.take(graph, node, time).map(Some);
                }
                if !self.has_hidden {
                    continue;
                }
                self.flags.set(node, HIDDEN);
            }
            self.visit_hidden(graph, node, time)?;
            if self.open == 0 && time < self.oldest_open {
                self.slop = self.slop.saturating_add(1);
                if self.slop > if self.skewed { SLOP_AFTER_SKEW } else { SLOP } {
                    break;
                }
            }
        }
        Ok(None)
    }

    fn visit_hidden(&mut self, graph: &mut Graph<'_>, node: Node, time: u64) -> Result<()> {
        for position in 0..graph.parent_count(node) {
            if let Some(parent) = graph.parent(node, position)? {
                self.skewed |= graph.time(parent) > time;
            }
        }
        self.hide_parents(graph, node);
        for position in 0..graph.parent_count(node) {
            if let Some(parent) = graph.parent_unloaded(node, position) {
                self.push(graph, parent);
            }
        }
        Ok(())
    }

    fn take(&mut self, graph: &mut Graph<'_>, node: Node, time: u64) -> Result<Visited> {
        let mut parents = Vec::new();
        for position in 0..graph.parent_count(node) {
            if let Some(parent) = graph.parent(node, position)? {
                self.skewed |= graph.time(parent) > time;
                parents.push(parent);
            }
        }
        let is_same = if self.paths.is_empty() { false } else { self.simplify(graph, node, &mut parents)? };
        let followed = if self.first_parent { 1 } else { parents.len() };
        for parent in parents.iter().take(followed) {
            self.push(graph, *parent);
        }
        Ok(Visited { node, parents, is_shown: !is_same })
    }

    /// Compares a commit with its parents, of which only one is left if it has all that the commit has at the paths. Answers whether the
    /// commit brings nothing of its own.
    fn simplify(&mut self, graph: &mut Graph<'_>, node: Node, parents: &mut Vec<Node>) -> Result<bool> {
        if parents.is_empty() {
            return self.is_same(graph, node, None, 0);
        }
        let (mut relevant_parents, mut relevant_change, mut irrelevant_change) = (0, false, false);
        for (nth, parent) in (0_u32..).zip(parents.iter().copied()) {
            let is_relevant = self.flags.get(parent) & (HIDDEN | BOTTOM) != HIDDEN;
            relevant_parents += usize::from(is_relevant);
            if nth == 1 && self.first_parent {
                break;
            }
            match (self.is_same(graph, node, Some(parent), nth)?, is_relevant) {
                (true, true) => {
                    *parents = vec![parent];
                    return Ok(true);
                }
                // A hidden side that brought everything does not let the others go.
                (true, false) => {}
                (false, true) => relevant_change = true,
                (false, false) => irrelevant_change = true,
            }
        }
        Ok(if relevant_parents > 0 { !relevant_change } else { !irrelevant_change })
    }

    fn is_same(&mut self, graph: &Graph<'_>, node: Node, parent: Option<Node>, nth: u32) -> Result<bool> {
        for path in &mut self.paths {
            if !path.is_same(graph, node, parent, nth)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn push(&mut self, graph: &Graph<'_>, node: Node) {
        if self.flags.has(node, SEEN) {
            return;
        }
        self.flags.set(node, SEEN);
        if !self.is_hidden(node) {
            self.open = self.open.saturating_add(1);
        }
        // Of equal dates the one found first comes first.
        self.heap.push((graph.time(node), Reverse(self.pushed), node));
        self.pushed = self.pushed.saturating_add(1);
    }

    /// Hides the parents of a commit, and theirs as far as they were visited.
    fn hide_parents(&mut self, graph: &Graph<'_>, node: Node) {
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            for position in 0..graph.parent_count(node) {
                let Some(parent) = graph.parent_unloaded(node, position) else { continue };
                if self.is_hidden(parent) {
                    continue;
                }
                if self.flags.get(parent) & (SEEN | POPPED) == SEEN {
                    self.open = self.open.saturating_sub(1);
                }
                self.flags.set(parent, HIDDEN);
                pending.push(parent);
            }
        }
    }
}
