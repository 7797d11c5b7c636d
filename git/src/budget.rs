//! Owns the memory that all pushes of a process may use together while their packs are indexed. Refuses to count small change: what a
//! usual push needs is bounded by the number of pushes at once. Used by the indexer and by the completion of thin packs.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::error::{Error, Result};

/// Less than this is not counted.
const SMALL_BYTES: u64 = 8 << 20;
/// Between two looks at the interrupt flag while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A shared bound on memory; clones share it.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    total_bytes: u64,
    used_bytes: Mutex<u64>,
    freed: Condvar,
}

/// A part of the budget; dropping it gives it back.
#[derive(Debug)]
pub struct Reservation {
    inner: Arc<Inner>,
    bytes: u64,
}

impl MemoryBudget {
    /// Makes a budget.
    pub fn new(total_bytes: u64) -> Self {
        let inner = Inner { total_bytes, used_bytes: Mutex::new(0), freed: Condvar::new() };
        MemoryBudget { inner: Arc::new(inner) }
    }

    /// Takes a part of the budget, waiting until it is free. More than the whole is granted to one at a time.
    ///
    /// A holder must not reserve again before it has given back: two that did could wait for each other.
    /// Errors: `Interrupted`.
    pub fn reserve(&self, bytes: u64, interrupt: &AtomicBool) -> Result<Reservation> {
        let bytes = if bytes < SMALL_BYTES { 0 } else { bytes };
        let mut used = self.inner.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        while bytes > 0 && *used > 0 && used.saturating_add(bytes) > self.inner.total_bytes {
            if interrupt.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            used = self.inner.freed.wait_timeout(used, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
        *used = used.saturating_add(bytes);
        drop(used);
        Ok(Reservation { inner: Arc::clone(&self.inner), bytes })
    }
}

impl PartialEq for MemoryBudget {
    fn eq(&self, other: &Self) -> bool {
        self.inner.total_bytes == other.inner.total_bytes
    }
}

impl Eq for MemoryBudget {}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let mut used = self.inner.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
            *used = used.saturating_sub(self.bytes);
            drop(used);
            self.inner.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_does_not_fit_waits_and_what_is_small_never_does() {
        let budget = MemoryBudget::new(100 * MIB);
        let go = AtomicBool::new(false);
        let held = budget.reserve(80 * MIB, &go).unwrap();
        drop(budget.reserve(20 * MIB, &go).unwrap());
        drop(budget.reserve(SMALL_BYTES - 1, &go).unwrap());
        let stop = AtomicBool::new(true);
        assert!(matches!(budget.reserve(21 * MIB, &stop), Err(Error::Interrupted)));
        let waiting = budget.clone();
        let thread = std::thread::spawn(move || waiting.reserve(90 * MIB, &AtomicBool::new(false)).map(drop));
        drop(held);
        thread.join().unwrap().unwrap();
        assert_eq!(*budget.inner.used_bytes.lock().unwrap(), 0);
    }

    #[test]
    fn more_than_everything_is_granted_to_one_alone() {
        let budget = MemoryBudget::new(10 * MIB);
        let all = budget.reserve(50 * MIB, &AtomicBool::new(false)).unwrap();
        assert!(matches!(budget.reserve(50 * MIB, &AtomicBool::new(true)), Err(Error::Interrupted)));
        drop(all);
        drop(budget.reserve(50 * MIB, &AtomicBool::new(true)).unwrap());
    }
}
