//! A repository directory as we make it, seen by real git.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::testgit::TestRepo;

fn main() -> RefName {
    RefName::new("refs/heads/main").unwrap()
}

#[test]
fn git_takes_it_for_a_bare_repository() {
    let outer = TestRepo::new();
    let path = outer.path().join("new/owner/x.git");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let repository = Repository::init(&path, 42, &main()).unwrap();
    assert_eq!(repository.repository_id(), Some(42));
    assert_eq!(repository.head().unwrap(), Some(main()));
    let git = |args: &[&str]| outer.git(&[&["-C", path.to_str().unwrap()], args].concat());
    assert_eq!(git(&["rev-parse", "--is-bare-repository"]), "true");
    assert_eq!(git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(git(&["config", "atomicqms.repositoryid"]), "42");
    git(&["fsck", "--strict"]);
    repository.write_head(&RefName::new("refs/heads/trunk").unwrap()).unwrap();
    assert_eq!(git(&["symbolic-ref", "HEAD"]), "refs/heads/trunk");
    let mode = |p: &str| fs::metadata(path.join(p)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("."), mode("objects"), mode("config"), mode("HEAD")), (0o700, 0o700, 0o600, 0o600));
}

#[test]
fn creation_can_be_repeated_after_any_cut() {
    let outer = TestRepo::new();
    let path = outer.path().join("x.git");
    Repository::init(&path, 7, &main()).unwrap();
    Repository::open(&path).unwrap().write_head(&RefName::new("refs/heads/kept").unwrap()).unwrap();
    for lost in ["HEAD", "config", "description", "objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        let victim = path.join(lost);
        if victim.is_dir() {
            fs::remove_dir(&victim).unwrap()
        } else {
            fs::remove_file(&victim).unwrap()
        }
        Repository::init(&path, 7, &main()).unwrap();
        let head = if lost == "HEAD" { "refs/heads/main" } else { "refs/heads/kept" };
        assert_eq!(outer.git(&["-C", path.to_str().unwrap(), "symbolic-ref", "HEAD"]), head);
        Repository::open(&path).unwrap().write_head(&RefName::new("refs/heads/kept").unwrap()).unwrap();
    }
    assert!(matches!(Repository::init(&path, 8, &main()), Err(Error::Corrupt { .. })), "another id is refused");
}

#[test]
fn other_directories_are_refused() {
    let outer = TestRepo::new();
    assert!(matches!(Repository::open(&outer.path().join("absent")), Err(Error::NotARepository { .. })));
    assert!(matches!(Repository::open(&outer.path().join("objects")), Err(Error::NotARepository { .. })));
    assert_eq!(Repository::open(outer.path()).unwrap().repository_id(), None);
}

#[test]
fn the_janitor_removes_what_a_crash_left() {
    let outer = TestRepo::new();
    let repository = Repository::init(&outer.path().join("x.git"), 1, &main()).unwrap();
    let stale = repository.objects().join("incoming-0123");
    fs::create_dir(&stale).unwrap();
    fs::write(stale.join("received.pack"), b"half").unwrap();
    let temporary = repository.path().join(format!("{}abc", files::TEMPORARY_PREFIX));
    fs::write(&temporary, b"half").unwrap();
    assert_eq!(repository.remove_stale_incoming().unwrap(), 2);
    assert!(!stale.exists() && !temporary.exists());
    assert_eq!(repository.remove_stale_incoming().unwrap(), 0);
}

#[test]
fn refresh_finds_what_git_packed_and_keeps_what_is_open() {
    let outer = TestRepo::new();
    let mut random = crate::testgit::Random::new(3);
    crate::testgit::random_history(&outer, &mut random, 20);
    outer.git(&["repack", "-q", "-a", "-d"]);
    let repository = Repository::open(outer.path()).unwrap();
    let before = repository.odb();
    let blob = outer.git_with(&["hash-object", "-w", "--stdin"], b"new\n");
    let id = crate::id::id_from_hex(blob.as_bytes()).unwrap();
    assert!(!before.contains(&id).unwrap(), "a snapshot does not change");
    let after = repository.refresh().unwrap();
    assert_eq!(after.read(&id).unwrap().data, b"new\n");
    assert!(Arc::ptr_eq(&before.packs()[0], &after.packs()[0]));
}
