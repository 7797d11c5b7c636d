//! Owns what is known of one entry of a pack that is being indexed, in 32 bytes, because a pack may have millions: id, place, checksum, and
//! whether its object is known yet.

use crate::{
    id::{Kind, ObjectId},
    pack::idx::IdxEntry,
};

/// One object of an indexed pack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IndexedObject {
    /// Its own id once it is known; until then the id of the base, if the entry is a delta that names one.
    id: ObjectId,
    crc32: u32,
    /// Offset, form and kind, from the high bits to the low.
    place: u64,
}

/// How an entry is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Whole = 0,
    OfsDelta = 1,
    RefDelta = 2,
}

const KIND_BITS: u32 = 3;
const OFFSET_SHIFT: u32 = KIND_BITS + 2;
const KIND_MASK: u64 = (1 << KIND_BITS) - 1;

impl IndexedObject {
    /// Its id.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        // An object in the result of indexing has one; the other arm is never asked.
        self.known_kind().unwrap_or(Kind::Blob)
    }

    /// Its line of the index.
    pub fn line(&self) -> IdxEntry {
        IdxEntry { id: self.id, offset: self.offset(), crc32: self.crc32 }
    }

    /// Where its entry starts in the pack.
    pub fn offset(&self) -> u64 {
        self.place >> OFFSET_SHIFT
    }

    /// An entry stored whole.
    pub(super) fn whole(offset: u64, id: ObjectId, kind: Kind) -> IndexedObject {
        IndexedObject { id, crc32: 0, place: offset << OFFSET_SHIFT | kind_code(kind) }
    }

    /// A delta whose object is not known yet; `base` is null if it is named by its offset.
    pub(super) fn delta(offset: u64, form: Form, base: ObjectId) -> IndexedObject {
        IndexedObject { id: base, crc32: 0, place: offset << OFFSET_SHIFT | (form as u64) << KIND_BITS }
    }

    pub(super) fn with_crc32(self, crc32: u32) -> IndexedObject {
        IndexedObject { crc32, ..self }
    }

    /// Notes what the delta turned out to be.
    pub(super) fn resolve(&mut self, id: ObjectId, kind: Kind) {
        self.id = id;
        self.place = self.place & !KIND_MASK | kind_code(kind);
    }

    /// The kind, once the object is known.
    pub(super) fn known_kind(&self) -> Option<Kind> {
        match self.place & KIND_MASK {
            1 => Some(Kind::Commit),
            2 => Some(Kind::Tree),
            3 => Some(Kind::Blob),
            4 => Some(Kind::Tag),
            _ => None,
        }
    }

    /// The base that a delta names and still waits for.
    pub(super) fn awaited_base(&self) -> Option<ObjectId> {
        let is_waiting = self.known_kind().is_none() && self.form() == Form::RefDelta;
        is_waiting.then_some(self.id)
    }

    pub(super) fn form(&self) -> Form {
        match self.place >> KIND_BITS & 3 {
            0 => Form::Whole,
            1 => Form::OfsDelta,
            _ => Form::RefDelta,
        }
    }
}

fn kind_code(kind: Kind) -> u64 {
    match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    }
}

impl std::fmt::Debug for IndexedObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} at {}", self.known_kind(), self.id, self.offset())
    }
}

const _: () = assert!(size_of::<IndexedObject>() == 32, "a pack may have millions of them");
