//! Answers to clones and fetches that are kept, so that asking the same of the same refs costs no second generation.
//!
//! Owns which answers are kept, where and how long, and that an answer in the making is made once for all who ask for it meanwhile. Small ones
//! stay in memory from the first time on; large ones go to disk from the second time on, because most are never asked for again, and those of some
//! megabytes that are asked for once more are in memory, too. A key names
//! the exact state of the refs: what a ref no longer reaches cannot be found by anybody, and nothing has to be thrown away for that. Refuses to
//! know rights (who asks has passed the gate) and the protocol. Called by `http/git/upload.rs`.

mod flight;
mod follow;
mod kept;
mod key;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use flight::Flight;
pub use flight::FlightWriter;
pub use follow::{Follower, FollowerBody};
pub use kept::{Facts, Kept, KeptBody};
pub use key::Key;

/// An answer nobody asks for is forgotten after this time.
const MEMORY_IDLE: Duration = Duration::from_secs(300);
/// The same for answers on disk.
const DISK_IDLE: Duration = Duration::from_secs(3600);
/// How long it is remembered that something was asked for.
const SEEN_FOR: Duration = Duration::from_secs(600);
/// How many questions are remembered.
const SEEN: u64 = 20_000;
/// One answer takes at most this part of the space.
const SHARE: u64 = 4;
/// One answer from disk takes at most this part of the memory.
const LIFTED_SHARE: u64 = 8;
/// Of the space on disk this part is for answers that are kept, and as much for those in the making.
const HALF: u64 = 2;
/// What an entry in memory costs besides its bytes.
const ENTRY_BYTES: u32 = 256;
/// What an entry on disk costs at least: each keeps a file open.
const FILE_KIBIBYTES: u32 = 512;

/// The answers; cheap to clone.
#[derive(Clone)]
pub struct Answers {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    memory: Cache<Key, Arc<Kept>>,
    disk: Cache<Key, Arc<Kept>>,
    seen: Cache<Key, Seen>,
    flights: Mutex<HashMap<Key, Arc<Flight>>>,
    /// Bytes of disk that answers in the making may come to.
    in_flight_bytes: AtomicU64,
}

/// How much is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Units: bytes; 0: none in memory.
    pub memory_bytes: u64,
    /// Units: bytes; 0: none on disk.
    pub disk_bytes: u64,
    /// Where the files are made. They have no names once they are open, so nothing is left behind.
    pub directory: PathBuf,
}

/// What is remembered about a question that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Asked,
    /// Its answer could not be written to disk: it is made for each who asks.
    NotShared,
}

/// How a question is going to be answered.
pub enum Found {
    /// By what is kept.
    Kept(Arc<Kept>),
    /// By what is being made for somebody else.
    Following(Follower),
    /// It is to be made, for all who ask meanwhile.
    Shared(FlightWriter, Follower),
    /// It is to be made for the one who asks.
    Alone,
}

impl Answers {
    /// Nothing is kept yet.
    pub fn new(settings: Settings) -> Self {
        let weigh = |kept: &Kept, unit: u64| u32::try_from(kept.len().div_ceil(unit)).unwrap_or(u32::MAX);
        let bytes = move |_: &Key, kept: &Arc<Kept>| weigh(kept, 1).saturating_add(ENTRY_BYTES);
        let kibibytes = move |_: &Key, kept: &Arc<Kept>| weigh(kept, 1024).max(FILE_KIBIBYTES);
        let memory = Cache::builder().max_capacity(settings.memory_bytes).weigher(bytes).time_to_idle(MEMORY_IDLE);
        let disk =
            Cache::builder().max_capacity(settings.disk_bytes / HALF / 1024).weigher(kibibytes).time_to_idle(DISK_IDLE);
        let inner = Inner {
            // What was asked for last is what a new state of the refs made worth keeping.
            memory: memory.eviction_policy(EvictionPolicy::lru()).build(),
            disk: disk.eviction_policy(EvictionPolicy::lru()).build(),
            seen: Cache::builder().max_capacity(SEEN).time_to_live(SEEN_FOR).build(),
            flights: Mutex::default(),
            in_flight_bytes: AtomicU64::new(0),
            settings,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Says how a question is to be answered. `expected_bytes` is what the answer may come to.
    pub fn find(&self, key: Key, expected_bytes: u64) -> Found {
        let inner = &self.inner;
        if let Some(kept) = inner.memory.get(&key).or_else(|| inner.disk.get(&key)) {
            return Found::Kept(kept);
        }
        let mut flights = self.flights();
        if let Some(follower) = flights.get(&key).and_then(Follower::join) {
            return Found::Following(follower);
        }
        // Its flight may have landed since the first look.
        if let Some(kept) = inner.disk.get(&key) {
            return Found::Kept(kept);
        }
        match inner.seen.get(&key) {
            Some(Seen::Asked) if self.reserve(expected_bytes) => {}
            Some(_) => return Found::Alone,
            None => {
                inner.seen.insert(key, Seen::Asked);
                return Found::Alone;
            }
        }
        let flight = Arc::new(Flight::new(expected_bytes));
        let Some(follower) = Follower::join(&flight) else { return Found::Alone };
        flights.insert(key, Arc::clone(&flight));
        Found::Shared(FlightWriter::new(self.clone(), key, flight), follower)
    }

    /// Keeps an answer that was made for one, if it is small.
    pub fn keep(&self, key: Key, answer: &[u8], facts: Facts) {
        if answer.len() as u64 <= self.inner.settings.memory_bytes / SHARE {
            let kept = Kept::in_memory(Bytes::copy_from_slice(answer), facts);
            self.inner.memory.insert(key, Arc::new(kept));
        }
    }

    /// Answers what to send of a kept answer: one on disk that is not large is read into memory first, by one of those who ask. Then it costs neither
    /// maps nor checksums.
    pub async fn lift(&self, key: Key, kept: Arc<Kept>) -> Arc<Kept> {
        if kept.len() > self.inner.settings.memory_bytes / LIFTED_SHARE || !kept.takes_lifting() {
            return kept;
        }
        let source = Arc::clone(&kept);
        // What cannot be read, or is damaged, is seen again when it is sent.
        let Ok(Some(lifted)) = tokio::task::spawn_blocking(move || source.read_whole()).await else { return kept };
        let lifted = Arc::new(lifted);
        self.inner.memory.insert(key, Arc::clone(&lifted));
        lifted
    }

    /// Forgets an answer that turned out to be damaged.
    pub fn forget(&self, key: &Key, damaged: &Arc<Kept>) {
        metrics::counter!("atomicqms_answer_cache_damaged_total").increment(1);
        tracing::error!(bytes = damaged.len(), "an answer kept on disk does not match its checksums; it is made anew");
        let inner = &self.inner;
        if inner.disk.get(key).is_some_and(|kept| Arc::ptr_eq(&kept, damaged)) {
            inner.disk.invalidate(key);
        }
    }

    /// Writes how much is kept into the metrics.
    pub fn publish_sizes(&self) {
        let inner = &self.inner;
        let on_disk = inner.disk.weighted_size().saturating_mul(1024);
        let on_disk = on_disk.saturating_add(inner.in_flight_bytes.load(Ordering::Relaxed));
        let gauge = |place: &'static str| metrics::gauge!("atomicqms_answer_cache_bytes", "place" => place);
        gauge("memory").set(inner.memory.weighted_size() as f64);
        gauge("disk").set(on_disk as f64);
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Key, Arc<Flight>>> {
        // A map of `Arc`s cannot be left half changed.
        self.inner.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets aside room on disk for an answer that may come to so much.
    fn reserve(&self, bytes: u64) -> bool {
        bytes <= self.inner.settings.disk_bytes / SHARE && self.take_room(bytes)
    }

    fn take_room(&self, bytes: u64) -> bool {
        let most = self.inner.settings.disk_bytes / HALF;
        let grow = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= most);
        self.inner.in_flight_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow).is_ok()
    }

    /// Sets aside more for an answer that is larger than expected; false where there is no more.
    fn reserve_more(&self, flight: &Flight, bytes: u64) -> bool {
        let fits = self.take_room(bytes);
        if fits {
            flight.note_reserved(bytes);
        }
        fits
    }

    /// Notes that an answer cannot be written to disk, so that a full disk stands in nobody's way.
    fn note_unwritable(&self, key: &Key, error: &std::io::Error) {
        tracing::warn!(%error, "an answer cannot be written to the cache on disk; it is made for each who asks");
        self.inner.seen.insert(*key, Seen::NotShared);
    }

    /// Ends a flight: keeps what it made, if it is whole, and lets go of its room.
    fn land(&self, key: &Key, flight: &Arc<Flight>, kept: Option<Arc<Kept>>) {
        if let Some(kept) = kept {
            // Before the flight goes, so that nobody finds neither.
            self.inner.disk.insert(*key, kept);
        }
        let mut flights = self.flights();
        if flights.get(key).is_some_and(|known| Arc::ptr_eq(known, flight)) {
            flights.remove(key);
        }
        self.inner.in_flight_bytes.fetch_sub(flight.reserved_bytes(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
