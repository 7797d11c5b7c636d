//! The few fields of commits, tags and trees that walking needs, read leniently.
//!
//! Owns parsing of stored objects: real histories hold commits with broken dates and trees with odd modes, and a server has
//! to serve them. What is pushed was judged before by fsck. Used by the graph and by the enumeration of objects.

use std::cmp::Ordering;

use crate::{
    error::{Error, Result},
    id::{ID_LEN, Kind, ObjectId, id_from_bytes, id_from_hex},
    odb::Snapshot,
};

/// Longest chain of tags pointing at tags that is followed.
const MAX_TAG_DEPTH: usize = 64;

/// Reads tree, parents and committer time; parents are appended to `parents`.
pub(crate) fn read_commit(data: &[u8], parents: &mut Vec<ObjectId>) -> Option<(ObjectId, u64)> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let tree = id_from_hex(lines.next()?.strip_prefix(b"tree ")?)?;
    let mut time = 0;
    for line in lines {
        if let Some(hex) = line.strip_prefix(b"parent ") {
            parents.push(id_from_hex(hex)?);
        } else if let Some(who) = line.strip_prefix(b"committer ") {
            time = read_time(who);
            break;
        } else if line.is_empty() {
            break;
        }
    }
    Some((tree, time))
}

/// Seconds of a `name <mail> seconds zone` line; 0 when it cannot be read, as git takes it.
fn read_time(who: &[u8]) -> u64 {
    let after = who.iter().rposition(|byte| *byte == b'>').and_then(|at| who.get(at.saturating_add(1)..));
    let digits = after.unwrap_or_default().trim_ascii_start().iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0'))))
}

/// Reads the target of a tag and the kind it says the target has.
pub(crate) fn read_tag(data: &[u8]) -> Option<(ObjectId, Kind)> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let target = id_from_hex(lines.next()?.strip_prefix(b"object ")?)?;
    let kind = Kind::from_bytes(lines.next()?.strip_prefix(b"type ")?).ok()?;
    Some((target, kind))
}

/// What a chain of tags leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeled {
    /// The tags on the way, outermost first; empty when the object was no tag.
    pub tags: Vec<ObjectId>,
    /// The object at the end.
    pub target: ObjectId,
    /// Its kind, never a tag.
    pub kind: Kind,
}

/// Follows tags to the object they finally name.
///
/// Errors: `Lost` when an object is missing, `Corrupt` when a tag is unreadable or the chain endless.
pub fn peel(odb: &Snapshot, id: &ObjectId) -> Result<Peeled> {
    let mut tags = Vec::new();
    let mut target = *id;
    let mut buffer = Vec::new();
    while tags.len() < MAX_TAG_DEPTH {
        let Some((kind, _)) = odb.header(&target)? else { return Err(Error::Lost { id: target }) };
        if kind != Kind::Tag {
            return Ok(Peeled { tags, target, kind });
        }
        odb.find(&target, &mut buffer)?;
        tags.push(target);
        target = read_tag(&buffer).ok_or_else(|| unreadable(&target, "the tag cannot be read"))?.0;
    }
    Err(unreadable(id, "the chain of tags does not end"))
}

/// Stored objects were judged when they came in: one that cannot be read is our trouble, not the peer's.
pub(crate) fn unreadable(id: &ObjectId, what: &'static str) -> Error {
    Error::corrupt(format!("objects/{id}"), what)
}

/// Reads an object that must exist and be of a kind into `data`.
///
/// Errors: `Lost`, `WrongKind`, `Corrupt`, `Io`.
pub(crate) fn read_as(odb: &Snapshot, id: &ObjectId, expected: Kind, data: &mut Vec<u8>) -> Result<()> {
    match odb.find(id, data)? {
        Some(actual) if actual == expected => Ok(()),
        Some(actual) => Err(Error::WrongKind { id: *id, expected, actual, referenced_by: None }),
        None => Err(Error::Lost { id: *id }),
    }
}

/// One entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TreeEntry<'a> {
    /// The file name, any bytes but NUL and slash.
    pub(crate) name: &'a [u8],
    /// Type and permissions, as stored.
    pub(crate) mode: u32,
    /// What it names; `None` for a submodule, whose commit is in another repository.
    pub(crate) kind: Option<Kind>,
    /// The object it names.
    pub(crate) id: ObjectId,
}

impl TreeEntry<'_> {
    /// Git's order within a tree: bytewise, a directory as if its name ended with a slash.
    pub(crate) fn compare(&self, other: &TreeEntry<'_>) -> Ordering {
        let common = self.name.len().min(other.name.len());
        let heads = self.name.get(..common).cmp(&other.name.get(..common));
        // One name has ended here: its next byte is a slash, or nothing.
        let next = |entry: &TreeEntry<'_>| match entry.name.get(common) {
            Some(byte) => *byte,
            None if entry.kind == Some(Kind::Tree) => b'/',
            None => 0,
        };
        heads.then_with(|| next(self).cmp(&next(other)))
    }
}

/// Iterates over the entries of a raw tree; ends early, with `broken` set, at the first unreadable one.
#[derive(Debug, Clone)]
pub(crate) struct TreeEntries<'a> {
    rest: &'a [u8],
    broken: bool,
}

impl<'a> TreeEntries<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        TreeEntries { rest: data, broken: false }
    }

    /// How many bytes were not read yet.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether the tree could not be read to its end.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    fn read(&mut self) -> Option<TreeEntry<'a>> {
        let space = self.rest.iter().position(|byte| *byte == b' ')?;
        let (mode, rest) = self.rest.split_at_checked(space)?;
        let rest = rest.get(1..)?;
        let nul = rest.iter().position(|byte| *byte == 0)?;
        let (name, rest) = rest.split_at_checked(nul)?;
        let (id, rest) = rest.get(1..)?.split_at_checked(ID_LEN)?;
        self.rest = rest;
        // Git compares only the type bits: odd permissions and leading zeros occur in old histories.
        let bits = mode.iter().try_fold(0_u32, |bits, digit| match digit {
            b'0'..=b'7' => Some((bits << 3 | u32::from(digit.wrapping_sub(b'0'))) & 0o7_777_777),
            _ => None,
        })?;
        let kind = match bits & 0o170_000 {
            0o040_000 => Some(Kind::Tree),
            0o160_000 => None,
            _ => Some(Kind::Blob),
        };
        Some(TreeEntry { name, mode: bits, kind, id: id_from_bytes(id)? })
    }
}

impl<'a> Iterator for TreeEntries<'a> {
    type Item = TreeEntry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_none() {
            self.rest = &[];
            self.broken = true;
        }
        entry
    }
}
