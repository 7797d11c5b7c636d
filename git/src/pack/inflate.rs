//! Owns inflating one zlib stream of known size out of a larger buffer. Refuses to trust the size: memory grows with what really comes out,
//! and one byte too many ends it. Called by readers of packs and loose objects and by the indexer.

use flate2::{Decompress, FlushDecompress, Status};

/// A reusable inflater; making one costs far more than resetting it.
pub(crate) struct Inflater {
    state: Decompress,
    chunk: Vec<u8>,
}

/// What memory is taken before the stream has proved that it holds that much.
const TRUSTED_BYTES: usize = 256 * 1024;
/// Size of the pieces in which [`Inflater::stream`] hands out data.
const CHUNK_BYTES: usize = 64 * 1024;

impl Inflater {
    pub(crate) fn new() -> Inflater {
        Inflater { state: Decompress::new(true), chunk: Vec::new() }
    }

    /// Inflates the stream at the start of `input`, which must hold exactly `size` bytes, into `out`, which is cleared first. Answers the
    /// bytes of input used.
    pub(crate) fn exact(&mut self, input: &[u8], size: u64, out: &mut Vec<u8>) -> Result<usize, &'static str> {
        let size = usize::try_from(size).map_err(|_| "object is too large for this machine")?;
        self.state.reset(true);
        out.clear();
        // One byte more than declared, to notice a stream that is longer.
        out.reserve(size.min(TRUSTED_BYTES) + 1);
        loop {
            if out.len() == out.capacity() {
                out.reserve(out.len().min(size.saturating_add(1).saturating_sub(out.len())).max(1));
            }
            let (used, had) = (self.used(), out.len());
            let status = self.state.decompress_vec(input.get(used..).unwrap_or_default(), out, FlushDecompress::None);
            match status.map_err(|_| "corrupt deflate stream")? {
                _ if out.len() > size => return Err("object is larger than it declares"),
                Status::StreamEnd if out.len() < size => return Err("object is smaller than it declares"),
                Status::StreamEnd => return Ok(self.used()),
                _ if self.used() == used && out.len() == had => return Err("truncated deflate stream"),
                _ => {}
            }
        }
    }

    /// Inflates at most `limit` bytes from the start of a stream, without looking at how it goes on.
    pub(crate) fn prefix(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), &'static str> {
        self.state.reset(true);
        self.chunk.resize(limit, 0);
        out.clear();
        while out.len() < limit {
            let (used, had) = (self.used(), out.len());
            let rest = input.get(used..).unwrap_or_default();
            let room = self.chunk.get_mut(..limit - had).unwrap_or_default();
            let status =
                self.state.decompress(rest, room, FlushDecompress::None).map_err(|_| "corrupt deflate stream")?;
            let got = (self.state.total_out() as usize).saturating_sub(had);
            out.extend_from_slice(self.chunk.get(..got).unwrap_or_default());
            if status == Status::StreamEnd || (self.used() == used && got == 0) {
                break;
            }
        }
        Ok(())
    }

    /// Like [`Inflater::exact`], but hands the data out in pieces, so that a large blob needs no memory.
    pub(crate) fn stream(
        &mut self,
        input: &[u8],
        size: u64,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<usize, &'static str> {
        self.state.reset(true);
        self.chunk.resize(CHUNK_BYTES, 0);
        loop {
            let (used, had) = (self.used(), self.state.total_out());
            let rest = input.get(used..).unwrap_or_default();
            let status = self.state.decompress(rest, &mut self.chunk, FlushDecompress::None);
            let status = status.map_err(|_| "corrupt deflate stream")?;
            let total = self.state.total_out();
            let got = (total - had) as usize;
            if total > size {
                return Err("object is larger than it declares");
            }
            sink(self.chunk.get(..got).unwrap_or_default());
            match status {
                Status::StreamEnd if total < size => return Err("object is smaller than it declares"),
                Status::StreamEnd => return Ok(self.used()),
                _ if self.used() == used && got == 0 => return Err("truncated deflate stream"),
                _ => {}
            }
        }
    }

    fn used(&self) -> usize {
        self.state.total_in() as usize
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn deflate(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn finds_the_end_of_the_stream() {
        let mut inflater = Inflater::new();
        for len in [0usize, 1, 4096, TRUSTED_BYTES, TRUSTED_BYTES + 1, 3 * TRUSTED_BYTES] {
            let data: Vec<u8> = (0..len).map(|i| ((i * i) >> 3) as u8).collect();
            let mut packed = deflate(&data);
            let end = packed.len();
            packed.extend_from_slice(b"next entry");
            let mut out = Vec::new();
            assert_eq!(inflater.exact(&packed, len as u64, &mut out), Ok(end));
            assert_eq!(out, data);
            let mut streamed = Vec::new();
            assert_eq!(inflater.stream(&packed, len as u64, |piece| streamed.extend_from_slice(piece)), Ok(end));
            assert_eq!(streamed, data);
            let prefix = len.min(20);
            inflater.prefix(&packed, 20, &mut out).unwrap();
            assert_eq!(out, data[..prefix]);
        }
    }

    #[test]
    fn lies_about_the_size_are_noticed() {
        let mut inflater = Inflater::new();
        let mut out = Vec::new();
        let packed = deflate(&[7; 100_000]);
        assert_eq!(inflater.exact(&packed, 99_999, &mut out), Err("object is larger than it declares"));
        assert_eq!(inflater.exact(&packed, 100_001, &mut out), Err("object is smaller than it declares"));
        for lie in [1 << 40, u64::MAX] {
            assert_eq!(inflater.exact(&packed, lie, &mut out), Err("object is smaller than it declares"));
        }
        assert!(out.capacity() < 1 << 20, "memory follows the data, not the claim: {}", out.capacity());
        assert_eq!(inflater.stream(&packed, 10, |_| ()), Err("object is larger than it declares"));
        assert_eq!(inflater.stream(&packed, 1 << 40, |_| ()), Err("object is smaller than it declares"));
        assert_eq!(inflater.exact(&packed[..packed.len() - 1], 100_000, &mut out), Err("truncated deflate stream"));
        assert_eq!(inflater.exact(b"garbage", 100_000, &mut out), Err("corrupt deflate stream"));
        let last = packed.len() - 1;
        let mut flipped = packed.clone();
        flipped[last] ^= 1;
        assert_eq!(inflater.exact(&flipped, 100_000, &mut out), Err("corrupt deflate stream"));
    }
}
