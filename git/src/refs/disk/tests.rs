//! Files of refs against real git, which reads what we write and writes what we read.

use super::*;
use crate::{Ref, RefName, testgit::TestRepo};

struct Fixture {
    repo: TestRepo,
    commits: Vec<ObjectId>,
    tag: (ObjectId, ObjectId),
    table: RefTable,
}

/// A repository with three commits and an annotated tag object, and no refs.
fn fixture() -> Fixture {
    let repo = TestRepo::new();
    let id = |hex: String| crate::id::id_from_hex(hex.as_bytes()).unwrap();
    let tree = repo.git_with(&["mktree"], b"");
    let commits: Vec<ObjectId> = (0..3).map(|i| id(repo.git(&["commit-tree", "-m", &i.to_string(), &tree]))).collect();
    repo.git(&["tag", "-a", "-m", "x", "t", &commits[0].to_string()]);
    let tag = id(repo.git(&["rev-parse", "refs/tags/t"]));
    repo.git(&["update-ref", "-d", "refs/tags/t"]);
    let tag = (tag, commits[0]);
    Fixture { repo, commits, tag, table: RefTable::default() }
}

impl Fixture {
    /// Brings the given refs to the given values, on disk and in the table.
    fn set(&mut self, changes: &[(&str, Option<ObjectId>)]) {
        let edits: Vec<RefEdit> = changes
            .iter()
            .map(|(name, new)| RefEdit {
                name: RefName::new(name).unwrap(),
                old: self.table.get(name).map(|r| r.target),
                new: *new,
                peeled: new.filter(|id| *id == self.tag.0).map(|_| self.tag.1),
            })
            .collect();
        self.table = self.table.apply(&edits).unwrap();
        project(self.repo.path(), &edits, &self.table).unwrap();
        sync(self.repo.path(), &edits).unwrap();
        self.check();
    }

    /// Git and we see exactly the table.
    fn check(&self) {
        let ours: Vec<String> = self
            .table
            .iter()
            .map(|r| format!("{} {} {}", r.name, r.target, r.peeled.map_or(String::new(), |p| p.to_string())))
            .collect();
        let git = self.repo.git(&["for-each-ref", "--format=%(refname) %(objectname) %(*objectname)"]);
        assert_eq!(
            git.lines().map(str::trim_end).collect::<Vec<_>>(),
            ours.iter().map(|l| l.trim_end()).collect::<Vec<_>>()
        );
        let read = read(self.repo.path()).unwrap();
        let found: Vec<(&str, ObjectId)> = read.iter().map(|r| (r.name.as_str(), r.target().unwrap())).collect();
        let table: Vec<(&str, ObjectId)> = self.table.iter().map(|r| (r.name.as_str(), r.target)).collect();
        assert_eq!(found, table);
        let leftovers = fs::read_dir(self.repo.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        assert_eq!(leftovers.filter(|name| name.starts_with(files::TEMPORARY_PREFIX)).count(), 0);
    }

    fn packed(&self) -> String {
        fs::read_to_string(self.repo.path().join("packed-refs")).unwrap_or_default()
    }
}

#[test]
fn git_sees_what_is_projected() {
    let mut f = fixture();
    let (a, b, c) = (f.commits[0], f.commits[1], f.commits[2]);
    f.set(&[("refs/heads/main", Some(a)), ("refs/heads/topic/x", Some(b)), ("refs/tags/v1", Some(f.tag.0))]);
    f.set(&[("refs/heads/main", Some(b)), ("refs/heads/topic/y", Some(c))]);
    f.set(&[("refs/heads/topic/x", None), ("refs/heads/topic/y", None), ("refs/tags/v1", None)]);
    assert!(!f.repo.path().join("refs/heads/topic").exists(), "empty directories go");
    assert!(f.repo.path().join("refs/tags").exists(), "but not those that git expects");
    // A file becomes a directory and the other way round.
    f.set(&[("refs/heads/d", Some(a))]);
    f.set(&[("refs/heads/d", None), ("refs/heads/d/e/f", Some(b))]);
    f.set(&[("refs/heads/d/e/f", None), ("refs/heads/d", Some(c))]);
    assert_eq!(f.packed(), "", "few changes need no packed-refs");
}

#[test]
fn packed_by_git_and_changed_by_us() {
    let mut f = fixture();
    let (a, b, c) = (f.commits[0], f.commits[1], f.commits[2]);
    f.set(&[
        ("refs/heads/main", Some(a)),
        ("refs/heads/x/y", Some(b)),
        ("refs/tags/v1", Some(f.tag.0)),
        ("refs/tags/l", Some(c)),
    ]);
    f.repo.git(&["pack-refs", "--all"]);
    f.check();
    let by_git = f.packed();
    packed::write(f.repo.path(), &f.table).unwrap();
    assert_eq!(f.packed(), by_git, "byte for byte what git writes");
    // Loose over packed.
    f.set(&[("refs/heads/main", Some(c))]);
    assert!(f.packed().contains(&format!("{a} refs/heads/main")));
    // A deleted packed ref must not come back with its old value.
    f.set(&[("refs/heads/main", None)]);
    assert!(!f.packed().contains("refs/heads/main"));
    f.set(&[("refs/heads/x/y", None), ("refs/heads/x", Some(a))]);
    f.set(&[("refs/tags/v1", None)]);
    f.repo.git(&["pack-refs", "--all"]);
    f.check();
    f.set(&[("refs/heads/x", None), ("refs/heads/x/z", Some(b))]);
}

#[test]
fn many_changes_go_to_one_file() {
    let mut f = fixture();
    let (a, b) = (f.commits[0], f.commits[1]);
    f.set(&[("refs/heads/n001", Some(b))]);
    let names: Vec<String> = (0..200).map(|i| format!("refs/heads/n{i:03}")).collect();
    let changes: Vec<(&str, Option<ObjectId>)> = names.iter().map(|n| (n.as_str(), Some(a))).collect();
    f.set(&changes);
    assert!(!f.repo.path().join("refs/heads/n001").exists(), "the loose file with the old value is gone");
    assert_eq!(f.packed().lines().count(), 201);
    let removals: Vec<(&str, Option<ObjectId>)> = names.iter().map(|n| (n.as_str(), None)).collect();
    f.set(&removals);
    assert_eq!(f.packed().lines().count(), 1);
}

#[test]
fn projecting_again_changes_nothing_and_heals() {
    let mut f = fixture();
    let (a, b) = (f.commits[0], f.commits[1]);
    f.set(&[("refs/heads/main", Some(a)), ("refs/heads/gone", Some(a))]);
    f.set(&[("refs/heads/gone", None), ("refs/heads/dir/x", Some(b))]);
    let edit = |name: &str| RefEdit { name: RefName::new(name).unwrap(), old: None, new: None, peeled: None };
    let edits = [edit("refs/heads/main"), edit("refs/heads/gone"), edit("refs/heads/dir/x")];
    project(f.repo.path(), &edits, &f.table).unwrap();
    f.check();
    // What a power cut or a meddler leaves behind.
    fs::write(f.repo.path().join("refs/heads/main"), b"").unwrap();
    fs::write(f.repo.path().join("refs/heads/gone"), format!("{b}\n")).unwrap();
    fs::remove_dir_all(f.repo.path().join("refs/heads/dir")).unwrap();
    fs::write(f.repo.path().join("refs/heads/dir"), format!("{b}\n")).unwrap();
    let broken = read(f.repo.path()).unwrap();
    assert!(broken.iter().any(|r| r.name == "refs/heads/main" && r.value == DiskValue::Broken(String::new())));
    project(f.repo.path(), &edits, &f.table).unwrap();
    f.check();
    // A directory with a stray ref where a ref belongs.
    fs::remove_file(f.repo.path().join("refs/heads/main")).unwrap();
    fs::create_dir_all(f.repo.path().join("refs/heads/main/stray")).unwrap();
    fs::write(f.repo.path().join("refs/heads/main/stray/x"), format!("{b}\n")).unwrap();
    project(f.repo.path(), &edits, &f.table).unwrap();
    f.check();
}

#[test]
fn symbolic_hidden_and_strange_files() {
    let f = fixture();
    let heads = f.repo.path().join("refs/heads");
    fs::write(heads.join("sym"), "ref: refs/heads/main\n").unwrap();
    fs::write(heads.join(".hidden"), "x").unwrap();
    fs::write(heads.join("main.lock"), "x").unwrap();
    fs::write(heads.join("junk"), "not an id at all").unwrap();
    fs::write(heads.join("long"), format!("{}x", f.commits[0])).unwrap();
    fs::write(heads.join("spaced"), format!("{} trailing\n", f.commits[0])).unwrap();
    let read = read(f.repo.path()).unwrap();
    let names: Vec<&str> = read.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["refs/heads/junk", "refs/heads/long", "refs/heads/spaced", "refs/heads/sym"]);
    assert!(matches!(read[0].value, DiskValue::Broken(_)));
    assert!(matches!(read[1].value, DiskValue::Broken(_)));
    assert_eq!(read[2].target(), Some(f.commits[0]));
    assert_eq!(read[3].value, DiskValue::Symbolic("refs/heads/main".into()));
    let r = Ref { name: RefName::new("refs/heads/junk").unwrap(), target: f.commits[0], peeled: None };
    loose::write(f.repo.path(), &r).unwrap();
    assert_eq!(f.repo.git(&["rev-parse", "refs/heads/junk"]), f.commits[0].to_string());
}
