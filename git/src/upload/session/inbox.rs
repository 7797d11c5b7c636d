//! Cuts the client's stream into messages.
//!
//! Owns the bytes that were received and not answered, bounded by the largest request. A message ends with a flush packet and,
//! while haves are awaited, with the line `done`. Called by `session`.

use crate::{
    error::{Error, Result},
    pktline::{self, Decoded, Packet},
};

/// Received bytes and how far they have been looked at.
pub(super) struct Inbox {
    limit: u64,
    bytes: Vec<u8>,
    scanned: usize,
    found: Found,
}

enum Found {
    /// The message goes on.
    Open,
    /// It ends here.
    End(usize),
    /// It cannot be one.
    Broken(Error),
}

impl Inbox {
    pub(super) fn new(limit: u64) -> Self {
        Inbox { limit, bytes: Vec::new(), scanned: 0, found: Found::Open }
    }

    /// Adds bytes. After a broken packet nothing is kept any more.
    pub(super) fn push(&mut self, bytes: &[u8], ends_with_done: bool) {
        if matches!(self.found, Found::Broken(_)) {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        if matches!(self.found, Found::Open) {
            self.scan(ends_with_done);
        }
    }

    /// Whether a message, or the reason why there is none, can be taken.
    pub(super) fn is_ready(&self) -> bool {
        !matches!(self.found, Found::Open)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes the message with its last packet; `None` while it goes on.
    pub(super) fn take(&mut self) -> Result<Option<Vec<u8>>> {
        match std::mem::replace(&mut self.found, Found::Open) {
            Found::Open => Ok(None),
            Found::Broken(error) => Err(error),
            Found::End(end) => {
                let rest = self.bytes.split_off(end.min(self.bytes.len()));
                self.scanned = 0;
                Ok(Some(std::mem::replace(&mut self.bytes, rest)))
            }
        }
    }

    /// Looks for a message in what is left after one was taken.
    pub(super) fn look_again(&mut self, ends_with_done: bool) {
        if matches!(self.found, Found::Open) {
            self.scan(ends_with_done);
        }
    }

    fn scan(&mut self, ends_with_done: bool) {
        loop {
            let rest = self.bytes.get(self.scanned..).unwrap_or_default();
            match pktline::decode(rest) {
                Ok(Decoded::Complete(packet, consumed)) => {
                    self.scanned = self.scanned.saturating_add(consumed);
                    let is_done = ends_with_done && packet.text() == Some(b"done");
                    if packet == Packet::Flush || is_done {
                        self.found = Found::End(self.scanned);
                        break;
                    }
                }
                Ok(Decoded::Incomplete(_)) => break,
                Err(error) => {
                    self.break_off(error);
                    return;
                }
            }
        }
        let len = match self.found {
            Found::End(end) => end,
            Found::Open | Found::Broken(_) => self.bytes.len(),
        };
        if len as u64 > self.limit {
            self.break_off(Error::TooLarge { what: "size of the request", limit: self.limit });
        }
    }

    fn break_off(&mut self, error: Error) {
        self.bytes = Vec::new();
        self.scanned = 0;
        self.found = Found::Broken(error);
    }
}
