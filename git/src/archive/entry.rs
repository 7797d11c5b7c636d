//! Owns what every format is given: one entry after another. Refuses to know trees.

use crate::{error::Result, id::ObjectId};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// A directory, or a submodule, which is an empty one.
    Directory,
    Regular {
        is_executable: bool,
    },
    Symlink,
}

/// An entry with its content.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// With the prefix; directories end in a slash.
    pub(super) path: &'a [u8],
    pub(super) kind: EntryKind,
    /// The object it was made of.
    pub(super) id: ObjectId,
    /// The bytes of a file, the target of a link.
    pub(super) data: &'a [u8],
}

/// A format.
pub(super) trait EntryWriter {
    /// Writes an entry.
    fn write(&mut self, entry: &Entry<'_>) -> Result<()>;

    /// Writes the end.
    fn finish(&mut self) -> Result<()>;
}
