//! Owns what one path is in many commits, without reading the same trees again: filters of the commit-graph file first, then remembered
//! directories. Refuses to follow renames. Called by log, last commits and blame.

use std::collections::HashMap;

use super::tree::{self, Entry};
use crate::{
    commit_graph::{PathKey, PathVerdict},
    error::Result,
    id::ObjectId,
    odb::Snapshot,
    walk::{Graph, Node},
};

/// So many answers are remembered, then all are forgotten: about 10 MB for each path.
const MAX_REMEMBERED: usize = 100_000;

/// A path in cleaned form, and what is known of it.
pub(super) struct PathFinder {
    path: Vec<u8>,
    key: PathKey,
    commits: HashMap<Node, Option<Entry>>,
    /// By directory and the part of the path below it.
    directories: HashMap<(ObjectId, usize), Option<Entry>>,
    data: Vec<u8>,
}

/// A path without empty parts.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b'/')
}

impl PathFinder {
    pub(super) fn new(path: &[u8]) -> PathFinder {
        let path = clean(path);
        let key = PathKey::new(&path);
        PathFinder { path, key, commits: HashMap::new(), directories: HashMap::new(), data: Vec::new() }
    }

    /// For questions to the filters of the commit-graph file.
    pub(super) fn key(&self) -> &PathKey {
        &self.key
    }

    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// What the path names in a loaded commit.
    pub(super) fn entry(&mut self, graph: &Graph<'_>, node: Node) -> Result<Option<Entry>> {
        if let Some(known) = self.commits.get(&node) {
            return Ok(*known);
        }
        let found = self.find(graph.odb(), graph.tree(node))?;
        if self.commits.len() >= MAX_REMEMBERED {
            self.commits.clear();
        }
        self.commits.insert(node, found);
        Ok(found)
    }

    /// Whether a loaded commit has the same at the path as one of its parents, or has nothing when there is no parent.
    pub(super) fn is_same(&mut self, graph: &Graph<'_>, node: Node, parent: Option<Node>, nth: u32) -> Result<bool> {
        if parent.is_some_and(|parent| graph.tree(parent) == graph.tree(node)) {
            return Ok(true);
        }
        if nth == 0 && is_denied(graph, node, &self.key) {
            return Ok(true);
        }
        let new = self.entry(graph, node)?;
        let old = parent.map(|parent| self.entry(graph, parent)).transpose()?.flatten();
        tree::is_same(graph.odb(), old, new, graph.interrupt())
    }

    fn find(&mut self, odb: &Snapshot, tree: ObjectId) -> Result<Option<Entry>> {
        let mut at = Entry { mode: 0o040_000, id: tree };
        let mut open = Vec::new();
        let mut start = 0_usize;
        let found = loop {
            let Some(rest) = self.path.get(start..).filter(|rest| !rest.is_empty()) else { break Some(at) };
            if !at.is_tree() {
                break None;
            }
            // Roots are nearly all different, and commits are remembered by themselves.
            if start > 0 {
                if let Some(known) = self.directories.get(&(at.id, start)) {
                    break *known;
                }
                open.push((at.id, start));
            }
            let name = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
            start = start.saturating_add(name.len()).saturating_add(1);
            match tree::child(odb, &at.id, name, &mut self.data)? {
                Some(entry) => at = entry,
                None => break None,
            }
        };
        if self.directories.len() >= MAX_REMEMBERED {
            self.directories.clear();
        }
        self.directories.extend(open.into_iter().map(|key| (key, found)));
        Ok(found)
    }
}

/// Whether the filter of a commit says that a path is the same in the first parent.
pub(super) fn is_denied(graph: &Graph<'_>, node: Node, key: &PathKey) -> bool {
    let Some(file) = graph.odb().commit_graph().filter(|file| file.has_changed_paths()) else { return false };
    graph.position(node).is_some_and(|position| file.verdict(position, key) == PathVerdict::No)
}
