//! Instants as integer milliseconds, and the clock that yields them.
//!
//! Owns formatting (RFC 3339, UTC) and the [`Clock`] trait; nothing else in the server asks the system for the time.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use atomicqms_actors::sql::Value;

/// An instant: milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcMs(i64);

impl UtcMs {
    /// The epoch, which Gitea shows for "never".
    pub const EPOCH: Self = Self(0);

    /// Wraps a stored number. Units: milliseconds since the epoch.
    pub const fn new(ms: i64) -> Self {
        Self(ms)
    }

    /// The number as stored. Units: milliseconds since the epoch.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// This instant plus a span, clamped at the ends of time. Units: milliseconds.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// `2026-01-02T03:04:05Z`, as the REST API sends times.
    pub fn rfc3339(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%SZ")
    }

    /// `2026-01-02T03:04:05.678Z`, as the ledger records times.
    pub fn rfc3339_ms(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%S.%3fZ")
    }

    /// Reads an RFC 3339 instant; fractions below a millisecond are dropped.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|instant| Self(instant.as_millisecond()))
    }

    /// The year in UTC.
    pub fn year(self) -> i16 {
        self.instant().to_zoned(jiff::tz::TimeZone::UTC).year()
    }

    fn instant(self) -> jiff::Timestamp {
        let last = jiff::Timestamp::MAX.as_millisecond();
        let first = jiff::Timestamp::MIN.as_millisecond();
        jiff::Timestamp::from_millisecond(self.0.clamp(first, last)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    fn format(self, pattern: &str) -> String {
        self.instant().strftime(pattern).to_string()
    }
}

impl fmt::Display for UtcMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339_ms())
    }
}

impl From<UtcMs> for Value {
    fn from(instant: UtcMs) -> Self {
        Self::Int(instant.0)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> UtcMs;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is told to use")]
    fn now(&self) -> UtcMs {
        UtcMs(jiff::Timestamp::now().as_millisecond())
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at an instant.
    pub const fn new(at: UtcMs) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves the clock on. Units: milliseconds.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UtcMs {
        UtcMs(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_the_wire_and_the_ledger_want_them() {
        let instant = UtcMs::new(1_767_323_045_678);
        assert_eq!(instant.rfc3339(), "2026-01-02T03:04:05Z");
        assert_eq!(instant.rfc3339_ms(), "2026-01-02T03:04:05.678Z");
        assert_eq!(UtcMs::new(1_767_323_045_007).rfc3339_ms(), "2026-01-02T03:04:05.007Z");
        assert_eq!(UtcMs::EPOCH.rfc3339(), "1970-01-01T00:00:00Z");
        assert_eq!(UtcMs::parse_rfc3339("2026-01-02T04:04:05.678+01:00"), Some(instant));
    }

    #[test]
    fn absurd_numbers_do_not_panic() {
        for ms in [i64::MIN, i64::MAX, -1] {
            assert!(UtcMs::new(ms).rfc3339_ms().ends_with('Z'));
        }
    }
}
