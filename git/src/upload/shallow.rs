//! Where a shallow client's history ends before and after a fetch.
//!
//! Owns depth, date and ref limits and the `shallow` and `unshallow` lines. Called by `upload::respond`; `enumerate` obeys the
//! resulting cut.
//! Source: git's upload-pack.c (`deepen`, `send_unshallow`) and shallow.c.

use crate::id::table::HashSet;

use super::{Context, request::FetchRequest, wants};
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    pktline,
    refs::RefTable,
    walk::{Graph, difference, peel},
};

/// The depth that means "everything".
const INFINITE_DEPTH: u32 = 0x7fff_ffff;

/// The client's boundary, old and new.
#[derive(Debug, Default)]
pub(super) struct ShallowPlan {
    /// Commits whose parents are not followed: the client's old boundary and its new one.
    pub(super) cut: HashSet<ObjectId>,
    /// Commits that stop being shallow, and their parents; they are wanted although nobody named them.
    pub(super) extra_wants: Vec<ObjectId>,
    unshallow: Vec<ObjectId>,
    new_shallow: Vec<ObjectId>,
}

/// Commits a boundary computation kept, and those of them where history ends.
#[derive(Default)]
struct Boundary {
    inside: HashSet<ObjectId>,
    ends: Vec<ObjectId>,
}

/// Computes the new boundary.
///
/// Errors: `BadRequest` for unknown refs, non-commits or limits that leave nothing; `Interrupted`.
pub(super) fn plan(context: &Context<'_>, fetch: &FetchRequest) -> Result<ShallowPlan> {
    let mut plan = ShallowPlan::default();
    let mut client = Vec::new();
    for id in &fetch.shallow {
        match context.view.odb.header(id)? {
            Some((Kind::Commit, _)) => client.push(*id),
            Some(_) => return Err(Error::BadRequest { what: format!("invalid shallow object {id}") }),
            // A boundary we have never heard of limits nothing we could send.
            None => {}
        }
    }
    plan.cut.extend(client.iter().copied());
    if !fetch.deepen.is_asked() {
        return Ok(plan);
    }

    let mut graph = Graph::new(&context.view.odb, context.interrupt);
    let wanted = want_commits(context, &fetch.wants)?;
    let boundary = match fetch.deepen.depth {
        Some(depth) if depth >= INFINITE_DEPTH => {
            Boundary { inside: client.iter().copied().collect(), ends: Vec::new() }
        }
        Some(depth) if fetch.deepen.relative => {
            // As in git this moves every boundary that our refs lead to, not only those below the wants.
            let unreachable = wants::unreachable(context, &client)?;
            let reachable: Vec<_> = client.iter().copied().filter(|id| !unreachable.contains(id)).collect();
            by_depth(&mut graph, &reachable, depth.saturating_add(1))?
        }
        Some(depth) => by_depth(&mut graph, &wanted, depth)?,
        None => by_revision(context, &mut graph, &wanted, fetch)?,
    };

    for id in boundary.ends {
        if plan.cut.insert(id) {
            plan.new_shallow.push(id);
        }
    }
    for id in client.into_iter().filter(|id| boundary.inside.contains(id)) {
        let node = graph.load(&id)?;
        for position in 0..graph.parent_count(node) {
            if let Some(parent) = graph.parent_unloaded(node, position) {
                plan.extra_wants.push(graph.id(parent));
            }
        }
        // A boundary told by id is not always there: an earlier answer may have named one below another.
        plan.extra_wants.push(id);
        plan.unshallow.push(id);
    }
    Ok(plan)
}

impl ShallowPlan {
    /// Writes the boundary lines where the protocol has a place for them.
    pub(super) fn put_lines(&self, out: &mut Vec<u8>, fetch: &FetchRequest, is_v2: bool) {
        let is_asked = fetch.deepen.is_asked();
        if !is_asked && (!is_v2 || fetch.shallow.is_empty()) {
            return;
        }
        if is_v2 {
            pktline::put_text(out, "shallow-info");
        }
        for id in &self.new_shallow {
            // Without a newline, as git sends it: libgit2 takes no other form.
            pktline::put_data(out, format!("shallow {id}").as_bytes());
        }
        for id in &self.unshallow {
            pktline::put_data(out, format!("unshallow {id}").as_bytes());
        }
        if is_v2 {
            pktline::put_delim(out);
        } else {
            pktline::put_flush(out);
        }
    }
}

fn want_commits(context: &Context<'_>, wants: &[ObjectId]) -> Result<Vec<ObjectId>> {
    let mut commits = Vec::new();
    for id in wants {
        let peeled = peel(&context.view.odb, id)?;
        if peeled.kind == Kind::Commit {
            commits.push(peeled.target);
        }
    }
    Ok(commits)
}

/// Keeps commits less than `depth` steps away; those exactly at the limit end history, roots included, as in git.
fn by_depth(graph: &mut Graph<'_>, tips: &[ObjectId], depth: u32) -> Result<Boundary> {
    let mut boundary = Boundary::default();
    let mut seen = HashSet::default();
    let mut level: Vec<ObjectId> = tips.iter().copied().filter(|id| seen.insert(*id)).collect();
    let mut distance = 1_u32;
    while !level.is_empty() {
        if distance >= depth {
            boundary.ends = level;
            break;
        }
        let mut next = Vec::new();
        for id in level {
            let node = graph.load(&id)?;
            boundary.inside.insert(id);
            for position in 0..graph.parent_count(node) {
                let parent = graph.parent_unloaded(node, position).map(|parent| graph.id(parent));
                next.extend(parent.filter(|id| seen.insert(*id)));
            }
        }
        level = next;
        distance = distance.saturating_add(1);
    }
    Ok(boundary)
}

/// Keeps commits that are new enough and not reachable from the excluded refs; those with a parent left out end history.
fn by_revision(
    context: &Context<'_>,
    graph: &mut Graph<'_>,
    wants: &[ObjectId],
    fetch: &FetchRequest,
) -> Result<Boundary> {
    let mut excluded = Vec::new();
    for name in &fetch.deepen.not {
        let target = find_ref(&context.view.refs, name)
            .ok_or_else(|| Error::BadRequest { what: format!("ambiguous deepen-not: {}", name.escape_default()) })?;
        let peeled = peel(&context.view.odb, &target)?;
        if peeled.kind == Kind::Commit {
            excluded.push(graph.load(&peeled.target)?);
        }
    }
    let tips = wants.iter().map(|id| graph.load(id)).collect::<Result<Vec<_>>>()?;
    let mut allowed: HashSet<ObjectId> = HashSet::default();
    for node in difference(graph, &tips, &excluded)?.new {
        if graph.time(node) >= fetch.deepen.since.unwrap_or(0) {
            allowed.insert(graph.id(node));
        }
    }

    let mut boundary = Boundary::default();
    let mut stack: Vec<ObjectId> = wants.iter().copied().filter(|id| allowed.contains(id)).collect();
    while let Some(id) = stack.pop() {
        if !boundary.inside.insert(id) {
            continue;
        }
        let node = graph.load(&id)?;
        let mut is_end = false;
        for position in 0..graph.parent_count(node) {
            let Some(parent) = graph.parent_unloaded(node, position).map(|parent| graph.id(parent)) else { continue };
            match allowed.contains(&parent) {
                true => stack.push(parent),
                false => is_end = true,
            }
        }
        if is_end {
            boundary.ends.push(id);
        }
    }
    if boundary.inside.is_empty() {
        return Err(Error::BadRequest { what: "no commits selected for shallow requests".into() });
    }
    for id in &boundary.ends {
        boundary.inside.remove(id);
    }
    Ok(boundary)
}

/// Finds a ref by its full or short name, as git expands them.
fn find_ref(refs: &RefTable, name: &str) -> Option<ObjectId> {
    let expanded = ["", "refs/", "refs/tags/", "refs/heads/"].map(|prefix| format!("{prefix}{name}"));
    expanded.iter().find_map(|name| refs.get(name)).map(|item| item.target)
}
