//! Progress of one answer: what the user reads on band 2, and packets that keep a silent connection alive.
//!
//! Owns when something is said, by a monotonic clock, and checks the interrupt flag on the way. Used by enumeration and by pack
//! writing.

use std::{
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use super::peer_gone;
use crate::{error::Result, pktline::BandWriter, walk::check_interrupt};

/// How many steps pass between two looks at the clock.
const STEPS_PER_LOOK: u32 = 256;
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// What git's `uploadpack.keepAlive` defaults to.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(5);

/// Tells the client how its request is going.
pub(super) struct Ticker<'t, 'w> {
    bands: &'t mut BandWriter<'w>,
    interrupt: &'t AtomicBool,
    is_quiet: bool,
    steps: u32,
    last: Instant,
    written: u64,
}

impl<'t, 'w> Ticker<'t, 'w> {
    pub(super) fn new(bands: &'t mut BandWriter<'w>, interrupt: &'t AtomicBool, no_progress: bool) -> Self {
        let is_quiet = no_progress || !bands.has_bands();
        let written = bands.written();
        Ticker { bands, interrupt, is_quiet, steps: 0, last: Instant::now(), written }
    }

    /// Counts one small step towards finding objects; `found` is how many there are so far.
    pub(super) fn counting(&mut self, found: usize) -> Result<()> {
        if !self.is_time()? {
            return Ok(());
        }
        let result = match self.is_quiet {
            false => self.bands.progress(&format!("Enumerating objects: {found}\r")),
            true => self.bands.keep_alive(),
        };
        result.map_err(peer_gone(self.interrupt))
    }

    /// Says how many objects there are.
    pub(super) fn finish_counting(&mut self, found: usize) -> Result<()> {
        check_interrupt(self.interrupt)?;
        self.say(&format!("Enumerating objects: {found}, done.\n"))
    }

    /// Counts one small step of work that writes data now and then.
    pub(super) fn working(&mut self) -> Result<()> {
        if self.is_time()? && self.written == self.bands.written() {
            self.bands.keep_alive().map_err(peer_gone(self.interrupt))?;
        }
        self.written = self.bands.written();
        Ok(())
    }

    /// Says something unless the client wants silence.
    pub(super) fn say(&mut self, text: &str) -> Result<()> {
        if self.is_quiet {
            return Ok(());
        }
        self.bands.progress(text).map_err(peer_gone(self.interrupt))
    }

    /// Writes pack data.
    pub(super) fn data(&mut self, data: &[u8]) -> Result<()> {
        self.bands.data(data).map_err(peer_gone(self.interrupt))
    }

    /// Whether it is time to let the client hear something; fails when interrupted.
    fn is_time(&mut self) -> Result<bool> {
        self.steps = self.steps.wrapping_add(1);
        if !self.steps.is_multiple_of(STEPS_PER_LOOK) {
            return Ok(false);
        }
        check_interrupt(self.interrupt)?;
        let every = if self.is_quiet { KEEP_ALIVE_EVERY } else { PROGRESS_EVERY };
        if self.last.elapsed() < every {
            return Ok(false);
        }
        self.last = Instant::now();
        Ok(true)
    }
}
