//! Owns indexing of a received pack: proof that it is well-formed, ids and checksums of all objects, object checks, and the list of everything
//! they refer to. Refuses to write files or to prove that references exist: [`crate::incoming`] does. Called once per push.
//!
//! Two passes over the bytes. [`scan`] reads every entry once: sizes are held to the limits before anything is inflated, objects stored whole
//! are hashed and checked at once, deltas are only measured. [`resolve`] then rebuilds the deltas from their bases upwards. Everything is
//! looked up by sorting or hashing, nothing by search along the pack, and nothing recurses: hostile packs cost what honest ones of their size do.
//!
//! Memory, beside the objects being rebuilt: 32 bytes for each object ([`object`]), 8 and at most 12 more for each delta that waits
//! ([`waiting`]), some MiB of small deltas in small packs ([`source`]), and the references of trees and commits ([`references`]). Pages of a
//! mapped pack are given back once read.

mod object;
mod references;
mod resolve;
mod scan;
mod source;
mod visit;
mod waiting;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

pub use object::IndexedObject;
pub(crate) use references::References;
use source::Source;

use crate::{
    error::{Error, Result},
    fsck::blobs::Role,
    id::{ID_LEN, ObjectId},
    limits::Limits,
    map::FileBytes,
    odb::Snapshot,
};

/// How far the indexing of a pack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Entries were read and checked.
    Received {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// Deltas were resolved.
    Resolved {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
}

/// The result of indexing.
#[derive(Debug)]
pub struct Indexed {
    /// All objects of the pack as sent, sorted by id, none twice.
    pub objects: Vec<IndexedObject>,
    /// Bases outside of the pack that it cannot do without, sorted by id.
    pub external_bases: Vec<ObjectId>,
    /// How many objects came as deltas.
    pub deltas: u64,
    /// Bytes of all objects, and of deltas and external bases, inflated.
    pub unpacked_bytes: u64,
    /// The trailer of the pack as sent.
    pub checksum: [u8; ID_LEN],
    pub(crate) references: References,
    pub(crate) special_blobs: BTreeSet<(Role, ObjectId)>,
}

impl Indexed {
    /// Finds an object of the pack.
    pub fn find(&self, id: &ObjectId) -> Option<&IndexedObject> {
        self.objects.binary_search_by(|object| object.id().cmp(id)).ok().and_then(|at| self.objects.get(at))
    }
}

/// What every step of indexing needs to know.
struct Context<'a> {
    base: &'a Snapshot,
    limits: &'a Limits,
    interrupt: &'a AtomicBool,
}

impl Context<'_> {
    fn check_interrupt(&self) -> Result<()> {
        if self.interrupt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Indexes a pack that lies in `data` as a whole. `base` provides the bases of a thin pack.
///
/// Errors: peer faults `BadPack`, `TooLarge`, `MissingBase`, `Fsck`, `Collision`, `MissingObject` (more missing references than the pack can
/// hold); `Interrupted`; `Corrupt` and `Io` from reading bases.
pub fn index_pack(
    data: &[u8],
    base: &Snapshot,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
    interrupt: &AtomicBool,
) -> Result<Indexed> {
    index(Source::new(data, None), base, limits, progress, interrupt)
}

/// The same as [`index_pack`] for a pack in a file, of which it keeps little in memory.
pub(crate) fn index_file(
    file: &FileBytes,
    base: &Snapshot,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
    interrupt: &AtomicBool,
) -> Result<Indexed> {
    index(Source::new(file, Some(file)), base, limits, progress, interrupt)
}

fn index(
    source: Source<'_>,
    base: &Snapshot,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
    interrupt: &AtomicBool,
) -> Result<Indexed> {
    let max_unpacked_bytes = limits.unpacked_bytes_of(source.data.len() as u64);
    let limits = &Limits { max_unpacked_bytes, ..limits.clone() };
    let context = Context { base, limits, interrupt };
    if source.data.len() as u64 > limits.max_pack_bytes {
        return Err(Error::TooLarge { what: "size of the pack", limit: limits.max_pack_bytes });
    }
    let scanned = scan::scan(source, &context, progress)?;
    resolve::resolve(scanned, &context, progress)
}

/// Something a delta applies to: an entry of the pack by position, or an external base by position and [`EXTERNAL`].
type Node = u32;
/// Marks a [`Node`] outside of the pack.
const EXTERNAL: Node = 1 << 31;
/// No node, no entry, no place in the arena.
const NONE: u32 = u32::MAX;

/// Calls the progress function about once in a hundred steps.
struct Ticker<'a> {
    report: &'a mut dyn FnMut(Progress),
    make: fn(u64, u64) -> Progress,
    done: u64,
    total: u64,
    next: u64,
}

impl<'a> Ticker<'a> {
    fn new(report: &'a mut dyn FnMut(Progress), total: u64, make: fn(u64, u64) -> Progress) -> Ticker<'a> {
        Ticker { report, make, done: 0, total, next: 1 }
    }

    fn step(&mut self) {
        self.done += 1;
        if self.done >= self.next || self.done == self.total {
            self.next = self.done + self.total / 100 + 1;
            (self.report)((self.make)(self.done, self.total));
        }
    }
}

#[cfg(test)]
mod tests;
