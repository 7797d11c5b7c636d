//! Owns replaying a range of commits onto a new base, linearly, as `git rebase` does by default. Refuses to move the branch.

use std::{collections::HashSet, sync::atomic::AtomicBool};

use super::{Attempt, Change, Stopped, apply, equivalent, order, read_commit, tree_of, tree_or_empty, write_picked};
use crate::{
    create::{NewObjects, commit::Ident},
    error::Result,
    id::ObjectId,
    merge::tree::MergeOptions,
};

/// What is to be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebase {
    /// The branch that is replayed.
    pub tip: ObjectId,
    /// Commits that this reaches are left out.
    pub upstream: ObjectId,
    /// What the rest is put on; usually the same as `upstream`.
    pub onto: ObjectId,
    /// Who makes the new commits; authors are kept.
    pub committer: Ident,
    /// Most commits replayed.
    pub max_commits: usize,
    /// Most commits of `upstream` that are searched for changes that are there already.
    pub max_compared: usize,
}

/// What became of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It lies where it should: it is kept as it is, signature and all.
    Kept(ObjectId),
    /// It was replayed.
    Replayed {
        /// The old commit.
        old: ObjectId,
        /// The new one.
        new: ObjectId,
    },
    /// Its change was there already.
    Dropped(ObjectId),
}

/// How a rebase ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebased {
    /// Everything was replayed.
    Done {
        /// The new tip; `onto` itself when nothing was left.
        tip: ObjectId,
        /// Every commit of the range but merges, oldest first.
        steps: Vec<Step>,
    },
    /// A commit does not apply.
    Conflict(Box<Stopped>),
}

/// Replays the commits of `rebase.upstream..rebase.tip` onto `rebase.onto`.
///
/// Shape: merges are left out and their branches come one after another; commits whose change is there already are dropped, by
/// comparing patches and because nothing is left to apply; commits that were empty from the beginning are kept.
/// Errors: `TooLarge`, and those of [`super::cherry_pick`].
pub fn rebase(
    objects: &mut NewObjects,
    rebase: &Rebase,
    options: &MergeOptions,
    interrupt: &AtomicBool,
) -> Result<Rebased> {
    let base = objects.base().clone();
    let commits = order::to_replay(&base, &rebase.upstream, &rebase.tip, rebase.max_commits, interrupt)?;
    let upstream = order::without_merges(&base, &rebase.tip, &rebase.upstream, interrupt)?;
    // With very many commits to compare with, what is there already shows when it is applied.
    let there = if upstream.len() > rebase.max_compared {
        HashSet::new()
    } else {
        equivalent::find(objects, &commits, &upstream, options.max_file_bytes, interrupt)?
    };
    let mut head = rebase.onto;
    let mut steps = Vec::with_capacity(commits.len());
    for old in commits {
        if there.contains(&old) {
            steps.push(Step::Dropped(old));
            continue;
        }
        let commit = read_commit(objects, &old)?;
        let parent = commit.parents.first().copied();
        if parent == Some(head) {
            head = old;
            steps.push(Step::Kept(old));
            continue;
        }
        let change = Change { commit: old, draft: &commit, parent };
        let merge = apply(objects, &head, &change, options, interrupt)?;
        let was_empty = tree_or_empty(objects, parent.as_ref())? == commit.tree;
        if !was_empty && merge.clean_tree() == Some(tree_of(objects, &head)?) {
            steps.push(Step::Dropped(old));
            continue;
        }
        match write_picked(objects, merge, &old, &commit, &head, &rebase.committer)? {
            Attempt::Made(new) => {
                head = new;
                steps.push(Step::Replayed { old, new });
            }
            Attempt::Conflict(stopped) => return Ok(Rebased::Conflict(stopped)),
            Attempt::Empty => steps.push(Step::Dropped(old)),
        }
    }
    Ok(Rebased::Done { tip: head, steps })
}
