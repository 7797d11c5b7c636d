//! Whether some commits together reach all of others.
//!
//! Owns one walk with an early end. Called for bundles, which may be given away only as long as it holds.

use std::collections::BinaryHeap;

use super::graph::{Flags, Graph, Node};
use crate::{error::Result, id::ObjectId};

const SEEN: u8 = 1;
const WANTED: u8 = 2;

/// Says whether each commit of `wanted` is one of `from` or reachable from one.
///
/// Shape: all are commits. Ends with the last one found; otherwise everything is walked that the commit-graph file does not rule out.
/// Errors: `Lost`, `WrongKind`, `Interrupted`.
pub(crate) fn reaches_all(graph: &mut Graph<'_>, from: &[ObjectId], wanted: &[ObjectId]) -> Result<bool> {
    let mut flags = Flags::default();
    let mut missing = 0_usize;
    let mut floor = u64::MAX;
    for id in wanted {
        let node = graph.load(id)?;
        if !flags.has(node, WANTED) {
            flags.set(node, WANTED);
            missing = missing.saturating_add(1);
            floor = floor.min(graph.generation(node));
        }
    }
    let mut heap: BinaryHeap<((u64, u64), Node)> = BinaryHeap::new();
    for id in from {
        let node = graph.load(id)?;
        push(graph, &mut flags, &mut heap, node, floor);
    }
    while missing > 0 {
        let Some((_, node)) = heap.pop() else { return Ok(false) };
        if flags.has(node, WANTED) {
            missing = missing.saturating_sub(1);
        }
        for position in 0..graph.parent_count(node) {
            if let Some(parent) = graph.parent(node, position)? {
                push(graph, &mut flags, &mut heap, parent, floor);
            }
        }
    }
    Ok(true)
}

fn push(graph: &Graph<'_>, flags: &mut Flags, heap: &mut BinaryHeap<((u64, u64), Node)>, node: Node, floor: u64) {
    if !flags.has(node, SEEN) && graph.generation(node) >= floor {
        flags.set(node, SEEN);
        heap.push((graph.rank(node), node));
    }
}
