//! Owns `--topo-order`: children before parents, lines of history together. Called by [`super::log`] with everything that was visited.

use std::collections::HashMap;

use super::walk::Visited;
use crate::walk::Node;

/// Sorts what was visited in the order of dates.
pub(super) fn sort(visited: Vec<Visited>) -> Vec<Visited> {
    let mut children: HashMap<Node, usize> = visited.iter().map(|commit| (commit.node, 0)).collect();
    for parent in visited.iter().flat_map(|commit| &commit.parents) {
        if let Some(count) = children.get_mut(parent) {
            *count = count.saturating_add(1);
        }
    }
    // Commits without children are taken in the order of dates, so the first goes on top.
    let is_tip = |commit: &&Visited| children.get(&commit.node) == Some(&0);
    let mut ready: Vec<Node> = visited.iter().filter(is_tip).map(|commit| commit.node).rev().collect();
    let mut by_node: HashMap<Node, Visited> = visited.into_iter().map(|commit| (commit.node, commit)).collect();
    let mut sorted = Vec::with_capacity(by_node.len());
    while let Some(node) = ready.pop() {
        let Some(commit) = by_node.remove(&node) else { continue };
        for parent in &commit.parents {
            if let Some(count) = children.get_mut(parent) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(*parent);
                }
            }
        }
        sorted.push(commit);
    }
    sorted
}
