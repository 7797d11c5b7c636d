//! The outgoing end of a pack: hashing, deflating and the trailer.
//!
//! Owns position and checksum of the stream. Called by pack writing only.

use flate2::{Compress, Compression, FlushCompress, Status};
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
    /// Made for the first object that needs it: to set one up costs more than to deflate a small object.
    deflate: Option<Compress>,
    /// What a piece becomes.
    piece: Vec<u8>,
}

impl<'s, 't, 'b> Sink<'s, 't, 'b> {
    pub(super) fn new(ticker: &'s mut Ticker<'t, 'b>) -> Self {
        Sink { ticker, hash: Sha1::new(), offset: 0, deflate: None, piece: Vec::new() }
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
        // Taken out for the loop, which needs the rest of `self`.
        let mut deflate = self.deflate.take().unwrap_or_else(|| Compress::new(Compression::default(), true));
        deflate.reset();
        let mut piece = std::mem::take(&mut self.piece);
        piece.reserve(CHUNK);
        let put = self.put_pieces(data, &mut deflate, &mut piece);
        (self.deflate, self.piece) = (Some(deflate), piece);
        put
    }

    fn put_pieces(&mut self, mut rest: &[u8], deflate: &mut Compress, piece: &mut Vec<u8>) -> Result<()> {
        loop {
            let (chunk, later) = rest.split_at(rest.len().min(CHUNK));
            let flush = if later.is_empty() { FlushCompress::Finish } else { FlushCompress::None };
            let before = deflate.total_in();
            piece.clear();
            let status = deflate.compress_vec(chunk, piece, flush);
            self.put(piece)?;
            if matches!(status, Ok(Status::StreamEnd)) {
                return Ok(());
            }
            let read = usize::try_from(deflate.total_in().saturating_sub(before)).unwrap_or(0);
            if status.is_err() || (read == 0 && piece.is_empty()) {
                // With room for output there is nothing it could wait for.
                return Err(Error::PeerGone(std::io::Error::other("deflating makes no progress")));
            }
            rest = rest.get(read..).unwrap_or_default();
            self.tick()?;
        }
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
