//! Packets out of a stream that arrives in pieces.

use crate::error::Result;
use crate::fetch::broke;
use crate::pktline::{self, Decoded, Packet};

/// Received bytes that have not been understood yet: never more than a packet and what came with its last bytes.
#[derive(Debug, Default)]
pub(super) struct Feed {
    bytes: Vec<u8>,
}

impl Feed {
    /// Hands each complete packet on, in order.
    ///
    /// Errors: `Remote` for what is no packet; those of `take`, after which the feed must not be used any more.
    pub(super) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(Packet<'_>) -> Result<()>) -> Result<()> {
        self.bytes.extend_from_slice(bytes);
        let mut done = 0;
        loop {
            let rest = self.bytes.get(done..).unwrap_or_default();
            match pktline::decode(rest).map_err(|_| broke("sent what is no packet of git"))? {
                Decoded::Complete(packet, len) => {
                    take(packet)?;
                    done = done.saturating_add(len);
                }
                Decoded::Incomplete(_) => break,
            }
        }
        self.bytes.drain(..done.min(self.bytes.len()));
        Ok(())
    }

    /// Whether nothing is left over.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
