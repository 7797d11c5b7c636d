//! Owns what a difference between two trees is made of: files with modes, changes with a status. Refuses to find them. Used by every module
//! of the diff.

use crate::id::ObjectId;

/// Similarity is counted in these parts, as git does.
pub const MAX_SCORE: u32 = 60_000;

/// The mode of a file as git knows it: `100644`, `100755`, `120000` or `160000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileMode(u32);

impl FileMode {
    /// A submodule.
    pub const SUBMODULE: FileMode = FileMode(0o160_000);

    /// Reduces a stored mode to one that git distinguishes; `None` for a directory.
    pub fn of_entry(mode: u32) -> Option<FileMode> {
        match mode & 0o170_000 {
            0o100_000 if mode & 0o100 != 0 => Some(FileMode(0o100_755)),
            0o100_000 => Some(FileMode(0o100_644)),
            0o120_000 => Some(FileMode(0o120_000)),
            0o040_000 => None,
            _ => Some(FileMode::SUBMODULE),
        }
    }

    /// The number, for printing in octal.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether it is a regular file, executable or not.
    pub fn is_regular(self) -> bool {
        self.0 & 0o170_000 == 0o100_000
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(self) -> bool {
        self.0 & 0o170_000 == 0o120_000
    }

    /// Whether both are of one type: regular files, links or submodules.
    pub fn is_same_type(self, other: FileMode) -> bool {
        (self.0 ^ other.0) & 0o170_000 == 0
    }
}

/// A file in one of the two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path from the root, any bytes but NUL.
    pub path: Vec<u8>,
    /// Its mode.
    pub mode: FileMode,
    /// Its blob, or the commit of a submodule.
    pub id: ObjectId,
}

/// What happened to a file.
///
/// Units: scores count in parts of [`MAX_SCORE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Content or mode changed.
    Modified,
    /// It became a link, a submodule or a regular file.
    TypeChanged,
    /// It has another path.
    Renamed(u32),
    /// It was made of another file that stays, or that is renamed elsewhere.
    Copied(u32),
}

impl Status {
    /// The letter in raw output.
    pub fn letter(self) -> char {
        match self {
            Status::Added => 'A',
            Status::Deleted => 'D',
            Status::Modified => 'M',
            Status::TypeChanged => 'T',
            Status::Renamed(_) => 'R',
            Status::Copied(_) => 'C',
        }
    }

    /// The similarity of a rename or a copy. Units: percent.
    pub fn similarity(self) -> Option<u32> {
        match self {
            Status::Renamed(score) | Status::Copied(score) => {
                Some((u64::from(score) * 100 / u64::from(MAX_SCORE)) as u32)
            }
            _ => None,
        }
    }
}

/// One changed file.
///
/// Shape: both sides are there but for `Added` and `Deleted`; the paths differ for renames and copies only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub status: Status,
    /// The file before.
    pub before: Option<File>,
    /// The file after.
    pub after: Option<File>,
}

impl Change {
    /// A change of files of one path, with the status that follows from what is there.
    pub(super) fn of_sides(before: Option<File>, after: Option<File>) -> Change {
        let status = match (&before, &after) {
            (None, _) => Status::Added,
            (_, None) => Status::Deleted,
            (Some(a), Some(b)) if !a.mode.is_same_type(b.mode) => Status::TypeChanged,
            _ => Status::Modified,
        };
        Change { status, before, after }
    }

    /// The path after the change, or the one before when the file is gone.
    pub fn path(&self) -> &[u8] {
        self.after.as_ref().or(self.before.as_ref()).map_or(&[], |file| &file.path)
    }

    /// The path before the change, or the one after when the file is new.
    pub fn old_path(&self) -> &[u8] {
        self.before.as_ref().or(self.after.as_ref()).map_or(&[], |file| &file.path)
    }

    /// Whether nothing differs; such pairs exist while copies are searched for.
    pub(super) fn is_unmodified(&self) -> bool {
        self.before == self.after
    }
}
