//! Owns how similar two files are: the share of bytes in pieces (lines, or 64 bytes of a longer one) that both have. Refuses anything but
//! regular files. Called by [`super`].

use std::{collections::HashMap, rc::Rc};

use super::{MAX_SCORE, TreeOptions};
use crate::{
    diff::{change::File, content::is_binary},
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
};

/// Longest piece.
const PIECE_BYTES: u32 = 64;
/// Pieces are counted by hash; git's modulus, because collisions count as equality.
const HASH_BASE: u32 = 107_927;
/// Tables of pieces are kept up to so many entries together (8 bytes each); more are made again.
const MAX_KEPT_ENTRIES: usize = 4 << 20;

/// Bytes by hash of their piece, sorted by hash.
type Pieces = Rc<[(u32, u32)]>;

/// Compares files, and remembers what it read.
pub(super) struct Estimator<'a> {
    odb: &'a Snapshot,
    max_bytes: u64,
    counts_last_piece: bool,
    sizes: HashMap<ObjectId, u64>,
    kept: HashMap<ObjectId, Pieces>,
    kept_entries: usize,
    data: Vec<u8>,
}

impl<'a> Estimator<'a> {
    pub(super) fn new(odb: &'a Snapshot, options: &TreeOptions) -> Self {
        Estimator {
            odb,
            max_bytes: options.max_blob_bytes,
            counts_last_piece: options.counts_last_piece,
            sizes: HashMap::new(),
            kept: HashMap::new(),
            kept_entries: 0,
            data: Vec::new(),
        }
    }

    /// How much of the larger file both have in common.
    ///
    /// Units: parts of [`MAX_SCORE`]; zero when the sizes alone keep it below `min_score`.
    pub(super) fn score(&mut self, before: &File, after: &File, min_score: u32) -> Result<u32> {
        if !before.mode.is_regular() || !after.mode.is_regular() {
            return Ok(0);
        }
        let (a, b) = (self.size(&before.id)?, self.size(&after.id)?);
        let (small, large) = (a.min(b), a.max(b));
        let differing = u128::from(large - small) * u128::from(MAX_SCORE);
        if u128::from(large) * u128::from(MAX_SCORE.saturating_sub(min_score)) < differing || large > self.max_bytes {
            return Ok(0);
        }
        let (from, to) = (self.pieces(&before.id)?, self.pieces(&after.id)?);
        let score = u128::from(common(&from, &to)) * u128::from(MAX_SCORE);
        Ok(score.checked_div(u128::from(large)).filter(|_| b > 0).unwrap_or(0) as u32)
    }

    fn size(&mut self, id: &ObjectId) -> Result<u64> {
        if let Some(size) = self.sizes.get(id) {
            return Ok(*size);
        }
        let (_, size) = self.odb.header(id)?.ok_or(Error::Lost { id: *id })?;
        self.sizes.insert(*id, size);
        Ok(size)
    }

    fn pieces(&mut self, id: &ObjectId) -> Result<Pieces> {
        if let Some(pieces) = self.kept.get(id) {
            return Ok(pieces.clone());
        }
        self.odb.find(id, &mut self.data)?.ok_or(Error::Lost { id: *id })?;
        let pieces: Pieces = count(&self.data, self.counts_last_piece).into();
        if self.kept_entries + pieces.len() <= MAX_KEPT_ENTRIES {
            self.kept_entries += pieces.len();
            self.kept.insert(*id, pieces.clone());
        }
        Ok(pieces)
    }
}

/// Counts the bytes of a file by the hash of the piece they are in.
fn count(data: &[u8], counts_last_piece: bool) -> Vec<(u32, u32)> {
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
    pieces
}

/// The bytes that both have, piece by piece.
fn common(a: &[(u32, u32)], b: &[(u32, u32)]) -> u64 {
    let mut others = b.iter().copied().peekable();
    let mut sum = 0u64;
    for (hash, bytes) in a {
        while others.next_if(|(other, _)| other < hash).is_some() {}
        if let Some((_, other)) = others.next_if(|(other, _)| other == hash) {
            sum += u64::from((*bytes).min(other));
        }
    }
    sum
}
