//! Ancestry between two commits and their merge bases, by painting down from both.
//!
//! Owns git's `paint_down_to_common`: exact for ancestry whatever the dates say. Generations of the commit-graph file, where there is
//! one, end a search for an ancestor early. Called by push gates and pull requests.

use std::{collections::BinaryHeap, sync::atomic::AtomicBool};

use super::graph::{Flags, Graph, Node};
use crate::{error::Result, id::ObjectId, odb::Snapshot};

const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const STALE: u8 = 4;
const RESULT: u8 = 8;
const QUEUED: u8 = 16;

/// Says whether `old` is reachable from `new`, that is, whether moving a branch from one to the other is a fast-forward.
///
/// Shape: both are commits; a commit is its own ancestor.
/// Errors: `Lost`, `WrongKind`, `Interrupted`.
pub fn is_ancestor(odb: &Snapshot, old: &ObjectId, new: &ObjectId, interrupt: &AtomicBool) -> Result<bool> {
    let mut graph = Graph::new(odb, interrupt);
    let (old, new) = (graph.load(old)?, graph.load(new)?);
    Ok(paint(&mut graph, &[old], &[new], Some(old))?.is_empty())
}

/// The best common ancestors of two commits: those that are no ancestors of other common ones.
///
/// Shape: newest first; empty when the histories have nothing in common, more than one after criss-cross merges. Tags are followed.
/// Errors: `Lost`, `WrongKind`, `Interrupted`.
pub fn merge_bases(odb: &Snapshot, a: &ObjectId, b: &ObjectId, interrupt: &AtomicBool) -> Result<Vec<ObjectId>> {
    merge_bases_of_any(odb, std::slice::from_ref(a), b, interrupt)
}

/// The same for a commit and what any of several others reaches, as if those were parents of one.
pub(crate) fn merge_bases_of_any(
    odb: &Snapshot,
    any: &[ObjectId],
    b: &ObjectId,
    interrupt: &AtomicBool,
) -> Result<Vec<ObjectId>> {
    let mut graph = Graph::new(odb, interrupt);
    let any = any.iter().map(|id| graph.load_named(id)).collect::<Result<Vec<Node>>>()?;
    let b = graph.load_named(b)?;
    let found = paint(&mut graph, &any, &[b], None)?;
    // With wrong clocks painting may keep an ancestor of another base.
    let best = without_ancestors(&mut graph, found)?;
    Ok(best.into_iter().map(|node| graph.id(node)).collect())
}

/// The best common ancestors of all of several commits, as `git merge-base --octopus --all` finds them.
///
/// Shape: newest first; the commit itself for one, empty for none. Tags are followed.
/// Errors: `Lost`, `WrongKind`, `Interrupted`.
pub fn merge_bases_of_all(odb: &Snapshot, commits: &[ObjectId], interrupt: &AtomicBool) -> Result<Vec<ObjectId>> {
    let mut graph = Graph::new(odb, interrupt);
    let mut commits = commits.iter();
    let Some(first) = commits.next() else { return Ok(Vec::new()) };
    let mut bases = vec![graph.load_named(first)?];
    for next in commits {
        let next = graph.load_named(next)?;
        let mut found = Vec::new();
        for base in bases {
            found.extend(paint(&mut graph, &[base], &[next], None)?);
        }
        found.sort_unstable();
        found.dedup();
        bases = without_ancestors(&mut graph, found)?;
    }
    bases.sort_by_key(|node| std::cmp::Reverse(graph.time(*node)));
    Ok(bases.into_iter().map(|node| graph.id(node)).collect())
}

/// Leaves out the commits that another one reaches.
fn without_ancestors(graph: &mut Graph<'_>, mut commits: Vec<Node>) -> Result<Vec<Node>> {
    let mut at = 0;
    while commits.len() > 1 && at < commits.len() {
        let candidate = commits.remove(at);
        if !paint(graph, &[candidate], &commits, Some(candidate))?.is_empty() {
            commits.insert(at, candidate);
            at = at.saturating_add(1);
        }
    }
    Ok(commits)
}

/// Paints from both sides until everything left to visit is an ancestor of a common commit.
///
/// Returns the common commits found, newest first; with `stop_at`, returns empty as soon as that commit turns out to be
/// reachable from `right`, and otherwise at least one element.
fn paint(graph: &mut Graph<'_>, left: &[Node], right: &[Node], stop_at: Option<Node>) -> Result<Vec<Node>> {
    // What a commit-graph file places at or below the commit looked for does not lead to it.
    let floor = stop_at.map_or(0, |node| graph.generation(node));
    let mut queue = Queue::default();
    for node in left {
        queue.add(graph, *node, LEFT);
    }
    for node in right {
        queue.add(graph, *node, RIGHT);
    }
    let mut results = Vec::new();
    while queue.active > 0 {
        let Some((node, mut colors)) = queue.pop() else { break };
        if stop_at == Some(node) && colors & RIGHT != 0 {
            return Ok(Vec::new());
        }
        if colors & (LEFT | RIGHT | STALE) == LEFT | RIGHT {
            if !queue.flags.has(node, RESULT) {
                queue.flags.set(node, RESULT);
                results.push(node);
            }
            // Whatever lies below a common commit is common too, and worse.
            colors |= STALE;
        }
        for position in 0..graph.parent_count(node) {
            if let Some(parent) = graph.parent(node, position)?
                && graph.generation(parent) >= floor
            {
                queue.add(graph, parent, colors & (LEFT | RIGHT | STALE));
            }
        }
    }
    if let Some(node) = stop_at {
        return Ok(vec![node]);
    }
    results.retain(|node| !queue.flags.has(*node, STALE));
    results.sort_by_key(|node| std::cmp::Reverse(graph.time(*node)));
    Ok(results)
}

#[derive(Default)]
struct Queue {
    heap: BinaryHeap<((u64, u64), Node)>,
    flags: Flags,
    /// Queued commits that are not stale.
    active: usize,
}

impl Queue {
    fn add(&mut self, graph: &Graph<'_>, node: Node, colors: u8) {
        let before = self.flags.get(node);
        if before & colors == colors {
            return;
        }
        let after = before | colors;
        self.flags.set(node, colors | QUEUED);
        let was_active = before & QUEUED != 0 && before & STALE == 0;
        let is_active = after & STALE == 0;
        match (was_active, is_active) {
            (false, true) => self.active = self.active.saturating_add(1),
            (true, false) => self.active = self.active.saturating_sub(1),
            (false, false) | (true, true) => {}
        }
        if before & QUEUED == 0 {
            self.heap.push((graph.rank(node), node));
        }
    }

    fn pop(&mut self) -> Option<(Node, u8)> {
        let (_, node) = self.heap.pop()?;
        let colors = self.flags.get(node);
        self.flags.clear(node, QUEUED);
        if colors & STALE == 0 {
            self.active = self.active.saturating_sub(1);
        }
        Some((node, colors))
    }
}
