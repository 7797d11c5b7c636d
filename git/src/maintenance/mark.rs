//! Owns the walk over everything that can be reached from some objects. Refuses to read what it has read before; blobs are not read at all. Called to
//! find what is unreachable and what a delta could be made of, and to prove that nothing is missing.

use std::sync::atomic::AtomicBool;

use super::{bits::Bits, census::Census};
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    odb::Snapshot,
    walk::{TreeEntries, check_interrupt, read_commit, read_tag, unreadable},
};

/// What an object refers to: each with the kind it must have and, in a tree, its name.
pub(super) fn references(
    id: &ObjectId,
    kind: Kind,
    data: &[u8],
    mut each: impl FnMut(ObjectId, Kind, &[u8]) -> Result<()>,
) -> Result<()> {
    match kind {
        Kind::Blob => Ok(()),
        Kind::Commit => {
            let mut parents = Vec::new();
            let (tree, _) =
                read_commit(data, &mut parents).ok_or_else(|| unreadable(id, "the commit cannot be read"))?;
            each(tree, Kind::Tree, b"")?;
            parents.into_iter().try_for_each(|parent| each(parent, Kind::Commit, b""))
        }
        Kind::Tag => {
            let (target, kind) = read_tag(data).ok_or_else(|| unreadable(id, "the tag cannot be read"))?;
            each(target, kind, b"")
        }
        Kind::Tree => {
            let mut entries = TreeEntries::new(data);
            for entry in entries.by_ref() {
                if let Some(kind) = entry.kind {
                    each(entry.id, kind, entry.name)?;
                }
            }
            if entries.is_broken() { Err(unreadable(id, "the tree cannot be read")) } else { Ok(()) }
        }
    }
}

/// What to do about an object that is referred to and does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The repository is damaged.
    Fail,
    /// It was damaged before, in a part that no ref reaches.
    Skip,
}

/// A walk in progress.
pub(super) struct Marker<'a> {
    odb: &'a Snapshot,
    census: &'a Census,
    interrupt: &'a AtomicBool,
    pub(super) marked: Bits,
    /// Objects to be read.
    stack: Vec<(u32, Kind)>,
    /// Sort keys of the names under which trees hold an object, if they are wanted.
    pub(super) names: Option<Vec<u64>>,
    data: Vec<u8>,
    /// Calls for every object that is missing or of the wrong kind, with who refers to it; the walk goes on.
    pub(super) on_fault: Option<&'a mut dyn FnMut(ObjectId, Option<ObjectId>, &'static str)>,
}

impl<'a> Marker<'a> {
    pub(super) fn new(odb: &'a Snapshot, census: &'a Census, interrupt: &'a AtomicBool) -> Marker<'a> {
        let marked = Bits::new(census.len() as usize);
        Marker { odb, census, interrupt, marked, stack: Vec::new(), names: None, data: Vec::new(), on_fault: None }
    }

    /// Marks an object and everything that it reaches.
    ///
    /// Errors: `Lost` (unless `Skip`), `WrongKind`, `Corrupt`, `Io`, `Interrupted`.
    pub(super) fn walk_from(&mut self, root: &ObjectId, missing: Missing) -> Result<()> {
        match self.odb.header(root)? {
            Some((kind, _)) => self.add(*root, kind, b"", None, missing)?,
            None => self.note_missing(*root, None, missing)?,
        }
        while let Some((at, kind)) = self.stack.pop() {
            check_interrupt(self.interrupt)?;
            let Some(id) = self.census.id(at) else { continue };
            let mut data = std::mem::take(&mut self.data);
            let outcome = self.expand(id, kind, &mut data, missing);
            self.data = data;
            outcome?;
        }
        Ok(())
    }

    fn expand(&mut self, id: ObjectId, kind: Kind, data: &mut Vec<u8>, missing: Missing) -> Result<()> {
        let read = self.odb.find(&id, data);
        let expanded = match read {
            Ok(Some(actual)) if actual == kind => {
                references(&id, kind, data, |found, kind, name| self.add(found, kind, name, Some(id), missing))
            }
            Ok(Some(actual)) => Err(Error::WrongKind { id, expected: kind, actual, referenced_by: None }),
            Ok(None) => Err(Error::Lost { id }),
            Err(error) => Err(error),
        };
        match (expanded, &mut self.on_fault) {
            (Err(Error::Interrupted), _) => Err(Error::Interrupted),
            (Err(Error::Corrupt { what, .. }), Some(on_fault)) => {
                on_fault(id, None, what);
                Ok(())
            }
            (Err(Error::WrongKind { .. }), Some(on_fault)) => {
                on_fault(id, None, "is of another kind than what refers to it says");
                Ok(())
            }
            (other, _) => other,
        }
    }

    fn add(&mut self, id: ObjectId, kind: Kind, name: &[u8], by: Option<ObjectId>, missing: Missing) -> Result<()> {
        let Some(at) = self.census.find(&id) else {
            // What another repository lends is whole by itself.
            return if self.odb.contains(&id)? { Ok(()) } else { self.note_missing(id, by, missing) };
        };
        if self.marked.insert(at) {
            if let Some(slot) = self.names.as_mut().and_then(|names| names.get_mut(at as usize)) {
                *slot = name_key(name);
            }
            if kind != Kind::Blob {
                self.stack.push((at, kind));
            }
        }
        Ok(())
    }

    fn note_missing(&mut self, id: ObjectId, by: Option<ObjectId>, missing: Missing) -> Result<()> {
        match (&mut self.on_fault, missing) {
            (Some(on_fault), _) => on_fault(id, by, "is missing"),
            (None, Missing::Skip) => {}
            (None, Missing::Fail) => return Err(Error::Lost { id }),
        }
        Ok(())
    }
}

/// Sorts names by their ends: files with the same ending come together, and of these the ones with similar names.
fn name_key(name: &[u8]) -> u64 {
    let ends = name.iter().rev().take(8);
    ends.zip((0..8).rev()).fold(0, |key, (byte, place)| key | u64::from(*byte) << (8 * place))
}
