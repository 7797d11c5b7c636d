//! The outgoing end of a pack: hashing, deflating and the trailer.
//!
//! Owns position and checksum of the stream. Called by pack writing only.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest, Sha1};

use crate::{
    error::{Error, Result},
    upload::ticker::Ticker,
};

/// How much is deflated between two writes.
const CHUNK: usize = 64 * 1024;

/// Writes to the client what it also hashes.
pub(super) struct Sink<'s, 't, 'b> {
    ticker: &'s mut Ticker<'t, 'b>,
    hash: Sha1,
    offset: u64,
}

impl<'s, 't, 'b> Sink<'s, 't, 'b> {
    pub(super) fn new(ticker: &'s mut Ticker<'t, 'b>) -> Self {
        Sink { ticker, hash: Sha1::new(), offset: 0 }
    }

    /// Bytes of the pack so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Lets time-outs and interrupts take effect between entries.
    pub(super) fn tick(&mut self) -> Result<()> {
        self.ticker.working()
    }

    pub(super) fn put(&mut self, data: &[u8]) -> Result<()> {
        // In pieces, so that a huge entry can be interrupted.
        for chunk in data.chunks(CHUNK * 16) {
            self.hash.update(chunk);
            self.ticker.data(chunk)?;
        }
        self.offset = self.offset.saturating_add(data.len() as u64);
        Ok(())
    }

    /// Deflates `data` in pieces, holding only what one piece becomes.
    pub(super) fn put_deflated(&mut self, data: &[u8]) -> Result<()> {
        let mut encoder = ZlibEncoder::new(Vec::with_capacity(data.len().min(CHUNK)), Compression::default());
        for chunk in data.chunks(CHUNK) {
            encoder.write_all(chunk).map_err(Error::PeerGone)?;
            self.put(encoder.get_ref())?;
            encoder.get_mut().clear();
            self.tick()?;
        }
        let rest = encoder.finish().map_err(Error::PeerGone)?;
        self.put(&rest)
    }

    pub(super) fn say(&mut self, text: &str) -> Result<()> {
        self.ticker.say(text)
    }

    /// Writes the trailer and returns the length of the whole pack.
    pub(super) fn finish(&mut self) -> Result<u64> {
        let trailer = std::mem::take(&mut self.hash).finalize();
        self.ticker.data(&trailer)?;
        Ok(self.offset.saturating_add(trailer.len() as u64))
    }
}
