//! Indexing against real git: what `git index-pack` makes of a pack, we make of it; what is hostile is refused for the right reason, fast.

mod cost;
mod hostile;

use std::sync::atomic::AtomicBool;

use super::*;
use crate::{
    pack::idx,
    testgit::{Random, TestRepo, random_history},
};

/// Indexes with the default limits.
fn index_with(data: &[u8], base: &Snapshot, limits: &Limits) -> Result<Indexed> {
    index_pack(data, base, limits, &mut |_| (), &AtomicBool::new(false))
}

/// Indexes a pack that needs nothing else.
fn index(data: &[u8]) -> Result<Indexed> {
    index_with(data, &Snapshot::default(), &Limits::default())
}

/// The index that we would write.
fn our_idx(indexed: &Indexed) -> Vec<u8> {
    let lines: Vec<_> = indexed.objects.iter().map(IndexedObject::line).collect();
    idx::write(&lines, &indexed.checksum)
}

/// The index that git writes for a pack without external bases.
fn git_idx(repo: &TestRepo, pack: &[u8]) -> Vec<u8> {
    let path = repo.path().join("check.pack");
    std::fs::write(&path, pack).unwrap();
    let idx = repo.path().join("check.idx");
    let _ = std::fs::remove_file(&idx);
    repo.git(&["index-pack", "-o", "check.idx", "check.pack"]);
    std::fs::read(idx).unwrap()
}

#[test]
fn the_index_is_the_one_git_writes() {
    for seed in 0..6 {
        let mut random = Random::new(seed);
        let repo = TestRepo::new();
        random_history(&repo, &mut random, 60);
        let all = repo.git(&["rev-list", "--all", "--objects", "--no-object-names"]);
        for options in [
            &["--delta-base-offset"][..],
            &[],
            &["--window=50", "--depth=4095", "--delta-base-offset", "--no-reuse-delta"],
        ] {
            let args = [&["pack-objects", "--stdout", "-q"], options].concat();
            let (ok, pack, err) = repo.run(&args, all.as_bytes(), &[]);
            assert!(ok, "{err}");
            let indexed = index(&pack).unwrap();
            assert!(our_idx(&indexed) == git_idx(&repo, &pack), "seed {seed} {options:?}");
            let list =
                repo.git_with(&["cat-file", "--batch-check=%(objectname) %(objecttype)", "--buffer"], all.as_bytes());
            for line in list.lines() {
                let (hex, kind) = line.split_once(' ').unwrap();
                let found = indexed.find(&crate::id::id_from_hex(hex.as_bytes()).unwrap()).unwrap();
                assert_eq!(crate::id::kind_name(found.kind()), kind);
            }
        }
    }
}

#[test]
fn little_memory_gives_the_same_index() {
    let mut random = Random::new(99);
    let repo = TestRepo::new();
    random_history(&repo, &mut random, 120);
    let all = repo.git(&["rev-list", "--all", "--objects", "--no-object-names"]);
    let args = ["pack-objects", "--stdout", "-q", "--window=200", "--depth=200", "--no-reuse-delta"];
    let (_, pack, _) = repo.run(&args, all.as_bytes(), &[]);
    let expected = our_idx(&index(&pack).unwrap());
    for delta_memory_bytes in [0, 100, 2000] {
        let limits = Limits { delta_memory_bytes, ..Limits::default() };
        let indexed = index_with(&pack, &Snapshot::default(), &limits).unwrap();
        assert!(our_idx(&indexed) == expected, "{delta_memory_bytes}");
    }
}

#[test]
fn thin_packs_name_the_bases_they_need() {
    for seed in 10..16 {
        let mut random = Random::new(seed);
        let repo = TestRepo::new();
        random_history(&repo, &mut random, 60);
        let commits: Vec<String> = repo.git(&["rev-list", "--topo-order", "main"]).lines().map(str::to_owned).collect();
        let old = &commits[commits.len() / 2];
        let range = format!("main\n^{old}\n");
        let (_, pack, _) = repo.run(
            &["pack-objects", "--revs", "--thin", "--stdout", "-q", "--no-reuse-delta"],
            range.as_bytes(),
            &[],
        );
        let indexed = index_with(&pack, &repo.odb(), &Limits::default()).unwrap();
        for base in &indexed.external_bases {
            assert!(indexed.find(base).is_none());
            assert!(repo.odb().contains(base).unwrap());
        }
        if !indexed.external_bases.is_empty() {
            assert!(matches!(index(&pack), Err(Error::MissingBase { .. })));
        }
    }
}

#[test]
fn progress_counts_everything() {
    let mut random = Random::new(5);
    let repo = TestRepo::new();
    random_history(&repo, &mut random, 40);
    let all = repo.git(&["rev-list", "--all", "--objects", "--no-object-names"]);
    let (_, pack, _) = repo.run(&["pack-objects", "--stdout", "-q"], all.as_bytes(), &[]);
    let (mut received, mut resolved) = (Vec::new(), Vec::new());
    let mut progress = |p| match p {
        Progress::Received { done, total } => received.push((done, total)),
        Progress::Resolved { done, total } => resolved.push((done, total)),
    };
    let indexed =
        index_pack(&pack, &Snapshot::default(), &Limits::default(), &mut progress, &AtomicBool::new(false)).unwrap();
    let count = indexed.objects.len() as u64;
    assert_eq!(received.last(), Some(&(count, count)));
    assert_eq!(resolved.last(), Some(&(indexed.deltas, indexed.deltas)));
    assert!(received.is_sorted() && resolved.is_sorted());
}

#[test]
fn the_interrupt_flag_stops_it() {
    let mut random = Random::new(5);
    let repo = TestRepo::new();
    random_history(&repo, &mut random, 10);
    let all = repo.git(&["rev-list", "--all", "--objects", "--no-object-names"]);
    let (_, pack, _) = repo.run(&["pack-objects", "--stdout", "-q"], all.as_bytes(), &[]);
    let outcome = index_pack(&pack, &Snapshot::default(), &Limits::default(), &mut |_| (), &AtomicBool::new(true));
    assert!(matches!(outcome, Err(Error::Interrupted)));
}
