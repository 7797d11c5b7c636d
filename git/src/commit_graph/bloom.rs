//! Owns changed-path Bloom filters: hashing of paths as git does it, building a filter and asking one. Refuses to find out what changed
//! (that is [`super::changed_paths`]). Called by the reader and the writer.
//!
//! Source: gitformat-commit-graph(5), Bloom filter chunks. Version 1 hashes bytes above 127 as negative numbers where `char` is signed, so a
//! filter of version 1 says nothing certain of such paths; git has the same trouble and the reader here does not ask.

use super::{CommitGraph, number};

/// Bytes in front of the filters: version, number of hashes, bits per entry.
pub(super) const HEADER_LEN: usize = 12;
/// More changed paths than this make a filter that says "maybe" to everything.
pub(super) const MAX_CHANGED_PATHS: usize = 512;
const SEEDS: [u32; 2] = [0x293a_e76f, 0x7e64_6e2c];
/// More than anybody uses; bounds the work for one question.
const MAX_HASHES: u32 = 64;

/// How the filters of a file were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) version: u32,
    pub(super) hashes: u32,
    pub(super) bits_per_entry: u32,
}

impl Settings {
    /// What git uses, and what is written here.
    pub(super) const DEFAULT: Settings = Settings { version: 1, hashes: 7, bits_per_entry: 10 };
}

/// Reads the settings of a file whose filters can be used: the index grows and ends within the data.
pub(super) fn read_settings(graph: &CommitGraph) -> Option<Settings> {
    let index = graph.bytes.get(graph.chunks.bloom_index.clone()?)?;
    let data = graph.bytes.get(graph.chunks.bloom_data.clone()?)?;
    let settings = Settings { version: number(data, 0)?, hashes: number(data, 4)?, bits_per_entry: number(data, 8)? };
    let is_known = matches!(settings.version, 1 | 2) && (1..=MAX_HASHES).contains(&settings.hashes);
    let mut before = 0;
    for raw in index.chunks_exact(4) {
        let end = number(raw, 0)?;
        if end < before {
            return None;
        }
        before = end;
    }
    let is_inside = before as usize <= data.len().checked_sub(HEADER_LEN)?;
    (is_known && is_inside).then_some(settings)
}

/// What a filter says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathVerdict {
    /// The commit does not change the path against its first parent.
    No,
    /// It may; or there is no filter.
    Maybe,
}

/// A path prepared for many questions: the hashes of it and of its leading directories.
#[derive(Debug, Clone)]
pub(crate) struct PathKey {
    /// For version 1, only of names that both ways of hashing treat alike.
    plain: Vec<[u32; 2]>,
    /// For version 2.
    all: Vec<[u32; 2]>,
}

impl PathKey {
    /// Prepares a path without slashes at its ends.
    pub(crate) fn new(path: &[u8]) -> PathKey {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let parts: Vec<&[u8]> =
            ends.chain([path.len()]).filter_map(|end| path.get(..end)).filter(|part| !part.is_empty()).collect();
        let plain = parts.iter().filter(|part| part.is_ascii()).map(|part| hashes(part, false)).collect();
        PathKey { plain, all: parts.iter().map(|part| hashes(part, false)).collect() }
    }

    pub(super) fn ask(&self, settings: &Settings, filter: &[u8]) -> PathVerdict {
        let keys = if settings.version == 1 { &self.plain } else { &self.all };
        let may_hold = keys.iter().all(|key| bits(*key, settings.hashes, filter.len()).all(|bit| is_set(filter, bit)));
        if may_hold { PathVerdict::Maybe } else { PathVerdict::No }
    }
}

/// Makes the filter of a commit that changed these paths and directories, all different; `None` stands for too many.
pub(super) fn build<'p>(paths: Option<impl ExactSizeIterator<Item = &'p [u8]>>) -> Vec<u8> {
    let settings = Settings::DEFAULT;
    let Some(paths) = paths else { return vec![0xff] };
    let bit_count = paths.len().saturating_mul(settings.bits_per_entry as usize);
    let mut filter = vec![0; bit_count.div_ceil(8).max(1)];
    let len = filter.len();
    for path in paths {
        for bit in bits(hashes(path, true), settings.hashes, len) {
            if let Some(byte) = filter.get_mut((bit / 8) as usize) {
                *byte |= 1 << (bit % 8);
            }
        }
    }
    filter
}

fn hashes(path: &[u8], signed: bool) -> [u32; 2] {
    SEEDS.map(|seed| murmur3(seed, path, signed))
}

/// The bits of one path in a filter of `len` bytes.
fn bits([first, second]: [u32; 2], count: u32, len: usize) -> impl Iterator<Item = u64> {
    let modulus = (len as u64).saturating_mul(8).max(1);
    (0..count).map(move |n| u64::from(first.wrapping_add(n.wrapping_mul(second))) % modulus)
}

fn is_set(filter: &[u8], bit: u64) -> bool {
    filter.get((bit / 8) as usize).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

/// MurmurHash3 for 32 bits. `signed` takes bytes as git's version 1 does.
fn murmur3(seed: u32, data: &[u8], signed: bool) -> u32 {
    let byte = |byte: u8| if signed { i32::from(byte.cast_signed()).cast_unsigned() } else { u32::from(byte) };
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = seed;
    let (words, tail) = data.as_chunks::<4>();
    for [a, b, c, d] in words {
        let word = byte(*a) | byte(*b) << 8 | byte(*c) << 16 | byte(*d) << 24;
        hash = (hash ^ mix(word)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let word = tail.iter().zip([0, 8, 16]).fold(0, |word: u32, (b, shift)| word ^ byte(*b) << shift);
        hash ^= mix(word);
    }
    hash ^= data.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_documented() {
        // From git's own tests of its filters (t0095).
        for (data, expected) in [("", 0_u32), ("Hello world!", 0x627b_0c2c)] {
            assert_eq!(murmur3(0, data.as_bytes(), true), expected);
        }
        let pangram = b"The quick brown fox jumps over the lazy dog";
        assert_eq!(murmur3(0, pangram, true), 0x2e4f_f723);
        assert_ne!(murmur3(0, "é".as_bytes(), true), murmur3(0, "é".as_bytes(), false));
    }

    #[test]
    fn filters_never_deny_what_they_hold() {
        let paths: Vec<String> = (0..200).map(|n| format!("dir{}/file{n}.txt", n % 7)).collect();
        let all: Vec<&[u8]> = paths.iter().map(|path| path.as_bytes()).collect();
        let dirs: Vec<String> = (0..7).map(|n| format!("dir{n}")).collect();
        let entries: Vec<&[u8]> = all.iter().copied().chain(dirs.iter().map(|dir| dir.as_bytes())).collect();
        let filter = build(Some(entries.iter().copied()));
        for path in &all {
            assert_eq!(PathKey::new(path).ask(&Settings::DEFAULT, &filter), PathVerdict::Maybe);
        }
        let denied = (0..1000).filter(|n| {
            PathKey::new(format!("dir1/other{n}").as_bytes()).ask(&Settings::DEFAULT, &filter) == PathVerdict::No
        });
        assert!(denied.count() > 950);
        assert_eq!(PathKey::new("dir1/ü".as_bytes()).ask(&Settings::DEFAULT, &filter), PathVerdict::Maybe);
        assert_eq!(build(None::<std::iter::Empty<&[u8]>>), [0xff]);
        assert_eq!(build(Some(std::iter::empty())), [0]);
    }
}
