//! What people call commits: branches, tags, ids whole or abbreviated, and the steps `^` and `~n` from there.
//!
//! Owns the order in which a name is tried (all digits of an id, branch, tag, some digits of an id), and that an id names only what a ref of the view reaches: what was force-pushed
//! away or deleted is not found. Refuses dates, searches and reflogs (`@{...}`, `:/text`). Called by the API and by pages.
//! Source: gitrevisions(7).

use std::sync::atomic::AtomicBool;

use crate::{
    error::{Error, Result},
    id::{ID_LEN, Kind, ObjectId},
    refs::Ref,
    upload::hidden,
    view::View,
    walk::{Graph, check_interrupt, peel},
};

/// Fewest digits of an abbreviated id, as git has it.
const MIN_DIGITS: usize = 4;
/// Most objects that share an abbreviation and are looked at.
const MAX_CANDIDATES: usize = 256;

/// What sort of name it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionKind {
    /// A branch.
    Branch,
    /// A tag.
    Tag,
    /// An id, another ref, or any of these with steps.
    Commit,
}

/// A commit, and how it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// What sort of name it was.
    pub kind: RevisionKind,
    /// The name of the branch or tag without `refs/heads/` or `refs/tags/`, else the commit's id.
    pub name: String,
    /// The commit.
    pub commit: ObjectId,
}

/// Finds the commit that a name means; `None` when it means none that may be shown.
///
/// Shape: a full ref name, `HEAD`, a branch, a tag or at least four digits of an id, then any number of `^`, `^n` and `~n`.
/// Errors: `Interrupted`, `Lost`, `Corrupt`.
pub fn find_revision(view: &View, name: &str, interrupt: &AtomicBool) -> Result<Option<Revision>> {
    let (base, steps) = name.split_at(name.find(['^', '~']).unwrap_or(name.len()));
    let Some(found) = find_name(view, base, interrupt)? else { return Ok(None) };
    if steps.is_empty() {
        return Ok(Some(found));
    }
    let commit = take_steps(view, found.commit, steps, interrupt)?;
    Ok(commit.map(of_commit))
}

/// Finds an object by all digits of its id; `None` when there is none, or no ref reaches it.
///
/// Errors: `Interrupted`, and those of the object store.
pub fn find_object(view: &View, id: &ObjectId, interrupt: &AtomicBool) -> Result<Option<(Kind, u64)>> {
    let Some(header) = view.odb.header(id)? else { return Ok(None) };
    Ok(hidden(view, &[*id], interrupt)?.is_empty().then_some(header))
}

fn of_commit(commit: ObjectId) -> Revision {
    Revision { kind: RevisionKind::Commit, name: commit.to_string(), commit }
}

fn find_name(view: &View, name: &str, interrupt: &AtomicBool) -> Result<Option<Revision>> {
    // Whatever branches and tags are called: an id means its object.
    if name.len() == ID_LEN * 2 && name.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return find_id(view, &name.to_ascii_lowercase(), interrupt);
    }
    let head = if name == "HEAD" { view.head.as_str() } else { name };
    if head.starts_with("refs/")
        && let Some(item) = view.refs.get(head)
    {
        return of_ref(view, item);
    }
    for prefix in ["refs/heads/", "refs/tags/"] {
        if let Some(item) = view.refs.get(&format!("{prefix}{name}"))
            && let Some(found) = of_ref(view, item)?
        {
            return Ok(Some(found));
        }
    }
    find_id(view, &name.to_ascii_lowercase(), interrupt)
}

fn of_ref(view: &View, item: &Ref) -> Result<Option<Revision>> {
    let peeled = peel(&view.odb, &item.target)?;
    if peeled.kind != Kind::Commit {
        return Ok(None);
    }
    let commit = peeled.target;
    Ok(Some(match (item.name.branch(), item.name.tag()) {
        (Some(branch), _) => Revision { kind: RevisionKind::Branch, name: branch.to_owned(), commit },
        (_, Some(tag)) => Revision { kind: RevisionKind::Tag, name: tag.to_owned(), commit },
        (None, None) => of_commit(commit),
    }))
}

/// An id that can be reached: of a commit, or in full also of a tag of one.
fn find_id(view: &View, digits: &str, interrupt: &AtomicBool) -> Result<Option<Revision>> {
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex || !(MIN_DIGITS..=ID_LEN * 2).contains(&digits.len()) {
        return Ok(None);
    }
    let mut commits = Vec::new();
    for id in view.odb.ids_with_prefix(digits, MAX_CANDIDATES) {
        match view.odb.header(&id)? {
            Some((Kind::Commit, _)) => commits.push(id),
            Some((Kind::Tag, _)) if digits.len() == ID_LEN * 2 => commits.push(id),
            _ => {}
        }
    }
    if commits.is_empty() {
        return Ok(None);
    }
    let unseen = hidden(view, &commits, interrupt)?;
    commits.retain(|id| !unseen.contains(id));
    // Two that begin alike: no answer is better than the wrong one.
    let [only] = commits.as_slice() else { return Ok(None) };
    let peeled = peel(&view.odb, only)?;
    Ok((peeled.kind == Kind::Commit).then(|| of_commit(peeled.target)))
}

fn take_steps(view: &View, from: ObjectId, steps: &str, interrupt: &AtomicBool) -> Result<Option<ObjectId>> {
    let mut graph = Graph::new(&view.odb, interrupt);
    let mut node = graph.load_named(&from)?;
    let mut rest = steps;
    while let Some(sign) = rest.chars().next() {
        rest = rest.get(1..).unwrap_or_default();
        let digits = rest.len().saturating_sub(rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len());
        let (number, after) = rest.split_at(digits);
        rest = after;
        let Some(number) = (if number.is_empty() { Some(1) } else { number.parse::<u32>().ok() }) else {
            return Ok(None);
        };
        let (count, position) = match sign {
            '~' => (number, 0),
            '^' if number == 0 => continue,
            '^' => (1, number.saturating_sub(1)),
            _ => return Ok(None),
        };
        for _ in 0..count {
            check_interrupt(interrupt)?;
            if position >= graph.parent_count(node) {
                return Ok(None);
            }
            match graph.parent(node, position) {
                Ok(Some(parent)) => node = parent,
                Ok(None) | Err(Error::Lost { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Some(graph.id(node)))
}

#[cfg(test)]
mod tests;
