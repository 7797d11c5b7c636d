//! Owns counting the bytes that go out, for formats that need their place in the file. Refuses to buffer.

use std::io::Write;

use crate::error::{Error, Result};

/// A writer that knows how much it wrote.
pub(super) struct Counted<'a> {
    out: &'a mut dyn Write,
    pub(super) written: u64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Counted { out, written: 0 }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(Error::PeerGone)?;
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(Error::PeerGone)
    }
}
