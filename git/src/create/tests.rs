//! New objects against git: edited trees, commits, tags, and the pack of one operation.

use std::collections::BTreeMap;

use super::{
    commit::{CommitDraft, Ident},
    edit::{Edit, edit_tree},
    entries::{Item, Mode},
    tag::TagDraft,
    *,
};
use crate::{
    Limits, RefName, Repository,
    id::id_from_hex,
    testgit::{Random, TestRepo},
};

static GO_ON: AtomicBool = AtomicBool::new(false);

fn objects(repo: &TestRepo) -> NewObjects {
    NewObjects::new(repo.odb(), CreateLimits::default())
}

fn ada() -> Ident {
    Ident::new("Ada", "ada@example.org", 1_700_000_000, 90).unwrap()
}

fn draft(tree: ObjectId, parents: &[ObjectId]) -> CommitDraft {
    CommitDraft {
        tree,
        parents: parents.to_vec(),
        author: ada(),
        committer: ada(),
        extra_headers: Vec::new(),
        signature: None,
        message: b"A message\n".to_vec(),
    }
}

fn file(id: ObjectId) -> Edit {
    Edit::Put(Item { mode: Mode::File, id })
}

#[test]
fn edited_trees_are_those_git_writes() {
    const PATHS: [&str; 12] =
        ["a", "a.b", "a-b/c", "a0", "b/a", "b/b/c", "b/b/d", "b.c/x", "b0/y", "z/z/z/z", "z/y", "m"];
    let repo = TestRepo::new();
    let mut objects = objects(&repo);
    let mut random = Random::new(71);
    let mut files: BTreeMap<&str, (Mode, String)> = BTreeMap::new();
    let mut root: Option<ObjectId> = None;
    let mut stream = String::new();
    let mut trees = Vec::new();
    for round in 1..=300 {
        let mut changes: BTreeMap<&str, Edit> = BTreeMap::new();
        for _ in 0..=random.below(4) {
            let path = PATHS[random.below(PATHS.len())];
            if changes.contains_key(path) {
                continue;
            }
            if files.contains_key(path) && random.chance(60) {
                files.remove(path);
                changes.insert(path, Edit::Remove);
            } else {
                let mode = [Mode::File, Mode::Executable, Mode::Symlink][random.below(3)];
                let content = format!("content {}", random.below(10));
                let id = objects.write(Kind::Blob, content.clone().into_bytes()).unwrap();
                files.insert(path, (mode, content));
                changes.insert(path, Edit::Put(Item { mode, id }));
            }
        }
        let edits: Vec<(&[u8], Edit)> = changes.iter().map(|(path, edit)| (path.as_bytes(), *edit)).collect();
        root = Some(edit_tree(&mut objects, root.as_ref(), &edits, &GO_ON).unwrap());
        trees.push(root.unwrap());
        stream.push_str(&format!("commit refs/heads/t{round}\ncommitter C <c@example.org> 1600000000 +0000\ndata 0\n"));
        for (path, (mode, content)) in &files {
            stream.push_str(&format!("M {} inline {path}\ndata {}\n{content}\n", mode.as_octal(), content.len()));
        }
        stream.push('\n');
    }
    repo.git_with(&["fast-import", "--quiet"], stream.as_bytes());
    let queries: String = (1..=300).map(|round| format!("t{round}^{{tree}}\n")).collect();
    let answers = repo.git_with(&["cat-file", "--batch-check=%(objectname)"], queries.as_bytes());
    for (at, (ours, git)) in trees.iter().zip(answers.lines()).enumerate() {
        assert_eq!(ours.to_string(), git, "round {at}");
    }
    assert_eq!(answers.lines().count(), 300);
}

#[test]
fn paths_that_cannot_be_are_refused() {
    let repo = TestRepo::new();
    let mut objects = objects(&repo);
    let blob = objects.write(Kind::Blob, b"x".to_vec()).unwrap();
    let root = edit_tree(&mut objects, None, &[(b"dir/file", file(blob))], &GO_ON).unwrap();
    let long = [b"d/".repeat(600).as_slice(), b"f"].concat();
    let bad: [&[(&[u8], Edit)]; 10] = [
        &[(b"", file(blob))],
        &[(b"/a", file(blob))],
        &[(b"a//b", file(blob))],
        &[(b"a/", file(blob))],
        &[(b"a\0b", file(blob))],
        &[(b"dir/file/below", file(blob))],
        &[(b"none", Edit::Remove)],
        &[(b"dir/none", Edit::Remove)],
        &[(b"a", file(blob)), (b"a/b", file(blob))],
        &[(&long, file(blob))],
    ];
    for edits in bad {
        let refused = edit_tree(&mut objects, Some(&root), edits, &GO_ON);
        assert!(matches!(refused, Err(Error::BadPath { .. })), "{edits:?}: {refused:?}");
    }
    for name in [&b".git/config"[..], b"a/.GIT/x", b"..", b"a/./b", b"git~1"] {
        let refused = edit_tree(&mut objects, Some(&root), &[(name, file(blob))], &GO_ON);
        assert!(matches!(refused, Err(Error::Fsck { .. })), "{refused:?}");
    }
    let missing = edit_tree(&mut objects, Some(&root), &[(b"a", file(ObjectId::from([7; 20])))], &GO_ON);
    assert!(matches!(missing, Err(Error::MissingObject { .. })), "{missing:?}");
    let wrong = edit_tree(&mut objects, Some(&root), &[(b"a", file(root))], &GO_ON);
    assert!(matches!(wrong, Err(Error::WrongKind { .. })), "{wrong:?}");
    // The last path takes its directory along.
    let empty = edit_tree(&mut objects, Some(&root), &[(b"dir/file", Edit::Remove)], &GO_ON).unwrap();
    assert_eq!(empty.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    let stopped = edit_tree(&mut objects, None, &[(b"a", file(blob))], &AtomicBool::new(true));
    assert!(matches!(stopped, Err(Error::Interrupted)));
}

#[test]
fn commits_are_read_as_they_were_written() {
    let repo = TestRepo::new();
    let mut objects = objects(&repo);
    let tree = objects.write(Kind::Tree, Vec::new()).unwrap();
    let first = draft(tree, &[]).write(&mut objects).unwrap();
    let full = CommitDraft {
        extra_headers: vec![(b"encoding".to_vec(), b"x".to_vec()), (b"note".to_vec(), b"one\n\nthree".to_vec())],
        signature: Some(b"-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----".to_vec()),
        message: b"\nSubject\n\nBody\n\nLast".to_vec(),
        ..draft(tree, &[first])
    };
    let id = full.write(&mut objects).unwrap();
    assert_eq!(CommitDraft::parse(&id, &objects.read(&id).unwrap().data).unwrap(), full);
    assert_eq!(full.subject(), b"Subject");
    let unsigned = CommitDraft { signature: None, ..full.clone() };
    assert!(!unsigned.to_bytes().windows(6).any(|window| window == b"gpgsig"));
    for name in ["tree", "gpgsig", "two words", "", "line\nbreak"] {
        let bad = CommitDraft { extra_headers: vec![(name.into(), b"x".to_vec())], ..draft(tree, &[]) };
        assert!(matches!(bad.write(&mut objects), Err(Error::BadRequest { .. })), "{name:?}");
    }
    let nul = CommitDraft { message: b"a\0b".to_vec(), ..draft(tree, &[]) };
    assert!(matches!(nul.write(&mut objects), Err(Error::Fsck { msg_id: "nulInCommit", .. })));
    let orphan = draft(ObjectId::from([9; 20]), &[]);
    assert!(matches!(orphan.write(&mut objects), Err(Error::MissingObject { .. })));
    for data in [&b""[..], b"tree x\n", b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n", b" x"] {
        assert!(CommitDraft::parse(&id, data).is_err());
    }
}

#[test]
fn a_line_called_parent_farther_down_is_none() {
    let repo = TestRepo::new();
    let mut objects = objects(&repo);
    let tree = objects.write(Kind::Tree, Vec::new()).unwrap();
    let (first, second) = (ObjectId::from([1; 20]), ObjectId::from([2; 20]));
    let text = String::from_utf8(draft(tree, &[first]).to_bytes()).unwrap();
    let text = text.replace("\n\n", &format!("\nnote x\nparent {second}\n\n"));
    let id = repo.git_with(&["hash-object", "-t", "commit", "--literally", "-w", "--stdin"], text.as_bytes());
    // What git takes for the parents of this commit, which are not there.
    let (_, listed, _) = repo.run(&["log", "--no-walk", "--format=%P", &id], b"", &[]);
    assert_eq!(String::from_utf8_lossy(&listed).trim(), first.to_string());
    assert_eq!(CommitDraft::parse(&first, text.as_bytes()).unwrap().parents, [first]);
    assert_eq!(crate::commit_text::parse(&first, text.as_bytes()).unwrap().parents, [first]);
}

#[test]
fn persons_cannot_break_the_line() {
    let ident = Ident::new(" Ada <b> \n Lovelace, ", "a\n@b>", 5, -90).unwrap();
    assert_eq!(ident.as_bytes(), b"Ada b  Lovelace <a@b> 5 -0130");
    for (name, seconds, offset) in [("<>", 1, 0), ("", 1, 0), ("A", -1, 0), ("A", 1, 100 * 60)] {
        assert!(Ident::new(name, "a@b", seconds, offset).is_err(), "{name:?}");
    }
}

#[test]
fn the_pack_of_an_operation_is_installed_like_a_pushed_one() {
    let directory = tempfile::TempDir::new().unwrap();
    let main = RefName::new("refs/heads/main").unwrap();
    let server = Repository::init(&directory.path().join("r.git"), 1, &main).unwrap();
    let mut objects = NewObjects::new(server.odb(), CreateLimits::default());
    let blob = objects.write(Kind::Blob, b"hello\n".to_vec()).unwrap();
    objects.write(Kind::Blob, b"made on the way, not needed".to_vec()).unwrap();
    let root = edit_tree(&mut objects, None, &[(b"docs/hello.md", file(blob))], &GO_ON).unwrap();
    let commit = CommitDraft { extra_headers: vec![(b"note".to_vec(), b"a\nb".to_vec())], ..draft(root, &[]) };
    let commit = commit.write(&mut objects).unwrap();
    let tag = TagDraft { target: commit, name: "v1".into(), tagger: ada(), message: b"Version 1\n".to_vec() };
    let bad = TagDraft { name: "a..b".into(), ..tag.clone() };
    assert!(matches!(bad.write(&mut objects), Err(Error::BadRefName { .. })));
    let tag = tag.write(&mut objects).unwrap();
    let ingested = objects.ingest(&[tag], server.incoming(&Limits::default()), &GO_ON).unwrap();
    assert_eq!(ingested.stats().objects, 5);
    let snapshot = ingested.install().unwrap();
    assert_eq!(snapshot.read(&blob).unwrap().data, b"hello\n");

    let git = TestRepo::new();
    let path = server.path().to_str().unwrap();
    git.git(&["-C", path, "update-ref", "refs/tags/v1", &tag.to_string()]);
    git.git(&["-C", path, "update-ref", "refs/heads/main", &commit.to_string()]);
    git.git(&["-C", path, "fsck", "--strict", "--full"]);
    let pack = objects.pack(&[tag], &GO_ON).unwrap();
    git.git_with(&["index-pack", "--strict", "--stdin"], &pack);
    assert_eq!(git.git(&["-C", path, "cat-file", "-p", "v1:docs/hello.md"]), "hello");
    assert_eq!(
        git.git(&["-C", path, "log", "-1", "--format=%an %ad %s", "--date=raw"]),
        "Ada 1700000000 +0130 A message"
    );

    // What is stored already is not made again, and an operation that made nothing installs nothing.
    let mut again = NewObjects::new(snapshot, CreateLimits::default());
    assert_eq!(again.write(Kind::Blob, b"hello\n".to_vec()).unwrap(), blob);
    assert!(again.is_empty());
    let ingested = again.ingest(&[tag], server.incoming(&Limits::default()), &GO_ON).unwrap();
    assert!(ingested.pack().is_none());
}

#[test]
fn limits_hold() {
    let repo = TestRepo::new();
    let limits = CreateLimits { max_bytes: 100, ..CreateLimits::default() };
    let mut objects = NewObjects::new(repo.odb(), limits);
    objects.write(Kind::Blob, vec![b'x'; 60]).unwrap();
    objects.write(Kind::Blob, vec![b'x'; 60]).unwrap();
    assert!(matches!(objects.write(Kind::Blob, vec![b'y'; 60]), Err(Error::TooLarge { .. })));
    let limits = CreateLimits { max_objects: 1, ..CreateLimits::default() };
    let mut objects = NewObjects::new(repo.odb(), limits);
    objects.write(Kind::Blob, b"a".to_vec()).unwrap();
    assert!(matches!(objects.write(Kind::Blob, b"b".to_vec()), Err(Error::TooLarge { .. })));
    let unknown = id_from_hex(b"1111111111111111111111111111111111111111").unwrap();
    assert!(matches!(objects.read(&unknown), Err(Error::Lost { .. })));
}
