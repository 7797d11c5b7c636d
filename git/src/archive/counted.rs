//! Owns counting the bytes that go out, for formats that need their place in the file, and looking at the interrupt flag between them: what
//! lies behind may compress them. Refuses to buffer.

use std::{io::Write, sync::atomic::AtomicBool};

use crate::{
    error::{Error, Result},
    walk::check_interrupt,
};

/// Between two looks at the interrupt flag.
const BYTES_AT_ONCE: usize = 1 << 20;

/// A writer that knows how much it wrote.
pub(super) struct Counted<'a> {
    out: &'a mut dyn Write,
    interrupt: &'a AtomicBool,
    pub(super) written: u64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(out: &'a mut dyn Write, interrupt: &'a AtomicBool) -> Self {
        Counted { out, interrupt, written: 0 }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(BYTES_AT_ONCE) {
            check_interrupt(self.interrupt)?;
            self.out.write_all(piece).map_err(Error::PeerGone)?;
        }
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(Error::PeerGone)
    }
}
