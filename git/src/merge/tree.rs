//! Owns the three-way merge of trees with the results of git's `ort` strategy: what each path becomes, what conflicts and why. Refuses to know
//! commits and histories: [`super::merge_histories`] finds the common ancestor. Called by it and by the replay of single commits.
//!
//! Steps, each a module: `collect` walks the three trees as far as they differ; `detect` finds renames on each side; `directories` follows
//! renamed directories; `renames` brings the versions of a renamed file together; `resolve` decides path by path and writes the trees.
//!
//! Source: the behaviour of `git merge-tree --write-tree` of git 2.39, with which the tests compare, and gitdiffcore(7).

mod collect;
mod content;
mod detect;
mod directories;
mod entry;
mod renames;
mod report;
mod resolve;
mod tableorder;

use std::{collections::BTreeMap, sync::atomic::AtomicBool};

pub use report::{Conflict, ConflictKind, Notice, TreeMerge};

use super::text::ConflictStyle;
use crate::{
    create::NewObjects,
    error::{Error, Result},
    id::ObjectId,
};
use entry::{Path, PathEntry};

/// How trees are merged.
///
/// Units: bytes where the name says so, otherwise counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeOptions {
    /// Whether renames are looked for.
    pub renames: bool,
    /// How much of a file must be found in another one for a rename. Units: percent.
    pub similarity: u8,
    /// Renames with changes are looked for when sources times destinations are at most the square of this.
    pub rename_limit: usize,
    /// Bytes of contents read to compare files for renames; beyond that only exact renames and those already found count.
    pub max_rename_bytes: u64,
    /// Whether similarity counts what follows the last newline, as in [`crate::diff::TreeOptions`].
    pub counts_last_piece: bool,
    /// How conflicts are written into files.
    pub style: ConflictStyle,
    /// Larger files are not merged: they conflict when both sides changed them.
    pub max_file_bytes: u64,
    /// Most paths looked at.
    pub max_paths: usize,
    /// Whether the first conflict ends the merge: for the question whether there is one.
    pub stop_at_conflict: bool,
}

impl Default for MergeOptions {
    fn default() -> Self {
        MergeOptions {
            renames: true,
            similarity: 50,
            rename_limit: 1000,
            max_rename_bytes: 512 << 20,
            counts_last_piece: true,
            style: ConflictStyle::Merge,
            max_file_bytes: 16 << 20,
            max_paths: 500_000,
            stop_at_conflict: false,
        }
    }
}

/// What the versions are called in conflict markers and in names of files moved out of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The common ancestor.
    pub base: String,
    /// Our side.
    pub ours: String,
    /// Their side.
    pub theirs: String,
}

/// Merges the changes from `base` to `ours` and to `theirs`; all three are trees.
///
/// Shape: new blobs and trees go to `objects`; the tree of a merge with conflicts holds files with conflict markers, as in git.
/// Errors: `TooLarge`, `Interrupted`, `Lost`, `WrongKind`, `Corrupt`, `Io`.
pub fn merge_trees(
    objects: &mut NewObjects,
    base: &ObjectId,
    ours: &ObjectId,
    theirs: &ObjectId,
    names: &Names,
    options: &MergeOptions,
    interrupt: &AtomicBool,
) -> Result<TreeMerge> {
    merge_at_depth(objects, [*base, *ours, *theirs], names, options, 0, interrupt)
}

/// The same for a merge of common ancestors, `depth` levels down.
pub(super) fn merge_at_depth(
    objects: &mut NewObjects,
    trees: [ObjectId; 3],
    names: &Names,
    options: &MergeOptions,
    depth: usize,
    interrupt: &AtomicBool,
) -> Result<TreeMerge> {
    let mut merge =
        Merge { objects, names, options, depth, interrupt, paths: BTreeMap::new(), notices: Vec::new(), clean: true };
    let sides = collect::collect(&mut merge, trees)?;
    let mut is_rename_search_cut = false;
    if options.renames && sides.iter().any(collect::Side::may_have_renames) {
        let found = detect::both_sides(&merge, &sides)?;
        is_rename_search_cut = found.iter().any(|side| side.is_cut);
        let list = directories::apply(&mut merge, &sides, found)?;
        renames::process(&mut merge, &list)?;
    }
    let mut outcome = resolve::resolve(merge)?;
    outcome.is_rename_search_cut = is_rename_search_cut;
    Ok(outcome)
}

/// The state of one merge.
struct Merge<'a> {
    objects: &'a mut NewObjects,
    names: &'a Names,
    options: &'a MergeOptions,
    /// How deep in merges of common ancestors; 0 for the merge that was asked for.
    depth: usize,
    interrupt: &'a AtomicBool,
    /// Every path at which the trees differ.
    paths: BTreeMap<Path, PathEntry>,
    notices: Vec<Notice>,
    clean: bool,
}

impl Merge<'_> {
    fn note(&mut self, kind: ConflictKind, path: &[u8], others: &[&[u8]]) {
        let others = others.iter().map(|other| other.to_vec()).collect();
        self.notices.push(Notice { kind, path: path.to_vec(), others });
    }

    fn insert(&mut self, path: Path, entry: PathEntry) -> Result<()> {
        self.paths.insert(path, entry);
        if self.paths.len() > self.options.max_paths {
            return Err(Error::TooLarge { what: "number of changed paths", limit: self.options.max_paths as u64 });
        }
        Ok(())
    }

    /// The name of a side in paths and markers.
    fn side_name(&self, side: usize) -> &str {
        if side == entry::OURS { &self.names.ours } else { &self.names.theirs }
    }
}

#[cfg(test)]
pub(in crate::merge) mod tests;
