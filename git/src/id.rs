//! Owns object ids and kinds: names for gix's types, parsing of hex ids, and the one way to hash an object. Refuses to know where objects
//! are stored. Called by every module of this crate.

use crate::error::{Error, Result};

/// The id of an object: 20 raw bytes today (SHA-1).
pub use gix::ObjectId;
/// The four kinds of objects.
pub use gix::objs::Kind;

/// Hash tables keyed by object ids.
///
/// gix's own take the first bytes of an id for its hash: ids that a peer made up, a hundred thousand with the same beginning,
/// would cost quadratic time. These are keyed by random numbers of the process.
pub(crate) mod table {
    pub(crate) use std::collections::hash_map;

    /// A map from ids.
    pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
    /// A set of ids.
    pub(crate) type HashSet<T> = std::collections::HashSet<T, foldhash::fast::RandomState>;
}

/// The hash this crate computes and expects in packs and indices.
pub(crate) const HASH_KIND: gix::hash::Kind = gix::hash::Kind::Sha1;

/// Length of a raw object id in bytes.
pub(crate) const ID_LEN: usize = HASH_KIND.len_in_bytes();

/// Makes an id of raw bytes.
///
/// Shape: exactly 20 bytes; anything else is `None`.
pub fn id_from_bytes(bytes: &[u8]) -> Option<ObjectId> {
    <[u8; ID_LEN]>::try_from(bytes).ok().map(ObjectId::from)
}

/// Parses a full id in lower-case hexadecimal, as git writes it in objects, refs and on the wire.
///
/// Shape: exactly 40 bytes of `0-9a-f`; upper case and abbreviations are `None`.
pub fn id_from_hex(hex: &[u8]) -> Option<ObjectId> {
    let mut raw = [0u8; ID_LEN];
    if hex.len() != ID_LEN * 2 {
        return None;
    }
    for (byte, pair) in raw.iter_mut().zip(hex.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(ObjectId::from(raw))
}

fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// The name git uses for a kind in object headers and messages.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Tree => "tree",
        Kind::Blob => "blob",
        Kind::Commit => "commit",
        Kind::Tag => "tag",
    }
}

/// Hashes an object given whole.
///
/// Errors: `Collision` if the content carries the traces of a SHA-1 collision attack.
pub fn hash_object(kind: Kind, data: &[u8]) -> Result<ObjectId> {
    let mut hasher = ObjectHasher::new(kind, data.len() as u64);
    hasher.update(data);
    hasher.finish()
}

/// Hashes one object given in pieces, with collision detection.
pub(crate) struct ObjectHasher(gix::hash::Hasher);

impl ObjectHasher {
    pub(crate) fn new(kind: Kind, size: u64) -> Self {
        let mut hasher = gix::hash::hasher(HASH_KIND);
        hasher.update(kind_name(kind).as_bytes());
        hasher.update(b" ");
        hasher.update(decimal(size, &mut [0; 20]));
        hasher.update(&[0]);
        ObjectHasher(hasher)
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    pub(crate) fn finish(self) -> Result<ObjectId> {
        self.0.try_finalize().map_err(|_| Error::Collision { offset: None })
    }
}

/// Writes `n` in decimal without allocating: this runs once for every object of every pack.
fn decimal(mut n: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut start = buffer.len();
    for (i, slot) in buffer.iter_mut().enumerate().rev() {
        *slot = b'0' + (n % 10) as u8;
        n /= 10;
        start = i;
        if n == 0 {
            break;
        }
    }
    buffer.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_like_git() {
        // `git hash-object -t blob --stdin </dev/null`, and of "hello\n".
        assert_eq!(hash_object(Kind::Blob, b"").unwrap().to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(
            hash_object(Kind::Blob, b"hello\n").unwrap().to_string(),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
        assert_eq!(hash_object(Kind::Tree, b"").unwrap().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn decimal_covers_the_range() {
        for n in [0, 9, 10, 12345, u64::MAX] {
            assert_eq!(decimal(n, &mut [0; 20]), n.to_string().as_bytes());
        }
    }

    #[test]
    fn hex_is_strict() {
        assert!(id_from_hex(b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").is_some());
        assert!(id_from_hex(b"E69de29bb2d1d6434b8b29ae775ad8c2e48c5391").is_none());
        assert!(id_from_hex(b"e69de29bb2d1d6434b8b29ae775ad8c2e48c539").is_none());
        assert!(id_from_hex(b"e69de29bb2d1d6434b8b29ae775ad8c2e48c53911").is_none());
    }
}
