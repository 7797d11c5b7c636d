//! Packs that no honest client sends.

use super::{index, index_with};
use crate::{
    Error, Kind, Limits, ObjectId,
    id::hash_object,
    odb::Snapshot,
    pack::{entry, index::Indexed},
    testgit::{Random, TestRepo, random_history},
    testpack::{PackBuilder, append_delta, deflate, insert_delta, seal, tree},
};

fn what(outcome: Result<Indexed, Error>) -> &'static str {
    match outcome {
        Err(Error::BadPack { what, .. }) | Err(Error::TooLarge { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

fn honest() -> Vec<u8> {
    let mut random = Random::new(1);
    let repo = TestRepo::new();
    random_history(&repo, &mut random, 8);
    let all = repo.git(&["rev-list", "--all", "--objects", "--no-object-names"]);
    repo.run(&["pack-objects", "--stdout", "-q"], all.as_bytes(), &[]).1
}

#[test]
fn every_truncation_and_every_flipped_byte_is_refused() {
    let pack = honest();
    index(&pack).unwrap();
    for len in 0..pack.len() {
        let outcome = index(&pack[..len]);
        assert!(matches!(outcome, Err(Error::BadPack { .. })), "cut at {len}: {outcome:?}");
        // The same with a trailer that fits: whoever makes such a pack can compute it.
        let outcome = index(&seal(pack[..len].to_vec()));
        assert!(outcome.is_err() || len == pack.len() - 20, "sealed cut at {len}");
    }
    for at in 0..pack.len() {
        let mut bad = pack.clone();
        bad[at] ^= 0x10;
        let outcome = index(&bad);
        assert!(outcome.is_err_and(|e| e.is_peer_fault()), "flip at {at}");
    }
}

#[test]
fn sealed_damage_never_panics() {
    let pack = honest();
    let body = &pack[..pack.len() - 20];
    let mut random = Random::new(2);
    for _ in 0..3000 {
        let mut bad = body.to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bad.len());
            bad[at] = random.next() as u8;
        }
        if let Err(error) = index(&seal(bad)) {
            assert!(error.is_peer_fault(), "{error:?}");
        }
    }
}

#[test]
fn frames_that_do_not_fit() {
    assert_eq!(what(index(b"")), "shorter than a pack");
    assert_eq!(what(index(&seal(b"PACK".to_vec()))), "shorter than a pack header");
    assert_eq!(what(index(&seal(b"KCAP\0\0\0\x02\0\0\0\0".to_vec()))), "no pack signature");
    assert_eq!(what(index(&seal(b"PACK\0\0\0\x04\0\0\0\0".to_vec()))), "unsupported pack version");
    assert_eq!(what(index(&seal(b"PACK\0\0\0\x02\xff\xff\xff\xff".to_vec()))), "number of objects");
    assert_eq!(
        what(index(&seal(b"PACK\0\0\0\x02\0\x0f\xff\xff".to_vec()))),
        "truncated, too short for its number of objects"
    );
    assert!(index(&seal(b"PACK\0\0\0\x02\0\0\0\0".to_vec())).unwrap().objects.is_empty());
    let mut pack = honest();
    let last = pack.len() - 1;
    pack[last] ^= 1;
    assert_eq!(what(index(&pack)), "checksum mismatch");
    for (lie, expected) in [(-1, "bytes after the last object"), (1, "truncated")] {
        let mut builder = PackBuilder::new();
        for text in [&b"first with some more text"[..], b"second"] {
            builder.full(Kind::Blob, text);
        }
        builder.count_lie = lie;
        assert!(what(index(&builder.finish())).starts_with(expected), "{lie}");
    }
}

#[test]
fn sizes_are_refused_before_anything_is_inflated() {
    let limits = Limits { max_object_bytes: 1 << 20, max_unpacked_bytes: 3 << 20, ..Limits::default() };
    let index = |pack: &[u8]| index_with(pack, &Snapshot::default(), &limits);
    let with = |header: Vec<u8>, deflated: &[u8]| {
        let mut builder = PackBuilder::new();
        builder.raw(&header, deflated);
        builder.finish()
    };
    let full = |size: u64| {
        let mut header = Vec::new();
        entry::write_full_header(&mut header, Kind::Blob, size);
        header
    };
    // The data is no deflate stream at all: the declared size alone decides.
    assert_eq!(what(index(&with(full(1 << 40), b"not deflated"))), "size of an object");
    assert_eq!(what(index(&with(full(u64::MAX), b"not deflated"))), "size of an object");
    // Declared small, inflates to much, and the other way round.
    let bomb = deflate(&vec![0; 8 << 20]);
    assert_eq!(what(index(&with(full(1000), &bomb))), "object is larger than it declares");
    assert_eq!(what(index(&with(full(1 << 20), &deflate(b"tiny")))), "object is smaller than it declares");
    // A list of a directory is small however large a file may be.
    let mut list = Vec::new();
    entry::write_full_header(&mut list, Kind::Tree, 17 << 20);
    assert_eq!(
        what(index_with(&with(list, b"not deflated"), &Snapshot::default(), &Limits::default())),
        "size of a tree"
    );
    // A small pack does not come to much: deltas that each claim 200 MB, in a pack of some hundred bytes.
    let mut builder = PackBuilder::new();
    let base = builder.full(Kind::Blob, b"base");
    for _ in 0..11 {
        builder.ofs_delta(base, &[4, 0x80, 0x84, 0xaf, 0x5f, 0x90, 4]);
    }
    let small = builder.finish();
    assert_eq!(what(index_with(&small, &Snapshot::default(), &Limits::default())), "unpacked size of the pack");
    let limits_of_large = Limits { max_expansion: 1 << 40, ..Limits::default() };
    assert_ne!(what(index_with(&small, &Snapshot::default(), &limits_of_large)), "unpacked size of the pack");
    // Each is fine, all together are not.
    let mut builder = PackBuilder::new();
    for i in 0..4u8 {
        builder.full(Kind::Blob, &vec![i; 1 << 20]);
    }
    assert_eq!(what(index(&builder.finish())), "unpacked size of the pack");
    // A delta of a few bytes whose result is declared huge.
    let mut builder = PackBuilder::new();
    let base = builder.full(Kind::Blob, b"base");
    builder.ofs_delta(base, &[4, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x90, 4]);
    assert_eq!(what(index(&builder.finish())), "size of an object");
    // Many deltas that each copy the base many times.
    let mut builder = PackBuilder::new();
    let base = builder.full(Kind::Blob, &vec![7; 0x10000]);
    for _ in 0..8 {
        let mut delta = vec![0x80, 0x80, 0x04, 0x80, 0x80, 0x40];
        delta.extend([0x80; 16]);
        builder.ofs_delta(base, &delta);
    }
    assert_eq!(what(index(&builder.finish())), "unpacked size of the pack");
    let large = Limits { max_pack_bytes: 100, ..Limits::default() };
    assert_eq!(what(index_with(&honest(), &Snapshot::default(), &large)), "size of the pack");
}

#[test]
fn deltas_that_lie() {
    let base = b"0123456789";
    for delta in
        [&[9, 1, 0x90, 1][..], &[10, 1, 0x91, 10, 1], &[10, 1, 0x90, 2], &[10, 3, 0], &[10, 3, 5, 1], &[], &[0xff; 12]]
    {
        let mut builder = PackBuilder::new();
        let at = builder.full(Kind::Blob, base);
        builder.ofs_delta(at, delta);
        assert!(matches!(index(&builder.finish()), Err(Error::BadPack { .. })), "{delta:?}");
    }
}

#[test]
fn offsets_that_lead_nowhere() {
    let delta = append_delta(4, b"x");
    for distance in [0, 1, 5, 1000, u64::MAX >> 8] {
        let mut builder = PackBuilder::new();
        builder.full(Kind::Blob, b"base");
        let mut header = vec![0x60 | delta.len() as u8];
        let mut ofs = Vec::new();
        if distance > 0 {
            entry::write_ofs_delta_header(&mut ofs, distance, delta.len() as u64);
            header = ofs;
        } else {
            header.push(0);
        }
        builder.raw(&header, &deflate(&delta));
        assert!(matches!(index(&builder.finish()), Err(Error::BadPack { .. })), "{distance}");
    }
}

#[test]
fn bases_may_come_later_and_must_exist() {
    let (base, middle) = (b"base".to_vec(), b"base+1".to_vec());
    let id = |data: &[u8]| hash_object(Kind::Blob, data).unwrap();
    let mut builder = PackBuilder::new();
    builder.ref_delta(&id(&middle), &append_delta(6, b"+2"));
    builder.ref_delta(&id(&base), &append_delta(4, b"+1"));
    builder.full(Kind::Blob, &base);
    let indexed = index(&builder.finish()).unwrap();
    assert!(indexed.find(&id(b"base+1+2")).is_some());
    assert_eq!(indexed.deltas, 2);
    let mut builder = PackBuilder::new();
    builder.ref_delta(&id(&middle), &append_delta(6, b"+2"));
    builder.ref_delta(&id(b"nowhere"), &append_delta(4, b"+1"));
    let Err(Error::MissingBase { base, count }) = index(&builder.finish()) else { panic!("accepted") };
    assert_eq!((base, count), (id(&middle), 2));
}

#[test]
fn one_object_twice_is_refused_as_git_does_when_strict() {
    let pair = |second: fn(&mut PackBuilder, usize)| {
        let mut builder = PackBuilder::new();
        let at = builder.full(Kind::Blob, b"base");
        second(&mut builder, at);
        builder.finish()
    };
    let same_whole = pair(|b, _| _ = b.full(Kind::Blob, b"base"));
    let same_by_delta = pair(|b, at| _ = b.ofs_delta(at, &insert_delta(4, b"base")));
    let same_by_own_id =
        pair(|b, _| _ = b.ref_delta(&hash_object(Kind::Blob, b"base").unwrap(), &insert_delta(4, b"base")));
    for pack in [same_whole, same_by_delta, same_by_own_id] {
        assert_eq!(what(index(&pack)), "the same object appears twice");
        let repo = TestRepo::new();
        assert!(!repo.run(&["index-pack", "--strict", "--stdin"], &pack, &[]).0, "git refuses it too");
    }
}

#[test]
fn a_base_outside_that_the_pack_also_produces() {
    let id = |data: &[u8]| hash_object(Kind::Blob, data).unwrap();
    let (x, y) = (b"in both places".to_vec(), b"only outside".to_vec());
    let repo = TestRepo::new();
    for data in [&x, &y] {
        repo.git_with(&["hash-object", "-w", "--stdin"], data);
    }
    // A builds on X, X is built on Y: X need not be added.
    let mut builder = PackBuilder::new();
    builder.ref_delta(&id(&x), &append_delta(x.len(), b"!"));
    builder.ref_delta(&id(&y), &insert_delta(y.len(), &x));
    let indexed = index_with(&builder.finish(), &repo.odb(), &Limits::default()).unwrap();
    assert_eq!(indexed.external_bases, [id(&y)]);
    // A builds on X, X builds on A: with X left out this is a circle, with X added X is there twice.
    let a = [&x[..], b"!"].concat();
    let mut builder = PackBuilder::new();
    builder.ref_delta(&id(&x), &append_delta(x.len(), b"!"));
    builder.ref_delta(&id(&a), &insert_delta(a.len(), &x));
    assert_eq!(what(index_with(&builder.finish(), &repo.odb(), &Limits::default())), "deltas form a circle");
}

#[test]
fn chains_are_bounded_and_do_not_recurse() {
    let build = |depth: usize| {
        let mut builder = PackBuilder::new();
        let mut at = builder.full(Kind::Blob, b"b");
        for len in 1..=depth {
            at = builder.ofs_delta(at, &append_delta(len, &[len as u8]));
        }
        builder.finish()
    };
    assert_eq!(index(&build(4095)).unwrap().objects.len(), 4096);
    assert_eq!(what(index(&build(4096))), "length of a chain of deltas");
    let deep = Limits { max_delta_depth: u32::MAX, ..Limits::default() };
    assert_eq!(index_with(&build(10_000), &Snapshot::default(), &deep).unwrap().deltas, 10_000);
}

#[test]
fn rebuilding_dropped_bases_is_bounded() {
    // A comb: every tooth is a base with two deltas, so that returning to each means rebuilding all below.
    let mut builder = PackBuilder::new();
    let mut at = builder.full(Kind::Blob, &[0; 40_000]);
    for level in 0..300u32 {
        let len = 40_000 + level as usize;
        let leaf = builder.ofs_delta(at, &append_delta(len, &[1, level as u8, (level >> 8) as u8]));
        builder.ofs_delta(leaf, &append_delta(len + 3, b"leaf"));
        at = builder.ofs_delta(at, &append_delta(len, &[0]));
    }
    let pack = builder.finish();
    let roomy = index(&pack).unwrap();
    let tight = Limits { delta_memory_bytes: 0, ..Limits::default() };
    let frugal = index_with(&pack, &Snapshot::default(), &tight).unwrap();
    assert_eq!(roomy.objects, frugal.objects);
    let poor = Limits { max_unpacked_bytes: roomy.unpacked_bytes, ..tight };
    match index_with(&pack, &Snapshot::default(), &poor) {
        Ok(indexed) => assert_eq!(indexed.objects, roomy.objects),
        Err(error) => assert!(matches!(error, Error::TooLarge { .. }), "{error:?}"),
    }
}

#[test]
fn references_to_more_than_the_pack_can_hold() {
    // A tree of 50,000 names that all lead nowhere is refused later, by the proof of closure; one object too many entries here.
    let names: Vec<Vec<u8>> = (0..300u32).map(|i| format!("{i:04}").into_bytes()).collect();
    let entries: Vec<(&str, &[u8], ObjectId)> =
        names.iter().map(|name| ("100644", &name[..], hash_object(Kind::Blob, name).unwrap())).collect();
    let mut builder = PackBuilder::new();
    builder.full(Kind::Tree, &tree(&entries));
    let pack = builder.finish();
    let limits = Limits { max_tree_entries: 299, ..Limits::default() };
    assert_eq!(what(index_with(&pack, &Snapshot::default(), &limits)), "entries of a tree");
    assert_eq!(index(&pack).unwrap().objects.len(), 1);
}
