//! Building objects and small packs in memory, as a pushing client would.
//!
//! Owns object headers, entry headers and the trailer; every object is stored whole, without deltas. Called by the
//! `push` scenario and by tests.

use flate2::{Compress, Compression, FlushCompress, Status};
use sha1::{Digest as _, Sha1};

use crate::pack::{Kind, ObjectId};

/// An object ready to be packed.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    kind: Kind,
    data: Vec<u8>,
}

/// Names an object.
pub(crate) fn object(kind: Kind, data: Vec<u8>) -> (ObjectId, Object) {
    let mut hasher = Sha1::new();
    hasher.update(format!("{} {}\0", kind.word(), data.len()));
    hasher.update(&data);
    (ObjectId(hasher.finalize().into()), Object { kind, data })
}

/// A commit of one file `name` with `content`, on top of `parent`: blob, tree and commit.
///
/// Units: `time` is seconds since 1970, UTC.
pub(crate) fn commit_of_file(
    name: &str,
    content: Vec<u8>,
    parent: Option<ObjectId>,
    time: u64,
    message: &str,
) -> (ObjectId, [Object; 3]) {
    let (blob_id, blob) = object(Kind::Blob, content);
    let mut entry = format!("100644 {name}\0").into_bytes();
    entry.extend_from_slice(&blob_id.0);
    let (tree_id, tree) = object(Kind::Tree, entry);
    let parent = parent.map(|id| format!("parent {id}\n")).unwrap_or_default();
    let who = format!("Load Test <load@example.org> {time} +0000");
    let text = format!("tree {tree_id}\n{parent}author {who}\ncommitter {who}\n\n{message}\n");
    let (commit_id, commit) = object(Kind::Commit, text.into_bytes());
    (commit_id, [commit, tree, blob])
}

/// Makes packs, one after another.
///
/// Keeps what deflating needs: to set that up anew for each object costs more than to deflate a small one, and a generator shares the
/// processors with the server it measures.
#[derive(Debug)]
pub(crate) struct Packer {
    deflate: Compress,
}

impl Packer {
    /// Deflates as fast as it can.
    pub(crate) fn new() -> Self {
        Self { deflate: Compress::new(Compression::fast(), true) }
    }

    /// Writes a version 2 pack.
    pub(crate) fn pack(&mut self, objects: &[Object]) -> Vec<u8> {
        let mut out = b"PACK\0\0\0\x02".to_vec();
        out.extend_from_slice(&u32::try_from(objects.len()).unwrap_or(u32::MAX).to_be_bytes());
        for object in objects {
            entry_header(&mut out, object.kind, object.data.len());
            self.put_deflated(&mut out, &object.data);
        }
        let trailer = Sha1::digest(&out);
        out.extend_from_slice(&trailer);
        out
    }

    fn put_deflated(&mut self, out: &mut Vec<u8>, data: &[u8]) {
        self.deflate.reset();
        loop {
            let rest =
                data.get(usize::try_from(self.deflate.total_in()).expect("it came from memory")..).unwrap_or_default();
            out.reserve(rest.len() + 64);
            match self.deflate.compress_vec(rest, out, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return,
                Ok(Status::Ok | Status::BufError) => {}
                Err(error) => unreachable!("deflating into memory: {error}"),
            }
        }
    }
}

fn entry_header(out: &mut Vec<u8>, kind: Kind, size: usize) {
    let mut rest = size >> 4;
    let mut byte = ((kind as u8) << 4) | (size & 0x0f) as u8;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.push(byte);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed_git::Git;

    #[test]
    fn names_the_empty_blob_as_git_does() {
        let (id, _) = object(Kind::Blob, Vec::new());
        assert_eq!(id.to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    }

    #[test]
    fn git_indexes_the_pack_and_reads_the_commit_strictly() {
        let git = Git::new();
        let (first, mut objects) = {
            let (id, objects) = commit_of_file("load.md", vec![b'x'; 5000], None, 1_700_000_000, "first");
            (id, objects.to_vec())
        };
        let (second, more) = commit_of_file("load.md", b"changed\n".to_vec(), Some(first), 1_700_000_001, "second");
        objects.extend(more);
        git.run_with_input(&["index-pack", "--strict", "--stdin"], &Packer::new().pack(&objects));
        git.run(&["update-ref", "refs/heads/main", &second.to_string()]);
        git.run(&["fsck", "--strict"]);
        assert_eq!(git.run(&["rev-list", "main"]), format!("{second}\n{first}\n"));
        assert_eq!(git.run(&["show", "main:load.md"]), "changed\n");
    }
}
