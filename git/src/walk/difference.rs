//! The commits reachable from one set and not from another.
//!
//! Owns the painting walk behind every fetch. Called by `upload::enumerate`.
//!
//! Commits that are wanted are visited in order of their dates together with those the client has; once nothing wanted is left to
//! visit, the client's side is followed on for a while, since a commit with a wrong date may hide a path to commits already
//! taken as new. Ending too early only sends what the client has already, as git does. Commits of the commit-graph file come after
//! all others and in order of their generations: among them nothing can be hidden, and the walk ends at once.

use std::collections::BinaryHeap;

use super::graph::{Flags, Graph, Node, UNKNOWN_GENERATION};
use super::order::parents_first;
use crate::error::Result;

const WANTED: u8 = 1;
const HELD: u8 = 2;
const QUEUED: u8 = 4;
const TAKEN: u8 = 8;

/// How many commits of the client's side are visited beyond the need when dates look right.
const SLOP: usize = 64;
/// The same once a parent newer than its child was seen.
const SLOP_AFTER_SKEW: usize = 4096;

/// Result of [`difference`].
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Commits to send, every one after those of its parents that are sent too.
    pub(crate) new: Vec<Node>,
    /// Parents of new commits that the client has.
    pub(crate) boundary: Vec<Node>,
}

/// Finds the commits reachable from `wants` and not from `haves`; all of them must be loaded.
pub(crate) fn difference(graph: &mut Graph<'_>, wants: &[Node], haves: &[Node]) -> Result<Difference> {
    let mut walk = Walk::default();
    for node in haves {
        walk.add(graph, *node, HELD);
    }
    for node in wants {
        walk.add(graph, *node, WANTED);
    }
    let mut taken = Vec::new();
    let mut oldest_new = u64::MAX;
    let mut slop = 0_usize;
    while let Some(((generation, time), node)) = walk.pop() {
        let held = walk.flags.has(node, HELD);
        if held && walk.wanted == 0 && generation != UNKNOWN_GENERATION {
            break;
        }
        if held && walk.wanted == 0 && time < oldest_new {
            slop = slop.saturating_add(1);
            if slop > if walk.skewed { SLOP_AFTER_SKEW } else { SLOP } {
                break;
            }
        }
        if !held {
            oldest_new = oldest_new.min(time);
            if !walk.flags.has(node, TAKEN) {
                walk.flags.set(node, TAKEN);
                taken.push(node);
            }
        }
        let color = if held { HELD } else { WANTED };
        // Nothing was ever taken as new: the client's own history needs no walk.
        if held && taken.is_empty() && walk.wanted == 0 {
            break;
        }
        for position in 0..graph.parent_count(node) {
            if let Some(parent) = graph.parent(node, position)? {
                walk.skewed |= graph.time(parent) > time;
                walk.add(graph, parent, color);
            }
        }
    }

    let new = parents_first(graph, taken, |node| !walk.flags.has(node, HELD));
    let mut boundary = Vec::new();
    for node in &new {
        for position in 0..graph.parent_count(*node) {
            if let Some(parent) = graph.parent_unloaded(*node, position)
                && walk.flags.has(parent, HELD)
                && !walk.flags.has(parent, TAKEN_AS_BOUNDARY)
            {
                walk.flags.set(parent, TAKEN_AS_BOUNDARY);
                boundary.push(parent);
            }
        }
    }
    Ok(Difference { new, boundary })
}

const TAKEN_AS_BOUNDARY: u8 = 16;

#[derive(Default)]
struct Walk {
    heap: BinaryHeap<((u64, u64), Node)>,
    flags: Flags,
    /// Queued commits that are wanted and not known to be held.
    wanted: usize,
    skewed: bool,
}

impl Walk {
    /// Paints a commit and queues it, again if it was visited before it got this colour.
    fn add(&mut self, graph: &Graph<'_>, node: Node, color: u8) {
        let before = self.flags.get(node);
        if before & color != 0 || (color == WANTED && before & HELD != 0) {
            return;
        }
        self.flags.set(node, color | QUEUED);
        let queued = before & QUEUED != 0;
        match color {
            WANTED => self.wanted = self.wanted.saturating_add(1),
            _ if queued && before & WANTED != 0 => self.wanted = self.wanted.saturating_sub(1),
            _ => {}
        }
        if !queued {
            self.heap.push((graph.rank(node), node));
        }
    }

    fn pop(&mut self) -> Option<((u64, u64), Node)> {
        let (rank, node) = self.heap.pop()?;
        let flags = self.flags.get(node);
        self.flags.clear(node, QUEUED);
        if flags & (WANTED | HELD) == WANTED {
            self.wanted = self.wanted.saturating_sub(1);
        }
        Some((rank, node))
    }
}
