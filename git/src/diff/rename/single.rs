//! Owns the question where one new file came from, as `git log --follow` and `git blame` ask it. Refuses whole diffs. Called by
//! [`crate::history`].

use std::sync::atomic::AtomicBool;

use super::{Renames, find};
use crate::{
    diff::{File, TreeOptions, tree},
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
};

/// Finds what the file at `path`, which `after` has and `before` has not, was in `before`; both are trees.
///
/// Shape: with more files to compare than `options` allow, copies are not looked for, and then renames neither: a file that seems to have
/// come from nowhere is better than no history of it.
/// Errors: `Interrupted`, `Lost`, `WrongKind`, `Corrupt`.
pub(crate) fn origin_of(
    odb: &Snapshot,
    before: &ObjectId,
    after: &ObjectId,
    path: &[u8],
    options: &TreeOptions,
    interrupt: &AtomicBool,
) -> Result<Option<File>> {
    for renames in [options.renames, Renames::Renames] {
        let scope = tree::Scope {
            paths: &[],
            with_unmodified: renames == Renames::CopiesOfAny,
            only_new: Some(path),
            max_files: options.max_files,
        };
        let changes = match tree::changes(odb, Some(before), Some(after), &scope, interrupt) {
            Err(Error::TooLarge { .. }) => continue,
            changes => changes?,
        };
        let options = TreeOptions { renames, ..options.clone() };
        let mut changes = find(odb, changes, &options, interrupt)?.into_iter();
        let found = changes.find(|change| change.after.as_ref().is_some_and(|file| file.path == path));
        return Ok(found.and_then(|change| change.before));
    }
    Ok(None)
}
