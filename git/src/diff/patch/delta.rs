//! Owns making a delta of two contents, for patches. Refuses to find a base. Called by [`super::binary`].
//!
//! Every sixteenth byte of the base starts a block; wherever a block of the target is one of these, the match is grown in both directions.

use std::{collections::HashMap, sync::atomic::AtomicBool};

use crate::{error::Result, walk::check_interrupt};

const BLOCK: usize = 16;
/// Most bytes that one copy instruction takes.
const MAX_COPY: usize = 0x1_0000;
/// Most bytes that one insert instruction holds.
const MAX_INSERT: usize = 0x7f;

/// Makes a delta, or nothing when it would reach `limit` bytes or either side is empty.
///
/// Errors: `Interrupted`.
pub(crate) fn create(base: &[u8], target: &[u8], limit: usize, interrupt: &AtomicBool) -> Result<Option<Vec<u8>>> {
    if base.is_empty() || target.is_empty() || u32::try_from(base.len()).is_err() {
        return Ok(None);
    }
    let mut blocks: HashMap<&[u8], usize> = HashMap::with_capacity(base.len() / BLOCK);
    for (at, block) in base.chunks_exact(BLOCK).enumerate() {
        blocks.entry(block).or_insert(at * BLOCK);
    }
    let mut out = Vec::new();
    put_size(base.len(), &mut out);
    put_size(target.len(), &mut out);
    let (mut done, mut at) = (0, 0);
    let mut looked = 0u32;
    while let Some(block) = target.get(at..at + BLOCK) {
        looked = looked.wrapping_add(1);
        if looked.is_multiple_of(1 << 14) {
            check_interrupt(interrupt)?;
        }
        let Some(found) = blocks.get(block) else {
            at += 1;
            continue;
        };
        let (old, new) = (base.get(..*found).unwrap_or_default(), target.get(done..at).unwrap_or_default());
        let back = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        let (old, new) = (base.get(*found..).unwrap_or_default(), target.get(at..).unwrap_or_default());
        let ahead = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        put_insert(target.get(done..at - back).unwrap_or_default(), &mut out);
        put_copy(found - back, back + ahead, &mut out);
        at += ahead;
        done = at;
        if out.len() >= limit {
            return Ok(None);
        }
    }
    put_insert(target.get(done..).unwrap_or_default(), &mut out);
    Ok(Some(out).filter(|delta| delta.len() < limit))
}

fn put_size(mut size: usize, out: &mut Vec<u8>) {
    while size >= 0x80 {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

fn put_insert(bytes: &[u8], out: &mut Vec<u8>) {
    for piece in bytes.chunks(MAX_INSERT) {
        out.push(piece.len() as u8);
        out.extend_from_slice(piece);
    }
}

fn put_copy(mut offset: usize, mut length: usize, out: &mut Vec<u8>) {
    while length > 0 {
        let size = length.min(MAX_COPY);
        let mut op = 0x80u8;
        let mut operands = Vec::with_capacity(7);
        for (bit, byte) in (offset as u32).to_le_bytes().into_iter().enumerate().filter(|(_, byte)| *byte != 0) {
            op |= 1 << bit;
            operands.push(byte);
        }
        // A size of zero stands for the largest.
        let encoded = if size == MAX_COPY { [0, 0] } else { (size as u16).to_le_bytes() };
        for (bit, byte) in encoded.into_iter().enumerate().filter(|(_, byte)| *byte != 0) {
            op |= 0x10 << bit;
            operands.push(byte);
        }
        out.push(op);
        out.extend_from_slice(&operands);
        offset += size;
        length -= size;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::create;
    use crate::{pack::delta::apply, testgit::Random};

    #[test]
    fn deltas_give_the_target() {
        let mut random = Random::new(7);
        for _ in 0..200 {
            let base: Vec<u8> = (0..random.below(200_000)).map(|at| (at / 977 * at % 251) as u8).collect();
            let mut target = Vec::new();
            for _ in 0..random.below(6) {
                let from = random.below(base.len() + 1);
                target.extend_from_slice(&base[from..from + random.below(base.len() - from + 1)]);
                target.extend((0..random.below(300)).map(|_| random.next() as u8));
            }
            if let Some(delta) = create(&base, &target, usize::MAX, &AtomicBool::new(false)).unwrap() {
                let mut out = Vec::new();
                apply(&base, &delta, &mut out).unwrap();
                assert!(out == target);
            } else {
                assert!(base.is_empty() || target.is_empty());
            }
        }
        assert_eq!(create(&[7; 4000], &[7; 3000], 4, &AtomicBool::new(false)).unwrap(), None);
    }
}
