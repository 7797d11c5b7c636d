//! Choosing the objects of a pack: everything reachable from the wants that the client does not have.
//!
//! Owns the choice. Commits come from a painting walk; trees are compared with those of the parents, so that a fetch costs what
//! changed and a clone reads every tree once. Where much would have to be walked and the store has bitmaps, these answer for most of it
//! ([`bitmapped`]). Refuses to know how objects are stored. Called by `upload::respond`.
//!
//! Why comparing with parents is enough: every parent of a new commit is held by the client or new, and a new one was dealt with
//! before its children. So what a tree shares with a parent's tree at the same place is held or chosen already, and so is all
//! below a tree that was visited for an earlier commit. The order matters: visiting children first would let a tree that was
//! changed and changed back vouch for itself.

mod bitmapped;
mod packed;
mod trees;

use crate::{
    bits::Bits,
    id::table::{HashMap, HashSet},
};

use super::{Context, Job, filter::Filter, request::FetchRequest, ticker::Ticker};
use crate::{
    bitmap::Bitmap,
    error::Result,
    id::{Kind, ObjectId},
    walk::{Difference, Graph, Node, peel},
};
use bitmapped::Known;
pub(super) use packed::Packed;
use trees::TreeWalk;

/// How many commits of the client stand in for parents where a new commit has none.
const MAX_STAND_INS: usize = 4;

/// The objects of one pack.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// What to send, each object once: those of `packed` in order of their pack, then the others in no particular order.
    pub(super) objects: Vec<ObjectId>,
    /// Objects that were chosen by bitmaps, or lie in the same pack.
    pub(super) packed: Option<Packed>,
    /// Where each of the others is in `objects`.
    index: HashMap<ObjectId, u32>,
    /// Objects the client certainly has, as far as the walk came across them, besides those that `packed` knows; thin packs may build on these.
    held: HashSet<ObjectId>,
}

impl Selection {
    /// Where an object is in `objects`.
    pub(super) fn find(&self, id: &ObjectId) -> Option<u32> {
        self.packed.as_ref().and_then(|packed| packed.find(id)).or_else(|| self.index.get(id).copied())
    }

    /// Whether the client certainly has an object.
    pub(super) fn is_held(&self, id: &ObjectId) -> bool {
        self.held.contains(id) || self.packed.as_ref().is_some_and(|packed| packed.is_held(id))
    }
}

/// An object that is sent unless the client turns out to have it.
const IF_NOT_HELD: u32 = 0;
/// An object that is sent whatever is known about the client.
const ALWAYS: u32 = 1;

/// Objects found so far.
#[derive(Default)]
struct Found<'k> {
    /// Objects to send, each with one of the constants above.
    objects: HashMap<ObjectId, u32>,
    held: HashSet<ObjectId>,
    /// Objects of a pack that are dealt with already, and so is everything that they reach.
    known: Option<(&'k Bitmap, &'k Bits)>,
}

impl Found<'_> {
    fn add(&mut self, id: ObjectId, when: u32) {
        if when == ALWAYS || !self.knows(&id) {
            let known = self.objects.entry(id).or_insert(when);
            *known = when.max(*known);
        }
    }

    fn knows(&self, id: &ObjectId) -> bool {
        self.known.is_some_and(|(bitmap, bits)| bitmap.position(id).is_some_and(|position| bits.contains(position)))
    }
}

/// What the client asks for, tags peeled.
struct Wanted {
    commits: Vec<Node>,
    trees: Vec<ObjectId>,
}

/// How the objects are going to be found.
enum Way {
    /// By walking the trees of these commits.
    Walk(Difference),
    /// By bitmaps, as far as they go.
    Bitmaps(Known),
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
    let everything = Filter::default();
    let filter = fetch.filter.as_ref().unwrap_or(&everything);
    let mut found = Found::default();
    let held_commits = note_held(graph, job, &mut found)?;
    let wanted = note_wanted(graph, fetch, job, &mut found)?;
    let commits = match bitmapped::choose_way(graph, filter, job, &wanted, &held_commits)? {
        Way::Bitmaps(known) => {
            let request = bitmapped::Request { context, filter, include_tag: fetch.include_tag, wanted: &wanted };
            return bitmapped::select(&request, graph, known, found, ticker);
        }
        Way::Walk(commits) => commits,
    };
    for node in &commits.boundary {
        found.held.insert(graph.id(*node));
    }
    let mut stand_ins: Vec<_> = held_commits.clone();
    stand_ins.sort_by_key(|node| std::cmp::Reverse(graph.time(*node)));
    stand_ins.truncate(MAX_STAND_INS);
    let is_clone = commits.boundary.is_empty() && held_commits.is_empty();
    let parents = if is_clone { Parents::Ignored } else { Parents::Compared { stand_ins } };

    let mut walk = TreeWalk::new(&context.view.odb, filter);
    visit_commits(graph, &commits.new, &parents, &wanted, &mut walk, &mut found, ticker)?;
    for tree in wanted.trees {
        walk.visit_wanted(tree, &mut found, ticker)?;
    }
    // Whatever the filter says about tags, as in git: these are asked for by a word of their own.
    if fetch.include_tag {
        let is_sent = |id: &ObjectId| found.objects.contains_key(id) && !found.held.contains(id);
        let tags = tags_of(context, is_sent)?;
        tags.into_iter().for_each(|tag| found.add(tag, ALWAYS));
    }
    Ok(select(found))
}

/// Takes note of what the client told us it has, and returns the commits among it.
fn note_held(graph: &mut Graph<'_>, job: &Job, found: &mut Found<'_>) -> Result<Vec<Node>> {
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

/// Adds what was asked for by name, but for commits and trees, which are returned: what they reach is still to be found.
fn note_wanted(graph: &mut Graph<'_>, fetch: &FetchRequest, job: &Job, found: &mut Found<'_>) -> Result<Wanted> {
    let mut wanted = Wanted { commits: Vec::new(), trees: Vec::new() };
    for id in &fetch.wants {
        let peeled = peel(graph.odb(), id)?;
        // What was named is sent whatever the filter says, and so is what a named tag is about.
        for tag in peeled.tags {
            if !found.held.contains(&tag) {
                found.add(tag, ALWAYS);
            }
        }
        match peeled.kind {
            Kind::Commit => wanted.commits.push(graph.load(&peeled.target)?),
            Kind::Tree => wanted.trees.push(peeled.target),
            Kind::Blob | Kind::Tag => found.add(peeled.target, ALWAYS),
        }
    }
    for id in &job.shallow.extra_wants {
        wanted.commits.push(graph.load(id)?);
    }
    Ok(wanted)
}

/// What the trees of new commits are compared with.
enum Parents {
    /// Nothing: all trees are new, and each is visited once.
    Ignored,
    /// The trees of the parents, or of some commits that stand in where there are none.
    Compared { stand_ins: Vec<Node> },
}

/// Adds commits, every one after its parents, with what is in their trees and not in those of the parents.
fn visit_commits(
    graph: &Graph<'_>,
    commits: &[Node],
    parents: &Parents,
    wanted: &Wanted,
    walk: &mut TreeWalk<'_>,
    found: &mut Found<'_>,
    ticker: &mut Ticker<'_, '_>,
) -> Result<()> {
    let filter = walk.filter();
    let sends_commits = filter.passes_kind(Kind::Commit);
    let named: HashSet<Node> = wanted.commits.iter().copied().collect();
    for node in commits {
        if sends_commits || named.contains(node) {
            found.add(graph.id(*node), IF_NOT_HELD);
        }
        ticker.counting(found.objects.len())?;
        if !filter.needs_trees() {
            continue;
        }
        let mut bases = Vec::new();
        if let Parents::Compared { stand_ins } = parents {
            let parents = 0..graph.parent_count(*node);
            let mut parents: Vec<_> = parents.filter_map(|at| graph.parent_unloaded(*node, at)).collect();
            if parents.is_empty() {
                parents.clone_from(stand_ins);
            }
            for parent in parents {
                let is_held = found.held.contains(&graph.id(parent));
                bases.push(trees::Base { tree: graph.tree(parent), is_held });
            }
        }
        walk.visit(graph.tree(*node), 0, bases, found, ticker)?;
    }
    Ok(())
}

/// The tags whose target is sent, with the tags between them.
fn tags_of(context: &Context<'_>, is_sent: impl Fn(&ObjectId) -> bool) -> Result<Vec<ObjectId>> {
    let mut tags = Vec::new();
    for item in context.view.refs.iter_prefix("refs/tags/") {
        if item.peeled.as_ref().is_some_and(&is_sent) {
            tags.extend(peel(&context.view.odb, &item.target)?.tags);
        }
    }
    Ok(tags)
}

/// Leaves out what turned out to be held after it was found elsewhere, as after a file was moved.
fn select(found: Found<'_>) -> Selection {
    let Found { objects: mut index, held, .. } = found;
    index.retain(|id, when| *when == ALWAYS || !held.contains(id));
    let mut objects = Vec::with_capacity(index.len());
    for (id, at) in &mut index {
        *at = u32::try_from(objects.len()).unwrap_or(u32::MAX);
        objects.push(*id);
    }
    Selection { objects, packed: None, index, held }
}
