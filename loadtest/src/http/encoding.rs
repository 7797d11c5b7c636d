//! Bodies that are encoded: gzip and deflate, decoded piece by piece.
//!
//! Owns which encodings are known and that a body which breaks off is an error. Called by `client`, when the command
//! line asked for encoded answers.

use std::io::Write as _;

use flate2::write::{GzDecoder, ZlibDecoder};

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Not at all.
    Plain,
    /// gzip.
    Gzip,
    /// zlib, which HTTP calls deflate.
    Deflate,
}

/// What a request that wants encoded answers says.
pub(crate) const ACCEPTED: &str = "deflate, gzip";

impl Encoding {
    /// Reads the value of `Content-Encoding`.
    ///
    /// Errors: an encoding that was not asked for.
    pub(crate) fn named(value: &[u8]) -> Result<Self, String> {
        match value {
            b"identity" => Ok(Self::Plain),
            b"gzip" | b"x-gzip" => Ok(Self::Gzip),
            b"deflate" => Ok(Self::Deflate),
            _ => Err(format!("content encoding `{}` is not known", value.escape_ascii())),
        }
    }
}

/// Decodes one body.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// gzip.
    Gzip(GzDecoder<Vec<u8>>),
    /// zlib.
    Deflate(ZlibDecoder<Vec<u8>>),
}

impl Decoder {
    /// The decoder of a body; none is needed for a plain one.
    pub(crate) fn new(encoding: Encoding) -> Option<Self> {
        match encoding {
            Encoding::Plain => None,
            Encoding::Gzip => Some(Self::Gzip(GzDecoder::new(Vec::new()))),
            Encoding::Deflate => Some(Self::Deflate(ZlibDecoder::new(Vec::new()))),
        }
    }

    /// Decodes the next piece into `out`, which is overwritten.
    ///
    /// Errors: damaged data.
    pub(crate) fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        out.clear();
        let written = match self {
            Self::Gzip(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Self::Deflate(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
        };
        written.map_err(|e| format!("the encoded body is damaged: {e}"))?;
        std::mem::swap(out, self.decoded());
        Ok(())
    }

    /// Decodes what is left once the body has ended.
    ///
    /// Errors: the encoded data has no end, or its checksum is wrong.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        out.clear();
        let ended = match self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Deflate(decoder) => decoder.try_finish(),
        };
        ended.map_err(|e| format!("the encoded body breaks off: {e}"))?;
        std::mem::swap(out, self.decoded());
        Ok(())
    }

    fn decoded(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    fn decode(encoding: Encoding, encoded: &[u8], step: usize) -> Result<Vec<u8>, String> {
        let mut decoder = Decoder::new(encoding).unwrap();
        let (mut whole, mut piece) = (Vec::new(), Vec::new());
        for bytes in encoded.chunks(step) {
            decoder.feed(bytes, &mut piece)?;
            whole.extend_from_slice(&piece);
        }
        decoder.finish(&mut piece)?;
        whole.extend_from_slice(&piece);
        Ok(whole)
    }

    #[test]
    fn decodes_in_any_steps_and_misses_no_cut() {
        let text = b"A line of a procedure.\n".repeat(40);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&text).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).unwrap();
        for (encoding, encoded) in
            [(Encoding::Gzip, gzip.finish().unwrap()), (Encoding::Deflate, zlib.finish().unwrap())]
        {
            for step in 1..=encoded.len() {
                assert_eq!(decode(encoding, &encoded, step).as_ref(), Ok(&text), "{encoding:?} in steps of {step}");
            }
            for cut in 0..encoded.len() {
                assert!(decode(encoding, &encoded[..cut], 9).is_err(), "{encoding:?} cut at {cut} was accepted");
            }
        }
        assert!(Encoding::named(b"br").is_err());
    }
}
