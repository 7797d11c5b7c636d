//! Owns the set of objects that the objects of a pack refer to. Refuses to grow beyond what an acceptable pack can need: a reference must lead
//! into the pack, which has a known number of objects, or into the repository, which is asked when the set gets large.

use std::collections::{HashMap, hash_map};

use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId, kind_name},
    odb::Snapshot,
};

/// References beyond the number of objects in the pack that are held before the repository is asked.
const SLACK: usize = 1_000_000;

/// Every object referred to, with the kind it must have and one object that refers to it.
///
/// Shape: hashed with the standard library's keyed hash, since the peer chooses the ids.
#[derive(Debug)]
pub(crate) struct References {
    wanted: HashMap<ObjectId, Wanted>,
    /// Objects in the pack: more unknown ids than this cannot all be there.
    pack_objects: usize,
    /// Some references were found in the repository and are not listed any more.
    is_swept: bool,
}

#[derive(Debug, Clone, Copy)]
struct Wanted {
    kind: Kind,
    by: ObjectId,
}

impl References {
    pub(super) fn new(pack_objects: usize) -> References {
        References { wanted: HashMap::new(), pack_objects, is_swept: false }
    }

    /// Notes that `by` refers to `id` as an object of `kind`.
    pub(super) fn insert(&mut self, id: ObjectId, kind: Kind, by: ObjectId, base: &Snapshot) -> Result<()> {
        match self.wanted.entry(id) {
            hash_map::Entry::Occupied(known) if known.get().kind == kind => return Ok(()),
            hash_map::Entry::Occupied(known) => {
                return Err(Error::WrongKind { id, expected: kind, actual: known.get().kind, referenced_by: Some(by) });
            }
            hash_map::Entry::Vacant(free) => free.insert(Wanted { kind, by }),
        };
        if self.wanted.len() > self.pack_objects + SLACK { self.sweep(base) } else { Ok(()) }
    }

    /// Drops the references that lead into the repository.
    fn sweep(&mut self, base: &Snapshot) -> Result<()> {
        self.is_swept = true;
        let mut outcome = Ok(());
        self.wanted.retain(|id, wanted| match is_in_repository(id, *wanted, base) {
            Ok(found) => !found,
            Err(error) => {
                outcome = Err(error);
                true
            }
        });
        outcome?;
        if self.wanted.len() <= self.pack_objects {
            return Ok(());
        }
        match self.wanted.iter().next() {
            Some((id, wanted)) => Err(missing(id, *wanted)),
            None => Ok(()),
        }
    }

    /// Proves that every reference leads to an object of the right kind, in the pack or in the repository.
    ///
    /// Errors: `MissingObject`, `WrongKind`; those of reading the repository.
    pub(crate) fn prove(
        &self,
        in_pack: impl Fn(&ObjectId) -> Option<Kind>,
        base: &Snapshot,
        mut step: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        for (id, wanted) in &self.wanted {
            step()?;
            match in_pack(id) {
                Some(actual) if actual == wanted.kind => {}
                Some(actual) => return Err(wrong_kind(id, *wanted, actual)),
                None if is_in_repository(id, *wanted, base)? => {}
                None => return Err(missing(id, *wanted)),
            }
        }
        Ok(())
    }
}

impl References {
    /// The objects outside of the pack that it needs; `None` when they are too many to have been noted.
    pub(crate) fn outside(&self, is_in_pack: impl Fn(&ObjectId) -> bool) -> Option<Vec<ObjectId>> {
        (!self.is_swept).then(|| self.wanted.keys().filter(|id| !is_in_pack(id)).copied().collect())
    }
}

fn is_in_repository(id: &ObjectId, wanted: Wanted, base: &Snapshot) -> Result<bool> {
    match base.header(id)? {
        Some((kind, _)) if kind == wanted.kind => Ok(true),
        Some((kind, _)) => Err(wrong_kind(id, wanted, kind)),
        None => Ok(false),
    }
}

fn wrong_kind(id: &ObjectId, wanted: Wanted, actual: Kind) -> Error {
    Error::WrongKind { id: *id, expected: wanted.kind, actual, referenced_by: Some(wanted.by) }
}

fn missing(id: &ObjectId, wanted: Wanted) -> Error {
    Error::MissingObject { id: *id, kind: kind_name(wanted.kind), referenced_by: Some(wanted.by) }
}
