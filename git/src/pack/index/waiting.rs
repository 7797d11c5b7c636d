//! Owns which deltas wait for which base: lists threaded through two tables of positions, so that finding those of a base takes the same
//! time however many there are and whatever ids the peer chose.

use std::{collections::hash_map::RandomState, hash::BuildHasher};

use super::{NONE, Node, object::IndexedObject};
use crate::id::ObjectId;

/// A slot whose list was handed out.
const TAKEN: u32 = NONE - 1;
/// Slots of the smallest table.
const FEWEST_SLOTS: usize = 16;

/// Deltas by base. Positions are those of entries in the pack.
pub(super) struct Waiting {
    /// For each entry: the next delta with the same base, while it waits; then the [`Node`] it was applied to.
    next: Vec<u32>,
    /// For each entry: the last delta that names it by offset. As long as the last base needs.
    by_offset: Vec<u32>,
    /// Open addressing by the id of the base: the last delta that names it. A power of two in length, or empty.
    by_id: Vec<u32>,
    /// Bases in `by_id`.
    bases: usize,
    /// Keyed, since the peer chooses the ids.
    hasher: RandomState,
}

/// The deltas that wait for one base, to be taken one by one.
pub(super) struct List {
    by_offset: u32,
    by_id: u32,
}

impl List {
    pub(super) fn is_empty(&self) -> bool {
        self.by_offset == NONE && self.by_id == NONE
    }
}

impl Waiting {
    pub(super) fn new(entries: usize) -> Waiting {
        Waiting {
            next: Vec::with_capacity(entries),
            by_offset: Vec::new(),
            by_id: Vec::new(),
            bases: 0,
            hasher: RandomState::new(),
        }
    }

    /// Adds the next entry, one that waits for nothing.
    pub(super) fn push_whole(&mut self) {
        self.next.push(NONE);
    }

    /// Adds the next entry, a delta of the entry at `base`.
    pub(super) fn push_by_offset(&mut self, base: u32) {
        let index = self.next.len() as u32;
        let base = base as usize;
        if self.by_offset.len() <= base {
            self.by_offset.reserve(self.next.capacity().saturating_sub(self.by_offset.len()));
            self.by_offset.resize(base + 1, NONE);
        }
        let head = self.by_offset.get_mut(base).map_or(NONE, |head| std::mem::replace(head, index));
        self.next.push(head);
    }

    /// Adds the next entry, a delta of `base`. Of `entries` those before it are there.
    pub(super) fn push_by_id(&mut self, base: &ObjectId, entries: &[IndexedObject]) {
        let index = self.next.len() as u32;
        if self.bases >= self.by_id.len() / 4 * 3 {
            self.grow(entries);
        }
        let slot = self.slot(base, entries);
        let head = slot.and_then(|slot| self.by_id.get_mut(slot)).map_or(NONE, |head| std::mem::replace(head, index));
        self.bases += usize::from(head == NONE);
        self.next.push(head);
    }

    /// Hands out the deltas of the object at `node`, each once.
    pub(super) fn take(&mut self, node: Node, id: &ObjectId, entries: &[IndexedObject]) -> List {
        let by_offset = self.by_offset.get_mut(node as usize).map_or(NONE, |head| std::mem::replace(head, NONE));
        let slot = if self.bases == 0 { None } else { self.slot(id, entries) };
        let by_id = match slot.and_then(|slot| self.by_id.get_mut(slot)) {
            Some(head) if *head != NONE => std::mem::replace(head, TAKEN),
            _ => NONE,
        };
        List { by_offset, by_id }
    }

    /// Takes the next delta off a list.
    pub(super) fn pop(&self, list: &mut List) -> Option<u32> {
        let head = if list.by_offset == NONE { &mut list.by_id } else { &mut list.by_offset };
        let index = (*head != NONE).then_some(*head)?;
        *head = self.next.get(index as usize).copied().unwrap_or(NONE);
        Some(index)
    }

    /// Notes what a delta that was taken was applied to.
    pub(super) fn set_base(&mut self, index: u32, node: Node) {
        if let Some(next) = self.next.get_mut(index as usize) {
            *next = node;
        }
    }

    /// What a resolved delta was applied to.
    pub(super) fn base(&self, index: u32) -> Node {
        self.next.get(index as usize).copied().unwrap_or(NONE)
    }

    /// Whether a delta that waits for a base by id was the first to name it. One delta of each base was.
    pub(super) fn is_first_of_base(&self, index: u32) -> bool {
        self.base(index) == NONE
    }

    /// The slot that holds the list of `base` or would hold it. A list that was not taken has all its entries as they were scanned.
    fn slot(&self, base: &ObjectId, entries: &[IndexedObject]) -> Option<usize> {
        let mask = self.by_id.len().checked_sub(1)?;
        let mut slot = self.hasher.hash_one(base) as usize & mask;
        // A quarter of the slots is free, so this ends.
        loop {
            match *self.by_id.get(slot)? {
                NONE => return Some(slot),
                TAKEN => {}
                head if entries.get(head as usize).is_some_and(|entry| entry.id() == *base) => return Some(slot),
                _ => {}
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self, entries: &[IndexedObject]) {
        let slots = (self.by_id.len() * 2).max(FEWEST_SLOTS);
        let old = std::mem::replace(&mut self.by_id, vec![NONE; slots]);
        for head in old.into_iter().filter(|head| *head != NONE) {
            let slot = entries.get(head as usize).and_then(|entry| self.slot(&entry.id(), entries));
            if let Some(free) = slot.and_then(|slot| self.by_id.get_mut(slot)) {
                *free = head;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::object::Form, *};

    fn id(n: u32) -> ObjectId {
        let mut raw = [0; 20];
        raw[16..].copy_from_slice(&n.to_be_bytes());
        ObjectId::from(raw)
    }

    #[test]
    fn every_delta_is_handed_out_once_by_its_base() {
        const BASES: u32 = 1000;
        let mut waiting = Waiting::new(0);
        let mut entries = Vec::new();
        for base in 0..BASES {
            waiting.push_whole();
            entries.push(IndexedObject::whole(12, id(base), crate::Kind::Blob));
        }
        for turn in 0..3 {
            for base in 0..BASES {
                waiting.push_by_offset(base);
                entries.push(IndexedObject::delta(12, Form::OfsDelta, ObjectId::null(gix::hash::Kind::Sha1)));
                waiting.push_by_id(&id(base), &entries);
                entries.push(IndexedObject::delta(12, Form::RefDelta, id(base)));
                assert_eq!(waiting.is_first_of_base(entries.len() as u32 - 1), turn == 0);
            }
        }
        for base in 0..BASES {
            let mut list = waiting.take(base, &id(base), &entries);
            let mut got = Vec::new();
            while let Some(index) = waiting.pop(&mut list) {
                waiting.set_base(index, base);
                entries[index as usize].resolve(id(BASES + index), crate::Kind::Blob);
                got.push(index);
            }
            got.sort_unstable();
            let turns = (0..3).flat_map(|turn| {
                let ofs = BASES + turn * 2 * BASES + 2 * base;
                [ofs, ofs + 1]
            });
            assert_eq!(got, turns.collect::<Vec<_>>());
            assert!(waiting.take(base, &id(base), &entries).is_empty(), "handed out twice");
            assert!(got.iter().all(|index| waiting.base(*index) == base));
        }
        assert!(waiting.take(NONE, &id(u32::MAX), &entries).is_empty());
    }
}
