//! Owns objects that the server makes itself: kept in memory over a repository's objects, found like stored ones, and written as one pack that is
//! installed like a pushed one. Refuses to move refs. Called by merging and by every change made through the web or the API.

pub mod commit;
pub mod edit;
pub mod entries;
pub mod tag;

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use bytes::Bytes;

use crate::{
    error::{Error, Result},
    fsck::{self, Link, Policy},
    id::{Kind, ObjectId, hash_object},
    incoming::{Incoming, Ingested, PackSource},
    odb::{Object, Snapshot},
    pack::{
        Pack,
        compose::{compose, compose_indexed},
    },
    walk::check_interrupt,
};

/// How much one operation may make.
///
/// Units: bytes where the name says so, otherwise counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateLimits {
    /// Bytes of all new objects together.
    pub max_bytes: u64,
    /// New objects.
    pub max_objects: usize,
    /// Entries of one tree.
    pub max_tree_entries: u64,
    /// Which broken object rules refuse a commit, a tag or an edited tree.
    pub fsck: Policy,
}

impl Default for CreateLimits {
    fn default() -> Self {
        CreateLimits {
            max_bytes: 256 << 20,
            max_objects: 500_000,
            max_tree_entries: 1_000_000,
            fsck: Policy::default(),
        }
    }
}

/// The objects of a repository and new ones in memory.
///
/// Shape: an object that the repository has is never held a second time.
#[derive(Debug)]
pub struct NewObjects {
    base: Arc<Snapshot>,
    limits: CreateLimits,
    objects: HashMap<ObjectId, Object>,
    /// In the order in which they were made.
    order: Vec<ObjectId>,
    bytes: u64,
}

impl NewObjects {
    /// Starts without new objects.
    pub fn new(base: Arc<Snapshot>, limits: CreateLimits) -> NewObjects {
        NewObjects { base, limits, objects: HashMap::new(), order: Vec::new(), bytes: 0 }
    }

    /// The objects of the repository alone.
    pub fn base(&self) -> &Arc<Snapshot> {
        &self.base
    }

    /// How many objects are new.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Says whether nothing is new.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Answers kind and size of an object.
    ///
    /// Errors: `Corrupt`, `Io`.
    pub fn header(&self, id: &ObjectId) -> Result<Option<(Kind, u64)>> {
        match self.objects.get(id) {
            Some(object) => Ok(Some((object.kind, object.data.len() as u64))),
            None => self.base.header(id),
        }
    }

    /// Reads an object that must exist.
    ///
    /// Errors: `Lost` if it does not, `Corrupt`, `Io`.
    pub fn read(&self, id: &ObjectId) -> Result<Object> {
        match self.objects.get(id) {
            Some(object) => Ok(object.clone()),
            None => self.base.read(id),
        }
    }

    /// Reads an object that must exist and be of a kind.
    ///
    /// Errors: `Lost`, `WrongKind`, `Corrupt`, `Io`.
    pub fn read_as(&self, id: &ObjectId, expected: Kind) -> Result<Vec<u8>> {
        let Object { kind: actual, data } = self.read(id)?;
        if actual == expected {
            Ok(data)
        } else {
            Err(Error::WrongKind { id: *id, expected, actual, referenced_by: None })
        }
    }

    /// Adds an object as it is and answers its id.
    ///
    /// Errors: `TooLarge`, `Collision`.
    pub fn write(&mut self, kind: Kind, data: Vec<u8>) -> Result<ObjectId> {
        let id = hash_object(kind, &data)?;
        if self.objects.contains_key(&id) || self.base.contains(&id)? {
            return Ok(id);
        }
        let bytes = self.bytes.saturating_add(data.len() as u64);
        if bytes > self.limits.max_bytes {
            return Err(Error::TooLarge { what: "size of new objects", limit: self.limits.max_bytes });
        }
        if self.order.len() >= self.limits.max_objects {
            let limit = self.limits.max_objects as u64;
            return Err(Error::TooLarge { what: "number of new objects", limit });
        }
        self.bytes = bytes;
        self.order.push(id);
        self.objects.insert(id, Object { kind, data });
        Ok(id)
    }

    /// Adds an object that must keep the rules of `git fsck`, and whose references must exist.
    ///
    /// Errors: `Fsck`, `MissingObject`, `WrongKind`, `TooLarge`, `Collision`.
    pub fn write_checked(&mut self, kind: Kind, data: Vec<u8>) -> Result<ObjectId> {
        let id = hash_object(kind, &data)?;
        fsck::check(kind, &id, &data, &self.limits.fsck, self.limits.max_tree_entries, &mut |link| match link {
            Link::Object { id: target, kind: expected } => self.check_reference(&id, &target, expected),
            // Their content is checked with the whole pack.
            Link::GitModules(_) | Link::GitAttributes(_) => Ok(()),
        })?;
        self.write(kind, data)
    }

    fn check_reference(&self, by: &ObjectId, id: &ObjectId, expected: Kind) -> Result<()> {
        match self.header(id)? {
            Some((kind, _)) if kind == expected => Ok(()),
            Some((actual, _)) => Err(Error::WrongKind { id: *id, expected, actual, referenced_by: Some(*by) }),
            None => {
                let kind = crate::id::kind_name(expected);
                Err(Error::MissingObject { id: *id, kind, referenced_by: Some(*by) })
            }
        }
    }

    /// Writes a pack of the new objects that `tips` need; what was made on the way and is not needed stays out.
    ///
    /// Errors: `TooLarge`, `Interrupted`.
    pub fn pack(&self, tips: &[ObjectId], interrupt: &AtomicBool) -> Result<Vec<u8>> {
        let needed = self.needed(tips, interrupt)?;
        let chosen = self.order.iter().filter(|id| needed.contains(*id)).filter_map(|id| self.objects.get(id));
        let contents: Vec<(Kind, &[u8])> = chosen.map(|object| (object.kind, object.data.as_slice())).collect();
        compose(&contents)
    }

    /// What this builds on, together with the new objects that `tips` need, as one store to read from.
    ///
    /// Errors: `TooLarge`, `Interrupted`.
    pub fn snapshot(&self, tips: &[ObjectId], interrupt: &AtomicBool) -> Result<Snapshot> {
        let needed = self.needed(tips, interrupt)?;
        let chosen = self.order.iter().filter(|id| needed.contains(*id));
        let contents: Vec<(ObjectId, Kind, &[u8])> = chosen
            .filter_map(|id| self.objects.get(id).map(|object| (*id, object.kind, object.data.as_slice())))
            .collect();
        let (pack, lines) = compose_indexed(&contents)?;
        Ok(self.base.with_pack(Arc::new(Pack::in_memory(Path::new("new"), Bytes::from(pack), &lines)?)))
    }

    /// Puts that pack into a quarantine, checked like a pushed one and ready to be installed.
    ///
    /// Errors: those of [`Incoming::ingest`].
    pub fn ingest(&self, tips: &[ObjectId], incoming: Incoming, interrupt: &AtomicBool) -> Result<Ingested> {
        let pack = Bytes::from(self.pack(tips, interrupt)?);
        incoming.ingest(PackSource::Memory(pack), &mut |_| (), interrupt)
    }

    /// The new objects reachable from `tips`.
    fn needed(&self, tips: &[ObjectId], interrupt: &AtomicBool) -> Result<HashSet<ObjectId>> {
        let mut needed = HashSet::new();
        let mut pending: Vec<ObjectId> = tips.to_vec();
        while let Some(id) = pending.pop() {
            check_interrupt(interrupt)?;
            let Some(object) = self.objects.get(&id) else { continue };
            if !needed.insert(id) {
                continue;
            }
            fsck::check(object.kind, &id, &object.data, &Policy::lenient(), u64::MAX, &mut |link| {
                if let Link::Object { id, .. } = link {
                    pending.push(id);
                }
                Ok(())
            })?;
        }
        Ok(needed)
    }
}

#[cfg(test)]
mod tests;
