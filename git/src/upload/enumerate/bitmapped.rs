//! Choosing objects by bitmaps: what the wants reach less what the haves reach, as sets of bits; only commits that no bitmap speaks of are walked.
//!
//! Owns when that is worth while and how both kinds of knowledge are joined. The result is exact: nothing is sent again that the client has.
//! Bitmaps know nothing of the depth of an object and of where a shallow client's history ends, so those requests are walked as ever.

use std::sync::Arc;

use super::{
    ALWAYS, Context, Filter, Found, Job, Parents, Selection, Ticker, Wanted, Way, packed::Packed, tags_of,
    trees::TreeWalk, visit_commits,
};
use crate::{
    bitmap::{Bitmap, Cover},
    bits::Bits,
    error::Result,
    id::{Kind, ObjectId, table::HashSet},
    pack::Pack,
    walk::{Graph, Node, difference},
};

/// Joining the bits of so many objects costs about as much as walking one commit.
const OBJECTS_PER_COMMIT: u32 = 1 << 15;

/// What bitmaps say of a request.
pub(super) struct Known {
    bitmap: Arc<Bitmap>,
    /// What the wants reach.
    wanted: Cover,
    /// What the haves reach.
    held: Cover,
}

/// What is asked for, besides the commits that bitmaps speak of.
pub(super) struct Request<'r> {
    pub(super) context: &'r Context<'r>,
    pub(super) filter: &'r Filter,
    pub(super) include_tag: bool,
    pub(super) wanted: &'r Wanted,
}

/// Decides whether bitmaps save work, from counts of commits alone.
///
/// Errors: `Lost`, `Corrupt`, `Interrupted`.
pub(super) fn choose_way(
    graph: &mut Graph<'_>,
    filter: &Filter,
    job: &Job,
    wanted: &Wanted,
    held: &[Node],
) -> Result<Way> {
    let is_whole = job.shallow.cut.is_empty() && job.shallow.extra_wants.is_empty();
    let bitmap = graph.odb().bitmap().cloned();
    let bitmap = bitmap.filter(|_| is_whole && !wanted.commits.is_empty() && filter.is_free_of_depth());
    let Some(bitmap) = bitmap else { return Ok(Way::Walk(difference(graph, &wanted.commits, held)?)) };
    if held.is_empty() {
        if let Some(cover) = Cover::find(&bitmap, graph, &wanted.commits, &Bits::default(), usize::MAX)?
            && !cover.bits.is_empty()
        {
            return Ok(Way::Bitmaps(Known { wanted: cover, held: nothing(&bitmap), bitmap }));
        }
        return Ok(Way::Walk(difference(graph, &wanted.commits, held)?));
    }
    let commits = difference(graph, &wanted.commits, held)?;
    // A commit that is not covered may cost a visit on either side.
    let join = (bitmap.pack().object_count() / OBJECTS_PER_COMMIT) as usize;
    let Some(most) = commits.new.len().checked_sub(join).map(|gain| gain / 2) else { return Ok(Way::Walk(commits)) };
    let Some(held) = Cover::find(&bitmap, graph, held, &Bits::default(), most)? else {
        return Ok(Way::Walk(commits));
    };
    let most = most.saturating_sub(held.open.len());
    match Cover::find(&bitmap, graph, &wanted.commits, &held.bits, most)? {
        Some(wanted) if !wanted.bits.is_empty() => Ok(Way::Bitmaps(Known { bitmap, wanted, held })),
        _ => Ok(Way::Walk(commits)),
    }
}

fn nothing(bitmap: &Bitmap) -> Cover {
    Cover { bits: bitmap.none(), open: Vec::new() }
}

/// Joins bitmaps and walks. `found` is what was named.
///
/// Errors: `Lost`, `Corrupt`, `Interrupted`, `PeerGone`.
pub(super) fn select(
    request: &Request<'_>,
    graph: &Graph<'_>,
    known: Known,
    mut found: Found<'_>,
    ticker: &mut Ticker<'_, '_>,
) -> Result<Selection> {
    let Known { bitmap, wanted, held } = known;
    let Cover { bits: mut held, open: held_open } = held;
    let odb = &request.context.view.odb;
    let compared = Parents::Compared { stand_ins: Vec::new() };
    let mut held_ids = std::mem::take(&mut found.held);
    let named = Wanted { commits: Vec::new(), trees: Vec::new() };
    // The client has all of its objects, whatever the filter of this request.
    let everything = Filter::default();
    let mut walk = TreeWalk::new(odb, &everything);
    let seen = held.clone();
    let mut own = Found { known: Some((&bitmap, &seen)), ..Found::default() };
    visit_commits(graph, &held_open, &compared, &named, &mut walk, &mut own, ticker)?;
    held_ids.extend(own.objects.into_keys());
    held_ids.retain(|id| match bitmap.position(id) {
        Some(position) => {
            held.insert(position);
            false
        }
        None => true,
    });

    let mut dealt_with = wanted.bits.clone();
    dealt_with.unite(&held);
    let held_open: HashSet<Node> = held_open.into_iter().collect();
    let new: Vec<Node> = wanted.open.into_iter().filter(|node| !held_open.contains(node)).collect();
    let mut new_found =
        Found { known: Some((&bitmap, &dealt_with)), held: held_ids, objects: std::mem::take(&mut found.objects) };
    let mut walk = TreeWalk::new(odb, request.filter);
    visit_commits(graph, &new, &compared, request.wanted, &mut walk, &mut new_found, ticker)?;
    for tree in &request.wanted.trees {
        walk.visit_wanted(*tree, &mut new_found, ticker)?;
    }

    let mut chosen = wanted.bits;
    chosen.subtract(&held);
    apply_filter(&bitmap, request.filter, &mut chosen, ticker)?;
    for node in &request.wanted.commits {
        // What was named is sent whatever the filter says, unless the client has it.
        if let Some(position) = bitmap.position(&graph.id(*node)).filter(|position| !held.contains(*position)) {
            chosen.insert(position);
        }
    }
    let Found { objects, held: held_ids, .. } = new_found;
    let mut others: HashSet<ObjectId> = HashSet::default();
    for (id, when) in objects {
        match bitmap.position(&id) {
            Some(position) => {
                chosen.insert(position);
            }
            None if when == ALWAYS || !held_ids.contains(&id) => {
                others.insert(id);
            }
            None => {}
        }
    }
    if request.include_tag {
        let is_sent = |id: &ObjectId| match bitmap.position(id) {
            Some(position) => chosen.contains(position),
            None => others.contains(id),
        };
        for tag in tags_of(request.context, is_sent)? {
            match bitmap.position(&tag) {
                Some(position) => chosen.insert(position),
                None => others.insert(tag),
            };
        }
    }
    collect(bitmap, chosen, others, held, held_ids, ticker)
}

/// Takes out what the filter leaves out.
fn apply_filter(bitmap: &Bitmap, filter: &Filter, chosen: &mut Bits, ticker: &mut Ticker<'_, '_>) -> Result<()> {
    for kind in [Kind::Commit, Kind::Tree, Kind::Blob] {
        let is_deep = kind != Kind::Commit && !filter.passes_depth(0);
        let is_none = kind == Kind::Blob && filter.blob_limit() == Some(0);
        if is_deep || is_none || !filter.passes_kind(kind) {
            chosen.subtract(&bitmap.of_kind(kind));
        }
    }
    let Some(limit) = filter.blob_limit().filter(|limit| *limit > 0) else { return Ok(()) };
    let mut blobs = bitmap.of_kind(Kind::Blob);
    blobs.intersect(chosen);
    for position in blobs.iter() {
        ticker.counting(position as usize)?;
        if size(bitmap.pack(), position)? >= limit {
            chosen.remove(position);
        }
    }
    Ok(())
}

/// The size of an object, which only its own entry is read for.
fn size(pack: &Pack, position: u32) -> Result<u64> {
    let offset = pack.order().get(position as usize).and_then(|index| pack.idx().offset_at(*index));
    crate::odb::size_at(pack, offset.ok_or_else(|| pack.corrupt("the index cannot be read"))?)
}

fn collect(
    bitmap: Arc<Bitmap>,
    chosen: Bits,
    others: HashSet<ObjectId>,
    held: Bits,
    held_ids: HashSet<ObjectId>,
    ticker: &mut Ticker<'_, '_>,
) -> Result<Selection> {
    let count = usize::try_from(chosen.count()).unwrap_or(0);
    let mut objects = Vec::with_capacity(count.saturating_add(others.len()));
    for position in chosen.iter() {
        ticker.counting(objects.len())?;
        let id = bitmap.id(position).ok_or_else(|| bitmap.pack().corrupt("the index cannot be read"))?;
        objects.push(id);
    }
    let mut index = super::HashMap::default();
    for id in others {
        index.insert(id, u32::try_from(objects.len()).unwrap_or(u32::MAX));
        objects.push(id);
    }
    let packed = Some(Packed::new(bitmap, chosen, held));
    Ok(Selection { objects, packed, index, held: held_ids })
}
