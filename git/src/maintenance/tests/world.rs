//! A server's repository made by many small pushes of a random history.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use bytes::Bytes;

use crate::{
    Limits, ObjectId, PackSource, Ref, RefName, RefTable, Repository, View,
    id::id_from_hex,
    maintenance::{Prepared, Published},
    pktline,
    protocol::ProtocolVersion,
    testgit::{Random, TestRepo, random_history},
    upload,
};

pub(super) static GO: AtomicBool = AtomicBool::new(false);

/// A client with a history and a server that got it.
pub(super) struct World {
    pub(super) client: TestRepo,
    pub(super) server: Repository,
    pub(super) random: Random,
    pub(super) seed: u64,
}

impl World {
    /// Pushes a random history of `commits` commits, one to three at a time.
    pub(super) fn new(seed: u64, commits: usize) -> World {
        let mut random = Random::new(seed);
        let client = TestRepo::new();
        random_history(&client, &mut random, commits);
        let head = RefName::new("refs/heads/main").unwrap();
        let server = Repository::init(&client.path().join("server.git"), 1, &head).unwrap();
        let mut world = World { client, server, random, seed };
        let order = world.client.git(&["rev-list", "--topo-order", "--reverse", "--all"]);
        let order: Vec<&str> = order.lines().collect();
        let mut done = 0;
        while done < order.len() {
            let next = (done + 1 + world.random.below(3)).min(order.len());
            let wants = order[done..next].iter().map(|id| format!("{id}\n"));
            let haves = order[..done].iter().rev().take(40).map(|id| format!("^{id}\n"));
            let revisions: String = wants.chain(haves).collect();
            world.push(&revisions, &["--delta-base-offset"]);
            done = next;
        }
        // Tags, and whatever else only refs name.
        let named = world.client.git(&["for-each-ref", "--format=%(objectname)"]);
        let haves = order.iter().map(|id| format!("^{id}\n"));
        let revisions: String = named.lines().map(|id| format!("{id}\n")).chain(haves).collect();
        world.push(&revisions, &[]);
        world.copy_refs();
        world
    }

    /// Brings what the revisions name into the server's repository, as a push does.
    pub(super) fn push(&self, revisions: &str, options: &[&str]) {
        let args = [&["pack-objects", "--revs", "--stdout", "-q", "--thin"], options].concat();
        let (ok, pack, err) = self.client.run(&args, revisions.as_bytes(), &[]);
        assert!(ok, "seed {}: {err}", self.seed);
        self.install(&pack);
    }

    pub(super) fn install(&self, pack: &[u8]) {
        let incoming = self.server.incoming(&Limits::default());
        let pack = PackSource::Memory(Bytes::copy_from_slice(pack));
        incoming.ingest(pack, &mut |_| (), &GO).unwrap().install().unwrap();
    }

    /// Makes the server's refs those of the client.
    pub(super) fn copy_refs(&self) {
        let list = self.client.git(&["for-each-ref", "--format=%(objectname) %(refname)"]);
        std::fs::write(self.server.path().join("packed-refs"), format!("{list}\n")).unwrap();
    }

    pub(super) fn git(&self, args: &[&str]) -> String {
        git_in(&self.client, self.server.path(), args)
    }

    pub(super) fn view(&self) -> View {
        View {
            refs: refs(&self.server),
            head: RefName::new("refs/heads/main").unwrap(),
            odb: self.server.odb(),
            version: 1,
        }
    }

    /// Publishes and removes what is replaced, as the repository's turns do.
    pub(super) fn apply(&self, prepared: Prepared) {
        self.publish(prepared);
        let removal = self.server.remove_retired().unwrap();
        assert_eq!(removal.pending, 0);
    }

    pub(super) fn publish(&self, mut prepared: Prepared) {
        let view = self.view();
        assert!(prepared.catch_up(&view, &GO).unwrap());
        match prepared.publish(&self.server, &view, &GO).unwrap() {
            Published::Done(_) => {}
            Published::Outdated(why) => panic!("outdated: {why}"),
        }
    }

    /// Everything that git reads from the repository: history and objects by name.
    pub(super) fn reading(&self) -> String {
        reading(&self.client, self.server.path())
    }

    pub(super) fn fsck(&self) {
        fsck(&self.client, self.server.path());
    }
}

pub(super) fn git_in(runner: &TestRepo, directory: &Path, args: &[&str]) -> String {
    runner.git(&[&["-C", directory.to_str().unwrap()], args].concat())
}

/// What git reads of a repository, without what is unreachable.
pub(super) fn reading(runner: &TestRepo, directory: &Path) -> String {
    let mut objects: Vec<String> = git_in(runner, directory, &["rev-list", "--objects", "--all", "--no-object-names"])
        .lines()
        .map(str::to_owned)
        .collect();
    objects.sort();
    let all = git_in(runner, directory, &["cat-file", "--batch-check", "--batch-all-objects"]);
    // Kinds and sizes, of the reachable ones.
    let known: std::collections::HashMap<&str, &str> = all.lines().filter_map(|line| line.split_once(' ')).collect();
    let objects: Vec<String> = objects.iter().map(|id| format!("{id} {}", known[id.as_str()])).collect();
    objects.join("\n") + &git_in(runner, directory, &["log", "--all", "--format=%H %P %T %ct %s"])
}

/// Every object that git finds.
pub(super) fn all_objects(runner: &TestRepo, directory: &Path) -> String {
    git_in(runner, directory, &["cat-file", "--batch-check", "--batch-all-objects"])
}

pub(super) fn fsck(runner: &TestRepo, directory: &Path) {
    let args = ["-C", directory.to_str().unwrap(), "fsck", "--full", "--strict", "--no-dangling"];
    let (ok, out, err) = runner.run(&args, &[], &[]);
    assert!(ok, "{}{err}", String::from_utf8_lossy(&out));
    for idx in pack_files(directory, "idx") {
        git_in(runner, directory, &["verify-pack", idx.to_str().unwrap()]);
    }
}

pub(super) fn pack_files(repository: &Path, ending: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(repository.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

/// The refs that lie on disk.
pub(super) fn refs(repository: &Repository) -> RefTable {
    let found = crate::refs::disk::read(repository.path()).unwrap();
    let refs = found.into_iter().map(|found| {
        let target = found.target().unwrap();
        Ref { name: RefName::new(&found.name).unwrap(), target, peeled: None }
    });
    RefTable::from_refs(refs.collect())
}

pub(super) fn tips(repository: &Repository) -> Vec<ObjectId> {
    refs(repository).iter().map(|known| known.target).collect()
}

pub(super) fn id(hex: &str) -> ObjectId {
    id_from_hex(hex.as_bytes()).unwrap()
}

/// Copies a directory as a crash would leave it.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(super) fn snapshot_ids(repository: &Repository) -> Vec<ObjectId> {
    let odb: Arc<crate::odb::Snapshot> = repository.odb();
    let mut ids: Vec<ObjectId> = odb.ids().collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Clones everything that refs reach, and answers how many objects came.
pub(super) fn clone(view: &View) -> u64 {
    let mut request = Vec::new();
    pktline::put_text(&mut request, "command=fetch");
    pktline::put_delim(&mut request);
    for reference in view.refs.iter() {
        pktline::put_text(&mut request, &format!("want {}", reference.target));
    }
    pktline::put_text(&mut request, "ofs-delta");
    pktline::put_text(&mut request, "done");
    pktline::put_flush(&mut request);
    let mut out = Vec::new();
    upload::respond(view, ProtocolVersion::V2, &request, &Limits::default(), &mut out, &GO).unwrap().objects
}
