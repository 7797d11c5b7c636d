//! Reads git request bodies: bounded and gunzipped.
//!
//! Owns limits on size; a silent client is `connection::body`'s concern. Knows nothing of what the bytes mean. Called by the git
//! handlers.

use std::io::{self, Write};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::write::GzDecoder;
use http_body_util::BodyExt;

use crate::http::body_memory::Lease;
use crate::transport::pace::Pace;

/// Compressed bytes handed to the decoder at once: bounds what one call can inflate to about 4 MiB.
const GZIP_STEP_BYTES: usize = 4 * 1024;

/// What a decoder holds while its body arrives, a window of 32 KiB and tables.
const DECODER_BYTES: usize = 48 * 1024;

/// Why a request body could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// More bytes than allowed, after decompression.
    #[error("request body exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The limit in force, bytes.
        limit: u64,
    },
    /// The client broke off or fell silent, or sent broken framing or compression.
    #[error("request body broke off or is malformed")]
    Broken(#[source] io::Error),
    /// Bodies take too much memory already, or this one came too slowly.
    #[error(transparent)]
    Refused(crate::error::Error),
    /// A `Content-Encoding` other than gzip or identity.
    #[error("unsupported content encoding")]
    Encoding,
}

/// A request body as a sequence of decoded chunks.
pub(super) struct BodyReader {
    body: Body,
    decoder: Option<GzDecoder<Vec<u8>>>,
    /// Compressed bytes received but not decoded yet.
    undecoded: Bytes,
    decoded_bytes: u64,
    limit_bytes: u64,
}

impl BodyReader {
    /// Wraps a body; `encoding` is the `Content-Encoding` header.
    ///
    /// Units: `limit_bytes` counts decoded bytes.
    /// Errors: `Encoding` for anything but gzip.
    pub(super) fn new(body: Body, encoding: Option<&str>, limit_bytes: u64) -> Result<Self, BodyError> {
        let decoder = match encoding.map(str::trim) {
            None | Some("" | "identity") => None,
            Some("gzip" | "x-gzip") => Some(GzDecoder::new(Vec::new())),
            Some(_) => return Err(BodyError::Encoding),
        };
        Ok(Self { body, decoder, undecoded: Bytes::new(), decoded_bytes: 0, limit_bytes })
    }

    /// Answers the next decoded bytes, or `None` at the end of the body.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            let chunk = match self.decode_step()? {
                Some(decoded) => decoded,
                None => match self.receive().await? {
                    None => return self.end(),
                    Some(bytes) if self.decoder.is_some() => {
                        self.undecoded = bytes;
                        continue;
                    }
                    Some(bytes) => bytes,
                },
            };
            if chunk.is_empty() {
                continue;
            }
            self.decoded_bytes += chunk.len() as u64;
            if self.decoded_bytes > self.limit_bytes {
                return Err(BodyError::TooLarge { limit: self.limit_bytes });
            }
            return Ok(Some(chunk));
        }
    }

    /// Collects what is left into memory, as far as `lease` allows.
    pub(super) async fn collect(mut self, lease: &mut Lease) -> Result<Bytes, BodyError> {
        let mut all = BytesMut::new();
        let decoder_bytes = if self.decoder.is_some() { DECODER_BYTES } else { 0 };
        lease.grow_to(decoder_bytes).map_err(BodyError::Refused)?;
        while let Some(chunk) = self.next().await? {
            lease.grow_to(decoder_bytes + all.len() + chunk.len()).map_err(BodyError::Refused)?;
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Reads and forgets the rest, so that a client that is still sending can be told why it was refused.
    ///
    /// Errors: `TooLarge` when more than `most_bytes` came.
    pub(super) async fn discard(mut self, most_bytes: u64, pace: &mut Pace) -> Result<(), BodyError> {
        self.decoder = None;
        self.undecoded = Bytes::new();
        let mut seen = 0u64;
        while let Some(bytes) = pace.wait(self.receive()).await.map_err(BodyError::Refused)?? {
            pace.note(bytes.len());
            seen += bytes.len() as u64;
            if seen > most_bytes {
                return Err(BodyError::TooLarge { limit: most_bytes });
            }
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(BodyError::Broken(io::Error::other(error))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Decodes one step of what was received; `None` when there is nothing to decode.
    fn decode_step(&mut self) -> Result<Option<Bytes>, BodyError> {
        let Some(decoder) = self.decoder.as_mut() else { return Ok(None) };
        if self.undecoded.is_empty() {
            return Ok(None);
        }
        let step = self.undecoded.split_to(self.undecoded.len().min(GZIP_STEP_BYTES));
        decoder.write_all(&step).map_err(BodyError::Broken)?;
        Ok(Some(std::mem::take(decoder.get_mut()).into()))
    }

    fn end(&mut self) -> Result<Option<Bytes>, BodyError> {
        let Some(mut decoder) = self.decoder.take() else { return Ok(None) };
        decoder.try_finish().map_err(BodyError::Broken)?;
        let rest = std::mem::take(decoder.get_mut());
        self.decoded_bytes += rest.len() as u64;
        if self.decoded_bytes > self.limit_bytes {
            return Err(BodyError::TooLarge { limit: self.limit_bytes });
        }
        Ok(Some(Bytes::from(rest)).filter(|bytes| !bytes.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    async fn collect(reader: BodyReader) -> Result<Bytes, BodyError> {
        let memory = crate::http::body_memory::BodyMemory::new(64 << 20);
        reader.collect(&mut memory.lease(crate::access::Client::Unknown)).await
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn plain_and_gzip_bodies_are_the_same() {
        let text: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        let plain = BodyReader::new(Body::from(text.clone()), None, 1 << 20).unwrap();
        assert_eq!(collect(plain).await.unwrap(), text);
        let packed = BodyReader::new(Body::from(gzip(&text)), Some("gzip"), 1 << 20).unwrap();
        assert_eq!(collect(packed).await.unwrap(), text);
    }

    #[tokio::test]
    async fn a_gzip_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0u8; 64 << 20]);
        let reader = BodyReader::new(Body::from(bomb), Some("x-gzip"), 1 << 20).unwrap();
        assert!(matches!(collect(reader).await, Err(BodyError::TooLarge { limit: 1_048_576 })));
    }

    #[tokio::test]
    async fn truncated_gzip_is_broken() {
        let mut bytes = gzip(b"want something");
        bytes.truncate(bytes.len() - 6);
        let reader = BodyReader::new(Body::from(bytes), Some("gzip"), 1 << 20).unwrap();
        assert!(matches!(collect(reader).await, Err(BodyError::Broken(_))));
    }

    #[tokio::test]
    async fn other_encodings_are_refused() {
        assert!(matches!(BodyReader::new(Body::empty(), Some("br"), 1), Err(BodyError::Encoding)));
    }
}
