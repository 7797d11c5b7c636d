//! Bitmaps written here and read by stock git, written by git and read here; damaged, foreign and hostile files.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::atomic::AtomicBool};

use sha1::{Digest, Sha1};

use super::*;
use crate::{
    Repository,
    id::id_from_hex,
    odb::Snapshot,
    testgit::{Random, TestRepo, random_history},
    walk::Graph,
};

static GO: AtomicBool = AtomicBool::new(false);

fn id(hex: &str) -> ObjectId {
    id_from_hex(hex.as_bytes()).unwrap()
}

fn ids(list: &str) -> BTreeSet<ObjectId> {
    list.lines().map(|line| id(line.split(' ').next().unwrap())).collect()
}

fn tips(repo: &TestRepo) -> Vec<ObjectId> {
    repo.git(&["for-each-ref", "--format=%(objectname)"]).lines().map(id).collect()
}

fn any_size() -> BitmapOptions {
    BitmapOptions { min_objects: 1, ..BitmapOptions::default() }
}

fn largest(odb: &Snapshot) -> Arc<Pack> {
    odb.packs().iter().max_by_key(|pack| pack.object_count()).unwrap().clone()
}

/// Makes the file of the largest pack and puts it beside it.
fn write(repo: &TestRepo, options: &BitmapOptions) -> Option<PathBuf> {
    let odb = repo.odb();
    let pack = largest(&odb);
    let file = make(&odb, &pack, &tips(repo), options, &GO).unwrap()?;
    let path = file_of(pack.path());
    fs::write(&path, &file).unwrap();
    Some(path)
}

/// Puts the right checksum under a changed file.
fn sign(bytes: &mut [u8]) {
    let body = bytes.len() - 20;
    let checksum = Sha1::digest(&bytes[..body]);
    bytes[body..].copy_from_slice(&checksum);
}

fn repository(seed: u64, count: usize, repack: &[&str]) -> TestRepo {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(seed), count);
    repo.git(&[&["repack", "-q", "-a", "-d"], repack].concat());
    repo
}

/// Compares every bitmap with what git finds by walking; answers how many there are.
fn compare(repo: &TestRepo, bitmap: &Bitmap) -> usize {
    for (index, _) in &bitmap.by_index {
        let commit = bitmap.pack.idx().id_at(*index).unwrap();
        let mut bits = bitmap.none();
        assert!(bitmap.add_reachable(&commit, &mut bits));
        let found: BTreeSet<ObjectId> = bits.iter().map(|at| bitmap.id(at).unwrap()).collect();
        assert_eq!(found.len() as u64, bits.count());
        let expected = ids(&repo.git(&["rev-list", "--objects", &commit.to_string()]));
        assert!(found == expected, "{commit}: {} objects, not {}", found.len(), expected.len());
    }
    bitmap.len()
}

#[test]
fn git_reads_what_is_written_here() {
    for seed in 900..908 {
        let repo = repository(seed, 4 + (seed as usize - 900) * 9, &[]);
        let plain = repo.git(&["rev-list", "--all", "--objects", "--no-object-names"]);
        write(&repo, &any_size()).unwrap();
        let bitmap = Bitmap::open(&largest(&repo.odb())).unwrap().unwrap();
        // Git compares the bits with a walk of its own, of commits that have some.
        let tested = repo.git(&["for-each-ref", "--format=%(objectname) %(objecttype)", "refs/heads"]);
        for line in tested.lines() {
            let (hex, kind) = line.split_once(' ').unwrap();
            assert_eq!(kind, "commit");
            let (ok, _, error) = repo.run(&["rev-list", "--test-bitmap", hex], &[], &[]);
            assert!(ok && error.contains("OK!"), "seed {seed}: {error}");
        }
        let counted = repo.git(&["rev-list", "--all", "--objects", "--count", "--use-bitmap-index"]);
        assert_eq!(counted, plain.lines().count().to_string(), "seed {seed}");
        let (ok, pack, error) = repo.run(&["pack-objects", "--all", "--stdout", "-q", "--use-bitmap-index"], &[], &[]);
        assert!(ok && !error.contains("bitmap"), "seed {seed}: {error}");
        assert_eq!(u32::from_be_bytes(pack[8..12].try_into().unwrap()) as usize, plain.lines().count());
        repo.git(&["fsck", "--full", "--strict", "--no-dangling"]);
        assert!(compare(&repo, &bitmap) > 0, "seed {seed}");
    }
}

#[test]
fn what_git_writes_is_read_here() {
    for (seed, lookup) in [(920, "true"), (921, "false"), (922, "true")] {
        let repo = repository(seed, 60, &["-b"]);
        let path = repo.pack_files("bitmap").remove(0);
        fs::remove_file(&path).unwrap();
        let options = ["-c", &format!("pack.writeBitmapLookupTable={lookup}"), "-c", "pack.writeBitmapHashCache=true"];
        repo.git(&[&options[..], &["repack", "-q", "-a", "-d", "-b", "-F"]].concat());
        let bitmap = repo.odb().bitmap().cloned().unwrap();
        assert!(compare(&repo, &bitmap) > 10);
        for kind in [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag] {
            for position in bitmap.of_kind(kind).iter() {
                let found = repo.odb().header(&bitmap.id(position).unwrap()).unwrap().unwrap();
                assert_eq!(found.0, kind);
            }
        }
    }
}

#[test]
fn a_pack_that_is_not_closed_has_bitmaps_where_it_is() {
    let (mut some, mut none) = (0, 0);
    for seed in 930..942 {
        let repo = TestRepo::new();
        let mut random = Random::new(seed);
        random_history(&repo, &mut random, 40);
        repo.git(&["repack", "-q", "-a", "-d"]);
        // Packs of parts of the history, as pushes bring them; the largest may be any of them.
        let commits = repo.git(&["rev-list", "--all", "--topo-order", "--reverse"]);
        let commits: Vec<&str> = commits.lines().collect();
        let cuts = [commits.len() / 4, commits.len() * 3 / 4, commits.len()];
        let parts = TestRepo::new();
        for (at, end) in cuts.into_iter().enumerate() {
            let start = if at == 0 { 0 } else { cuts[at - 1] };
            let (new, old) = (&commits[start..end], &commits[..start]);
            let revisions: String =
                new.iter().map(|id| format!("{id}\n")).chain(old.iter().map(|id| format!("^{id}\n"))).collect();
            let (ok, pack, error) = repo.run(&["pack-objects", "--revs", "--stdout", "-q"], revisions.as_bytes(), &[]);
            assert!(ok, "{error}");
            parts.git_with(&["index-pack", "--stdin"], &pack);
        }
        let create: Vec<String> =
            commits.iter().rev().take(5).map(|id| format!("create refs/heads/{id} {id}\n")).collect();
        parts.git_with(&["update-ref", "--stdin"], create.concat().as_bytes());
        match write(&parts, &any_size()) {
            Some(_) => {
                some += 1;
                let bitmap = parts.odb().bitmap().cloned().unwrap();
                compare(&parts, &bitmap);
                parts.git(&["rev-list", "--all", "--objects", "--count", "--use-bitmap-index"]);
            }
            None => none += 1,
        }
    }
    assert!(some > 0 && none > 0, "{some} {none}");
}

#[test]
fn covers_are_what_commits_reach() {
    let mut partly = 0;
    for seed in 950..956 {
        let repo = repository(seed, 50, &[]);
        // Few bitmaps, so that much is left to walk.
        write(&repo, &BitmapOptions { max_commits: 4, ..any_size() }).unwrap();
        // And something that came after them.
        for round in 0..3 {
            let child = repo.git(&["commit-tree", "-m", &round.to_string(), "-p", "main", "main^{tree}"]);
            repo.git(&["update-ref", "refs/heads/main", &child]);
        }
        let odb = repo.odb();
        let bitmap = odb.bitmap().unwrap();
        assert!(bitmap.len() <= 4);
        let commits: Vec<ObjectId> = ids(&repo.git(&["rev-list", "--all"])).into_iter().collect();
        let mut random = Random::new(seed);
        for _ in 0..12 {
            let some: Vec<ObjectId> = (0..1 + random.below(3)).map(|_| commits[random.below(commits.len())]).collect();
            let mut graph = Graph::new(&odb, &GO);
            let nodes: Vec<_> = some.iter().map(|id| graph.load(id).unwrap()).collect();
            let cover = Cover::find(bitmap, &mut graph, &nodes, &Bits::default(), usize::MAX).unwrap().unwrap();
            let is_commit = bitmap.of_kind(Kind::Commit);
            let mut found: Vec<ObjectId> =
                cover.bits.iter().filter(|at| is_commit.contains(*at)).map(|at| bitmap.id(at).unwrap()).collect();
            partly += usize::from(!found.is_empty() && !cover.open.is_empty());
            for (at, node) in cover.open.iter().enumerate() {
                let parents = (0..graph.parent_count(*node)).filter_map(|nth| graph.parent_unloaded(*node, nth));
                assert!(parents.into_iter().all(|parent| !cover.open[at..].contains(&parent)), "parents come first");
            }
            found.extend(cover.open.iter().map(|node| graph.id(*node)));
            found.sort();
            let names: Vec<String> = some.iter().map(ToString::to_string).collect();
            let args: Vec<&str> = ["rev-list"].into_iter().chain(names.iter().map(String::as_str)).collect();
            let expected: Vec<ObjectId> = ids(&repo.git(&args)).into_iter().collect();
            assert!(found == expected, "seed {seed}: {} commits, not {}", found.len(), expected.len());
            let most = cover.open.len();
            let limited = |graph: &mut Graph<'_>, most| {
                Cover::find(bitmap, graph, &nodes, &Bits::default(), most).unwrap().is_some()
            };
            assert!(limited(&mut graph, expected.len()));
            assert!(most == 0 || !limited(&mut graph, most - 1));
        }
    }
    assert!(partly > 10, "{partly}");
}

#[test]
fn small_packs_get_none_and_work_can_be_stopped() {
    let repo = repository(960, 20, &[]);
    let odb = repo.odb();
    let pack = largest(&odb);
    let many = BitmapOptions { min_objects: pack.object_count() + 1, ..any_size() };
    assert!(make(&odb, &pack, &tips(&repo), &many, &GO).unwrap().is_none());
    assert!(make(&odb, &pack, &[], &any_size(), &GO).unwrap().is_none());
    let poor = BitmapOptions { memory_bytes: 0, ..any_size() };
    assert!(make(&odb, &pack, &tips(&repo), &poor, &GO).unwrap().is_none());
    let stop = AtomicBool::new(true);
    assert!(matches!(make(&odb, &pack, &tips(&repo), &any_size(), &stop), Err(Error::Interrupted)));
}

#[test]
fn files_of_other_packs_are_not_used() {
    let (one, other) = (repository(970, 20, &[]), repository(971, 20, &[]));
    let file = write(&one, &any_size()).unwrap();
    assert!(one.odb().bitmap().is_some());
    let foreign = file_of(largest(&other.odb()).path());
    fs::copy(&file, &foreign).unwrap();
    assert!(matches!(Bitmap::open(&largest(&other.odb())), Err(Error::Corrupt { .. })));
    assert!(other.odb().bitmap().is_none());
    // An open one stays open as long as it is there.
    let repository = Repository::open(one.path()).unwrap();
    let first = Arc::as_ptr(repository.odb().bitmap().unwrap());
    assert_eq!(Arc::as_ptr(repository.refresh().unwrap().bitmap().unwrap()), first);
    fs::remove_file(&file).unwrap();
    assert!(repository.refresh().unwrap().bitmap().is_none());
}

#[test]
fn damage_is_noticed_and_lies_do_no_harm() {
    let repo = repository(980, 60, &[]);
    let file = write(&repo, &any_size()).unwrap();
    let good = fs::read(&file).unwrap();
    let odb = repo.odb();
    let pack = largest(&odb);
    let parse = |bytes: &[u8]| Bitmap::parse(bytes::Bytes::copy_from_slice(bytes).into(), &pack);
    assert!(parse(&good).is_ok());
    for len in (0..good.len()).step_by(5) {
        assert!(parse(&good[..len]).is_err());
    }
    let commits: Vec<ObjectId> = ids(&repo.git(&["rev-list", "--all"])).into_iter().collect();
    let mut random = Random::new(4);
    let (mut refused, mut taken) = (0, 0);
    for round in 0..4_000 {
        let mut bad = good.clone();
        for _ in 0..1 + random.below(3) {
            // Mostly in the header and the bits of the kinds.
            let at = if round % 2 == 0 { random.below(200) } else { random.below(bad.len()) };
            bad[at] = if random.chance(30) { [0, 1, 0x7f, 0x80, 0xff][random.below(5)] } else { random.next() as u8 };
        }
        if round % 10 == 0 {
            bad.truncate(random.below(bad.len() - 40) + 40);
        }
        assert!(bad == good || parse(&bad).is_err(), "the checksum fails");
        sign(&mut bad);
        let Ok(bitmap) = parse(&bad) else {
            refused += 1;
            continue;
        };
        taken += 1;
        for commit in &commits {
            let mut bits = bitmap.none();
            bitmap.add_reachable(commit, &mut bits);
            assert!(bits.iter().all(|at| at < pack.object_count()));
        }
    }
    assert!(refused > 200 && taken > 200, "{refused} {taken}");
    // Numbers at their limits.
    for at in (8..good.len() - 24).step_by(4) {
        for number in [u32::MAX, 1 << 31, 0] {
            let mut bad = good.clone();
            bad[at..at + 4].copy_from_slice(&number.to_be_bytes());
            sign(&mut bad);
            if let Ok(bitmap) = parse(&bad) {
                for commit in &commits {
                    bitmap.add_reachable(commit, &mut bitmap.none());
                }
            }
        }
    }
    // A damaged file on disk is passed over.
    let mut bad = good.clone();
    bad[100] ^= 1;
    fs::write(&file, &bad).unwrap();
    assert!(repo.odb().bitmap().is_none());
}
