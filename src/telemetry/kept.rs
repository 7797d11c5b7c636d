//! Counters whose handles are kept.
//!
//! Owns the handle of one counter with fixed labels: looking it up by name and labels for each request hashes and allocates.

use std::sync::OnceLock;

use metrics::Counter;

use super::recorder;

/// One counter; put it into a `static`.
pub struct KeptCounter {
    find: fn() -> Counter,
    handle: OnceLock<Counter>,
}

impl KeptCounter {
    /// `find` looks it up: `|| metrics::counter!(...)`.
    pub const fn new(find: fn() -> Counter) -> Self {
        Self { find, handle: OnceLock::new() }
    }

    /// Counts.
    pub fn increment(&self, by: u64) {
        // Without a recorder a handle leads nowhere, for ever: such a one must not be kept.
        if recorder::is_installed() {
            self.handle.get_or_init(self.find).increment(by);
        } else {
            (self.find)().increment(by);
        }
    }
}
