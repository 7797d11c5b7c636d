//! So many of something for one key in a time, for what costs others when it is asked for too often.
//!
//! Owns bounded tables of counters in memory: a restart forgives. Called by `forge`.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::sync::Cache;

use crate::error::{Error, Kind, Result};

/// Most counters kept; beyond it the least used are forgotten.
const MAX_COUNTERS: u64 = 65_536;

/// Counters by key, each good for one window.
pub struct Quota<K: Hash + Eq + Send + Sync + 'static> {
    counters: Cache<K, Arc<AtomicU32>>,
    most: u32,
    window: Duration,
}

impl<K: Hash + Eq + Send + Sync + 'static> Quota<K> {
    /// Allows `most` in each window, which begins with the first.
    pub fn new(most: u32, window: Duration) -> Self {
        Self { counters: Cache::builder().max_capacity(MAX_COUNTERS).time_to_live(window).build(), most, window }
    }

    /// Takes one.
    ///
    /// Errors: `RateLimited` with `refusal` when all of this window are taken.
    pub fn take(&self, key: K, refusal: &'static str) -> Result<()> {
        let counter = self.counters.get_with(key, Arc::default);
        if counter.fetch_add(1, Ordering::Relaxed) < self.most {
            return Ok(());
        }
        // Bounded, so that it cannot come round.
        counter.fetch_sub(1, Ordering::Relaxed);
        Err(Error::new(Kind::RateLimited, refusal).with_retry_after_seconds(self.window.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_and_the_window_ends() {
        let quota = Quota::new(2, Duration::from_millis(300));
        assert!(quota.take("a", "no").is_ok() && quota.take("a", "no").is_ok() && quota.take("b", "no").is_ok());
        let refused = quota.take("a", "no").unwrap_err();
        assert_eq!((refused.kind(), refused.public()), (Kind::RateLimited, "no"));
        let begun = std::time::Instant::now();
        while quota.take("a", "no").is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the window never ends");
            std::thread::yield_now();
        }
        assert!(begun.elapsed() >= Duration::from_millis(100), "it lasted a while");
    }
}
