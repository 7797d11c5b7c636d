//! Packs built by hand, honest and hostile, for this crate's tests.
//!
//! Owns nothing but bytes. Compiled for tests and the fuzzer only.

#![expect(clippy::unwrap_used, reason = "fails by panicking; compiled for tests and the fuzzer only")]

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest, Sha1};

use crate::{
    id::{Kind, ObjectId, hash_object},
    pack::entry,
};

/// Deflates `data`.
pub(crate) fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A zlib stream that holds fewer than 65,536 bytes as they are, which takes next to no time to make.
pub(crate) fn stored(data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap();
    let mut out = vec![0x78, 0x01, 0x01];
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend_from_slice(data);
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// A delta that inserts `result` whole, for a base of `base_len` bytes.
pub(crate) fn insert_delta(base_len: usize, result: &[u8]) -> Vec<u8> {
    let mut delta = Vec::new();
    push_size(&mut delta, base_len);
    push_size(&mut delta, result.len());
    for piece in result.chunks(127) {
        delta.push(piece.len() as u8);
        delta.extend_from_slice(piece);
    }
    delta
}

/// A delta that copies a base of fewer than 65,536 bytes and appends `tail`, of at most 127.
pub(crate) fn append_delta(base_len: usize, tail: &[u8]) -> Vec<u8> {
    let mut delta = Vec::new();
    push_size(&mut delta, base_len);
    push_size(&mut delta, base_len + tail.len());
    delta.extend([0xb0, base_len as u8, (base_len >> 8) as u8, tail.len() as u8]);
    delta.extend_from_slice(tail);
    delta
}

fn push_size(out: &mut Vec<u8>, mut size: usize) {
    while size >= 0x80 {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

/// Builds a pack entry by entry.
#[derive(Clone)]
pub(crate) struct PackBuilder {
    /// How data is deflated.
    deflate: fn(&[u8]) -> Vec<u8>,
    bytes: Vec<u8>,
    count: u32,
    /// Added to the number of objects in the header.
    pub(crate) count_lie: i64,
}

impl PackBuilder {
    pub(crate) fn new() -> PackBuilder {
        PackBuilder { deflate, bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), count: 0, count_lie: 0 }
    }

    /// A pack whose entries are not deflated, to be made quickly.
    pub(crate) fn without_deflating() -> PackBuilder {
        PackBuilder { deflate: stored, ..PackBuilder::new() }
    }

    /// Bytes so far, which is where the next entry starts.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an object whole and answers the offset of its entry.
    pub(crate) fn full(&mut self, kind: Kind, data: &[u8]) -> usize {
        let mut header = Vec::new();
        entry::write_full_header(&mut header, kind, data.len() as u64);
        self.raw(&header, &(self.deflate)(data))
    }

    /// Adds an object whole and answers its id.
    pub(crate) fn object(&mut self, kind: Kind, data: &[u8]) -> ObjectId {
        self.full(kind, data);
        hash_object(kind, data).unwrap()
    }

    /// Adds a delta against the entry at `base_offset`.
    pub(crate) fn ofs_delta(&mut self, base_offset: usize, delta: &[u8]) -> usize {
        let mut header = Vec::new();
        entry::write_ofs_delta_header(&mut header, (self.bytes.len() - base_offset) as u64, delta.len() as u64);
        self.raw(&header, &(self.deflate)(delta))
    }

    /// Adds a delta against an object by id.
    pub(crate) fn ref_delta(&mut self, base: &ObjectId, delta: &[u8]) -> usize {
        let mut header = Vec::new();
        entry::write_ref_delta_header(&mut header, base, delta.len() as u64);
        self.raw(&header, &(self.deflate)(delta))
    }

    /// Adds an entry as it is.
    pub(crate) fn raw(&mut self, header: &[u8], deflated: &[u8]) -> usize {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(deflated);
        self.count += 1;
        offset
    }

    /// The finished pack with a right trailer.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let count = u32::try_from(i64::from(self.count) + self.count_lie).unwrap();
        self.bytes[8..12].copy_from_slice(&count.to_be_bytes());
        seal(self.bytes)
    }
}

/// Appends the checksum to a pack without one.
pub(crate) fn seal(mut body: Vec<u8>) -> Vec<u8> {
    let checksum = Sha1::digest(&body);
    body.extend_from_slice(&checksum);
    body
}

/// The content of a tree with these entries, in the order given.
pub(crate) fn tree(entries: &[(&str, &[u8], ObjectId)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (mode, name, id) in entries {
        out.extend_from_slice(mode.as_bytes());
        out.push(b' ');
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(id.as_slice());
    }
    out
}

/// The content of a commit.
pub(crate) fn commit(tree: &ObjectId, parents: &[ObjectId], message: &str) -> Vec<u8> {
    let mut out = format!("tree {tree}\n");
    for parent in parents {
        out.push_str(&format!("parent {parent}\n"));
    }
    let who = "Ada <ada@example.org> 1700000000 +0000";
    out.push_str(&format!("author {who}\ncommitter {who}\n\n{message}"));
    out.into_bytes()
}
