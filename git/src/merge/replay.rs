//! Owns operations that end in new commits: merge, squash, cherry-pick, revert, rebase. Refuses to move refs and to decide who may do what: the
//! repository actor installs the pack of [`NewObjects`] and moves the branch, as for a push. Called by the server.

mod equivalent;
mod order;
mod rebase;

use std::sync::atomic::AtomicBool;

pub use rebase::{Rebase, Rebased, Step, rebase};

use super::{
    history::{merge_histories, tree_of},
    tree::{MergeOptions, Names, TreeMerge, merge_trees},
};
use crate::{
    create::{
        NewObjects,
        commit::{CommitDraft, Ident},
    },
    error::{Error, Result},
    id::{Kind, ObjectId},
};

/// What a new commit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitText {
    /// Who wrote the change.
    pub author: Ident,
    /// Who made the commit.
    pub committer: Ident,
    /// The message.
    pub message: Vec<u8>,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// A commit was made.
    Made(ObjectId),
    /// There is nothing left to commit: everything was there already.
    Empty,
    /// Nothing was made.
    Conflict(Box<Stopped>),
}

/// A conflict and the commit in which it arose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The commit that could not be applied.
    pub commit: ObjectId,
    /// The merge that failed.
    pub merge: TreeMerge,
}

/// Merges `theirs` into `ours` with a commit of two parents.
///
/// Shape: whether a fast-forward would do is the caller's question to [`crate::walk::is_ancestor`].
/// Errors: those of [`merge_histories`] and [`CommitDraft::write`].
pub fn merge_commit(
    objects: &mut NewObjects,
    ours: &ObjectId,
    theirs: &ObjectId,
    names: &Names,
    text: &CommitText,
    options: &MergeOptions,
    interrupt: &AtomicBool,
) -> Result<Attempt> {
    let merge = merge_histories(objects, ours, theirs, names, options, interrupt)?;
    finish(objects, merge, *theirs, vec![*ours, *theirs], text)
}

/// Brings everything from `theirs` to `ours` with one commit of one parent.
///
/// Errors: as for [`merge_commit`].
pub fn squash(
    objects: &mut NewObjects,
    ours: &ObjectId,
    theirs: &ObjectId,
    names: &Names,
    text: &CommitText,
    options: &MergeOptions,
    interrupt: &AtomicBool,
) -> Result<Attempt> {
    let merge = merge_histories(objects, ours, theirs, names, options, interrupt)?;
    if merge.clean_tree() == Some(tree_of(objects, ours)?) {
        return Ok(Attempt::Empty);
    }
    finish(objects, merge, *theirs, vec![*ours], text)
}

/// Applies the change of one commit to `head`; its author and message are kept.
///
/// Shape: `mainline` counts parents from 1 and is needed for merges, and refused for other commits.
/// Errors: `BadRequest`, those of [`merge_trees`] and [`CommitDraft::write`].
pub fn cherry_pick(
    objects: &mut NewObjects,
    head: &ObjectId,
    picked: &ObjectId,
    mainline: Option<usize>,
    committer: &Ident,
    options: &MergeOptions,
    interrupt: &AtomicBool,
) -> Result<Attempt> {
    let commit = read_commit(objects, picked)?;
    let parent = main_parent(&commit, mainline)?;
    let merge = apply(objects, head, &Change { commit: *picked, draft: &commit, parent }, options, interrupt)?;
    if merge.clean_tree() == Some(tree_of(objects, head)?) {
        return Ok(Attempt::Empty);
    }
    write_picked(objects, merge, picked, &commit, head, committer)
}

/// Undoes the change of one commit on top of `head`.
///
/// Shape: `mainline` as for [`cherry_pick`]; without `message`, the one that git writes.
/// Errors: as for [`cherry_pick`].
pub fn revert(
    objects: &mut NewObjects,
    head: &ObjectId,
    reverted: &ObjectId,
    mainline: Option<usize>,
    text: &RevertText<'_>,
    options: &MergeOptions,
    interrupt: &AtomicBool,
) -> Result<Attempt> {
    let commit = read_commit(objects, reverted)?;
    let parent = main_parent(&commit, mainline)?;
    let base = commit.tree;
    let theirs = tree_or_empty(objects, parent.as_ref())?;
    let ours = tree_of(objects, head)?;
    let described = describe(reverted, &commit);
    let names = Names { base: described.clone(), ours: "HEAD".to_owned(), theirs: format!("parent of {described}") };
    let merge = merge_trees(objects, &base, &ours, &theirs, &names, options, interrupt)?;
    if merge.clean_tree() == Some(ours) {
        return Ok(Attempt::Empty);
    }
    let message = match text.message {
        Some(message) => message.to_vec(),
        None => revert_message(reverted, &commit, parent.filter(|_| mainline.is_some())),
    };
    let text = CommitText { author: text.author.clone(), committer: text.committer.clone(), message };
    finish(objects, merge, *reverted, vec![*head], &text)
}

/// What a commit that undoes another one says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevertText<'a> {
    /// Who undoes the change.
    pub author: &'a Ident,
    /// Who makes the commit.
    pub committer: &'a Ident,
    /// The message, if not the usual one.
    pub message: Option<&'a [u8]>,
}

fn revert_message(id: &ObjectId, commit: &CommitDraft, mainline: Option<ObjectId>) -> Vec<u8> {
    let mut message = [b"Revert \"", commit.subject(), b"\"\n\nThis reverts commit "].concat();
    message.extend_from_slice(id.to_string().as_bytes());
    if let Some(parent) = mainline {
        message.extend_from_slice(format!(", reversing\nchanges made to {parent}").as_bytes());
    }
    message.extend_from_slice(b".\n");
    message
}

/// A commit to be applied elsewhere.
struct Change<'a> {
    commit: ObjectId,
    draft: &'a CommitDraft,
    /// What it is compared with; `None` for nothing.
    parent: Option<ObjectId>,
}

/// Merges the change of one commit into the tree of `head`.
fn apply(
    objects: &mut NewObjects,
    head: &ObjectId,
    change: &Change<'_>,
    options: &MergeOptions,
    interrupt: &AtomicBool,
) -> Result<TreeMerge> {
    let base = tree_or_empty(objects, change.parent.as_ref())?;
    let ours = tree_of(objects, head)?;
    let theirs = describe(&change.commit, change.draft);
    let names = Names { base: format!("parent of {theirs}"), ours: "HEAD".to_owned(), theirs };
    merge_trees(objects, &base, &ours, &change.draft.tree, &names, options, interrupt)
}

/// Commits a clean merge as a new version of `commit` on top of `head`.
fn write_picked(
    objects: &mut NewObjects,
    merge: TreeMerge,
    id: &ObjectId,
    commit: &CommitDraft,
    head: &ObjectId,
    committer: &Ident,
) -> Result<Attempt> {
    let Some(tree) = merge.clean_tree() else {
        return Ok(Attempt::Conflict(Box::new(Stopped { commit: *id, merge })));
    };
    // The encoding belongs to the message; every other header was about the old commit.
    let extra_headers = commit.extra_headers.iter().filter(|(name, _)| name == b"encoding").cloned().collect();
    let draft = CommitDraft {
        tree,
        parents: vec![*head],
        author: commit.author.clone(),
        committer: committer.clone(),
        extra_headers,
        signature: None,
        message: commit.message.clone(),
    };
    draft.write(objects).map(Attempt::Made)
}

fn finish(
    objects: &mut NewObjects,
    merge: TreeMerge,
    theirs: ObjectId,
    parents: Vec<ObjectId>,
    text: &CommitText,
) -> Result<Attempt> {
    let Some(tree) = merge.clean_tree() else {
        return Ok(Attempt::Conflict(Box::new(Stopped { commit: theirs, merge })));
    };
    let draft = CommitDraft {
        tree,
        parents,
        author: text.author.clone(),
        committer: text.committer.clone(),
        extra_headers: Vec::new(),
        signature: None,
        message: text.message.clone(),
    };
    draft.write(objects).map(Attempt::Made)
}

fn read_commit(objects: &NewObjects, id: &ObjectId) -> Result<CommitDraft> {
    CommitDraft::parse(id, &objects.read_as(id, Kind::Commit)?)
}

fn main_parent(commit: &CommitDraft, mainline: Option<usize>) -> Result<Option<ObjectId>> {
    let bad = |what: &str| Error::BadRequest { what: what.to_owned() };
    match (commit.parents.as_slice(), mainline) {
        ([], None) => Ok(None),
        ([only], None) => Ok(Some(*only)),
        ([] | [_], Some(_)) => Err(bad("a mainline was given, but the commit is no merge")),
        ([..], None) => Err(bad("the commit is a merge: a mainline is needed")),
        (parents, Some(number)) => {
            let parent = number.checked_sub(1).and_then(|at| parents.get(at)).copied();
            parent.map(Some).ok_or_else(|| bad("the merge has no such parent"))
        }
    }
}

fn tree_or_empty(objects: &mut NewObjects, commit: Option<&ObjectId>) -> Result<ObjectId> {
    match commit {
        Some(commit) => tree_of(objects, commit),
        None => objects.write(Kind::Tree, Vec::new()),
    }
}

/// A commit as conflict markers name it.
fn describe(id: &ObjectId, commit: &CommitDraft) -> String {
    format!("{} ({})", id.to_hex_with_len(7), String::from_utf8_lossy(commit.subject()))
}

#[cfg(test)]
mod tests;
