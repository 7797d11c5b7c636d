//! Owns making deltas: what of one object can be copied from another. Refuses to choose which objects to compare: that is [`super::compress()`]. The format is
//! that of [`crate::pack::delta`], which also applies the result; who stores a delta has applied it first.
//!
//! How: the base is cut into blocks of [`BLOCK`] bytes and a hash of each is remembered. A window of that size slides over the target; where its hash is
//! known and the bytes are equal, the match is made longer in both directions and becomes a copy; what lies between copies is inserted.

use std::collections::HashMap;

/// Length of the shortest match that is looked for.
const BLOCK: usize = 16;
/// Blocks of the base with the same hash that are tried; a base of equal blocks must not cost the square of its size.
const MAX_ALIKE: usize = 16;
/// Longest copy of one instruction.
const MAX_COPY: usize = 0xff_ffff;
/// Longest insertion of one instruction.
const MAX_INSERT: usize = 127;
/// Factor of the rolling hash; odd, so that nothing is lost.
const FACTOR: u32 = 0x0100_0193;
/// A match of this length is good enough to look no further.
const LONG_MATCH: usize = 4096;

/// A base, ready to be compared with.
#[derive(Debug)]
pub(crate) struct DeltaIndex {
    /// Starts of blocks by the hash of their bytes.
    blocks: HashMap<u32, Vec<u32>>,
}

impl DeltaIndex {
    /// Reads a base; `None` if it is too small or too large to copy from.
    pub(crate) fn new(base: &[u8]) -> Option<DeltaIndex> {
        if base.len() < BLOCK || u32::try_from(base.len()).is_err() {
            return None;
        }
        let mut blocks: HashMap<u32, Vec<u32>> = HashMap::with_capacity(base.len() / BLOCK);
        let mut last = None;
        for (start, block) in (0u32..).step_by(BLOCK).zip(base.as_chunks::<BLOCK>().0) {
            let hash = hash(block);
            // Of a run of equal blocks the first says everything.
            if last.replace(hash) == Some(hash) {
                continue;
            }
            let alike = blocks.entry(hash).or_default();
            if alike.len() < MAX_ALIKE {
                alike.push(start);
            }
        }
        Some(DeltaIndex { blocks })
    }

    /// About how much memory a base of this size takes with its index.
    pub(super) fn cost_bytes(base_len: u64) -> u64 {
        base_len.saturating_mul(5)
    }

    /// Makes a delta from the indexed `base` to `target`; `None` if it would be longer than `max_len`.
    pub(crate) fn delta(&self, base: &[u8], target: &[u8], max_len: usize) -> Option<Vec<u8>> {
        let mut out = Writer { out: Vec::new(), max_len };
        push_size(&mut out.out, base.len());
        push_size(&mut out.out, target.len());
        // Everything before this is written.
        let mut written = 0;
        let mut at = 0;
        let mut rolling = target.first_chunk::<BLOCK>().map(hash);
        while let Some(known) = rolling {
            let found = self.longest_match(base, target, known, at, written);
            match found {
                Some(found) => {
                    out.insert(target.get(written..found.target)?)?;
                    out.copy(found.base, found.len)?;
                    written = found.target + found.len;
                    at = written;
                    rolling = target.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()).map(hash);
                }
                None => {
                    rolling = target.get(at).zip(target.get(at + BLOCK)).map(|(old, new)| roll(known, *old, *new));
                    at += 1;
                    if at - written > max_len {
                        return None;
                    }
                }
            }
        }
        out.insert(target.get(written..)?)?;
        Some(out.out)
    }

    /// The longest match that covers `at`, not reaching back before `written`.
    fn longest_match(&self, base: &[u8], target: &[u8], hash: u32, at: usize, written: usize) -> Option<Match> {
        let mut best: Option<Match> = None;
        for start in self.blocks.get(&hash)? {
            let start = *start as usize;
            let forward = base.get(start..)?.iter().zip(target.get(at..)?).take_while(|(a, b)| a == b).count();
            if forward < BLOCK {
                continue;
            }
            let back = base.get(..start)?.iter().rev().zip(target.get(written..at)?.iter().rev());
            let back = back.take_while(|(a, b)| a == b).count();
            let len = forward + back;
            if best.is_none_or(|best| best.len < len) {
                best = Some(Match { base: start - back, target: at - back, len });
            }
            if len >= LONG_MATCH {
                break;
            }
        }
        best
    }
}

#[derive(Debug, Clone, Copy)]
struct Match {
    base: usize,
    target: usize,
    len: usize,
}

/// The hash of a window: a polynomial of its bytes.
fn hash(window: &[u8; BLOCK]) -> u32 {
    window.iter().fold(0, |sum, byte| sum.wrapping_mul(FACTOR).wrapping_add(value(*byte)))
}

/// The hash of the next window: one byte leaves in front, one comes behind.
fn roll(hash: u32, old: u8, new: u8) -> u32 {
    const OUT: u32 = FACTOR.wrapping_pow(BLOCK as u32 - 1);
    hash.wrapping_sub(value(old).wrapping_mul(OUT)).wrapping_mul(FACTOR).wrapping_add(value(new))
}

/// Zero bytes count, too.
fn value(byte: u8) -> u32 {
    u32::from(byte) + 1
}

struct Writer {
    out: Vec<u8>,
    max_len: usize,
}

impl Writer {
    fn insert(&mut self, data: &[u8]) -> Option<()> {
        for piece in data.chunks(MAX_INSERT) {
            self.out.push(piece.len() as u8);
            self.out.extend_from_slice(piece);
        }
        self.check()
    }

    fn copy(&mut self, mut from: usize, mut len: usize) -> Option<()> {
        while len > 0 {
            let piece = len.min(MAX_COPY);
            let at = self.out.len();
            self.out.push(0x80);
            let mut bits = 0x80u8;
            for (bit, byte) in u32::try_from(from).ok()?.to_le_bytes().into_iter().enumerate() {
                if byte != 0 {
                    bits |= 1 << bit;
                    self.out.push(byte);
                }
            }
            // A length of 0x10000 is written as none at all.
            let written = if piece == 0x1_0000 { 0 } else { piece as u32 };
            for (bit, byte) in written.to_le_bytes().into_iter().take(3).enumerate() {
                if byte != 0 {
                    bits |= 0x10 << bit;
                    self.out.push(byte);
                }
            }
            *self.out.get_mut(at)? = bits;
            from += piece;
            len -= piece;
        }
        self.check()
    }

    fn check(&self) -> Option<()> {
        (self.out.len() <= self.max_len).then_some(())
    }
}

fn push_size(out: &mut Vec<u8>, mut size: usize) {
    while size >= 0x80 {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pack::delta::apply;

    fn round_trip(base: &[u8], target: &[u8]) -> Option<usize> {
        let delta = DeltaIndex::new(base)?.delta(base, target, usize::MAX >> 1)?;
        let mut out = Vec::new();
        apply(base, &delta, &mut out).unwrap();
        assert_eq!(out, target);
        Some(delta.len())
    }

    #[test]
    fn a_small_change_is_a_small_delta() {
        let base: Vec<u8> = (0..4000u32).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let mut target = base.clone();
        target.splice(20_000..20_010, b"something else entirely".iter().copied());
        assert!(round_trip(&base, &target).unwrap() < 60);
        assert!(round_trip(&base, &base).unwrap() < 20);
        assert_eq!(DeltaIndex::new(&base).unwrap().delta(&base, b"nothing alike", 4), None);
    }

    #[test]
    fn large_copies_and_equal_blocks() {
        let zeros = vec![0u8; 1 << 20];
        let mut target = zeros.clone();
        target.extend_from_slice(b"tail");
        assert!(round_trip(&zeros, &target).unwrap() < 100);
        let noise: Vec<u8> = (0..0x1_0000u32 + 40).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for len in [0xffff, 0x1_0000, 0x1_0001, noise.len()] {
            let target = &noise[16..len.min(noise.len() - 16) + 16];
            assert!(round_trip(&noise, target).unwrap() < 40, "{len}");
        }
        assert!(DeltaIndex::new(b"short").is_none());
    }

    proptest! {
        #[test]
        fn what_is_made_applies(pieces in prop::collection::vec((0usize..40, 0usize..300), 1..20), base in prop::collection::vec(0u8..4, 16..2000)) {
            let mut target = Vec::new();
            for (kind, at) in pieces {
                let from = at % base.len();
                if kind % 4 == 0 {
                    target.extend((0..kind).map(|n| (n * at) as u8));
                } else {
                    target.extend_from_slice(&base[from..(from + kind * 7).min(base.len())]);
                }
            }
            prop_assert!(round_trip(&base, &target).is_some());
        }
    }
}
