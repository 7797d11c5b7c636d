//! Owns walking two trees side by side and naming the files that differ, in git's order. Refuses to look into blobs: renames are found by
//! [`super::rename`]. Called by [`super::diff_trees`].
//!
//! No recursion: the nesting of trees is a pusher's choice. Equal subtrees are never read.

use std::{cmp::Ordering, sync::atomic::AtomicBool};

use super::{
    Visit,
    change::{Change, File, FileMode},
};
use crate::{
    error::Result,
    id::{Kind, ObjectId},
    odb::Snapshot,
    scope::{PathBudget, is_selected, leads_to_selected},
    walk::{TreeEntries, TreeEntry, check_interrupt, read_as, unreadable},
};

/// Which files are looked at.
pub(super) struct Scope<'a> {
    /// Files and directories; empty for everything.
    pub(super) paths: &'a [Vec<u8>],
    /// Whether files that do not differ are listed, too, for the search of copies.
    pub(super) with_unmodified: bool,
    /// The one new file that is listed; without it all are.
    pub(super) only_new: Option<&'a [u8]>,
    /// Most files and directories that are listed; long paths count more than once.
    pub(super) max_files: usize,
}

/// What is still to be done, the next step last.
#[derive(Debug)]
enum Step {
    Change(Change),
    Directory { path: Vec<u8>, before: Option<ObjectId>, after: Option<ObjectId> },
}

/// Lists the files that differ.
///
/// Errors: `TooLarge` beyond `max_files`, `Interrupted`, `Lost`, `WrongKind`, `Corrupt`.
pub(super) fn changes(
    odb: &Snapshot,
    before: Option<&ObjectId>,
    after: Option<&ObjectId>,
    scope: &Scope<'_>,
    interrupt: &AtomicBool,
) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    let mut walk = Walk::new(before, after, Some(PathBudget::new("the number of changed files", scope.max_files)));
    while let Some(change) = walk.next(odb, scope, interrupt)? {
        found.push(change);
    }
    Ok(found)
}

/// Two trees side by side, one change at a time. Holds the entries of the directories on the way to where it is, no more.
#[derive(Debug)]
pub(super) struct Walk {
    steps: Vec<Step>,
    budget: Option<PathBudget>,
    /// Paths up to this one, itself included, are passed over; directories that end before it are not read.
    passed: Vec<u8>,
}

impl Walk {
    pub(super) fn new(before: Option<&ObjectId>, after: Option<&ObjectId>, budget: Option<PathBudget>) -> Self {
        let root = Step::Directory { path: Vec::new(), before: before.copied(), after: after.copied() };
        Walk { steps: vec![root], budget, passed: Vec::new() }
    }

    /// Begins after a path that an earlier walk over the same trees had come to.
    pub(super) fn after(self, passed: Vec<u8>) -> Self {
        Walk { passed, ..self }
    }

    /// The next change, in the order of the paths as bytes.
    ///
    /// Errors: as [`changes`].
    pub(super) fn next(&mut self, odb: &Snapshot, scope: &Scope<'_>, interrupt: &AtomicBool) -> Result<Option<Change>> {
        while let Some(visit) = self.step(odb, scope, interrupt)? {
            if let Visit::File(change) = visit {
                return Ok(Some(change));
            }
        }
        Ok(None)
    }

    /// The next change, or the next directory that was looked into.
    ///
    /// Errors: as [`changes`].
    pub(super) fn step(&mut self, odb: &Snapshot, scope: &Scope<'_>, interrupt: &AtomicBool) -> Result<Option<Visit>> {
        check_interrupt(interrupt)?;
        match self.steps.pop() {
            None => Ok(None),
            Some(Step::Change(change)) => Ok(Some(Visit::File(change))),
            Some(Step::Directory { path, before, after }) => {
                let from = self.steps.len();
                self.expand(odb, &path, (before, after), scope)?;
                if let Some(new) = self.steps.get_mut(from..) {
                    new.reverse();
                }
                Ok(Some(Visit::Directory(path)))
            }
        }
    }
}

fn read_tree(odb: &Snapshot, id: Option<ObjectId>) -> Result<Vec<u8>> {
    let Some(id) = id else { return Ok(Vec::new()) };
    let mut data = Vec::new();
    read_as(odb, &id, Kind::Tree, &mut data)?;
    let mut entries = TreeEntries::new(&data);
    entries.by_ref().for_each(drop);
    if entries.is_broken() {
        return Err(unreadable(&id, "the tree cannot be read"));
    }
    Ok(data)
}

impl Walk {
    /// Compares two directories entry by entry.
    fn expand(
        &mut self,
        odb: &Snapshot,
        path: &[u8],
        (before, after): (Option<ObjectId>, Option<ObjectId>),
        scope: &Scope<'_>,
    ) -> Result<()> {
        let (left, right) = (read_tree(odb, before)?, read_tree(odb, after)?);
        let mut left = TreeEntries::new(&left).peekable();
        let mut right = TreeEntries::new(&right).peekable();
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.compare(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(()),
            };
            let a = if order.is_le() { left.next() } else { None };
            let b = if order.is_ge() { right.next() } else { None };
            let Some(name) = a.as_ref().or(b.as_ref()).map(|entry| entry.name) else { return Ok(()) };
            let is_equal = a.zip(b).is_some_and(|(a, b)| a.id == b.id && canonical(&a) == canonical(&b));
            if is_equal && !scope.with_unmodified {
                continue;
            }
            let child = if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() };
            let directory = |entry: Option<TreeEntry<'_>>| entry.filter(is_directory).map(|entry| entry.id);
            let file = |entry: Option<TreeEntry<'_>>| {
                let entry = entry?;
                Some(File { path: child.clone(), mode: FileMode::of_entry(entry.mode)?, id: entry.id })
            };
            let (before, after) = (file(a), file(b));
            let is_listed = match before {
                Some(_) => true,
                None => after.is_some() && scope.only_new.is_none_or(|path| path == child),
            };
            if is_listed && is_selected(scope.paths, &child) && !self.is_passed(&child) {
                self.take(&child)?;
                self.steps.push(Step::Change(Change::of_sides(before, after)));
            }
            let (before, after) = (directory(a), directory(b));
            let is_followed = match before {
                Some(_) => true,
                None => after.is_some() && scope.only_new.is_none_or(|path| path.starts_with(&child)),
            };
            if is_followed && leads_to_selected(scope.paths, &child) && !self.is_passed_below(&child) {
                self.take(&child)?;
                self.steps.push(Step::Directory { path: child, before, after });
            }
        }
    }

    fn take(&mut self, path: &[u8]) -> Result<()> {
        self.budget.as_mut().map_or(Ok(()), |budget| budget.take(path))
    }

    fn is_passed(&self, path: &[u8]) -> bool {
        !self.passed.is_empty() && path <= self.passed.as_slice()
    }

    /// Whether everything in a directory comes before or at the path that was passed.
    fn is_passed_below(&self, directory: &[u8]) -> bool {
        let inside = [directory, b"/"].concat();
        !self.passed.is_empty() && inside < self.passed && !self.passed.starts_with(&inside)
    }
}

fn canonical(entry: &TreeEntry<'_>) -> Option<FileMode> {
    FileMode::of_entry(entry.mode)
}

fn is_directory(entry: &TreeEntry<'_>) -> bool {
    entry.kind == Some(Kind::Tree)
}
