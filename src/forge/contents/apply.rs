//! What changes of files do to a tree.
//!
//! Owns the demands of each operation: what must exist, what must not, which id it must have. Works on objects: call it on a blocking thread.

use std::sync::atomic::AtomicBool;

use atomicqms_git::create::NewObjects;
use atomicqms_git::create::edit::{Edit, edit_tree};
use atomicqms_git::create::entries::{Item, Mode, parse_tree};
use atomicqms_git::{Kind as ObjectKind, ObjectId};

use crate::error::{Error, Kind, Result};

/// What happens to one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Create,
    /// It exists, and gets other content, perhaps another path.
    Update,
    /// It gets this content, whether it exists or not.
    Upload,
    /// It gets another path.
    Rename,
    /// It goes.
    Delete,
}

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happens.
    pub operation: Operation,
    /// Where.
    pub path: String,
    /// Where the file is before, if that is elsewhere.
    pub from_path: Option<String>,
    /// The id that the file must have.
    pub sha: Option<String>,
    /// New content.
    pub content: Option<Vec<u8>>,
}

/// Applies changes one after the other to a tree, none for an empty one; answers the new one.
///
/// Errors: `NotFound` for a file that does not exist, `Invalid` for everything else that does not fit; those of the object database.
pub(super) fn apply(
    objects: &mut NewObjects,
    mut root: Option<ObjectId>,
    changes: &[Change],
    interrupt: &AtomicBool,
) -> Result<ObjectId> {
    for change in changes {
        root = Some(apply_one(objects, root.as_ref(), change, interrupt)?);
    }
    root.ok_or_else(|| Error::broken("no change was applied"))
}

fn apply_one(
    objects: &mut NewObjects,
    root: Option<&ObjectId>,
    change: &Change,
    interrupt: &AtomicBool,
) -> Result<ObjectId> {
    let Change { operation, path, from_path, sha, content } = change;
    let operation = *operation;
    let from = from_path.as_deref().filter(|from| *from != path.as_str() && operation != Operation::Delete);
    let source = from.unwrap_or(path);
    let before = find(objects, root, source)?;
    if operation == Operation::Create && before.is_some() && from.is_none() {
        return Err(exists(path));
    }
    let is_new = matches!(operation, Operation::Create) || (operation == Operation::Upload && before.is_none());
    let before = match before {
        Some(item) if !item.mode.is_file() => return Err(Error::new(Kind::Invalid, not_a_file(source, item.mode))),
        None if !is_new => {
            return Err(Error::new(Kind::NotFound, format!("repository file does not exist [path: {source}]")));
        }
        found => found,
    };
    check_id(operation, sha.as_deref(), before.as_ref())?;
    if from.is_some() && find(objects, root, path)?.is_some() {
        return Err(exists(path));
    }
    let mode = before.map_or(Mode::File, |item| item.mode);
    // It is kept, because it may be written once more.
    let content = match (operation, content.as_ref()) {
        (Operation::Rename, Some(content)) if content.is_empty() => None,
        (_, content) => content,
    };
    let after = match (operation, content, before) {
        (Operation::Delete, _, _) => None,
        (_, Some(content), _) => Some(Item { mode, id: objects.write(ObjectKind::Blob, content.clone())? }),
        (Operation::Rename, None, Some(item)) => Some(item),
        (Operation::Rename, None, None) => return Err(Error::broken("a file to be renamed was not looked for")),
        (_, None, _) => Some(Item { mode, id: objects.write(ObjectKind::Blob, Vec::new())? }),
    };
    let root = match from {
        Some(from) => Some(edit_tree(objects, root, &[(from.as_bytes(), Edit::Remove)], interrupt)?),
        None => root.copied(),
    };
    let edit = after.map_or(Edit::Remove, Edit::Put);
    Ok(edit_tree(objects, root.as_ref(), &[(path.as_bytes(), edit)], interrupt)?)
}

/// The id that a request names must be the file's; to change what exists it must be named.
fn check_id(operation: Operation, sha: Option<&str>, before: Option<&Item>) -> Result<()> {
    let given = sha.filter(|sha| !sha.is_empty());
    match (given, before) {
        (Some(given), Some(item)) if !given.eq_ignore_ascii_case(&item.id.to_string()) => {
            let text = format!("sha does not match [given: {given}, expected: {}]", item.id);
            Err(Error::invalid("sha", text))
        }
        (None, Some(_)) if matches!(operation, Operation::Update | Operation::Delete) => {
            Err(Error::invalid("sha", "a SHA or commit ID must be proved when updating a file"))
        }
        _ => Ok(()),
    }
}

fn exists(path: &str) -> Error {
    Error::new(Kind::Invalid, format!("repository file already exists [path: {path}]"))
}

fn not_a_file(path: &str, mode: Mode) -> String {
    let what = match mode {
        Mode::Tree => "directory",
        Mode::Symlink => "symbolic link",
        Mode::Submodule => "submodule",
        Mode::File | Mode::Executable => "file",
    };
    format!("path is a {what} and cannot be changed as a file [path: {path}]")
}

/// What a path names in a tree.
fn find(objects: &NewObjects, root: Option<&ObjectId>, path: &str) -> Result<Option<Item>> {
    let Some(root) = root else { return Ok(None) };
    let mut at = Item { mode: Mode::Tree, id: *root };
    for name in path.split('/') {
        if at.mode != Mode::Tree {
            return Err(Error::new(Kind::Invalid, not_a_file(path, at.mode)));
        }
        let entries = parse_tree(&at.id, &objects.read_as(&at.id, ObjectKind::Tree)?)?;
        match entries.into_iter().find(|entry| entry.name == name.as_bytes()) {
            Some(entry) => at = entry.item,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}
