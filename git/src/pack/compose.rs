//! Owns making a small pack of whole objects, for changes that the server makes itself (a first commit, a file edited on the web). Refuses
//! deltas and large inputs: what clients fetch is generated in `upload`. Called by the server, which then ingests the pack like a pushed one.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest, Sha1};

use super::{entry::write_full_header, idx::IdxEntry};
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
};

/// Writes a pack that holds the given objects, in their order, each whole.
///
/// Shape: objects are complete contents without git's object header.
/// Errors: `TooLarge` for more objects than a pack can count.
pub fn compose(objects: &[(Kind, &[u8])]) -> Result<Vec<u8>> {
    compose_at(objects, &mut |_, _| ())
}

/// The same, together with the lines of the pack's index, in their order.
///
/// Shape: each object is given with its id.
/// Errors: as for [`compose`].
pub(crate) fn compose_indexed(objects: &[(ObjectId, Kind, &[u8])]) -> Result<(Vec<u8>, Vec<IdxEntry>)> {
    let contents: Vec<(Kind, &[u8])> = objects.iter().map(|(_, kind, content)| (*kind, *content)).collect();
    let mut ids = objects.iter().map(|(id, ..)| *id);
    let mut lines = Vec::with_capacity(objects.len());
    let pack = compose_at(&contents, &mut |offset, entry| {
        lines.extend(ids.next().map(|id| IdxEntry { id, offset, crc32: crc32fast::hash(entry) }));
    })?;
    lines.sort_unstable_by_key(|line| line.id);
    Ok((pack, lines))
}

/// Tells `on_entry` of each entry where it starts and what it is.
fn compose_at(objects: &[(Kind, &[u8])], on_entry: &mut dyn FnMut(u64, &[u8])) -> Result<Vec<u8>> {
    let limit = u64::from(u32::MAX);
    let count = u32::try_from(objects.len()).map_err(|_| Error::TooLarge { what: "objects", limit })?;
    let mut pack = Vec::new();
    pack.extend_from_slice(b"PACK\0\0\0\x02");
    pack.extend_from_slice(&count.to_be_bytes());
    for (kind, content) in objects {
        let start = pack.len();
        write_full_header(&mut pack, *kind, content.len() as u64);
        let mut deflate = ZlibEncoder::new(&mut pack, Compression::default());
        let written = deflate.write_all(content).and_then(|()| deflate.finish().map(drop));
        written.map_err(|source| Error::io("deflate", std::path::Path::new("a pack in memory"), source))?;
        on_entry(start as u64, pack.get(start..).unwrap_or_default());
    }
    let sum: [u8; 20] = Sha1::digest(&pack).into();
    pack.extend_from_slice(&sum);
    Ok(pack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testgit::TestRepo;

    #[test]
    fn git_takes_a_composed_pack() {
        let repo = TestRepo::new();
        let big = vec![b'x'; 100_000];
        let pack = compose(&[(Kind::Blob, b"hello\n"), (Kind::Blob, b""), (Kind::Blob, &big)]).unwrap();
        repo.git_with(&["unpack-objects", "--strict"], &pack);
        assert_eq!(repo.git(&["cat-file", "blob", "ce013625030ba8dba906f756967f9e9ca394464a"]), "hello");
        assert_eq!(repo.git(&["count-objects"]).split(' ').next(), Some("3"));
    }

    #[test]
    fn an_empty_pack_is_a_pack() {
        let repo = TestRepo::new();
        repo.git_with(&["index-pack", "--stdin"], &compose(&[]).unwrap());
    }
}
