//! Owns passing lines from one version of a file to those of the parents, as git's `pass_blame` does. Called by [`super::blame`].

use super::{Board, Settled, Suspect, ranges};
use crate::{
    diff::{TreeOptions, rename::origin_of},
    error::Result,
    history::{line_diff::diff_lines, tree::Entry},
    walk::{Graph, Node},
};

/// A parent's version of the file.
struct Scapegoat {
    parent: Node,
    path: usize,
    entry: Entry,
}

impl Board<'_> {
    /// Passes on what parents have, and settles the rest.
    pub(super) fn visit(&mut self, graph: &mut Graph<'_>, node: Node, mut suspect: Suspect) -> Result<()> {
        let mut parents = Vec::new();
        for position in 0..graph.parent_count(node) {
            parents.extend(graph.parent(node, position)?);
        }
        let mut scapegoats: Vec<Option<Scapegoat>> = Vec::new();
        scapegoats.resize_with(parents.len(), || None);
        // First under the same path in every parent, then as the file may have been called before.
        for with_renames in [false, true] {
            for at in 0..parents.len() {
                let (Some(parent), Some(None)) = (parents.get(at).copied(), scapegoats.get(at)) else { continue };
                let found = match with_renames {
                    false => self.same_path(graph, node, parent, at, &suspect)?,
                    true => self.renamed(graph, node, parent, &suspect)?,
                };
                let Some((path, entry)) = found else { continue };
                if entry.id == suspect.blob {
                    let lines = std::mem::take(&mut suspect.lines);
                    self.hand_over(graph, parent, Suspect { path, blob: entry.id, mode: entry.mode, lines });
                    return Ok(());
                }
                // Two parents with the same version: the first is asked.
                let is_known = scapegoats.iter().take(at).flatten().any(|known| known.entry.id == entry.id);
                if let Some(slot) = scapegoats.get_mut(at).filter(|_| !is_known) {
                    *slot = Some(Scapegoat { parent, path, entry });
                }
            }
        }

        let mut previous = None;
        for scapegoat in scapegoats.into_iter().flatten() {
            previous = previous.or(Some((scapegoat.parent, scapegoat.path)));
            self.pass_lines(graph, &mut suspect, &scapegoat)?;
            if suspect.lines.is_empty() {
                return Ok(());
            }
        }
        let path = suspect.path;
        self.pieces = self.pieces.saturating_add(suspect.lines.len());
        self.done.extend(suspect.lines.into_iter().map(|lines| Settled { lines, node, path, previous }));
        Ok(())
    }

    /// The version of a parent under the same path; one of another type is another file.
    fn same_path(
        &mut self,
        graph: &Graph<'_>,
        node: Node,
        parent: Node,
        nth: usize,
        suspect: &Suspect,
    ) -> Result<Option<(usize, Entry)>> {
        if nth == 0 && self.origins.is_unchanged(graph, node, parent, suspect.path) {
            return Ok(Some((suspect.path, Entry { mode: suspect.mode, id: suspect.blob })));
        }
        let entry = self.origins.entry(graph, parent, suspect.path)?;
        let is_same_type = |entry: &Entry| entry.is_blob() && entry.mode & 0o170_000 == suspect.mode & 0o170_000;
        Ok(entry.filter(is_same_type).map(|entry| (suspect.path, entry)))
    }

    /// The version of a parent under another path, if the path is new in this commit.
    fn renamed(
        &mut self,
        graph: &Graph<'_>,
        node: Node,
        parent: Node,
        suspect: &Suspect,
    ) -> Result<Option<(usize, Entry)>> {
        if self.origins.entry(graph, parent, suspect.path)?.is_some_and(|entry| !entry.is_tree()) {
            return Ok(None);
        }
        let path = self.origins.shared(suspect.path);
        let (old, new) = (graph.tree(parent), graph.tree(node));
        let source = origin_of(graph.odb(), &old, &new, &path, &TreeOptions::default(), graph.interrupt())?;
        Ok(source.map(|source| (self.origins.intern(&source.path), Entry { mode: source.mode.bits(), id: source.id })))
    }

    fn pass_lines(&mut self, graph: &Graph<'_>, suspect: &mut Suspect, scapegoat: &Scapegoat) -> Result<()> {
        let old = self.contents.read(graph.odb(), &scapegoat.entry.id)?;
        let new = self.contents.read(graph.odb(), &suspect.blob)?;
        let (passed, kept) = ranges::split(&suspect.lines, &diff_lines(&old, &new, graph.interrupt())?);
        suspect.lines = kept;
        let Scapegoat { parent, path, entry } = *scapegoat;
        self.hand_over(graph, parent, Suspect { path, blob: entry.id, mode: entry.mode, lines: passed });
        Ok(())
    }
}
