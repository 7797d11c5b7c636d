//! A small repository that lives in memory and is the same in every run, so that inputs of the corpus keep their meaning: branches with
//! merges, directories, tags of tags and of other kinds, a submodule, a large file, deltas.

use std::{path::Path, sync::OnceLock};

use crate::{
    Kind, ObjectId, Ref, RefName, RefTable, View,
    id::id_from_hex,
    map::FileBytes,
    odb::Snapshot,
    pack::{
        Idx, Pack, idx,
        index::{IndexedObject, index_pack},
    },
    testpack::{PackBuilder, append_delta, commit, tree},
};

/// The repository and what a caller may see of it.
pub(super) struct World {
    pub(super) view: View,
    /// Every object, in order of ids.
    pub(super) ids: Vec<ObjectId>,
}

/// The one of this process.
pub(super) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(make)
}

/// Opens a pack that was indexed as one would be after a push.
pub(super) fn open(pack: &[u8], objects: &[IndexedObject], checksum: &[u8; 20]) -> Pack {
    let lines: Vec<_> = objects.iter().map(IndexedObject::line).collect();
    let idx = Idx::parse(FileBytes::from(bytes::Bytes::from(idx::write(&lines, checksum)))).unwrap();
    Pack::from_parts(Path::new("memory.pack"), FileBytes::from(bytes::Bytes::copy_from_slice(pack)), idx).unwrap()
}

fn make() -> World {
    let mut pack = PackBuilder::new();
    let mut commits: Vec<ObjectId> = Vec::new();
    let large: Vec<u8> = (0..3000_u32).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
    let large_at = pack.full(Kind::Blob, &large);
    let large_id = crate::id::hash_object(Kind::Blob, &large).unwrap();
    let grown = [&large[..], b"more\n"].concat();
    pack.ofs_delta(large_at, &append_delta(large.len(), b"more\n"));
    let grown_id = crate::id::hash_object(Kind::Blob, &grown).unwrap();
    for n in 0..12_usize {
        let text = pack.object(Kind::Blob, format!("text {n}\n").as_bytes());
        let below = pack.object(Kind::Tree, &tree(&[("100644", b"deep.txt", text), ("100755", b"run.sh", text)]));
        let name = format!("dir{}", n % 3);
        let mut entries =
            vec![("100644", &b"a.txt"[..], text), ("100644", b"big.txt", if n > 6 { grown_id } else { large_id })];
        entries.push(("40000", name.as_bytes(), below));
        if n == 5 {
            entries.push(("160000", b"module", ObjectId::from([3; 20])));
        }
        let root = pack.object(Kind::Tree, &tree(&entries));
        // A branch leaves at 2 and comes back at 7, an orphan starts at 9.
        let parents: Vec<ObjectId> = match n {
            0 | 9 => Vec::new(),
            4 => commits.get(2).copied().into_iter().collect(),
            7 => [3, 6].iter().filter_map(|at| commits.get(*at)).copied().collect(),
            n => commits.get(n - 1).copied().into_iter().collect(),
        };
        let id = pack.object(Kind::Commit, &commit_at(&root, &parents, n));
        commits.push(id);
    }
    let at = |n: usize| commits.get(n).copied().unwrap();
    let tag = |target: ObjectId, kind: &str, name: &str| {
        format!("object {target}\ntype {kind}\ntag {name}\ntagger Ada <ada@example.org> 1700000000 +0000\n\nx\n")
    };
    let v1 = pack.object(Kind::Tag, tag(at(3), "commit", "v1").as_bytes());
    let v2 = pack.object(Kind::Tag, tag(v1, "tag", "v2").as_bytes());
    let file = pack.object(Kind::Tag, tag(large_id, "blob", "file").as_bytes());
    let bytes = pack.finish();
    let go = std::sync::atomic::AtomicBool::new(false);
    let indexed = index_pack(&bytes, &Snapshot::default(), &crate::Limits::default(), &mut |_| {}, &go).unwrap();
    let odb = Snapshot::default().with_pack(std::sync::Arc::new(open(&bytes, &indexed.objects, &indexed.checksum)));
    let named = |name: &str, target: ObjectId, peeled: Option<ObjectId>| Ref {
        name: RefName::new(name).unwrap(),
        target,
        peeled,
    };
    let refs = RefTable::from_refs(vec![
        named("refs/heads/main", at(8), None),
        named("refs/heads/topic", at(6), None),
        named("refs/heads/orphan", at(11), None),
        named("refs/tags/v1", v1, Some(at(3))),
        named("refs/tags/v2", v2, Some(at(3))),
        named("refs/tags/file", file, Some(large_id)),
    ]);
    let view = View { refs, head: RefName::new("refs/heads/main").unwrap(), odb: odb.into(), version: 1 };
    World { view, ids: indexed.objects.iter().map(IndexedObject::id).collect() }
}

/// A commit an hour after the one before.
fn commit_at(root: &ObjectId, parents: &[ObjectId], n: usize) -> Vec<u8> {
    let text = String::from_utf8(commit(root, parents, &format!("Commit {n}\n"))).unwrap();
    text.replace("1700000000", &(1_700_000_000 + 3600 * n).to_string()).into_bytes()
}

impl World {
    /// The id that a number stands for; one in sixteen is of nothing.
    pub(super) fn id(&self, n: usize) -> ObjectId {
        match self.ids.get(n % (self.ids.len() + self.ids.len() / 16 + 1)) {
            Some(id) => *id,
            None => ObjectId::from([n as u8; 20]),
        }
    }

    /// Puts ids of this repository where something looks like an id: a fuzzer cannot guess them.
    pub(super) fn with_ids(&self, data: &[u8]) -> Vec<u8> {
        let mut out = data.to_vec();
        let mut at = 0;
        while let Some(place) = out.get_mut(at..at + 40) {
            if place.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                let known = id_from_hex(place).is_some_and(|id| self.ids.binary_search(&id).is_ok());
                if !known && place.iter().any(|byte| *byte != b'0') {
                    let n = place.iter().take(3).fold(0, |sum, byte| sum * 16 + usize::from(byte % 39 % 16));
                    place.copy_from_slice(self.id(n).to_string().as_bytes());
                }
                at += 40;
            } else {
                at += 1;
            }
        }
        out
    }
}
