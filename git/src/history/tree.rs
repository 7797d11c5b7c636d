//! Owns reading trees for history: the entry at a path, and what differs between two trees. Refuses renames (that is [`crate::diff::rename`]) and
//! text. Called by every service of [`super`] and by the writer of changed-path filters.
//!
//! No recursion: how deep trees nest is for whoever pushed them to choose.

use std::{cmp::Ordering, ops::ControlFlow, sync::atomic::AtomicBool};

use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    odb::Snapshot,
    walk::{TreeEntries, TreeEntry, check_interrupt, read_as, unreadable},
};

/// Deepest nesting followed, as git has it (`core.maxTreeDepth`).
const MAX_DEPTH: usize = 2048;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The mode as git compares it, like `0o100644`.
    pub mode: u32,
    /// The object; the commit of a submodule is in another repository.
    pub id: ObjectId,
}

impl Entry {
    /// Whether it is a directory.
    pub fn is_tree(&self) -> bool {
        self.mode == 0o040_000
    }

    /// Whether it is a file whose content can be compared with other files, and no link or submodule.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// Whether it is a file or a link, stored as a blob.
    pub fn is_blob(&self) -> bool {
        self.is_file() || self.mode == 0o120_000
    }
}

impl From<&TreeEntry<'_>> for Entry {
    fn from(entry: &TreeEntry<'_>) -> Self {
        // As git compares: of permissions only one bit counts, and a type it does not know is taken for a submodule.
        let mode = match entry.mode & 0o170_000 {
            0o100_000 if entry.mode & 0o100 == 0 => 0o100_644,
            0o100_000 => 0o100_755,
            known @ (0o040_000 | 0o120_000) => known,
            _ => 0o160_000,
        };
        Entry { mode, id: entry.id }
    }
}

/// Finds what a path names in a tree; the empty path names the tree itself.
///
/// Errors: `Lost`, `WrongKind`, `Corrupt`.
pub fn entry_at(odb: &Snapshot, tree: &ObjectId, path: &[u8]) -> Result<Option<Entry>> {
    let mut at = Entry { mode: 0o040_000, id: *tree };
    let mut data = Vec::new();
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        if !at.is_tree() {
            return Ok(None);
        }
        match child(odb, &at.id, name, &mut data)? {
            Some(entry) => at = entry,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// Finds one name in one tree.
pub(crate) fn child(odb: &Snapshot, tree: &ObjectId, name: &[u8], data: &mut Vec<u8>) -> Result<Option<Entry>> {
    read_as(odb, tree, Kind::Tree, data)?;
    Ok(TreeEntries::new(data).find(|entry| entry.name == name).map(|entry| Entry::from(&entry)))
}

/// A pair of directories still to be compared.
struct Pending {
    path: Vec<u8>,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    depth: usize,
}

/// Shows the path of every file, link and submodule that differs between two trees, in no particular order, until `visit` breaks.
///
/// Errors: `Lost`, `WrongKind`, `Corrupt`, `TooLarge` when trees nest too deep, `Interrupted`, and what `visit` answers.
pub(crate) fn changes(
    odb: &Snapshot,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    interrupt: &AtomicBool,
    visit: &mut dyn FnMut(&[u8]) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut pending = vec![Pending { path: Vec::new(), old, new, depth: 0 }];
    let (mut old_data, mut new_data, mut path) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(pair) = pending.pop() {
        check_interrupt(interrupt)?;
        if pair.old == pair.new {
            continue;
        }
        if pair.depth > MAX_DEPTH {
            return Err(Error::TooLarge { what: "depth of trees", limit: MAX_DEPTH as u64 });
        }
        for (id, data) in [(&pair.old, &mut old_data), (&pair.new, &mut new_data)] {
            data.clear();
            if let Some(id) = id {
                read_as(odb, id, Kind::Tree, data)?;
            }
        }
        let mut sides = Sides::new(&old_data, &new_data);
        while let Some((name, old, new)) = sides.next() {
            if old == new {
                continue;
            }
            path.clone_from(&pair.path);
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let tree = |entry: Option<Entry>| entry.filter(Entry::is_tree).map(|entry| entry.id);
            let is_leaf = |entry: Option<Entry>| entry.is_some_and(|entry| !entry.is_tree());
            if tree(old).is_some() || tree(new).is_some() {
                let depth = pair.depth.saturating_add(1);
                pending.push(Pending { path: path.clone(), old: tree(old), new: tree(new), depth });
            }
            if (is_leaf(old) || is_leaf(new)) && visit(&path)?.is_break() {
                return Ok(());
            }
        }
        let broken = [(sides.old.is_broken(), pair.old), (sides.new.is_broken(), pair.new)];
        if let Some((_, Some(id))) = broken.into_iter().find(|(is_broken, _)| *is_broken) {
            return Err(unreadable(&id, "the tree cannot be read"));
        }
    }
    Ok(())
}

/// Whether two entries of one path hold the same files, as a diff would find: trees may differ in nothing that is a file.
pub(crate) fn is_same(odb: &Snapshot, old: Option<Entry>, new: Option<Entry>, interrupt: &AtomicBool) -> Result<bool> {
    let tree = |entry: Option<Entry>| entry.filter(Entry::is_tree).map(|entry| entry.id);
    if old == new {
        return Ok(true);
    }
    let all_trees = [old, new].into_iter().flatten().all(|entry| entry.is_tree());
    if !all_trees {
        return Ok(false);
    }
    let mut same = true;
    changes(odb, tree(old), tree(new), interrupt, &mut |_| {
        same = false;
        Ok(ControlFlow::Break(()))
    })?;
    Ok(same)
}

/// Walks two trees side by side.
struct Sides<'d> {
    old: TreeEntries<'d>,
    new: TreeEntries<'d>,
    next_old: Option<TreeEntry<'d>>,
    next_new: Option<TreeEntry<'d>>,
}

impl<'d> Sides<'d> {
    fn new(old: &'d [u8], new: &'d [u8]) -> Self {
        let (mut old, mut new) = (TreeEntries::new(old), TreeEntries::new(new));
        let (next_old, next_new) = (old.next(), new.next());
        Sides { old, new, next_old, next_new }
    }

    fn next(&mut self) -> Option<(&'d [u8], Option<Entry>, Option<Entry>)> {
        let order = match (&self.next_old, &self.next_new) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.compare(new),
        };
        let old = if order.is_le() { std::mem::replace(&mut self.next_old, self.old.next()) } else { None };
        let new = if order.is_ge() { std::mem::replace(&mut self.next_new, self.new.next()) } else { None };
        let name = old.or(new)?.name;
        Some((name, old.as_ref().map(Entry::from), new.as_ref().map(Entry::from)))
    }
}
