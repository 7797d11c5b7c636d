//! Owns the header of one pack entry: kind, declared size, base. Refuses to inflate. Called by readers and by the indexer.
//!
//! Source: gitformat-pack(5).

use crate::id::{ID_LEN, Kind, ObjectId, id_from_bytes};

/// How an entry is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The object itself, deflated.
    Full(Kind),
    /// A delta against the entry at an earlier offset of the same pack.
    OfsDelta {
        /// Offset of the base's entry; always smaller than the entry's own.
        base_offset: u64,
    },
    /// A delta against an object named by id.
    RefDelta {
        /// The base.
        base: ObjectId,
    },
}

/// The parsed header of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryHeader {
    /// How the entry is stored.
    pub kind: EntryKind,
    /// Declared size of the inflated data: of the object, or of the delta, not of its result.
    pub size: u64,
    /// Bytes of this header; the deflated data follows.
    pub len: usize,
}

impl EntryHeader {
    /// Parses the header at the start of `bytes`, of an entry that starts at `offset` of its pack.
    pub fn parse(bytes: &[u8], offset: u64) -> Result<EntryHeader, &'static str> {
        const TRUNCATED: &str = "truncated entry header";
        let mut input = bytes.iter().copied();
        let first = input.next().ok_or(TRUNCATED)?;
        let mut size = u64::from(first & 0x0f);
        let mut shift = 4u32;
        let mut more = first & 0x80 != 0;
        while more {
            let byte = input.next().ok_or(TRUNCATED)?;
            let part = u64::from(byte & 0x7f);
            if shift > 63 || (part << shift) >> shift != part {
                return Err("entry size overflows");
            }
            size |= part << shift;
            shift += 7;
            more = byte & 0x80 != 0;
        }
        let kind = match first >> 4 & 7 {
            1 => EntryKind::Full(Kind::Commit),
            2 => EntryKind::Full(Kind::Tree),
            3 => EntryKind::Full(Kind::Blob),
            4 => EntryKind::Full(Kind::Tag),
            6 => {
                let distance = parse_distance(&mut input)?;
                let base_offset = offset.checked_sub(distance).filter(|base| *base < offset);
                EntryKind::OfsDelta { base_offset: base_offset.ok_or("delta base offset is out of range")? }
            }
            7 => {
                let at = bytes.len() - input.len();
                let raw = bytes.get(at..).and_then(|rest| rest.get(..ID_LEN)).ok_or(TRUNCATED)?;
                let base = id_from_bytes(raw).ok_or(TRUNCATED)?;
                return Ok(EntryHeader { kind: EntryKind::RefDelta { base }, size, len: at + ID_LEN });
            }
            _ => return Err("unknown object type"),
        };
        Ok(EntryHeader { kind, size, len: bytes.len() - input.len() })
    }
}

/// Reads the backward distance of an offset delta.
fn parse_distance(input: &mut impl Iterator<Item = u8>) -> Result<u64, &'static str> {
    const TRUNCATED: &str = "truncated entry header";
    let mut byte = input.next().ok_or(TRUNCATED)?;
    let mut distance = u64::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = input.next().ok_or(TRUNCATED)?;
        distance = distance
            .checked_add(1)
            .filter(|d| d >> 57 == 0)
            .map(|d| d << 7 | u64::from(byte & 0x7f))
            .ok_or("delta base offset overflows")?;
    }
    Ok(distance)
}

/// Appends the header of an entry stored whole.
pub fn write_full_header(out: &mut Vec<u8>, kind: Kind, size: u64) {
    let code = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    write_type_and_size(out, code, size);
}

/// Appends the header of a delta whose base is named by id; `size` is that of the inflated delta.
pub fn write_ref_delta_header(out: &mut Vec<u8>, base: &ObjectId, size: u64) {
    write_type_and_size(out, 7, size);
    out.extend_from_slice(base.as_slice());
}

/// Appends the header of a delta whose base starts `distance` bytes before it; `size` is that of the inflated delta.
///
/// Shape: `distance` is at least 1.
pub fn write_ofs_delta_header(out: &mut Vec<u8>, distance: u64, size: u64) {
    write_type_and_size(out, 6, size);
    let mut reversed = [0u8; 10];
    let mut rest = distance;
    let mut len = 0;
    for slot in &mut reversed {
        *slot = (rest & 0x7f) as u8 | if len == 0 { 0 } else { 0x80 };
        len += 1;
        rest >>= 7;
        if rest == 0 {
            break;
        }
        rest -= 1;
    }
    out.extend(reversed.iter().take(len).rev());
}

fn write_type_and_size(out: &mut Vec<u8>, code: u8, size: u64) {
    let mut byte = code << 4 | (size & 0x0f) as u8;
    let mut rest = size >> 4;
    while rest != 0 {
        out.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.push(byte);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn headers_survive_a_round_trip(size: u64, offset in 1u64.., distance in 1u64.., raw: [u8; 20]) {
            let distance = distance % offset.min(1 << 56) + u64::from(distance % offset.min(1 << 56) == 0);
            let base = ObjectId::from(raw);
            let mut bytes = Vec::new();
            for kind in [Kind::Blob, Kind::Tree, Kind::Commit, Kind::Tag] {
                bytes.clear();
                write_full_header(&mut bytes, kind, size);
                let expected = EntryHeader { kind: EntryKind::Full(kind), size, len: bytes.len() };
                prop_assert_eq!(EntryHeader::parse(&bytes, offset), Ok(expected));
            }
            bytes.clear();
            write_ref_delta_header(&mut bytes, &base, size);
            let expected = EntryHeader { kind: EntryKind::RefDelta { base }, size, len: bytes.len() };
            prop_assert_eq!(EntryHeader::parse(&bytes, offset), Ok(expected));
            bytes.clear();
            write_ofs_delta_header(&mut bytes, distance, size);
            let expected = EntryKind::OfsDelta { base_offset: offset - distance };
            prop_assert_eq!(EntryHeader::parse(&bytes, offset), Ok(EntryHeader { kind: expected, size, len: bytes.len() }));
        }

        #[test]
        fn any_bytes_are_refused_or_parsed(bytes: Vec<u8>, offset: u64) {
            if let Ok(header) = EntryHeader::parse(&bytes, offset) {
                prop_assert!(header.len <= bytes.len());
            }
        }
    }

    #[test]
    fn bad_headers_are_refused() {
        assert_eq!(EntryHeader::parse(&[], 12), Err("truncated entry header"));
        assert_eq!(EntryHeader::parse(&[0xb0], 12), Err("truncated entry header"));
        assert_eq!(EntryHeader::parse(&[0x00], 12), Err("unknown object type"));
        assert_eq!(EntryHeader::parse(&[0x50], 12), Err("unknown object type"));
        assert_eq!(EntryHeader::parse(&[0x60, 0], 12), Err("delta base offset is out of range"));
        assert_eq!(EntryHeader::parse(&[0x60, 13], 12), Err("delta base offset is out of range"));
        assert_eq!(EntryHeader::parse(&[0x70, 1, 2], 12), Err("truncated entry header"));
        let mut endless = vec![0xb0];
        endless.extend([0xff; 11]);
        assert_eq!(EntryHeader::parse(&endless, 12), Err("entry size overflows"));
    }
}
