//! Owns the common ancestor of a merge: none, one, or several that are first merged with each other, as git's recursive strategies do. Refuses
//! to make commits: that is [`super::replay`] and the callers.

use std::sync::atomic::AtomicBool;

use super::tree::{MergeOptions, Names, TreeMerge, merge_at_depth};
use crate::{
    create::{NewObjects, commit::CommitDraft},
    error::{Error, Result},
    id::{Kind, ObjectId},
    walk::merge_bases_of_any,
};

/// Deepest nesting of merges of common ancestors.
const MAX_DEPTH: usize = 16;
/// Most common ancestors that are merged with each other.
const MAX_BASES: usize = 64;

/// Merges the histories of two commits of the repository.
///
/// Shape: `names.base` is not used: git names the ancestor by its id. Histories without common ancestor are merged as if they had begun with
/// an empty tree; whoever does not want that asks [`crate::walk::merge_bases`] first.
/// Errors: `TooLarge`, `Interrupted`, `Lost`, `WrongKind`, `Corrupt`, `Io`.
pub fn merge_histories(
    objects: &mut NewObjects,
    ours: &ObjectId,
    theirs: &ObjectId,
    names: &Names,
    options: &MergeOptions,
    interrupt: &AtomicBool,
) -> Result<TreeMerge> {
    let ours = Tip { tree: tree_of(objects, ours)?, commits: vec![*ours] };
    merge_tips(objects, &ours, theirs, names, options, 0, interrupt)
}

/// One side: a commit, or several that were merged already.
struct Tip {
    tree: ObjectId,
    commits: Vec<ObjectId>,
}

/// The root tree of a commit.
pub(super) fn tree_of(objects: &NewObjects, commit: &ObjectId) -> Result<ObjectId> {
    Ok(CommitDraft::parse(commit, &objects.read_as(commit, Kind::Commit)?)?.tree)
}

fn merge_tips(
    objects: &mut NewObjects,
    ours: &Tip,
    theirs: &ObjectId,
    names: &Names,
    options: &MergeOptions,
    depth: usize,
    interrupt: &AtomicBool,
) -> Result<TreeMerge> {
    if depth > MAX_DEPTH {
        return Err(Error::TooLarge { what: "nesting of criss-cross merges", limit: MAX_DEPTH as u64 });
    }
    let mut bases = merge_bases_of_any(objects.base(), &ours.commits, theirs, interrupt)?;
    if bases.len() > MAX_BASES {
        return Err(Error::TooLarge { what: "number of common ancestors", limit: MAX_BASES as u64 });
    }
    // Oldest first.
    bases.reverse();
    let base_name = match bases.as_slice() {
        [] => "empty tree".to_owned(),
        [only] => only.to_hex_with_len(7).to_string(),
        [..] => "merged common ancestors".to_owned(),
    };
    let mut bases = bases.into_iter();
    let mut base = match bases.next() {
        Some(first) => Tip { tree: tree_of(objects, &first)?, commits: vec![first] },
        None => Tip { tree: objects.write(Kind::Tree, Vec::new())?, commits: Vec::new() },
    };
    for next in bases {
        let temporary = |number: u8| format!("Temporary merge branch {number}");
        let names = Names { base: String::new(), ours: temporary(1), theirs: temporary(2) };
        let inner = merge_tips(objects, &base, &next, &names, options, depth + 1, interrupt)?;
        // Conflicts of ancestors stay in their tree, markers and all: the sides have resolved them.
        base.tree = inner.tree.unwrap_or(base.tree);
        base.commits.push(next);
    }
    let names = Names { base: base_name, ..names.clone() };
    let trees = [base.tree, ours.tree, tree_of(objects, theirs)?];
    merge_at_depth(objects, trees, &names, options, depth, interrupt)
}
