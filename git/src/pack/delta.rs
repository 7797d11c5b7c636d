//! Owns the delta format: its header and its application, with every step checked. Refuses to find bases. Called by the object store and by
//! the indexer.

/// What memory is taken before the instructions have written that much.
const TRUSTED_BYTES: usize = 1 << 20;

const TOO_LARGE: &str = "delta result is too large";

/// The sizes that a delta declares at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaHeader {
    /// Size of the base it applies to.
    pub base_size: u64,
    /// Size of its result.
    pub result_size: u64,
    /// Bytes of this header; instructions follow.
    pub len: usize,
}

impl DeltaHeader {
    /// Parses the header at the start of an inflated delta; later bytes may be missing.
    pub fn parse(delta: &[u8]) -> Result<DeltaHeader, &'static str> {
        let mut input = delta.iter().copied();
        let base_size = parse_size(&mut input)?;
        let result_size = parse_size(&mut input)?;
        Ok(DeltaHeader { base_size, result_size, len: delta.len() - input.len() })
    }
}

fn parse_size(input: &mut impl Iterator<Item = u8>) -> Result<u64, &'static str> {
    let mut size = 0u64;
    let mut shift = 0u32;
    loop {
        let byte = input.next().ok_or("truncated delta header")?;
        let part = u64::from(byte & 0x7f);
        if shift > 63 || (part << shift) >> shift != part {
            return Err("delta size overflows");
        }
        size |= part << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok(size);
        }
    }
}

/// Applies an inflated delta to its base and puts the result into `out`, which is cleared first.
///
/// Shape: the caller has checked the declared result size against its limits; memory grows with what is really written.
pub fn apply(base: &[u8], delta: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    const TRUNCATED: &str = "truncated delta";
    const OVERRUN: &str = "delta writes more than it declares";
    let header = DeltaHeader::parse(delta)?;
    if header.base_size != base.len() as u64 {
        return Err("delta declares another base size");
    }
    let result_size = usize::try_from(header.result_size).map_err(|_| TOO_LARGE)?;
    out.clear();
    grow(out, result_size.min(TRUSTED_BYTES))?;
    let mut rest = delta.get(header.len..).unwrap_or_default();
    while let Some((&op, tail)) = rest.split_first() {
        rest = tail;
        let piece = if op & 0x80 != 0 {
            let mut offset = 0u32;
            let mut size = 0u32;
            for bit in 0..4 {
                if op & (1 << bit) != 0 {
                    offset |= u32::from(take(&mut rest).ok_or(TRUNCATED)?) << (8 * bit);
                }
            }
            for bit in 0..3 {
                if op & (0x10 << bit) != 0 {
                    size |= u32::from(take(&mut rest).ok_or(TRUNCATED)?) << (8 * bit);
                }
            }
            let size = if size == 0 { 0x10000 } else { size as usize };
            base.get(offset as usize..)
                .and_then(|from| from.get(..size))
                .ok_or("delta copies from outside of its base")?
        } else if op != 0 {
            let (piece, tail) = rest.split_at_checked(usize::from(op)).ok_or(TRUNCATED)?;
            rest = tail;
            piece
        } else {
            return Err("unknown delta instruction");
        };
        if piece.len() > result_size - out.len() {
            return Err(OVERRUN);
        }
        if piece.len() > out.capacity() - out.len() {
            grow(out, out.len().max(piece.len()).min(result_size - out.len()))?;
        }
        out.extend_from_slice(piece);
    }
    if out.len() == result_size { Ok(()) } else { Err("delta writes less than it declares") }
}

/// Makes room. A damaged pack on disk may declare anything; the allocator's refusal is an error like others.
fn grow(out: &mut Vec<u8>, bytes: usize) -> Result<(), &'static str> {
    out.try_reserve_exact(bytes).map_err(|_| TOO_LARGE)
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (byte, tail) = rest.split_first()?;
    *rest = tail;
    Some(*byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn copies_and_inserts() {
        let base = b"0123456789";
        // sizes 10 -> 7; copy 3 bytes from 2; insert "xy"; copy 2 bytes from 0.
        let delta = [10, 7, 0x91, 2, 3, 2, b'x', b'y', 0x90, 2];
        let mut out = Vec::new();
        apply(base, &delta, &mut out).unwrap();
        assert_eq!(out, b"234xy01");
    }

    #[test]
    fn lies_are_refused() {
        let mut out = Vec::new();
        let mut fault = |delta: &[u8]| apply(b"0123456789", delta, &mut out).unwrap_err();
        assert_eq!(fault(&[]), "truncated delta header");
        assert_eq!(fault(&[9, 1, 0x90, 1]), "delta declares another base size");
        assert_eq!(fault(&[10, 1, 0x91, 10, 1]), "delta copies from outside of its base");
        assert_eq!(fault(&[10, 1, 0x90, 2]), "delta writes more than it declares");
        assert_eq!(fault(&[10, 3, 0x90, 2]), "delta writes less than it declares");
        assert_eq!(fault(&[10, 3, 0]), "unknown delta instruction");
        assert_eq!(fault(&[10, 3, 5, 1]), "truncated delta");
        assert_eq!(fault(&[10, 3, 0x91]), "truncated delta");
        assert_eq!(fault(&[10, 3, 0x80]), "delta copies from outside of its base");
        assert_eq!(fault(&[0xff; 12]), "delta size overflows");
        assert_eq!(
            fault(&[10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x90, 1]),
            "delta writes less than it declares"
        );
    }

    #[test]
    fn memory_follows_the_result_and_not_the_claim() {
        let mut out = Vec::new();
        let base = vec![7; 0x10000];
        let mut delta = vec![0x80, 0x80, 0x04, 0x80, 0x80, 0x80, 0x80, 0x40];
        delta.extend([0x80; 64]);
        assert_eq!(apply(&base, &delta, &mut out), Err("delta writes less than it declares"));
        assert_eq!(out.len(), 64 << 16);
        assert!(out.capacity() <= 8 << 20, "{}", out.capacity());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_applied(base: Vec<u8>, ops: Vec<u8>, size in 0u8..128) {
            let mut delta = vec![(base.len() % 128) as u8, size];
            delta.extend(ops);
            let base = base.get(..base.len() % 128).unwrap_or_default();
            let mut out = Vec::new();
            if apply(base, &delta, &mut out).is_ok() {
                prop_assert_eq!(out.len(), usize::from(size));
            }
        }
    }
}
