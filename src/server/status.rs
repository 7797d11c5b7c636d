//! Where the server is in its life: starting, ready, stopping.
//!
//! Owns the phase that `/readyz` reports. Whether the parts work is asked of the parts (`http/health.rs`).

use std::sync::atomic::{AtomicU8, Ordering};

/// A phase of the server's life; phases only advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Parts are being started and repaired.
    Starting = 0,
    /// Requests are welcome.
    Ready = 1,
    /// Running requests are being finished.
    Stopping = 2,
}

/// The phase, shared by everything that asks.
#[derive(Debug, Default)]
pub struct Status(AtomicU8);

impl Status {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Stopping,
        }
    }

    /// Moves on to a later phase; an earlier one is ignored.
    pub fn advance(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::AcqRel);
    }
}
