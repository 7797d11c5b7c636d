//! Waiting for a condition: owns the only sleep of the whole test suite.
//!
//! Refuses fixed pauses: every caller names what it waits for, and a wait that runs out reports the last state it saw.

use std::time::{Duration, Instant};

/// Long enough for a loaded two-core machine, short enough that a hang is noticed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Polls `probe` until it answers `Ok`, and fails the test with the last state after `deadline`.
pub(crate) fn until<T>(what: &str, deadline: Duration, probe: impl FnMut() -> Result<T, String>) -> T {
    match within(deadline, probe) {
        Ok(value) => value,
        Err(last) => panic!("waited {deadline:?} for {what}; last state: {last}"),
    }
}

/// Polls `probe` until it answers `Ok`; gives the last state back after `deadline`.
pub(crate) fn within<T>(deadline: Duration, mut probe: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(last) if start.elapsed() >= deadline => return Err(last),
            Err(_) => {}
        }
        pause_for(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Lets time itself pass, for tests whose subject is time: a stalled client, a random moment to be killed at.
#[expect(clippy::disallowed_methods, reason = "the one place where tests sleep, always inside a bounded wait")]
pub(crate) fn pause_for(time: Duration) {
    std::thread::sleep(time);
}
