//! Owns how much of one file is found in another: bytes of equal lines, counted by a hash of each line or of 64 bytes of a longer one, as git
//! estimates it. Called by [`super`].

use std::collections::HashMap;

/// The score of files that are the same.
pub(super) const MAX_SCORE: u64 = 60_000;
/// Number of different line hashes.
const HASH_BASE: u32 = 107_927;
const MAX_PIECE: usize = 64;
/// Files with a zero byte among the first ones are no text.
const BINARY_LOOK: usize = 8000;

/// Bytes of a file by the hash of their line.
#[derive(Debug)]
pub(super) struct Fingerprint(HashMap<u32, u64>);

impl Fingerprint {
    pub(super) fn new(data: &[u8]) -> Fingerprint {
        let is_text = !data.iter().take(BINARY_LOOK).any(|byte| *byte == 0);
        let mut counts = HashMap::new();
        let (mut first, mut second, mut len) = (0_u32, 0_u32, 0_usize);
        let mut bytes = data.iter().peekable();
        while let Some(byte) = bytes.next() {
            if is_text && *byte == b'\r' && bytes.peek() == Some(&&b'\n') {
                continue;
            }
            let before = first;
            first = (first << 7 ^ second >> 25).wrapping_add(u32::from(*byte));
            second = second << 7 ^ before >> 25;
            len = len.saturating_add(1);
            if (len < MAX_PIECE && *byte != b'\n') && bytes.peek().is_some() {
                continue;
            }
            let hash = first.wrapping_add(second.wrapping_mul(0x61)) % HASH_BASE;
            let count: &mut u64 = counts.entry(hash).or_default();
            *count = count.saturating_add(len as u64);
            (first, second, len) = (0, 0, 0);
        }
        Fingerprint(counts)
    }

    /// Bytes of this file that the other has too.
    pub(super) fn common(&self, other: &Fingerprint) -> u64 {
        self.0.iter().map(|(hash, count)| other.0.get(hash).map_or(0, |theirs| *count.min(theirs))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_bytes_of_common_lines() {
        let common = |a: &[u8], b: &[u8]| Fingerprint::new(a).common(&Fingerprint::new(b));
        assert_eq!(common(b"one\ntwo\nthree\n", b"two\nfour\none\n"), 8);
        assert_eq!(common(b"one\r\ntwo\r\n", b"one\ntwo\n"), 8);
        assert_eq!(common(b"\0one\r\n", b"\0one\n"), 0);
        assert_eq!(common(b"", b"x"), 0);
        let long = [7_u8; 200];
        assert_eq!(common(&long, &long[..130]), 128);
    }
}
