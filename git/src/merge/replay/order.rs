//! Owns the order in which commits are replayed: parents first, lines of history one after another, as `git rebase` takes them. Refuses to
//! apply anything.

use std::{collections::HashMap, sync::atomic::AtomicBool};

use crate::{
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
    walk::{Graph, Node, difference},
};

/// The commits that `tip` reaches and `upstream` does not, without merges; in no order to rely on.
pub(super) fn without_merges(
    odb: &Snapshot,
    upstream: &ObjectId,
    tip: &ObjectId,
    interrupt: &AtomicBool,
) -> Result<Vec<ObjectId>> {
    let mut graph = Graph::new(odb, interrupt);
    let (upstream, tip) = (graph.load(upstream)?, graph.load(tip)?);
    let new = difference(&mut graph, &[tip], &[upstream])?.new;
    Ok(new.into_iter().filter(|node| graph.parent_count(*node) < 2).map(|node| graph.id(node)).collect())
}

/// The commits that `tip` reaches and `upstream` does not, without merges, oldest first.
pub(super) fn to_replay(
    odb: &Snapshot,
    upstream: &ObjectId,
    tip: &ObjectId,
    max: usize,
    interrupt: &AtomicBool,
) -> Result<Vec<ObjectId>> {
    let mut graph = Graph::new(odb, interrupt);
    let (upstream, tip) = (graph.load(upstream)?, graph.load(tip)?);
    let new = difference(&mut graph, &[tip], &[upstream])?.new;
    if new.len() > max {
        return Err(Error::TooLarge { what: "number of commits to replay", limit: max as u64 });
    }
    // How many children of each commit are still to come.
    let mut children: HashMap<Node, u32> = new.iter().map(|node| (*node, 0)).collect();
    let parents = |graph: &Graph<'_>, node: Node| -> Vec<Node> {
        (0..graph.parent_count(node)).filter_map(|at| graph.parent_unloaded(node, at)).collect()
    };
    for node in &new {
        for parent in parents(&graph, *node) {
            children.entry(parent).and_modify(|count| *count += 1);
        }
    }
    let mut order = Vec::with_capacity(new.len());
    let mut pending = if new.is_empty() { Vec::new() } else { vec![tip] };
    while let Some(node) = pending.pop() {
        if graph.parent_count(node) < 2 {
            order.push(graph.id(node));
        }
        for parent in parents(&graph, node) {
            if let Some(count) = children.get_mut(&parent) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    pending.push(parent);
                }
            }
        }
    }
    order.reverse();
    Ok(order)
}
