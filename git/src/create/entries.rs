//! Owns trees as lists of entries: reading with canonical modes, git's order, writing. Refuses to look at what entries point at.

use std::cmp::Ordering;

use crate::{
    error::Result,
    id::{ID_LEN, ObjectId, id_from_bytes},
    walk::unreadable,
};

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A file (100644).
    File,
    /// An executable file (100755).
    Executable,
    /// A symbolic link (120000).
    Symlink,
    /// A directory (40000).
    Tree,
    /// A commit of another repository (160000).
    Submodule,
}

impl Mode {
    /// The mode as git writes it into trees.
    pub fn as_octal(self) -> &'static str {
        match self {
            Mode::File => "100644",
            Mode::Executable => "100755",
            Mode::Symlink => "120000",
            Mode::Tree => "40000",
            Mode::Submodule => "160000",
        }
    }

    /// Reads the mode of an entry as git does: only type and the owner's executable bit count.
    fn parse(octal: &[u8]) -> Option<Mode> {
        let bits = octal.iter().try_fold(0u32, |bits, digit| match digit {
            b'0'..=b'7' => Some((bits << 3 | u32::from(digit - b'0')) & 0o7_777_777),
            _ => None,
        })?;
        Some(match bits & 0o170_000 {
            0o100_000 if bits & 0o100 != 0 => Mode::Executable,
            0o100_000 => Mode::File,
            0o120_000 => Mode::Symlink,
            0o040_000 => Mode::Tree,
            _ => Mode::Submodule,
        })
    }

    /// Whether it is a file, executable or not.
    pub fn is_file(self) -> bool {
        matches!(self, Mode::File | Mode::Executable)
    }

    /// Whether both are files, or the same.
    pub fn is_same_type(self, other: Mode) -> bool {
        self == other || (self.is_file() && other.is_file())
    }
}

/// What a name in a tree stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    /// Its type.
    pub mode: Mode,
    /// Its object.
    pub id: ObjectId,
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without slash.
    pub name: Vec<u8>,
    /// What it stands for.
    pub item: Item,
}

/// Reads a tree.
///
/// Errors: `Corrupt`.
pub fn parse_tree(id: &ObjectId, data: &[u8]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (entry, tail) = parse_entry(rest).ok_or_else(|| unreadable(id, "the tree cannot be read"))?;
        entries.push(entry);
        rest = tail;
    }
    Ok(entries)
}

fn parse_entry(data: &[u8]) -> Option<(Entry, &[u8])> {
    let (mode, rest) = data.split_at_checked(data.iter().position(|byte| *byte == b' ')?)?;
    let rest = rest.get(1..)?;
    let (name, rest) = rest.split_at_checked(rest.iter().position(|byte| *byte == 0)?)?;
    let (id, rest) = rest.get(1..)?.split_at_checked(ID_LEN)?;
    let item = Item { mode: Mode::parse(mode)?, id: id_from_bytes(id)? };
    Some((Entry { name: name.to_vec(), item }, rest))
}

/// Writes a tree; the entries are sorted first.
pub fn write_tree(entries: &mut [Entry]) -> Vec<u8> {
    entries.sort_by(in_tree_order);
    let mut out = Vec::new();
    for Entry { name, item } in entries.iter() {
        out.extend_from_slice(item.mode.as_octal().as_bytes());
        out.push(b' ');
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(item.id.as_slice());
    }
    out
}

/// Git's order: bytewise, a directory as if its name ended with a slash.
fn in_tree_order(left: &Entry, right: &Entry) -> Ordering {
    let bytes = |entry: &Entry| (entry.item.mode == Mode::Tree).then_some(b'/');
    let (left_end, right_end) = (bytes(left), bytes(right));
    left.name.iter().copied().chain(left_end).cmp(right.name.iter().copied().chain(right_end))
}
