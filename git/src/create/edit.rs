//! Owns changing paths of a tree: directories appear with the first path in them and disappear with the last. Refuses to read file contents.
//! Called by the contents API, the web editor and whatever changes single files.

use std::{collections::BTreeMap, sync::atomic::AtomicBool};

use super::{
    NewObjects,
    entries::{Entry, Item, Mode, parse_tree, write_tree},
};
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    walk::check_interrupt,
};

/// Deepest path accepted. Units: directories.
const MAX_DEPTH: usize = 512;

/// What happens to one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// The path holds this afterwards, whatever it held before; a directory is replaced whole.
    Put(Item),
    /// The path is gone afterwards; it must exist.
    Remove,
}

/// Edits below one directory.
#[derive(Default)]
struct Node {
    own: Option<Edit>,
    below: BTreeMap<Vec<u8>, Node>,
}

/// Applies edits to a tree, `None` for an empty one, and answers the new root.
///
/// Shape: paths are separated by slashes, without one at either end; no path is edited twice or lies below another edited one.
/// Errors: `BadPath`; `Fsck` for names that git refuses; `MissingObject`, `WrongKind`, `TooLarge`, `Interrupted`.
pub fn edit_tree(
    objects: &mut NewObjects,
    root: Option<&ObjectId>,
    edits: &[(&[u8], Edit)],
    interrupt: &AtomicBool,
) -> Result<ObjectId> {
    let mut top = Node::default();
    for (path, edit) in edits {
        insert(&mut top, path, *edit)?;
    }
    let mut editor = Editor { objects, interrupt };
    match editor.apply(root, &top, &mut Vec::new())? {
        Some(id) => Ok(id),
        None => editor.objects.write(Kind::Tree, Vec::new()),
    }
}

fn bad(path: &[u8], what: &'static str) -> Error {
    Error::BadPath { path: String::from_utf8_lossy(path).into_owned(), what }
}

fn insert(top: &mut Node, path: &[u8], edit: Edit) -> Result<()> {
    let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    if names.len() > MAX_DEPTH {
        return Err(bad(path, "is too deep"));
    }
    if names.iter().any(|name| name.is_empty() || name.contains(&0)) {
        return Err(bad(path, "has an empty part"));
    }
    let mut node = top;
    for name in names {
        if node.own.is_some() {
            return Err(bad(path, "lies below another edited path"));
        }
        node = node.below.entry(name.to_vec()).or_default();
    }
    if node.own.is_some() || !node.below.is_empty() {
        return Err(bad(path, "is edited twice"));
    }
    node.own = Some(edit);
    Ok(())
}

struct Editor<'a> {
    objects: &'a mut NewObjects,
    interrupt: &'a AtomicBool,
}

impl Editor<'_> {
    /// Applies the edits below one directory; `None` if nothing is left of it. Recursion ends at [`MAX_DEPTH`].
    fn apply(&mut self, tree: Option<&ObjectId>, node: &Node, path: &mut Vec<u8>) -> Result<Option<ObjectId>> {
        check_interrupt(self.interrupt)?;
        let mut entries: BTreeMap<Vec<u8>, Item> = BTreeMap::new();
        if let Some(tree) = tree {
            let data = self.objects.read_as(tree, Kind::Tree)?;
            entries.extend(parse_tree(tree, &data)?.into_iter().map(|entry| (entry.name, entry.item)));
        }
        for (name, below) in &node.below {
            let length = path.len();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let present = entries.get(name).copied();
            let next = match below.own {
                Some(Edit::Put(item)) => Some(item),
                Some(Edit::Remove) if present.is_none() => return Err(bad(path, "does not exist")),
                Some(Edit::Remove) => None,
                None => self.descend(present, below, path)?,
            };
            match next {
                Some(item) => entries.insert(name.clone(), item),
                None => entries.remove(name),
            };
            path.truncate(length);
        }
        if entries.is_empty() {
            return Ok(None);
        }
        let mut list: Vec<Entry> = entries.into_iter().map(|(name, item)| Entry { name, item }).collect();
        self.objects.write_checked(Kind::Tree, write_tree(&mut list)).map(Some)
    }

    fn descend(&mut self, present: Option<Item>, below: &Node, path: &mut Vec<u8>) -> Result<Option<Item>> {
        let tree = match present {
            Some(Item { mode: Mode::Tree, id }) => Some(id),
            Some(_) => return Err(bad(path, "is not a directory")),
            None => None,
        };
        Ok(self.apply(tree.as_ref(), below, path)?.map(|id| Item { mode: Mode::Tree, id }))
    }
}
