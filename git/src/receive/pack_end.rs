//! Finding the end of a pack in a stream that stays open behind it.
//!
//! Owns the one question: is this all? A pack ends with the SHA-1 of everything before it, and a client that waits for our report
//! sends nothing after it, so whenever the stream pauses the last twenty bytes either are that hash or the pack goes on. This costs
//! one hash over the stream instead of inflating it a second time. Refuses to validate: what calls itself a pack is indexed later, with
//! collision detection. Called by transports whose streams have no length (SSH).
//! Source: gitformat-pack(5).

use sha1::{Digest, Sha1};

use crate::id::ID_LEN;

/// Bytes of the smallest pack: header and trailer.
const SMALLEST: u64 = 12 + ID_LEN as u64;

/// Follows one pack as it arrives.
///
/// Shape: a stream that does not begin like a pack ends at once, so that its client gets to the report.
pub struct PackEnd {
    hash: Sha1,
    /// The last bytes, at most as many as a trailer has; not hashed yet.
    tail: Vec<u8>,
    start: Vec<u8>,
    bytes: u64,
}

impl Default for PackEnd {
    fn default() -> Self {
        Self::new()
    }
}

impl PackEnd {
    /// Starts before the first byte.
    pub fn new() -> Self {
        PackEnd { hash: Sha1::new(), tail: Vec::with_capacity(ID_LEN * 2), start: Vec::new(), bytes: 0 }
    }

    /// Takes the next bytes; true when the pack ends with the last of them.
    pub fn push(&mut self, chunk: &[u8]) -> bool {
        self.bytes = self.bytes.saturating_add(chunk.len() as u64);
        let missing = 4_usize.saturating_sub(self.start.len());
        self.start.extend(chunk.iter().take(missing));
        if chunk.len() >= ID_LEN {
            self.hash.update(&self.tail);
            let (body, tail) = chunk.split_at(chunk.len().saturating_sub(ID_LEN));
            self.hash.update(body);
            self.tail.clear();
            self.tail.extend_from_slice(tail);
        } else {
            self.tail.extend_from_slice(chunk);
            let settled = self.tail.len().saturating_sub(ID_LEN);
            self.hash.update(self.tail.get(..settled).unwrap_or_default());
            self.tail.drain(..settled);
        }
        if !b"PACK".starts_with(&self.start) {
            return true;
        }
        self.bytes >= SMALLEST && self.hash.clone().finalize().as_slice() == self.tail.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(body: &[u8]) -> Vec<u8> {
        let mut bytes = b"PACK\0\0\0\x02\0\0\0\0".to_vec();
        bytes.extend_from_slice(body);
        let trailer = Sha1::digest(&bytes);
        bytes.extend_from_slice(trailer.as_slice());
        bytes
    }

    #[test]
    fn the_end_is_found_whatever_the_pieces() {
        for body in [&b""[..], &[7; 1], &[9; 19], &[3; 100_000]] {
            let bytes = pack(body);
            for size in [1, 2, 3, 19, 20, 21, 4096, bytes.len()] {
                let mut end = PackEnd::new();
                let ends: Vec<bool> = bytes.chunks(size).map(|chunk| end.push(chunk)).collect();
                assert_eq!(ends.iter().position(|end| *end), Some(ends.len() - 1), "{} by {size}", bytes.len());
            }
        }
    }

    #[test]
    fn a_damaged_pack_has_no_end_and_something_else_ends_at_once() {
        let mut bytes = pack(b"abc");
        bytes[13] ^= 1;
        assert!(!PackEnd::new().push(&bytes));
        assert!(PackEnd::new().push(b"HTTP/1.1 400 Bad Request"));
        let mut end = PackEnd::new();
        assert!(!end.push(b"PA"));
        assert!(end.push(b"X"));
    }
}
