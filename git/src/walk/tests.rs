//! Ancestry, merge bases and order on random histories with wrong clocks, against real git.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
};

use super::*;
use crate::{
    ObjectId,
    error::Error,
    id::{Kind, id_from_hex},
    testgit::{Random, TestRepo, random_history},
};

fn id(hex: &str) -> ObjectId {
    id_from_hex(hex.as_bytes()).unwrap()
}

/// Every commit with all its ancestors, itself included.
fn ancestors(repo: &TestRepo) -> BTreeMap<ObjectId, BTreeSet<ObjectId>> {
    let mut all: BTreeMap<ObjectId, BTreeSet<ObjectId>> = BTreeMap::new();
    for line in repo.git(&["rev-list", "--all", "--topo-order", "--reverse", "--parents"]).lines() {
        let mut ids = line.split(' ').map(id);
        let commit = ids.next().unwrap();
        let mut closure = BTreeSet::from([commit]);
        for parent in ids {
            closure.extend(all[&parent].iter().copied());
        }
        all.insert(commit, closure);
    }
    all
}

#[test]
fn ancestry_is_right_whatever_the_clocks_say() {
    let go_on = AtomicBool::new(false);
    for seed in 300..312 {
        let mut random = Random::new(seed);
        let repo = TestRepo::new();
        let count = 2 + random.below(30);
        random_history(&repo, &mut random, count);
        let odb = repo.odb();
        let all = ancestors(&repo);
        for new in all.keys() {
            for old in all.keys() {
                let ours = is_ancestor(&odb, old, new, &go_on).unwrap();
                assert_eq!(ours, all[new].contains(old), "seed {seed}: {old} {new}");
            }
        }
        let commits: Vec<ObjectId> = all.keys().copied().collect();
        for _ in 0..12 {
            let (a, b) = (commits[random.below(commits.len())], commits[random.below(commits.len())]);
            let (_, out, _) = repo.run(&["merge-base", "--all", &a.to_string(), &b.to_string()], &[], &[]);
            let git: BTreeSet<ObjectId> = String::from_utf8(out).unwrap().lines().map(id).collect();
            let ours: BTreeSet<ObjectId> = merge_bases(&odb, &a, &b, &go_on).unwrap().into_iter().collect();
            assert_eq!(ours, git, "seed {seed}: {a} {b}");
        }

        let mut graph = Graph::new(&odb, &go_on);
        let tips = repo.git(&["rev-list", "--branches", "--no-walk"]);
        let walked: Vec<ObjectId> =
            CommitsByDate::new(&mut graph, tips.lines().map(id)).unwrap().collect::<Result<_, _>>().unwrap();
        let expected: BTreeSet<ObjectId> = repo.git(&["rev-list", "--branches"]).lines().map(id).collect();
        assert_eq!(walked.len(), expected.len());
        assert_eq!(walked.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

#[test]
fn differences_are_exact_and_ordered() {
    let go_on = AtomicBool::new(false);
    for seed in 320..335 {
        let mut random = Random::new(seed);
        let repo = TestRepo::new();
        let count = 2 + random.below(40);
        random_history(&repo, &mut random, count);
        let odb = repo.odb();
        let all = ancestors(&repo);
        let commits: Vec<ObjectId> = all.keys().copied().collect();
        for _ in 0..20 {
            let mut some = |most: usize| -> Vec<ObjectId> {
                (0..random.below(most + 1)).map(|_| commits[random.below(commits.len())]).collect()
            };
            let (wants, haves) = (some(3), some(4));
            let mut graph = Graph::new(&odb, &go_on);
            let want_nodes: Vec<_> = wants.iter().map(|id| graph.load(id).unwrap()).collect();
            let have_nodes: Vec<_> = haves.iter().map(|id| graph.load(id).unwrap()).collect();
            let found = difference(&mut graph, &want_nodes, &have_nodes).unwrap();

            let closure =
                |ids: &[ObjectId]| -> BTreeSet<ObjectId> { ids.iter().flat_map(|id| all[id].clone()).collect() };
            let expected: BTreeSet<ObjectId> = closure(&wants).difference(&closure(&haves)).copied().collect();
            let new: Vec<ObjectId> = found.new.iter().map(|node| graph.id(*node)).collect();
            assert_eq!(new.iter().copied().collect::<BTreeSet<_>>(), expected, "seed {seed}");
            assert_eq!(new.len(), expected.len());
            for (at, commit) in new.iter().enumerate() {
                assert!(all[commit].iter().all(|older| older == commit || !new[at..].contains(older)), "seed {seed}");
            }
            for node in found.boundary {
                assert!(!expected.contains(&graph.id(node)));
            }
        }
    }
}

#[test]
fn tags_are_peeled_to_the_end() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(1), 2);
    let main = id(&repo.git(&["rev-parse", "main"]));
    repo.git(&["tag", "-a", "-m", "x", "inner", "main"]);
    repo.git(&["tag", "-a", "-m", "x", "outer", "inner"]);
    let (inner, outer) = (id(&repo.git(&["rev-parse", "inner"])), id(&repo.git(&["rev-parse", "outer"])));
    let odb = repo.odb();
    assert_eq!(peel(&odb, &outer).unwrap(), Peeled { tags: vec![outer, inner], target: main, kind: Kind::Commit });
    assert_eq!(peel(&odb, &main).unwrap(), Peeled { tags: vec![], target: main, kind: Kind::Commit });
    assert!(matches!(peel(&odb, &id(&"1".repeat(40))), Err(Error::Lost { .. })));
}

#[test]
fn missing_commits_and_interrupts_are_errors() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(1), 2);
    let (main, tree) = (id(&repo.git(&["rev-parse", "main"])), id(&repo.git(&["rev-parse", "main^{tree}"])));
    let odb = repo.odb();
    let go_on = AtomicBool::new(false);
    assert!(matches!(is_ancestor(&odb, &id(&"1".repeat(40)), &main, &go_on), Err(Error::Lost { .. })));
    assert!(matches!(is_ancestor(&odb, &tree, &main, &go_on), Err(Error::WrongKind { .. })));
    assert!(matches!(is_ancestor(&odb, &main, &main, &AtomicBool::new(true)), Err(Error::Interrupted)));
}

#[test]
fn broken_trees_are_noticed() {
    let entry = |mode: &str, name: &str| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[7; 20]].concat();
    let modes = ["100644", "40000", "040000", "160000", "120000"];
    let entries: Vec<Vec<u8>> = modes.iter().map(|mode| entry(mode, "a")).collect();
    let whole = entries.concat();
    let kinds: Vec<_> = TreeEntries::new(&whole).map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Some(Kind::Blob), Some(Kind::Tree), Some(Kind::Tree), None, Some(Kind::Blob)]);
    for cut in 1..whole.len() {
        let mut read = TreeEntries::new(&whole[..cut]);
        let count = read.by_ref().count();
        let is_between = entries[..count].concat().len() == cut;
        assert_eq!(read.is_broken(), !is_between, "{cut} {count}");
    }
}
