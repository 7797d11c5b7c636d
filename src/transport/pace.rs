//! How fast a client must send its push while others wait for the place it holds.
//!
//! Owns the measure: bytes for each span of time spent waiting for the client; time in which the server itself was slow does not count.
//! While nobody waits every pace will do, up to the time an operation may take. Called by `http/git/receive.rs` and `ssh/push.rs`.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Kind, Result};
use crate::forge::intake::Crowd;

/// Fewer bytes a second than over any line that people push through.
const LEAST_BYTES_PER_SECOND: u64 = 2 * 1024;

/// The pace of one push.
pub struct Pace {
    crowd: Crowd,
    span: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Begins to measure. `span`: how long a client is waited for before it is judged.
    pub fn new(crowd: Crowd, span: Duration) -> Self {
        Self { crowd, span, waited: Duration::ZERO, bytes: 0 }
    }

    /// Notes that the client has sent so many bytes.
    pub fn note(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// Waits for what the client sends.
    ///
    /// Errors: `Overloaded`: it came too slowly, and others wait.
    pub async fn wait<T>(&mut self, next: impl Future<Output = T>) -> Result<T> {
        let mut next = std::pin::pin!(next);
        loop {
            let begun = Instant::now();
            let left = self.span.saturating_sub(self.waited);
            if let Ok(next) = tokio::time::timeout(left, &mut next).await {
                self.waited = self.waited.saturating_add(begun.elapsed());
                return Ok(next);
            }
            let least = self.span.as_secs().max(1).saturating_mul(LEAST_BYTES_PER_SECOND);
            if self.bytes < least && self.crowd.is_waiting() {
                metrics::counter!("atomicqms_git_operations_total", "service" => "receive-pack", "outcome" => "abandoned")
                    .increment(1);
                return Err(Error::new(Kind::Overloaded, "the push came too slowly while others were waiting"));
            }
            self.waited = Duration::ZERO;
            self.bytes = 0;
        }
    }
}
