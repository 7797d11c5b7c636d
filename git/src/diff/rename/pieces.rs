//! Owns git's measure of how much two files have in common: both are cut into lines, or 64 bytes of a longer one, and the bytes of equal
//! pieces are counted. Pure. Called by [`super::similarity`].
//!
//! Source: gitdiffcore(7); the scores that git 2.39 to 2.52 print.

use super::MAX_SCORE;
use crate::diff::content::is_binary;

/// Longest piece.
const PIECE_BYTES: u32 = 64;
/// Pieces are counted by hash; git's modulus, because collisions count as equality.
const HASH_BASE: u32 = 107_927;

/// A file as a multiset of pieces.
///
/// Shape: bytes in all occurrences of a piece by its hash, sorted by hash.
#[derive(Debug)]
pub(super) struct Pieces(Box<[(u32, u32)]>);

impl Pieces {
    /// Cuts a file. `counts_last_piece` as in [`crate::diff::TreeOptions`].
    pub(super) fn cut(data: &[u8], counts_last_piece: bool) -> Pieces {
        let is_text = !is_binary(data);
        let mut pieces: Vec<(u32, u32)> = Vec::new();
        let (mut high, mut low, mut length) = (0u32, 0u32, 0u32);
        let hash = |high: u32, low: u32| high.wrapping_add(low.wrapping_mul(0x61)) % HASH_BASE;
        let mut bytes = data.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            // In text, line ends of both worlds are equal.
            if is_text && byte == b'\r' && bytes.peek() == Some(&b'\n') {
                continue;
            }
            (high, low) = ((high << 7) ^ (low >> 25), (low << 7) ^ (high >> 25));
            high = high.wrapping_add(u32::from(byte));
            length += 1;
            if length < PIECE_BYTES && byte != b'\n' {
                continue;
            }
            pieces.push((hash(high, low), length));
            (high, low, length) = (0, 0, 0);
        }
        if length > 0 && counts_last_piece {
            pieces.push((hash(high, low), length));
        }
        pieces.sort_unstable_by_key(|(hash, _)| *hash);
        pieces.dedup_by(|next, kept| {
            let is_equal = next.0 == kept.0;
            if is_equal {
                kept.1 = kept.1.saturating_add(next.1);
            }
            is_equal
        });
        Pieces(pieces.into())
    }

    /// How many different pieces there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes that both have, piece by piece.
    pub(super) fn common(&self, other: &Pieces) -> u64 {
        let mut others = other.0.iter().copied().peekable();
        let mut sum = 0u64;
        for (hash, bytes) in &self.0 {
            while others.next_if(|(other, _)| other < hash).is_some() {}
            if let Some((_, other)) = others.next_if(|(other, _)| other == hash) {
                sum += u64::from((*bytes).min(other));
            }
        }
        sum
    }
}

/// Whether sizes alone rule out a score of `minimum`.
pub(super) fn is_too_different(left: u64, right: u64, minimum: u32) -> bool {
    let (larger, difference) = (u128::from(left.max(right)), u128::from(left.abs_diff(right)));
    larger * u128::from(MAX_SCORE.saturating_sub(minimum)) < difference * u128::from(MAX_SCORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_bytes_of_common_lines() {
        let common = |a: &[u8], b: &[u8]| Pieces::cut(a, true).common(&Pieces::cut(b, true));
        assert_eq!(common(b"one\ntwo\nthree\n", b"two\nfour\none\n"), 8);
        assert_eq!(common(b"one\r\ntwo\r\n", b"one\ntwo\n"), 8);
        assert_eq!(common(b"\0one\r\n", b"\0one\n"), 0);
        assert_eq!(common(b"", b"x"), 0);
        let long = [7_u8; 200];
        assert_eq!(common(&long, &long[..130]), 128);
        assert_eq!(common(b"one\nend", b"two\nend"), 3);
        assert_eq!(Pieces::cut(b"one\nend", false).common(&Pieces::cut(b"two\nend", false)), 0);
    }

    #[test]
    fn sizes_rule_out_what_cannot_be_similar() {
        assert!(is_too_different(10, 21, MAX_SCORE / 2) && is_too_different(21, 10, MAX_SCORE / 2));
        assert!(!is_too_different(10, 20, MAX_SCORE / 2) && !is_too_different(0, 0, MAX_SCORE));
        assert!(is_too_different(u64::MAX, 1, MAX_SCORE / 2));
    }
}
