//! Choosing the objects of a pack: everything reachable from the wants that the client does not have.
//!
//! Owns the choice. Commits come from a painting walk; trees are compared with those of the parents, so that a fetch costs what
//! changed and a clone reads every tree once. Refuses to know how objects are stored. Called by `upload::respond`.
//!
//! Why comparing with parents is enough: every parent of a new commit is held by the client or new, and a new one was dealt with
//! before its children. So what a tree shares with a parent's tree at the same place is held or chosen already, and so is all
//! below a tree that was visited for an earlier commit. The order matters: visiting children first would let a tree that was
//! changed and changed back vouch for itself.

mod trees;

use crate::id::table::{HashMap, HashSet};

use super::{Context, Job, filter::Filter, request::FetchRequest, ticker::Ticker};
use crate::{
    error::Result,
    id::{Kind, ObjectId},
    walk::{Graph, difference, peel},
};
use trees::TreeWalk;

/// How many commits of the client stand in for parents where a new commit has none.
const MAX_STAND_INS: usize = 4;

/// The objects of one pack.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// What to send, each object once, in no particular order.
    pub(super) objects: Vec<ObjectId>,
    /// Where each of them is in `objects`.
    pub(super) index: HashMap<ObjectId, u32>,
    /// Objects the client certainly has, as far as the walk came across them; thin packs may build on these.
    pub(super) held: HashSet<ObjectId>,
}

/// An object that is sent unless the client turns out to have it.
const IF_NOT_HELD: u32 = 0;
/// An object that is sent whatever is known about the client.
const ALWAYS: u32 = 1;

/// Objects found so far.
struct Found {
    /// Objects to send, each with one of the constants above.
    objects: HashMap<ObjectId, u32>,
    held: HashSet<ObjectId>,
}

impl Found {
    fn add(&mut self, id: ObjectId, when: u32) {
        let known = self.objects.entry(id).or_insert(when);
        *known = when.max(*known);
    }
}

/// Finds what to send.
///
/// Errors: `Lost` when the store is not closed under references, `Interrupted`, `PeerGone`.
pub(super) fn enumerate(
    context: &Context<'_>,
    fetch: &FetchRequest,
    graph: &mut Graph<'_>,
    job: &Job,
    ticker: &mut Ticker<'_, '_>,
) -> Result<Selection> {
    let odb = &context.view.odb;
    let everything = Filter::default();
    let filter = fetch.filter.as_ref().unwrap_or(&everything);
    let mut found = Found { objects: HashMap::default(), held: HashSet::default() };

    let held_commits = note_held(graph, job, &mut found)?;
    let mut wanted_commits = Vec::new();
    let mut wanted_trees = Vec::new();
    for id in &fetch.wants {
        let peeled = peel(odb, id)?;
        // What was named is sent whatever the filter says, and so is what a named tag is about.
        for tag in peeled.tags {
            if !found.held.contains(&tag) {
                found.add(tag, ALWAYS);
            }
        }
        match peeled.kind {
            Kind::Commit => wanted_commits.push(graph.load(&peeled.target)?),
            Kind::Tree => wanted_trees.push(peeled.target),
            Kind::Blob | Kind::Tag => found.add(peeled.target, ALWAYS),
        }
    }
    for id in &job.shallow.extra_wants {
        wanted_commits.push(graph.load(id)?);
    }

    let commits = difference(graph, &wanted_commits, &held_commits)?;
    for node in &commits.boundary {
        found.held.insert(graph.id(*node));
    }
    let sends_commits = filter.passes_kind(Kind::Commit);
    let named: HashSet<ObjectId> = wanted_commits.iter().map(|node| graph.id(*node)).collect();

    let mut stand_ins: Vec<_> = held_commits.clone();
    stand_ins.sort_by_key(|node| std::cmp::Reverse(graph.time(*node)));
    stand_ins.truncate(MAX_STAND_INS);
    let is_clone = commits.boundary.is_empty() && held_commits.is_empty();

    let mut walk = TreeWalk::new(odb, filter);
    for node in &commits.new {
        let id = graph.id(*node);
        if sends_commits || named.contains(&id) {
            found.add(id, IF_NOT_HELD);
        }
        ticker.counting(found.objects.len())?;
        if !filter.needs_trees() {
            continue;
        }
        let mut bases = Vec::new();
        if !is_clone {
            let parents = 0..graph.parent_count(*node);
            let mut parents: Vec<_> = parents.filter_map(|at| graph.parent_unloaded(*node, at)).collect();
            if parents.is_empty() {
                parents.clone_from(&stand_ins);
            }
            for parent in parents {
                let is_held = found.held.contains(&graph.id(parent));
                bases.push(trees::Base { tree: graph.tree(parent), is_held });
            }
        }
        walk.visit(graph.tree(*node), 0, bases, &mut found, ticker)?;
    }
    for tree in wanted_trees {
        walk.visit_wanted(tree, &mut found, ticker)?;
    }
    // Whatever the filter says about tags, as in git: these are asked for by a word of their own.
    if fetch.include_tag {
        include_tags(context, &mut found)?;
    }
    Ok(select(found))
}

/// Takes note of what the client told us it has, and returns the commits among it.
fn note_held(graph: &mut Graph<'_>, job: &Job, found: &mut Found) -> Result<Vec<u32>> {
    let mut commits = Vec::new();
    for id in &job.common {
        let peeled = peel(graph.odb(), id)?;
        found.held.extend(peeled.tags);
        found.held.insert(peeled.target);
        if peeled.kind == Kind::Commit {
            commits.push(graph.load(&peeled.target)?);
        }
    }
    Ok(commits)
}

/// Adds the tags whose target is sent, with the tags between them.
fn include_tags(context: &Context<'_>, found: &mut Found) -> Result<()> {
    for item in context.view.refs.iter_prefix("refs/tags/") {
        let is_sent = |id: &ObjectId| found.objects.contains_key(id) && !found.held.contains(id);
        if item.peeled.as_ref().is_some_and(is_sent) {
            for tag in peel(&context.view.odb, &item.target)?.tags {
                found.add(tag, ALWAYS);
            }
        }
    }
    Ok(())
}

/// Leaves out what turned out to be held after it was found elsewhere, as after a file was moved.
fn select(found: Found) -> Selection {
    let Found { objects: mut index, held } = found;
    index.retain(|id, when| *when == ALWAYS || !held.contains(id));
    let mut objects = Vec::with_capacity(index.len());
    for (id, at) in &mut index {
        *at = u32::try_from(objects.len()).unwrap_or(u32::MAX);
        objects.push(*id);
    }
    Selection { objects, index, held }
}
