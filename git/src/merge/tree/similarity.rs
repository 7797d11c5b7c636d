//! Owns git's measure of how much of one file is found in another: both are cut into short pieces, equal pieces are counted. Refuses to pair
//! files. Called by [`super::detect`].
//!
//! Source: the behaviour of git 2.39 as its rename scores show it.

/// The score of equal contents.
pub(super) const MAX_SCORE: u64 = 60_000;

/// Pieces end at a newline, or at this length.
const PIECE_BYTES: u32 = 64;
/// Pieces are known by a number below this prime.
const NUMBERS: u32 = 107_927;

/// A file as a multiset of pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    /// Bytes of the file.
    size: u64,
    /// Number of a piece and bytes in all its occurrences, sorted by number.
    counts: Vec<(u32, u64)>,
}

impl Pieces {
    /// Cuts a file.
    pub(super) fn cut(content: &[u8]) -> Pieces {
        let is_text = !crate::merge::is_binary(content);
        let mut pieces: Vec<(u32, u64)> = Vec::new();
        let (mut low, mut high, mut length) = (0u32, 0u32, 0u32);
        let mut bytes = content.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            // Line ends of both kinds are one.
            if is_text && byte == b'\r' && bytes.peek() == Some(&b'\n') {
                continue;
            }
            let old = low;
            low = (low << 7) ^ (high >> 25);
            high = (high << 7) ^ (old >> 25);
            low = low.wrapping_add(u32::from(byte));
            length += 1;
            if length < PIECE_BYTES && byte != b'\n' {
                continue;
            }
            pieces.push((low.wrapping_add(high.wrapping_mul(0x61)) % NUMBERS, u64::from(length)));
            (low, high, length) = (0, 0, 0);
        }
        pieces.sort_unstable_by_key(|piece| piece.0);
        pieces.dedup_by(|next, kept| {
            let is_equal = next.0 == kept.0;
            if is_equal {
                kept.1 = kept.1.saturating_add(next.1);
            }
            is_equal
        });
        Pieces { size: content.len() as u64, counts: pieces }
    }

    /// How many different pieces there are.
    pub(super) fn len(&self) -> u64 {
        self.counts.len() as u64
    }

    /// How much of `other`, if that is the larger one, is found here: from 0 to [`MAX_SCORE`].
    pub(super) fn score(&self, other: &Pieces) -> u64 {
        let larger = self.size.max(other.size);
        let mut common = 0u64;
        let mut theirs = other.counts.iter().peekable();
        for (number, bytes) in &self.counts {
            while theirs.next_if(|piece| piece.0 < *number).is_some() {}
            if let Some((_, also)) = theirs.next_if(|piece| piece.0 == *number) {
                common = common.saturating_add(*bytes.min(also));
            }
        }
        common.saturating_mul(MAX_SCORE).checked_div(larger).unwrap_or(0)
    }
}

/// Whether sizes alone rule out that files are similar enough.
pub(super) fn is_too_different(left: u64, right: u64, minimum: u64) -> bool {
    let (larger, difference) = (left.max(right), left.abs_diff(right));
    larger.saturating_mul(MAX_SCORE.saturating_sub(minimum)) < difference.saturating_mul(MAX_SCORE)
}
