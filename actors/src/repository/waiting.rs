//! Packs of one repository that are committed and not files yet, and the memory that those of all repositories may take.
//!
//! Owns the account. Refuses to write anything: `projection` does. A pack that finds no room becomes a file before its commit, as a large one does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use atomicqms_git as git;
use git::pack::Pack;

use crate::gauges;

/// What a pack takes beside its bytes: the fan-out of its index and its own tables.
const OVERHEAD_BYTES: u64 = 2048;

/// Bounds of what waits.
#[derive(Debug, Clone, Copy)]
pub struct WaitingLimits {
    /// Packs of one repository that wait; with more they are written out at once.
    pub packs: usize,
    /// Memory of those of all repositories. Units: bytes.
    pub total_bytes: u64,
}

impl Default for WaitingLimits {
    fn default() -> Self {
        Self { packs: 512, total_bytes: 64 << 20 }
    }
}

/// The memory for packs that wait, of all repositories.
#[derive(Debug)]
pub(crate) struct Room {
    taken_bytes: AtomicU64,
    limits: WaitingLimits,
}

/// What one pack takes of it, until dropped.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    bytes: u64,
}

impl Room {
    pub(crate) fn new(limits: WaitingLimits) -> Self {
        Self { taken_bytes: AtomicU64::new(0), limits }
    }

    pub(crate) fn limits(&self) -> WaitingLimits {
        self.limits
    }

    /// Takes a place; `None` if there is no room.
    pub(crate) fn take(self: &Arc<Self>, pack: &Pack) -> Option<Place> {
        let place = self.take_anyway(pack);
        // Taken first and looked at then, so that two at once cannot both get the last place.
        (self.taken_bytes.load(Ordering::Relaxed) <= self.limits.total_bytes).then_some(place)
    }

    /// Takes a place for a pack that is committed already.
    pub(crate) fn take_anyway(self: &Arc<Self>, pack: &Pack) -> Place {
        let bytes = (pack.bytes().len() as u64).saturating_add(OVERHEAD_BYTES);
        self.taken_bytes.fetch_add(bytes, Ordering::Relaxed);
        gauges::pack_waits(bytes);
        Place { room: Arc::clone(self), bytes }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.taken_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        gauges::pack_is_written(self.bytes);
    }
}

/// One pack that waits.
#[derive(Debug)]
pub(super) struct WaitingPack {
    /// Its row.
    pub(super) row: i64,
    pub(super) pack: Arc<Pack>,
    /// Kept as long as it waits.
    pub(super) _place: Place,
}

/// The packs of one repository that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    packs: Vec<WaitingPack>,
    /// Packs up to this row are files, and their rows are still there.
    written: Option<i64>,
}

impl Waiting {
    pub(super) fn push(&mut self, pack: WaitingPack) {
        self.packs.push(pack);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packs.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.packs.len()
    }

    pub(super) fn packs(&self) -> Vec<Arc<Pack>> {
        self.packs.iter().map(|waiting| Arc::clone(&waiting.pack)).collect()
    }

    /// Notes that the oldest ones are files now.
    pub(super) fn note_written(&mut self, count: usize) {
        let written = self.packs.drain(..count.min(self.packs.len()));
        self.written = written.map(|waiting| waiting.row).max().max(self.written);
    }

    /// The last row that may go, if any may.
    pub(super) fn written(&self) -> Option<i64> {
        self.written
    }

    /// Notes that rows are gone.
    pub(super) fn note_forgotten(&mut self, up_to: i64) {
        self.written = self.written.filter(|row| *row > up_to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack() -> Arc<Pack> {
        let bytes = git::pack::compose::compose(&[(git::Kind::Blob, b"x")]).unwrap();
        let home = tempfile::tempdir().unwrap();
        let head = git::RefName::new("refs/heads/main").unwrap();
        let repository = git::Repository::init(&home.path().join("a.git"), 1, &head).unwrap();
        let never = std::sync::atomic::AtomicBool::new(false);
        let incoming = repository.incoming(&git::Limits::default());
        let ingested = incoming.ingest(git::PackSource::Memory(bytes.into()), &mut |_| {}, &never).unwrap();
        Arc::clone(ingested.pack().unwrap())
    }

    #[test]
    fn room_is_bounded_and_given_back() {
        let pack = pack();
        let one = pack.bytes().len() as u64 + OVERHEAD_BYTES;
        let room = Arc::new(Room::new(WaitingLimits { packs: 1, total_bytes: 2 * one }));
        let held: Vec<_> = (0..2).map(|_| room.take(&pack).unwrap()).collect();
        assert!(room.take(&pack).is_none());
        drop(held);
        assert!(room.take(&pack).is_some(), "a refused place takes nothing");
        let committed: Vec<_> = (0..3).map(|_| room.take_anyway(&pack)).collect();
        assert!(room.take(&pack).is_none());
        drop(committed);
        assert_eq!(room.taken_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn rows_go_once_their_packs_are_files() {
        let (pack, room) = (pack(), Arc::new(Room::new(WaitingLimits::default())));
        let mut waiting = Waiting::default();
        let push = |waiting: &mut Waiting, row| {
            waiting.push(WaitingPack { row, pack: Arc::clone(&pack), _place: room.take_anyway(&pack) });
        };
        push(&mut waiting, 7);
        push(&mut waiting, 9);
        assert_eq!((waiting.len(), waiting.written()), (2, None));
        waiting.note_written(1);
        assert_eq!((waiting.len(), waiting.written()), (1, Some(7)), "the oldest first");
        waiting.note_written(1);
        assert_eq!((waiting.len(), waiting.written()), (0, Some(9)));
        push(&mut waiting, 10);
        waiting.note_forgotten(9);
        assert_eq!((waiting.len(), waiting.written()), (1, None));
        waiting.note_written(5);
        waiting.note_forgotten(9);
        assert_eq!(waiting.written(), Some(10), "a late note forgets only what it names");
    }
}
