//! Files written here against those of stock git, byte for byte; damaged, foreign and hostile files.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::atomic::AtomicBool};

use sha1::{Digest, Sha1};

use super::*;
use crate::{
    Repository,
    id::id_from_hex,
    testgit::{Random, TestRepo, random_history},
    walk::{Graph, UNKNOWN_GENERATION, merge_bases},
};

fn file(repo: &TestRepo) -> PathBuf {
    repo.path().join("objects").join(FILE)
}

fn tips(repo: &TestRepo) -> Vec<ObjectId> {
    let list = repo.git(&["for-each-ref", "--format=%(objectname)"]);
    list.lines().map(|hex| id_from_hex(hex.as_bytes()).unwrap()).collect()
}

fn write(repo: &TestRepo, changed_paths: bool) -> Written {
    let repository = Repository::open(repo.path()).unwrap();
    let written =
        repository.write_commit_graph(&tips(repo), &WriteOptions { changed_paths }, &AtomicBool::new(false)).unwrap();
    assert!(repository.odb().commit_graph().is_some(), "the next snapshot uses it");
    written
}

/// Puts the right checksum under a changed file.
fn sign(bytes: &mut [u8]) {
    let body = bytes.len() - 20;
    let checksum = Sha1::digest(&bytes[..body]);
    bytes[body..].copy_from_slice(&checksum);
}

#[test]
fn files_are_those_of_git() {
    for seed in 500..512 {
        let repo = TestRepo::new();
        let mut random = Random::new(seed);
        let count = 2 + random.below(90);
        random_history(&repo, &mut random, count);
        let changed_paths = seed % 4 != 0;
        let written = write(&repo, changed_paths);
        let ours = fs::read(file(&repo)).unwrap();
        assert_eq!(written.bytes, ours.len() as u64);
        repo.git(&["commit-graph", "verify"]);
        let log = repo.git(&["log", "--all", "--format=%H %T %P", "--", "dir"]);
        fs::remove_file(file(&repo)).unwrap();
        assert_eq!(log, repo.git(&["log", "--all", "--format=%H %T %P", "--", "dir"]), "seed {seed}");
        let flag = if changed_paths { "--changed-paths" } else { "--no-changed-paths" };
        repo.git(&["commit-graph", "write", "--reachable", flag]);
        assert!(fs::read(file(&repo)).unwrap() == ours, "seed {seed}");
    }
}

#[test]
fn filters_of_names_beyond_ascii_and_of_many_paths_are_those_of_git() {
    let repo = TestRepo::new();
    let mut stream = String::new();
    for (at, count) in [3, 500, 511, 512, 513, 600].into_iter().enumerate() {
        stream.push_str(&format!("commit refs/heads/main\ncommitter C <c@example.org> {at} +0000\ndata 2\n{at}\n"));
        for path in 0..count {
            stream.push_str(&format!("M 100644 inline \u{fc}{at}/\u{20ac}{path}\ndata 2\n{at}\n"));
        }
        stream.push('\n');
    }
    repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], stream.as_bytes());
    write(&repo, true);
    let ours = fs::read(file(&repo)).unwrap();
    fs::remove_file(file(&repo)).unwrap();
    repo.git(&["commit-graph", "write", "--reachable", "--changed-paths"]);
    assert!(fs::read(file(&repo)).unwrap() == ours);
}

#[test]
fn a_second_file_keeps_the_filters_of_the_first() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(7), 40);
    let first = write(&repo, true);
    assert_eq!(first.filters_made, first.commits);
    let before = fs::read(file(&repo)).unwrap();
    let again = write(&repo, true);
    assert_eq!((again.filters_made, again.commits), (0, first.commits));
    assert!(fs::read(file(&repo)).unwrap() == before);
    let tree = repo.git(&["rev-parse", "main^{tree}"]);
    let child = repo.git(&["commit-tree", "-m", "x", "-p", "main", &tree]);
    repo.git(&["update-ref", "refs/heads/main", &child]);
    assert_eq!(write(&repo, true).filters_made, 1);
    repo.git(&["commit-graph", "verify"]);
}

#[test]
fn dates_the_format_cannot_hold_are_left_out() {
    let repo = TestRepo::new();
    let mut stream = String::new();
    let times = [5_u64, 1 << 33, 10, (1 << 34) - 1, 1 << 34, 20, 0];
    for (at, time) in times.iter().enumerate() {
        stream.push_str(&format!(
            "commit refs/heads/main\ncommitter C <c@example.org> {time} +0000\ndata 2\n{at}\nM 100644 inline f\ndata 2\n{at}\n\n"
        ));
    }
    repo.git_with(&["fast-import", "--quiet", "--date-format=raw-permissive"], stream.as_bytes());
    let written = write(&repo, true);
    assert_eq!((written.commits, written.left_out), (4, 3));
    repo.git(&["commit-graph", "verify"]);
    let odb = repo.odb();
    let go_on = AtomicBool::new(false);
    let mut graph = Graph::new(&odb, &go_on);
    let mut node = graph.load(&tips(&repo)[0]).unwrap();
    let mut seen = vec![graph.time(node)];
    while let Some(parent) = graph.parent(node, 0).unwrap() {
        assert!(graph.generation(parent) < graph.generation(node) || graph.generation(node) == UNKNOWN_GENERATION);
        node = parent;
        seen.push(graph.time(node));
    }
    assert_eq!(seen, times.iter().rev().copied().collect::<Vec<_>>());
}

#[test]
fn an_empty_repository_gets_no_file() {
    let repo = TestRepo::new();
    let repository = Repository::open(repo.path()).unwrap();
    let go_on = AtomicBool::new(false);
    assert_eq!(repository.write_commit_graph(&[], &WriteOptions::default(), &go_on).unwrap().commits, 0);
    assert!(!file(&repo).exists());
    random_history(&repo, &mut Random::new(1), 3);
    repository.refresh().unwrap();
    let stop = AtomicBool::new(true);
    let result = repository.write_commit_graph(&tips(&repo), &WriteOptions::default(), &stop);
    assert!(matches!(result, Err(Error::Interrupted)));
    assert!(!file(&repo).exists());
}

#[test]
fn what_the_store_lacks_is_missing_whatever_the_file_says() {
    let (repo, other) = (TestRepo::new(), TestRepo::new());
    random_history(&repo, &mut Random::new(11), 20);
    write(&repo, true);
    fs::copy(file(&repo), file(&other)).unwrap();
    let odb = other.odb();
    assert!(odb.commit_graph().is_some());
    let go_on = AtomicBool::new(false);
    let first = odb.commit_graph().and_then(|graph| graph.id(0)).unwrap();
    assert!(matches!(Graph::new(&odb, &go_on).load(&first), Err(Error::Lost { .. })));
}

#[test]
fn a_file_that_is_unchanged_is_not_read_again() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(11), 5);
    let repository = Repository::open(repo.path()).unwrap();
    repository.write_commit_graph(&tips(&repo), &WriteOptions::default(), &AtomicBool::new(false)).unwrap();
    let first = std::ptr::from_ref(repository.odb().commit_graph().unwrap());
    assert_eq!(std::ptr::from_ref(repository.refresh().unwrap().commit_graph().unwrap()), first);
    fs::remove_file(file(&repo)).unwrap();
    assert!(repository.refresh().unwrap().commit_graph().is_none());
}

#[test]
fn damage_is_noticed_and_lies_do_no_harm() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(23), 60);
    write(&repo, true);
    let good = fs::read(file(&repo)).unwrap();
    let parse = |bytes: &[u8]| CommitGraph::parse(bytes::Bytes::copy_from_slice(bytes).into());
    assert!(parse(&good).is_ok());
    for len in (0..good.len()).step_by(7) {
        assert!(parse(&good[..len]).is_err());
    }
    let mut random = Random::new(3);
    let (mut refused, mut taken) = (0, 0);
    for round in 0..3_000 {
        let mut bad = good.clone();
        for _ in 0..1 + random.below(3) {
            // Mostly in the header, the table and the numbers; the rest is ids and filters.
            let at = if round % 2 == 0 { random.below(200) } else { random.below(bad.len()) };
            bad[at] = random.next() as u8;
        }
        if round % 10 == 0 {
            bad.truncate(random.below(bad.len() - 40) + 40);
        }
        assert!(bad == good || parse(&bad).is_err(), "the checksum fails");
        sign(&mut bad);
        let Ok(graph) = parse(&bad) else {
            refused += 1;
            continue;
        };
        taken += 1;
        let key = PathKey::new(b"dir/sub/x");
        for position in 0..graph.count {
            let id = graph.id(position).unwrap();
            assert_eq!(graph.lookup(&id), Some(position));
            assert!(graph.row(position).is_some());
            graph.parents(position, &mut Vec::new()).unwrap();
            graph.verdict(position, &key);
        }
    }
    assert!(refused > 200 && taken > 200, "{refused} {taken}");
    // A damaged file on disk is passed over.
    let mut bad = good.clone();
    bad[100] ^= 1;
    fs::remove_file(file(&repo)).unwrap();
    fs::write(file(&repo), &bad).unwrap();
    assert!(repo.odb().commit_graph().is_none());
}

#[test]
fn walks_answer_the_same_with_and_without() {
    let go_on = AtomicBool::new(false);
    for seed in 540..548 {
        let repo = TestRepo::new();
        let mut random = Random::new(seed);
        random_history(&repo, &mut random, 50);
        let bare = repo.odb();
        // Now and then only a part of the history is in the file.
        let commits: Vec<ObjectId> =
            repo.git(&["rev-list", "--all"]).lines().map(|hex| id_from_hex(hex.as_bytes()).unwrap()).collect();
        let some: Vec<ObjectId> = if seed % 2 == 0 { tips(&repo) } else { vec![commits[random.below(commits.len())]] };
        let repository = Repository::open(repo.path()).unwrap();
        repository.write_commit_graph(&some, &WriteOptions::default(), &go_on).unwrap();
        let with = repository.odb();
        for _ in 0..60 {
            let (a, b) = (commits[random.below(commits.len())], commits[random.below(commits.len())]);
            let is_ancestor = |odb| crate::walk::is_ancestor(odb, &a, &b, &go_on).unwrap();
            assert_eq!(is_ancestor(&bare), is_ancestor(&with), "seed {seed} {a} {b}");
            let bases = |odb| merge_bases(odb, &a, &b, &go_on).unwrap().into_iter().collect::<BTreeSet<_>>();
            assert_eq!(bases(&bare), bases(&with), "seed {seed} {a} {b}");
            let new = |odb| {
                let mut graph = Graph::new(odb, &go_on);
                let (a, b) = (graph.load(&a).unwrap(), graph.load(&b).unwrap());
                let found = crate::walk::difference(&mut graph, &[a], &[b]).unwrap();
                let ids = |nodes: &[u32]| nodes.iter().map(|node| graph.id(*node)).collect::<BTreeSet<_>>();
                (ids(&found.new), ids(&found.boundary))
            };
            assert_eq!(new(&bare), new(&with), "seed {seed} {a} {b}");
        }
    }
}

#[test]
fn a_file_that_is_cut_off_while_it_is_in_use_tells_nothing() {
    const COMMITS: usize = 3000;
    let repo = TestRepo::new();
    let commit =
        |n: usize| format!("commit refs/heads/main\ncommitter A <a@b> {} +0000\ndata 1\nx\n\n", 1_700_000_000 + n);
    let stream: String = (0..COMMITS).map(commit).collect();
    repo.git_with(&["fast-import", "--quiet"], stream.as_bytes());
    write(&repo, false);
    let repository = Repository::open(repo.path()).unwrap();
    let odb = repository.odb();
    assert!(odb.commit_graph().is_some());
    // The table of ids stays, most of what is said about them goes.
    let mut permissions = fs::metadata(file(&repo)).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(file(&repo), permissions).unwrap();
    fs::OpenOptions::new().write(true).open(file(&repo)).unwrap().set_len(64 << 10).unwrap();

    let go_on = AtomicBool::new(false);
    let mut graph = Graph::new(&odb, &go_on);
    let mut walked = Vec::new();
    let mut next = graph.load(&tips(&repo)[0]).unwrap();
    loop {
        walked.push(graph.id(next).to_string());
        match graph.parent(next, 0).unwrap() {
            Some(parent) => next = parent,
            None => break,
        }
    }
    assert_eq!(walked.join("\n"), repo.git(&["-c", "core.commitGraph=false", "rev-list", "main"]));
    assert!(matches!(odb.check_readable(), Err(crate::Error::Corrupt { .. })), "and it is not believed any more");
}
