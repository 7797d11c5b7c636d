//! What comes over, what does not, and that neither repository minds what becomes of the other; looked at with stock git.

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::testgit::{Random, TestRepo, random_history};

static GO_ON: AtomicBool = AtomicBool::new(false);

fn tips(repo: &TestRepo) -> Vec<ObjectId> {
    repo.view().refs.iter().map(|entry| entry.target).collect()
}

fn give(source: &TestRepo, tips: &[ObjectId], target: &TestRepo) -> ShareStats {
    let (from, to) = (Repository::open(source.path()).unwrap(), Repository::open(target.path()).unwrap());
    share(&from, &from.odb(), tips, &to, &GO_ON).unwrap()
}

fn ids(repo: &TestRepo) -> Vec<String> {
    let listed = repo.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered"]);
    let mut ids: Vec<String> = listed.lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

fn reached(repo: &TestRepo) -> Vec<String> {
    let listed = repo.git(&["rev-list", "--objects", "--all", "--no-object-names"]);
    let mut ids: Vec<String> = listed.lines().map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    ids
}

#[test]
fn a_pack_of_which_all_is_reached_is_one_file_with_two_names() {
    let (source, target) = (TestRepo::new(), TestRepo::new());
    random_history(&source, &mut Random::new(5), 30);
    source.git(&["repack", "-adq"]);
    source.git(&["prune"]);
    let stats = give(&source, &tips(&source), &target);
    assert_eq!(stats, ShareStats { shared_packs: 1, copied_objects: 0 });
    assert_eq!(ids(&target), reached(&source));
    let files = target.pack_files("pack");
    assert_eq!(std::fs::metadata(&files[0]).unwrap().nlink(), 2);
    // The source goes away as a whole, and the fork stays.
    let tip = tips(&source)[0].to_string();
    drop(source);
    target.git(&["update-ref", "refs/heads/main", &tip]);
    target.git(&["fsck", "--strict"]);
}

#[test]
fn what_no_ref_reaches_does_not_come_over() {
    let (source, target) = (TestRepo::new(), TestRepo::new());
    random_history(&source, &mut Random::new(6), 20);
    let secret = source.git_with(&["hash-object", "-w", "--stdin"], b"a password that was taken out again\n");
    source.git(&["update-ref", "refs/tags/secret", &secret]);
    source.git(&["repack", "-adq"]);
    source.git(&["update-ref", "-d", "refs/tags/secret"]);
    let before = ids(&source);
    assert!(before.contains(&secret), "it is still in the pack");
    let stats = give(&source, &tips(&source), &target);
    assert_eq!(stats.shared_packs, 0);
    assert_eq!(ids(&target), reached(&source));
    assert!(!ids(&target).contains(&secret));
    assert_eq!(ids(&source), before, "the source is as it was");
    assert_eq!(std::fs::metadata(&target.pack_files("pack")[0]).unwrap().nlink(), 1);
}

#[test]
fn several_packs_and_loose_objects_come_together() {
    let (source, target) = (TestRepo::new(), TestRepo::new());
    random_history(&source, &mut Random::new(7), 15);
    source.git(&["repack", "-adq"]);
    source.git(&["prune"]);
    let blob = source.git_with(&["hash-object", "-w", "--stdin"], b"added later\n");
    let tree = source.git_with(&["mktree"], format!("100644 blob {blob}\tlate.md\n").as_bytes());
    let parent = tips(&source)[0].to_string();
    let commit = source.git(&["commit-tree", "-p", &parent, "-m", "Late", &tree]);
    source.git(&["update-ref", "refs/heads/late", &commit]);
    let stats = give(&source, &tips(&source), &target);
    assert_eq!(stats, ShareStats { shared_packs: 1, copied_objects: 3 });
    let expected = reached(&source);
    assert!(expected.iter().all(|id| ids(&target).contains(id)));
    assert_eq!(ids(&target), expected);
}

#[test]
fn a_lost_object_stops_it_and_nothing_is_published() {
    let (source, target) = (TestRepo::new(), TestRepo::new());
    random_history(&source, &mut Random::new(9), 10);
    let nothing = ObjectId::try_from([7; 20].as_slice()).unwrap();
    let (from, to) = (Repository::open(source.path()).unwrap(), Repository::open(target.path()).unwrap());
    assert!(matches!(share(&from, &from.odb(), &[nothing], &to, &GO_ON), Err(Error::Lost { .. })));
    assert!(ids(&target).is_empty());
}
