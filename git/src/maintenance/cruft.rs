//! Owns the `.mtimes` file of a pack of unreachable objects: since when each of them is not needed. Refuses to decide what follows from it. Called by
//! [`super::collect()`].
//!
//! Source: gitformat-pack(5), "pack-*.mtimes files have the format".

use std::path::Path;

use sha1::{Digest, Sha1};

use crate::{
    error::{Error, Result},
    id::ID_LEN,
    map::FileBytes,
    pack::Pack,
};

const SIGNATURE: &[u8; 4] = b"MTME";
const VERSION: u32 = 1;
/// SHA-1.
const HASH: u32 = 1;
const TABLE_AT: usize = 12;

/// Makes the file: one time an object, in order of the index. Units: seconds since 1970.
pub(super) fn write(times: &[u32], pack_checksum: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(TABLE_AT + times.len() * 4 + 2 * ID_LEN);
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&HASH.to_be_bytes());
    for time in times {
        out.extend_from_slice(&time.to_be_bytes());
    }
    out.extend_from_slice(pack_checksum);
    let checksum = Sha1::digest(&out);
    out.extend_from_slice(&checksum);
    out
}

/// The times of the objects of one pack.
pub(super) struct Times(FileBytes);

impl Times {
    /// Opens the file beside a pack.
    ///
    /// Errors: `Corrupt`, `Io`.
    pub(super) fn open(pack: &Pack) -> Result<Times> {
        let path = pack.path().with_extension("mtimes");
        let bytes = FileBytes::open(&path)?;
        check(&bytes, pack, &path)?;
        Ok(Times(bytes))
    }

    /// Fails if what was read may have been zeros instead of times, which are long ago.
    ///
    /// Errors: `Corrupt`.
    pub(super) fn check_readable(&self, pack: &Pack) -> Result<()> {
        match self.0.has_lost_pages() {
            true => Err(Error::corrupt(pack.path().with_extension("mtimes"), crate::odb::UNREADABLE)),
            false => Ok(()),
        }
    }

    /// The time of the object at a position of the index.
    pub(super) fn at(&self, index: u32) -> Option<u32> {
        let at = TABLE_AT.checked_add((index as usize).checked_mul(4)?)?;
        self.0.get(at..)?.first_chunk().map(|raw| u32::from_be_bytes(*raw))
    }
}

fn check(bytes: &[u8], pack: &Pack, path: &Path) -> Result<()> {
    let corrupt = |what| Error::corrupt(path, what);
    let head = [SIGNATURE.as_slice(), &VERSION.to_be_bytes(), &HASH.to_be_bytes()].concat();
    if bytes.get(..TABLE_AT) != Some(&head) {
        return Err(corrupt("no list of times of this version"));
    }
    let table = (pack.object_count() as usize).saturating_mul(4);
    let body = bytes.len().checked_sub(ID_LEN).and_then(|end| bytes.split_at_checked(end));
    let (body, checksum) = body.ok_or_else(|| corrupt("truncated list of times"))?;
    if body.len() != TABLE_AT + table + ID_LEN || body.get(TABLE_AT + table..) != Some(pack.idx().pack_checksum()) {
        return Err(corrupt("the list of times belongs to another pack"));
    }
    if Sha1::digest(body).as_slice() != checksum {
        return Err(corrupt("the list of times does not match its checksum"));
    }
    Ok(())
}
