//! Orders commits so that parents come before children, whatever the dates say.
//!
//! Owns the walk in depth, without recursion. Called by counting and by the writers of commit-graphs and bitmaps.

use super::graph::{Flags, Graph, Node, check_interrupt};
use crate::error::Result;

const SEEN: u8 = 1;

/// Loads everything that some commits reach, themselves included, and orders it.
///
/// Errors: `Lost`, `WrongKind`, `Interrupted`.
pub(crate) fn reached_parents_first(graph: &mut Graph<'_>, starts: &[Node]) -> Result<Vec<Node>> {
    let mut seen = Flags::default();
    let mut ordered = Vec::new();
    for start in starts {
        // The path down to the commit looked at, with the next parent to visit.
        let mut path = vec![(*start, 0_u32)];
        while let Some((node, position)) = path.last_mut() {
            check_interrupt(graph.interrupt())?;
            let node = *node;
            if *position == 0 && seen.has(node, SEEN) {
                path.pop();
                continue;
            }
            seen.set(node, SEEN);
            let next = graph.parent(node, *position)?;
            *position = position.saturating_add(1);
            match next {
                Some(parent) => path.push((parent, 0)),
                None => {
                    ordered.push(node);
                    path.pop();
                }
            }
        }
    }
    Ok(ordered)
}

/// Orders loaded commits; `is_among` says of those and their parents which are to be ordered.
pub(crate) fn parents_first(graph: &Graph<'_>, commits: Vec<Node>, is_among: impl Fn(Node) -> bool) -> Vec<Node> {
    let mut seen = Flags::default();
    let mut ordered = Vec::with_capacity(commits.len());
    for start in commits.into_iter().rev() {
        // The path down to the commit looked at, with the next parent to visit.
        let mut path = vec![(start, 0_u32)];
        while let Some((node, position)) = path.last_mut() {
            let node = *node;
            if !is_among(node) || seen.has(node, SEEN) {
                path.pop();
                continue;
            }
            match graph.parent_unloaded(node, *position) {
                Some(parent) => {
                    *position = position.saturating_add(1);
                    path.push((parent, 0));
                }
                None => {
                    seen.set(node, SEEN);
                    ordered.push(node);
                    path.pop();
                }
            }
        }
    }
    ordered
}
