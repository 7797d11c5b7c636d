//! Whole pushes: what git packs, we take in; what git then reads from the repository is what was pushed.

use std::{fs, path::Path, sync::atomic::AtomicBool};

use super::*;
use crate::{
    Kind, ObjectId, RefName,
    id::{hash_object, id_from_hex},
    testgit::{Random, TestRepo, random_history},
    testpack::{PackBuilder, append_delta, commit, tree},
};

/// A server's repository beside a client's.
struct Push {
    client: TestRepo,
    server: Repository,
}

impl Push {
    fn new() -> Push {
        let client = TestRepo::new();
        let server =
            Repository::init(&client.path().join("server.git"), 1, &RefName::new("refs/heads/main").unwrap()).unwrap();
        Push { client, server }
    }

    fn ingest(&self, pack: &[u8], spooled: bool) -> Result<Ingested> {
        self.ingest_with(pack, spooled, &Limits::default())
    }

    fn ingest_with(&self, pack: &[u8], spooled: bool, limits: &Limits) -> Result<Ingested> {
        let incoming = self.server.incoming(limits);
        let source = if spooled {
            std::io::Write::write_all(&mut incoming.spool().create()?, pack).unwrap();
            PackSource::Spooled
        } else {
            PackSource::Memory(Bytes::copy_from_slice(pack))
        };
        incoming.ingest(source, &mut |_| (), &AtomicBool::new(false))
    }

    fn git(&self, args: &[&str]) -> String {
        self.client.git(&[&["-C", self.server.path().to_str().unwrap()], args].concat())
    }

    /// The pack that `git push` would send for these revisions.
    fn pack(&self, revisions: &str, options: &[&str]) -> Vec<u8> {
        let args = [&["pack-objects", "--revs", "--stdout", "-q", "--thin", "--no-reuse-delta"], options].concat();
        let (ok, pack, err) = self.client.run(&args, revisions.as_bytes(), &[]);
        assert!(ok, "{err}");
        pack
    }

    fn leftovers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.server.path().join("objects")).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "info" && name != "pack").collect()
    }

    fn refused(&self, pack: &[u8]) -> Error {
        let before = listing(&self.server.path().join("objects/pack"));
        let errors: Vec<Error> = [false, true].map(|spooled| self.ingest(pack, spooled).unwrap_err()).into();
        assert_eq!(errors[0].to_string(), errors[1].to_string());
        assert_eq!(listing(&self.server.path().join("objects/pack")), before);
        assert_eq!(self.leftovers(), Vec::<String>::new());
        errors.into_iter().next().unwrap()
    }
}

fn listing(path: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn id(data: &[u8]) -> ObjectId {
    hash_object(Kind::Blob, data).unwrap()
}

#[test]
fn pushes_one_after_the_other_make_a_repository_that_git_finds_sound() {
    for seed in 20..26 {
        let push = Push::new();
        random_history(&push.client, &mut Random::new(seed), 60);
        let order = push.client.git(&["rev-list", "--topo-order", "--reverse", "main"]);
        let commits: Vec<&str> = order.lines().collect();
        let mut have: Option<&str> = None;
        let mut added_bases = 0;
        for (round, tip) in [commits[commits.len() / 3], commits[commits.len() * 2 / 3], commits[commits.len() - 1]]
            .into_iter()
            .enumerate()
        {
            let revisions = have.map_or(format!("{tip}\n"), |old| format!("{tip}\n^{old}\n"));
            let options: &[&str] = if round % 2 == 0 { &[] } else { &["--delta-base-offset"] };
            let pack = push.pack(&revisions, options);
            let ingested = push.ingest(&pack, round % 2 == 1).unwrap();
            let id = id_from_hex(tip.as_bytes()).unwrap();
            assert!(ingested.snapshot().contains(&id).unwrap(), "visible in quarantine");
            assert!(have == Some(tip) || !push.server.odb().contains(&id).unwrap(), "and only there");
            added_bases += ingested.stats().added_bases;
            let snapshot = ingested.install().unwrap();
            assert!(snapshot.contains(&id).unwrap() && push.server.odb().contains(&id).unwrap());
            push.git(&["update-ref", "refs/heads/main", tip]);
            let (ok, _, messages) =
                push.client.run(&["-C", push.server.path().to_str().unwrap(), "fsck", "--strict", "--full"], b"", &[]);
            assert!(ok && !messages.contains("error"), "{messages}");
            have = Some(tip);
        }
        assert_eq!(push.leftovers(), Vec::<String>::new());
        for pack in listing(&push.server.path().join("objects/pack")).iter().filter(|n| n.ends_with(".pack")) {
            push.git(&["verify-pack", &format!("objects/pack/{pack}")]);
        }
        let ours = push.git(&["rev-list", "--objects", "main"]);
        assert_eq!(ours, push.client.git(&["rev-list", "--objects", "main"]));
        // A repository opened anew sees the same, and reads what git reads.
        let fresh = Repository::open(push.server.path()).unwrap().odb();
        for line in ours.lines() {
            let hex = line.get(..40).unwrap();
            assert!(fresh.contains(&id_from_hex(hex.as_bytes()).unwrap()).unwrap());
        }
        eprintln!("seed {seed}: {added_bases} bases added");
    }
}

#[test]
fn gix_reads_the_same_objects_from_what_was_installed() {
    let push = Push::new();
    random_history(&push.client, &mut Random::new(77), 60);
    let order = push.client.git(&["rev-list", "--topo-order", "--reverse", "main"]);
    let commits: Vec<&str> = order.lines().collect();
    let (half, tip) = (commits[commits.len() / 2], commits[commits.len() - 1]);
    for revisions in [format!("{half}\n"), format!("{tip}\n^{half}\n")] {
        push.ingest(&push.pack(&revisions, &[]), false).unwrap().install().unwrap();
    }
    let ours = push.server.odb();
    let mut compared = 0;
    for name in listing(&push.server.path().join("objects/pack")).iter().filter(|name| name.ends_with(".idx")) {
        let path = push.server.path().join("objects/pack").join(name);
        let theirs = gix_pack::Bundle::at(&path, gix::hash::Kind::Sha1).unwrap();
        let mut inflate = gix::zlib::Inflate::default();
        let mut data = Vec::new();
        for (at, entry) in theirs.index.iter().enumerate() {
            let cache = &mut gix_pack::cache::Never;
            let at = u32::try_from(at).unwrap();
            let (found, _) = theirs.get_object_by_index(at, &mut data, &mut inflate, cache).unwrap();
            let expected = ours.read(&entry.oid).unwrap();
            assert_eq!((found.kind, found.data), (expected.kind, expected.data.as_slice()), "{}", entry.oid);
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared} objects were compared");
}

#[test]
fn a_thin_pack_is_completed_as_git_completes_it() {
    for spooled in [false, true] {
        let push = Push::new();
        let text: String = (0..2000).map(|i| format!("line {i}\n")).collect();
        let mut first = PackBuilder::new();
        let base = first.object(Kind::Blob, text.as_bytes());
        let root = first.object(Kind::Tree, &tree(&[("100644", b"f", base)]));
        let one = first.object(Kind::Commit, &commit(&root, &[], "one"));
        push.ingest(&first.finish(), spooled).unwrap().install().unwrap();
        let grown = [text.as_bytes(), b"more\n"].concat();
        let mut second = PackBuilder::new();
        second.ref_delta(&base, &append_delta(text.len(), b"more\n"));
        let root = second.object(Kind::Tree, &tree(&[("100644", b"f", id(&grown))]));
        let two = second.object(Kind::Commit, &commit(&root, &[one], "two"));
        let pack = second.finish();
        let stats = {
            let ingested = push.ingest(&pack, spooled).unwrap();
            let stats = ingested.stats();
            ingested.install().unwrap();
            stats
        };
        assert_eq!((stats.objects, stats.deltas, stats.added_bases), (3, 1, 1));
        assert!(stats.pack_bytes > stats.received_bytes);
        push.git(&["update-ref", "refs/heads/main", &two.to_string()]);
        push.git(&["fsck", "--strict", "--full"]);
        assert_eq!(push.git(&["cat-file", "blob", "main:f"]), String::from_utf8(grown.clone()).unwrap().trim_end());
        assert_eq!(push.server.odb().read(&id(&grown)).unwrap().data, grown);
        // The pack stands alone: git indexes it anew and writes the index that we wrote.
        for name in listing(&push.server.path().join("objects/pack")).iter().filter(|n| n.ends_with(".pack")) {
            let path = push.server.path().join("objects/pack").join(name);
            push.client.git(&["index-pack", "-o", "again.idx", path.to_str().unwrap()]);
            assert!(
                fs::read(push.client.path().join("again.idx")).unwrap()
                    == fs::read(path.with_extension("idx")).unwrap()
            );
            fs::remove_file(push.client.path().join("again.idx")).unwrap();
        }
    }
}

#[test]
fn nothing_and_the_same_again() {
    let push = Push::new();
    let empty = PackBuilder::new().finish();
    let ingested = push.ingest(&empty, false).unwrap();
    assert!(ingested.pack().is_none());
    ingested.install().unwrap();
    assert!(listing(&push.server.path().join("objects/pack")).is_empty());
    let mut builder = PackBuilder::new();
    let root = builder.object(Kind::Tree, b"");
    builder.object(Kind::Commit, &commit(&root, &[], "x"));
    let pack = builder.finish();
    let (first, second) = (push.ingest(&pack, false).unwrap(), push.ingest(&pack, true).unwrap());
    first.install().unwrap();
    let snapshot = second.install().unwrap();
    assert_eq!(snapshot.packs().len(), 1);
    assert_eq!(listing(&push.server.path().join("objects/pack")).len(), 2);
    assert_eq!(push.leftovers(), Vec::<String>::new());
    // A crash between the two renames leaves a pack without index; the next push repairs it.
    let idx =
        push.server.path().join("objects/pack").join(listing(&push.server.path().join("objects/pack"))[0].clone());
    assert!(idx.extension().is_some_and(|e| e == "idx"));
    fs::remove_file(idx).unwrap();
    push.server.refresh().unwrap();
    assert!(!push.server.odb().contains(&root).unwrap());
    push.ingest(&pack, false).unwrap().install().unwrap();
    assert!(push.server.odb().contains(&root).unwrap());
    push.git(&["fsck", "--strict"]);
}

#[test]
fn references_must_lead_somewhere_and_to_the_right_kind() {
    let push = Push::new();
    let mut builder = PackBuilder::new();
    let blob = builder.object(Kind::Blob, b"here");
    let root = builder.object(Kind::Tree, &tree(&[("100644", b"f", blob)]));
    let one = builder.object(Kind::Commit, &commit(&root, &[], "one"));
    push.ingest(&builder.finish(), false).unwrap().install().unwrap();
    let nowhere = ObjectId::from([0x77; 20]);
    let one_object = |kind: Kind, data: &[u8]| {
        let mut builder = PackBuilder::new();
        builder.object(kind, data);
        builder.finish()
    };
    let missing: [(Kind, Vec<u8>); 6] = [
        (Kind::Tree, tree(&[("100644", b"f", nowhere)])),
        (Kind::Tree, tree(&[("40000", b"d", nowhere)])),
        (Kind::Tree, tree(&[("120000", b"l", nowhere)])),
        (Kind::Commit, commit(&nowhere, &[], "no tree")),
        (Kind::Commit, commit(&root, &[one, nowhere], "shallow")),
        (Kind::Tag, format!("object {nowhere}\ntype commit\ntag t\ntagger A <a@b> 1 +0000\n\nx").into_bytes()),
    ];
    for (kind, data) in missing {
        let refused = push.refused(&one_object(kind, &data));
        assert!(matches!(refused, Error::MissingObject { id, .. } if id == nowhere), "{refused:?}");
    }
    let wrong: [(Kind, Vec<u8>); 5] = [
        (Kind::Tree, tree(&[("100644", b"f", root)])),
        (Kind::Tree, tree(&[("40000", b"d", blob)])),
        (Kind::Commit, commit(&one, &[], "tree is a commit")),
        (Kind::Commit, commit(&root, &[root], "parent is a tree")),
        (Kind::Tag, format!("object {one}\ntype tree\ntag t\ntagger A <a@b> 1 +0000\n\nx").into_bytes()),
    ];
    for (kind, data) in wrong {
        let refused = push.refused(&one_object(kind, &data));
        assert!(matches!(refused, Error::WrongKind { .. }), "{refused:?}");
    }
    let fine: [(Kind, Vec<u8>); 4] = [
        (Kind::Tree, tree(&[("40000", b"d", root), ("100644", b"f", blob)])),
        (Kind::Tree, tree(&[("160000", b"submodule", nowhere)])),
        (Kind::Commit, commit(&root, &[one], "two")),
        (Kind::Tag, format!("object {one}\ntype commit\ntag t\ntagger A <a@b> 1 +0000\n\nx").into_bytes()),
    ];
    for (kind, data) in fine {
        push.ingest(&one_object(kind, &data), false).unwrap();
    }
    assert_eq!(push.leftovers(), Vec::<String>::new(), "dropping is enough to clean up");
}

#[test]
fn what_refs_may_point_at() {
    let push = Push::new();
    let mut builder = PackBuilder::new();
    let root = builder.object(Kind::Tree, b"");
    let one = builder.object(Kind::Commit, &commit(&root, &[], "one"));
    let tag = |target: &ObjectId, kind: &str| {
        format!("object {target}\ntype {kind}\ntag t\ntagger A <a@b> 1 +0000\n\nx").into_bytes()
    };
    let inner = builder.object(Kind::Tag, &tag(&one, "commit"));
    let outer = builder.object(Kind::Tag, &tag(&inner, "tag"));
    let ingested = push.ingest(&builder.finish(), false).unwrap();
    let all = ingested.snapshot();
    let (branch, tag) = (RefName::new("refs/heads/x").unwrap(), RefName::new("refs/tags/x").unwrap());
    let tip = all.check_tip(&branch, &one).unwrap();
    assert_eq!((tip.kind, tip.peeled), (Kind::Commit, None));
    let tip = all.check_tip(&tag, &outer).unwrap();
    assert_eq!((tip.kind, tip.peeled), (Kind::Tag, Some(one)));
    assert_eq!(all.check_tip(&tag, &root).unwrap().kind, Kind::Tree);
    assert!(matches!(all.check_tip(&branch, &outer), Err(Error::WrongKind { .. })));
    assert!(matches!(all.check_tip(&branch, &root), Err(Error::WrongKind { .. })));
    assert!(matches!(all.check_tip(&tag, &ObjectId::from([9; 20])), Err(Error::MissingObject { .. })));
}

#[test]
fn special_blobs_are_checked_wherever_they_are() {
    let push = Push::new();
    let evil = b"[submodule \"x\"]\n\turl = -oProxyCommand=evil\n\tpath = x\n";
    let with_name = |name: &[u8], include: bool| {
        let mut builder = PackBuilder::new();
        if include {
            builder.object(Kind::Blob, evil);
        }
        builder.object(Kind::Tree, &tree(&[("100644", name, id(evil))]));
        builder.finish()
    };
    let refused = push.refused(&with_name(b".gitmodules", true));
    assert!(matches!(refused, Error::Fsck { msg_id: "gitmodulesUrl", .. }), "{refused:?}");
    // Under another name it is text; renaming it later does not get it past the check.
    push.ingest(&with_name(b"harmless", true), false).unwrap().install().unwrap();
    for name in [&b".gitmodules"[..], b".GITMODULES", b"GITMOD~1"] {
        let refused = push.refused(&with_name(name, false));
        assert!(matches!(refused, Error::Fsck { msg_id: "gitmodulesUrl", .. }), "{refused:?}");
    }
}

#[test]
fn completing_a_thin_pack_cannot_blow_it_up() {
    let push = Push::new();
    let mut builder = PackBuilder::new();
    let mut random = Random::new(3);
    let noise: Vec<Vec<u8>> = (0..20).map(|_| (0..5000).map(|_| random.next() as u8).collect()).collect();
    for blob in &noise {
        builder.full(Kind::Blob, blob);
    }
    push.ingest(&builder.finish(), false).unwrap().install().unwrap();
    let mut thin = PackBuilder::new();
    for blob in &noise {
        thin.ref_delta(&id(blob), &append_delta(blob.len(), b"x"));
    }
    let pack = thin.finish();
    let limits = Limits { max_pack_bytes: 50_000, ..Limits::default() };
    let refused = push.ingest_with(&pack, true, &limits).unwrap_err();
    assert!(matches!(refused, Error::TooLarge { what: "size of the completed pack", .. }), "{refused:?}");
    let limits = Limits { max_unpacked_bytes: 150_000, ..Limits::default() };
    let refused = push.ingest_with(&pack, true, &limits).unwrap_err();
    assert!(matches!(refused, Error::TooLarge { what: "unpacked size of the pack", .. }), "{refused:?}");
    assert_eq!(push.leftovers(), Vec::<String>::new());
    assert_eq!(push.ingest(&pack, true).unwrap().stats().added_bases, 20);
}

#[test]
fn installs_of_many_threads_are_all_kept() {
    let push = Push::new();
    let ids: Vec<ObjectId> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8u32)
            .map(|i| {
                let push = &push;
                scope.spawn(move || {
                    let mut builder = PackBuilder::new();
                    let id = builder.object(Kind::Blob, format!("thread {i}").as_bytes());
                    push.ingest(&builder.finish(), i % 2 == 0).unwrap().install().unwrap();
                    id
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let all = push.server.odb();
    assert_eq!(all.packs().len(), 8);
    assert!(ids.iter().all(|id| all.contains(id).unwrap()));
    assert_eq!(push.leftovers(), Vec::<String>::new());
}

#[test]
fn an_installation_that_fails_leaves_nothing() {
    let push = Push::new();
    let mut builder = PackBuilder::new();
    let blob = builder.object(Kind::Blob, b"x");
    let pack = builder.finish();
    let ingested = push.ingest(&pack, false).unwrap();
    let target = ingested.pack().unwrap().path().with_extension("idx");
    // A directory in the way of the index is as good as a disk that fails between the two renames.
    fs::create_dir_all(target.join("in the way")).unwrap();
    assert!(matches!(ingested.install(), Err(Error::Io { .. })));
    assert!(!push.server.odb().contains(&blob).unwrap());
    assert_eq!(push.leftovers(), Vec::<String>::new());
    fs::remove_dir_all(&target).unwrap();
    push.ingest(&pack, false).unwrap().install().unwrap();
    assert!(push.server.odb().contains(&blob).unwrap());
}

#[test]
fn a_vanished_spool_is_an_error() {
    let push = Push::new();
    let incoming = push.server.incoming(&Limits::default());
    let outcome = incoming.ingest(PackSource::Spooled, &mut |_| (), &AtomicBool::new(false));
    assert!(matches!(outcome, Err(Error::Io { .. })));
    assert_eq!(push.leftovers(), Vec::<String>::new());
}
