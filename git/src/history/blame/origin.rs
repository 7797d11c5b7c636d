//! Owns the paths a file had, by small numbers, and what they name in each commit. Called by [`super`].

use std::sync::Arc;

use crate::{
    error::Result,
    history::{
        path::{PathFinder, clean, is_denied},
        tree::Entry,
    },
    walk::{Graph, Node},
};

#[derive(Default)]
pub(super) struct Origins {
    /// A file has few names; they are found by looking at all.
    paths: Vec<PathFinder>,
    /// The same, as they are given out.
    shared: Vec<Arc<[u8]>>,
}

impl Origins {
    /// The number of a path.
    pub(super) fn intern(&mut self, path: &[u8]) -> usize {
        let path = clean(path);
        if let Some(known) = self.paths.iter().position(|finder| finder.path() == path) {
            return known;
        }
        self.shared.push(Arc::from(&path[..]));
        self.paths.push(PathFinder::new(&path));
        self.paths.len().saturating_sub(1)
    }

    pub(super) fn shared(&self, number: usize) -> Arc<[u8]> {
        self.shared.get(number).cloned().unwrap_or_default()
    }

    pub(super) fn entry(&mut self, graph: &Graph<'_>, node: Node, number: usize) -> Result<Option<Entry>> {
        self.paths.get_mut(number).map_or(Ok(None), |finder| finder.entry(graph, node))
    }

    /// Whether a commit is known to have the same as its first parent, without reading trees.
    pub(super) fn is_unchanged(&self, graph: &Graph<'_>, node: Node, parent: Node, number: usize) -> bool {
        let is_denied = || self.paths.get(number).is_some_and(|finder| is_denied(graph, node, finder.key()));
        graph.tree(node) == graph.tree(parent) || is_denied()
    }
}
