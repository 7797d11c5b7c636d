//! Owns choosing the commits of a new file: everything the tips reach that the format can describe, parents first. Called by the writer.

use super::generation::Generation;
use crate::{
    error::Result,
    id::{Kind, ObjectId},
    walk::{Graph, Node, peel, reached_parents_first},
};

/// The format has 34 bits for the time of a commit.
const TIME_END: u64 = 1 << 34;

/// The commits of a new file.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Every one after its parents.
    pub(super) nodes: Vec<Node>,
    /// By node.
    pub(super) generations: Vec<Option<Generation>>,
    /// Commits that the format cannot describe, and those that descend from them.
    pub(super) left_out: usize,
}

impl Collected {
    pub(super) fn generation(&self, node: Node) -> Option<Generation> {
        self.generations.get(node as usize).copied().flatten()
    }
}

/// Finds all commits that `tips` reach; tags are followed, tips of other kinds passed over.
pub(super) fn collect(graph: &mut Graph<'_>, tips: &[ObjectId]) -> Result<Collected> {
    let mut starts = Vec::new();
    for tip in tips {
        let peeled = peel(graph.odb(), tip)?;
        if peeled.kind == Kind::Commit {
            starts.push(graph.load(&peeled.target)?);
        }
    }
    let mut found = Collected::default();
    for node in reached_parents_first(graph, &starts)? {
        place(graph, node, &mut found);
    }
    Ok(found)
}

/// Takes a commit whose parents were all placed before.
fn place(graph: &Graph<'_>, node: Node, found: &mut Collected) {
    let parents = (0..graph.parent_count(node)).filter_map(|at| graph.parent_unloaded(node, at));
    let generations: Option<Vec<Generation>> = parents.map(|parent| found.generation(parent)).collect();
    match generations.filter(|_| graph.time(node) < TIME_END) {
        Some(generations) => {
            let generation = Generation::above(generations.into_iter(), graph.time(node));
            let at = node as usize;
            if found.generations.len() <= at {
                found.generations.resize(at.saturating_add(1).max(graph.len()), None);
            }
            if let Some(slot) = found.generations.get_mut(at) {
                *slot = Some(generation);
            }
            found.nodes.push(node);
        }
        None => found.left_out = found.left_out.saturating_add(1),
    }
}
