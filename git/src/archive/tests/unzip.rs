//! A strict reader of zips, for ours and git's.

use std::{collections::BTreeMap, io::Read};

/// Mode bits that matter and content of each entry, by name.
pub(crate) fn entries(zip: &[u8]) -> BTreeMap<Vec<u8>, (u32, Vec<u8>)> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes(zip[at..at + 2].try_into().unwrap()));
    let u32_at = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().unwrap()) as usize;
    let u64_at = |at: usize| u64::from_le_bytes(zip[at..at + 8].try_into().unwrap()) as usize;
    let end = zip.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    let (mut count, mut length, mut start) = (u16_at(end + 10), u32_at(end + 12), u32_at(end + 16));
    assert_eq!(end + 22 + u16_at(end + 20), zip.len());
    if end >= 20 && &zip[end - 20..end - 16] == b"PK\x06\x07" {
        let wide = u64_at(end - 12);
        assert_eq!(&zip[wide..wide + 4], b"PK\x06\x06");
        (count, length, start) = (u64_at(wide + 32), u64_at(wide + 40), u64_at(wide + 48));
    }
    let mut out = BTreeMap::new();
    let mut at = start;
    for _ in 0..count {
        assert_eq!(&zip[at..at + 4], b"PK\x01\x02");
        let (method, crc, stored, size) = (u16_at(at + 10), u32_at(at + 16), u32_at(at + 20), u32_at(at + 24));
        let (name_len, extra_len, comment_len) = (u16_at(at + 28), u16_at(at + 30), u16_at(at + 32));
        let name = zip[at + 46..at + 46 + name_len].to_vec();
        // Unix modes where the maker was Unix; git leaves them out where nothing is special.
        let mode = if zip[at + 5] == 3 { u32_at(at + 38) as u32 >> 16 } else { 0 };
        let local = u32_at(at + 42);
        assert_eq!(&zip[local..local + 4], b"PK\x03\x04");
        assert_eq!((u16_at(local + 8), u32_at(local + 14)), (method, crc));
        assert_eq!(zip[local + 10..local + 14], zip[at + 12..at + 16], "time");
        let data = local + 30 + u16_at(local + 26) + u16_at(local + 28);
        let raw = &zip[data..data + stored];
        let mut content = Vec::new();
        match method {
            0 => content.extend_from_slice(raw),
            _ => drop(flate2::read::DeflateDecoder::new(raw).read_to_end(&mut content).unwrap()),
        }
        assert_eq!((crc32fast::hash(&content) as usize, content.len()), (crc, size));
        let is_link = mode & 0o170_000 == 0o120_000;
        let is_executable = mode & 0o170_000 == 0o100_000 && mode & 0o111 != 0;
        out.insert(name, (u32::from(is_link) << 1 | u32::from(is_executable), content));
        at += 46 + name_len + extra_len + comment_len;
    }
    assert_eq!(at, start + length);
    out
}
