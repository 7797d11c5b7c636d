//! Owns the question whether the commit-graph file has fallen so far behind that writing it anew pays. Refuses to write it.

use std::sync::atomic::AtomicBool;

use crate::{
    error::Result,
    id::{Kind, ObjectId},
    odb::Snapshot,
    walk::{Flags, Graph, peel},
};

/// Commits beyond the file that make it worth while, however many it holds: what each walk pays for them begins to show.
const MANY: usize = 512;
/// One commit beyond the file for so many in it makes it worth while.
const SHARE: usize = 16;

const SEEN: u8 = 1;

/// Whether the file is absent, or `tips` reach enough commits that it lacks.
///
/// Shape: walks no further than that number.
/// Errors: `Lost`, `Corrupt`, `Io`, `Interrupted`.
pub(super) fn is_graph_due(odb: &Snapshot, tips: &[ObjectId], interrupt: &AtomicBool) -> Result<bool> {
    let held = odb.commit_graph().map_or(0, |graph| graph.len());
    let enough = (held / SHARE).saturating_add(1).min(MANY);
    let mut graph = Graph::new(odb, interrupt);
    let mut flags = Flags::default();
    let mut path = Vec::new();
    for tip in tips {
        let peeled = peel(odb, tip)?;
        if peeled.kind == Kind::Commit {
            path.push(graph.load(&peeled.target)?);
        }
    }
    let mut lacking = 0_usize;
    while let Some(node) = path.pop() {
        if flags.has(node, SEEN) || graph.position(node).is_some() {
            continue;
        }
        flags.set(node, SEEN);
        lacking = lacking.saturating_add(1);
        if lacking >= enough {
            return Ok(true);
        }
        for position in 0..graph.parent_count(node) {
            path.extend(graph.parent(node, position)?);
        }
    }
    Ok(false)
}
