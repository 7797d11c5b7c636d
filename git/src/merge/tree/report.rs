//! Owns the result of a merge of trees as callers see it. Refuses to format for people beyond one line per notice.

use std::fmt;

use crate::{create::entries::Item, id::ObjectId};

/// A merged tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeMerge {
    /// The tree; `None` when the merge ended at its first conflict.
    pub tree: Option<ObjectId>,
    /// Whether there is no conflict at all.
    pub is_clean: bool,
    /// Every path in conflict, in order.
    pub conflicts: Vec<Conflict>,
    /// What happened, in the order in which it was found.
    pub notices: Vec<Notice>,
    /// Whether not all renames were looked for because a limit was reached.
    pub is_rename_search_cut: bool,
}

impl TreeMerge {
    /// The tree if there is no conflict.
    pub fn clean_tree(&self) -> Option<ObjectId> {
        self.tree.filter(|_| self.is_clean)
    }
}

/// A path in conflict, with what an index would hold for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The path.
    pub path: Vec<u8>,
    /// The version of the common ancestor.
    pub base: Option<Item>,
    /// Our version.
    pub ours: Option<Item>,
    /// Their version.
    pub theirs: Option<Item>,
}

/// Why a merge is not clean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConflictKind {
    /// Both sides changed the same lines.
    Content,
    /// Both sides added the path with different contents.
    AddAdd,
    /// Both sides changed a file that is not text.
    Binary,
    /// Both sides changed a file that is too large to be merged.
    TooLarge,
    /// One side changed what the other deleted.
    ModifyDelete,
    /// Both sides renamed the path, each differently.
    RenameRename,
    /// One side renamed what the other deleted.
    RenameDelete,
    /// A renamed file meets another one at its new path.
    RenameCollision,
    /// A file of one side is a directory of the other.
    FileDirectory,
    /// A file of one side is a symbolic link or a submodule of the other.
    DistinctTypes,
    /// Both sides moved the submodule.
    Submodule,
    /// Both sides changed the symbolic link.
    Symlink,
    /// A file was added to a directory that the other side renamed.
    FileLocation,
    /// A directory was renamed to several, none of which got most of it.
    DirectoryRenameSplit,
    /// Following a renamed directory would overwrite something.
    ImplicitRename,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub kind: ConflictKind,
    /// Where.
    pub path: Vec<u8>,
    /// Other paths that have to do with it: where it was, where it went.
    pub others: Vec<Vec<u8>>,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ConflictKind::Content => "both sides changed the same lines",
            ConflictKind::AddAdd => "added differently by both sides",
            ConflictKind::Binary => "a binary file was changed by both sides",
            ConflictKind::TooLarge => "a file too large to be merged was changed by both sides",
            ConflictKind::ModifyDelete => "changed by one side, deleted by the other",
            ConflictKind::RenameRename => "renamed differently by both sides",
            ConflictKind::RenameDelete => "renamed by one side, deleted by the other",
            ConflictKind::RenameCollision => "a renamed file meets another one here",
            ConflictKind::FileDirectory => "a file of one side is a directory of the other",
            ConflictKind::DistinctTypes => "of different types on the two sides",
            ConflictKind::Submodule => "a submodule was moved by both sides",
            ConflictKind::Symlink => "a symbolic link was changed by both sides",
            ConflictKind::FileLocation => "belongs into a directory that the other side renamed",
            ConflictKind::DirectoryRenameSplit => "a directory renamed to several, none got most of it",
            ConflictKind::ImplicitRename => "a renamed directory would overwrite something here",
        };
        write!(f, "{}: {what}", String::from_utf8_lossy(&self.path))?;
        for other in &self.others {
            write!(f, ", {}", String::from_utf8_lossy(other))?;
        }
        Ok(())
    }
}
