//! Which objects a client may ask for.
//!
//! Owns the rule: what refs point at, tags peeled or not, always; anything else only if it can be reached from a ref. So a client
//! that raced with a push, or a partial clone that lacks a blob, is served, and what was force-pushed away or deleted stays hidden.
//! Called by `upload::respond` before anything is answered.

use gix::hashtable::HashSet;

use super::Context;
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    walk::{CommitsByDate, Graph, TreeEntries, check_interrupt, peel},
};

/// Fails unless all of `wants` may be sent.
///
/// Errors: `NotOurRef` naming the first that may not, `Interrupted`.
pub(super) fn check(context: &Context<'_>, wants: &[ObjectId]) -> Result<()> {
    let refs = &context.view.refs;
    let mut open: HashSet<ObjectId> = wants.iter().copied().collect();
    for item in refs.iter() {
        open.remove(&item.target);
        item.peeled.iter().for_each(|peeled| {
            open.remove(peeled);
        });
        if open.is_empty() {
            return Ok(());
        }
    }
    let search = Search { context, open };
    let left = search.run()?;
    match wants.iter().find(|id| left.contains(*id)) {
        Some(id) => Err(Error::NotOurRef { id: *id }),
        None => Ok(()),
    }
}

/// Looks for ids among everything reachable, nearest to the refs first, and stops as soon as all are found.
struct Search<'c, 'a> {
    context: &'c Context<'a>,
    open: HashSet<ObjectId>,
}

impl Search<'_, '_> {
    /// Returns the ids not found.
    fn run(mut self) -> Result<HashSet<ObjectId>> {
        let context = self.context;
        let odb = &context.view.odb;
        let mut needs_trees = false;
        for id in &self.open {
            match odb.header(id)? {
                Some((kind, _)) => needs_trees |= matches!(kind, Kind::Tree | Kind::Blob),
                None => return Ok(std::iter::once(*id).collect()),
            }
        }
        let mut commits = Vec::new();
        let mut trees = Vec::new();
        for item in context.view.refs.iter() {
            check_interrupt(context.interrupt)?;
            let peeled = peel(odb, &item.target)?;
            for tag in &peeled.tags {
                self.open.remove(tag);
            }
            self.open.remove(&peeled.target);
            match peeled.kind {
                Kind::Commit => commits.push(peeled.target),
                Kind::Tree => trees.push(peeled.target),
                Kind::Blob | Kind::Tag => {}
            }
        }
        let mut seen = HashSet::default();
        for tree in trees {
            self.visit_tree(tree, &mut seen)?;
        }
        let mut graph = Graph::new(odb, context.interrupt);
        let mut walk = CommitsByDate::new(&mut graph, commits)?;
        while !self.open.is_empty() {
            let Some(commit) = walk.next() else { break };
            let commit = commit?;
            self.open.remove(&commit);
            if needs_trees && let Some(tree) = walk.tree_of(&commit) {
                self.visit_tree(tree, &mut seen)?;
            }
        }
        Ok(self.open)
    }

    fn visit_tree(&mut self, root: ObjectId, seen: &mut HashSet<ObjectId>) -> Result<()> {
        let context = self.context;
        let odb = &context.view.odb;
        let mut stack = vec![root];
        let mut data = Vec::new();
        while let Some(id) = stack.pop() {
            if self.open.is_empty() || !seen.insert(id) {
                continue;
            }
            check_interrupt(context.interrupt)?;
            self.open.remove(&id);
            if odb.find(&id, &mut data)? != Some(Kind::Tree) {
                return Err(Error::Lost { id });
            }
            for entry in TreeEntries::new(&data) {
                match entry.kind {
                    Some(Kind::Tree) => stack.push(entry.id),
                    Some(_) => {
                        self.open.remove(&entry.id);
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }
}
