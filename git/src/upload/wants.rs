//! What may be asked for.
//!
//! Owns the rule: what the refs point at, tags peeled or not, always; anything else only if it can be reached from a ref. So a client
//! that raced with a push, or a partial clone that lacks a blob, is served, and what was force-pushed away or deleted stays hidden.
//! Refs that the caller may not see are not in its view, and so nothing is reachable from them.
//! Called by `upload::respond` before anything is answered, and by `object-info`.
//!
//! What it costs: nothing for what a ref points at. For a commit the history newer than it, and some more in case clocks were wrong; only
//! commits whose descendants carry dates of long before them may be refused although they can be reached. For a tree or a blob as much of
//! the history as it takes to find it, each tree once. Where there are bitmaps, only commits that they do not cover are looked at, and no commit is
//! refused by mistake. The interrupt flag ends all of it.

use crate::id::table::HashSet;

use super::Context;
use crate::{
    bitmap::{Bitmap, Cover},
    bits::Bits,
    error::{Error, Result},
    id::{Kind, ObjectId},
    walk::{CommitsByDate, Graph, Node, TreeEntries, check_interrupt, peel},
};

/// How many commits older than everything wanted are looked at before the search ends.
const SLOP: usize = 4096;

/// Fails unless all of `wants` may be sent.
///
/// Errors: `NotOurRef` naming the first that may not, `Interrupted`.
pub(super) fn check(context: &Context<'_>, wants: &[ObjectId]) -> Result<()> {
    let left = find(context, wants, true)?;
    match wants.iter().find(|id| left.contains(*id)) {
        Some(id) => Err(Error::NotOurRef { id: *id }),
        None => Ok(()),
    }
}

/// Those of `ids` that the caller may not have, or that do not exist.
///
/// Errors: `Interrupted`, and those of the object store.
pub(super) fn unreachable(context: &Context<'_>, ids: &[ObjectId]) -> Result<HashSet<ObjectId>> {
    find(context, ids, false)
}

/// Answers the ids that cannot be reached: all of them, or at least one when `any_is_enough`.
fn find(context: &Context<'_>, ids: &[ObjectId], any_is_enough: bool) -> Result<HashSet<ObjectId>> {
    let mut open: HashSet<ObjectId> = ids.iter().copied().collect();
    for item in context.view.refs.iter() {
        if open.is_empty() {
            return Ok(open);
        }
        open.remove(&item.target);
        item.peeled.iter().for_each(|peeled| {
            open.remove(peeled);
        });
    }
    let mut missing = HashSet::default();
    for id in &open {
        if context.view.odb.header(id)?.is_none() {
            missing.insert(*id);
        }
    }
    if any_is_enough && !missing.is_empty() {
        return Ok(missing);
    }
    open.retain(|id| !missing.contains(id));
    let mut search = Search { context, open };
    if !search.open.is_empty() {
        search.run()?;
        context.view.odb.check_readable()?;
    }
    let mut left = search.open;
    left.extend(missing);
    Ok(left)
}

/// Looks for objects among everything reachable, nearest to the refs first, and stops as soon as all are found or cannot be found.
pub(super) struct Search<'c, 'a> {
    pub(super) context: &'c Context<'a>,
    /// What is left to find; all of it must exist.
    pub(super) open: HashSet<ObjectId>,
}

impl Search<'_, '_> {
    /// Takes out of `open` what can be reached, and answers how many commits that cost.
    pub(super) fn run(&mut self) -> Result<usize> {
        let context = self.context;
        let odb = &context.view.odb;
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
        let mut graph = Graph::new(odb, context.interrupt);
        let mut goal = self.goal(&mut graph)?;
        let mut seen = HashSet::default();
        for tree in trees.into_iter().filter(|_| goal.trees) {
            self.visit_tree(tree, &mut seen)?;
        }
        if let Some(bitmap) = odb.bitmap() {
            return self.run_by_bitmaps(bitmap, &mut graph, &commits, &goal, seen);
        }
        let mut walk = CommitsByDate::new(&mut graph, commits)?;
        let mut visited = 0_usize;
        while !self.open.is_empty() && goal.may_come(walk.next_time()) {
            let Some(commit) = walk.next() else { break };
            let commit = commit?;
            visited = visited.saturating_add(1);
            self.open.remove(&commit);
            if goal.trees
                && let Some(tree) = walk.tree_of(&commit)
            {
                self.visit_tree(tree, &mut seen)?;
            }
        }
        Ok(visited)
    }

    /// The same where bitmaps say what most commits reach; what they do not cover is searched to its end, so that nothing is refused by mistake.
    fn run_by_bitmaps(
        &mut self,
        bitmap: &Bitmap,
        graph: &mut Graph<'_>,
        tips: &[ObjectId],
        goal: &Goal,
        mut seen: HashSet<ObjectId>,
    ) -> Result<usize> {
        let tips = tips.iter().map(|id| graph.load(id)).collect::<Result<Vec<Node>>>()?;
        let Some(cover) = Cover::find(bitmap, graph, &tips, &Bits::default(), usize::MAX)? else { return Ok(0) };
        self.open.retain(|id| !bitmap.position(id).is_some_and(|position| cover.bits.contains(position)));
        let mut visited = 0_usize;
        for node in cover.open.iter().rev() {
            if self.open.is_empty() {
                break;
            }
            visited = visited.saturating_add(1);
            self.open.remove(&graph.id(*node));
            if goal.trees {
                let is_covered =
                    |id: &ObjectId| bitmap.position(id).is_some_and(|position| cover.bits.contains(position));
                self.visit_tree_unless(graph.tree(*node), &mut seen, is_covered)?;
            }
        }
        Ok(visited)
    }

    /// Says how far the search has to go. Tags that are left are not behind any ref: nothing but refs and tags points at a tag.
    fn goal(&self, graph: &mut Graph<'_>) -> Result<Goal> {
        let mut goal = Goal { trees: false, oldest: u64::MAX, slop: 0 };
        for id in &self.open {
            match graph.odb().header(id)? {
                Some((Kind::Commit, _)) => {
                    let node = graph.load(id)?;
                    goal.oldest = goal.oldest.min(graph.time(node));
                }
                Some((Kind::Tree | Kind::Blob, _)) => goal.trees = true,
                Some((Kind::Tag, _)) | None => {}
            }
        }
        Ok(goal)
    }

    fn visit_tree(&mut self, root: ObjectId, seen: &mut HashSet<ObjectId>) -> Result<()> {
        self.visit_tree_unless(root, seen, |_| false)
    }

    /// Looks into a tree, but not into those below that were looked into already.
    fn visit_tree_unless(
        &mut self,
        root: ObjectId,
        seen: &mut HashSet<ObjectId>,
        is_known: impl Fn(&ObjectId) -> bool,
    ) -> Result<()> {
        let context = self.context;
        let odb = &context.view.odb;
        let mut stack = vec![root];
        let mut data = Vec::new();
        while let Some(id) = stack.pop() {
            if self.open.is_empty() || !seen.insert(id) || is_known(&id) {
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

/// Where a search ends.
struct Goal {
    /// Something wanted is a tree or a blob, which may be anywhere.
    trees: bool,
    /// Date of the oldest wanted commit.
    oldest: u64,
    slop: usize,
}

impl Goal {
    /// Whether something wanted may still come, when the newest commit left is of `time`.
    fn may_come(&mut self, time: Option<u64>) -> bool {
        let Some(time) = time else { return false };
        if self.trees || time >= self.oldest {
            return true;
        }
        if self.oldest == u64::MAX {
            return false;
        }
        self.slop = self.slop.saturating_add(1);
        self.slop <= SLOP
    }
}
