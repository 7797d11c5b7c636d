//! Packs between their commit and their file: what they hold is there at every moment, and one file is left.

use std::sync::Arc;

use bytes::Bytes;

use super::world::{GO, copy};
use crate::{
    Error, Limits, PackSource, RefName, Repository,
    id::id_from_hex,
    maintenance::{PackRow, fault},
    pack::Pack,
    testgit::{Random, TestRepo, random_history},
};

/// A history pushed in steps, each pack in memory; thin ones among them.
struct Pushed {
    client: TestRepo,
    server: Repository,
    packs: Vec<Arc<Pack>>,
    tip: String,
}

fn pushed(seed: u64) -> Pushed {
    let client = TestRepo::new();
    random_history(&client, &mut Random::new(seed), 24);
    let head = RefName::new("refs/heads/main").unwrap();
    let server = Repository::init(&client.path().join("server.git"), 1, &head).unwrap();
    let order = client.git(&["rev-list", "--topo-order", "--reverse", "main"]);
    let commits: Vec<&str> = order.lines().collect();
    let mut packs = Vec::new();
    let mut have = String::new();
    for tip in commits.chunks(5).filter_map(|chunk| chunk.last()) {
        let args = ["pack-objects", "--revs", "--stdout", "-q", "--thin", "--delta-base-offset"];
        let (ok, bytes, err) = client.run(&args, format!("{tip}\n{have}").as_bytes(), &[]);
        assert!(ok, "{err}");
        let incoming = server.incoming(&Limits { max_inline_pack_bytes: 1 << 20, ..Limits::default() });
        let ingested = incoming.ingest(PackSource::Memory(Bytes::from(bytes)), &mut |_| (), &GO).unwrap();
        assert!(ingested.is_in_memory());
        let pack = ingested.check_for(&server).unwrap().unwrap();
        server.adopt(&[Arc::clone(&pack)]).unwrap();
        packs.push(pack);
        have = format!("^{tip}\n");
    }
    Pushed { client, server, packs, tip: commits.last().unwrap().to_string() }
}

impl Pushed {
    fn rows(&self) -> Vec<PackRow> {
        self.packs.iter().map(|pack| PackRow::of(pack).unwrap()).collect()
    }

    /// What stock git reads in a directory whose branch points at the tip.
    fn reading(&self, path: &std::path::Path) -> String {
        let directory = path.to_str().unwrap();
        self.client.git(&["-C", directory, "update-ref", "refs/heads/main", &self.tip]);
        let (ok, _, messages) = self.client.run(&["-C", directory, "fsck", "--strict", "--full"], b"", &[]);
        assert!(ok && !messages.contains("error"), "{messages}");
        self.client.git(&["-C", directory, "rev-list", "--objects", "main"])
    }
}

fn files(path: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(path.join("objects/pack")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn packs_in_memory_are_read_and_become_one_file() {
    for seed in [5, 6] {
        let pushed = pushed(seed);
        assert!(pushed.packs.len() > 2, "{} packs", pushed.packs.len());
        assert!(files(pushed.server.path()).is_empty());
        let tip = id_from_hex(pushed.tip.as_bytes()).unwrap();
        assert!(pushed.server.odb().contains(&tip).unwrap());
        let refreshed = pushed.server.refresh().unwrap();
        assert!(refreshed.contains(&tip).unwrap(), "a look at the directory does not lose them");
        pushed.server.write_out(&pushed.packs, &GO).unwrap();
        assert_eq!(pushed.server.odb().packs().len(), 1);
        assert!(!pushed.server.odb().packs()[0].is_waiting());
        assert_eq!(files(pushed.server.path()).len(), 2, "{:?}", files(pushed.server.path()));
        assert_eq!(pushed.reading(pushed.server.path()), pushed.client.git(&["rev-list", "--objects", "main"]));
    }
}

#[test]
fn one_pack_becomes_the_file_that_its_name_says() {
    let pushed = pushed(7);
    let first = Arc::clone(&pushed.packs[0]);
    pushed.server.write_out(std::slice::from_ref(&first), &GO).unwrap();
    assert!(!first.is_waiting() && first.path().is_file());
    assert_eq!(std::fs::read(first.path()).unwrap(), &**first.bytes());
    pushed.client.git(&["verify-pack", first.path().to_str().unwrap()]);
    assert_eq!(pushed.server.odb().packs().len(), pushed.packs.len());
}

#[test]
fn a_pack_that_is_a_file_takes_no_memory_for_long() {
    let home = tempfile::tempdir().unwrap();
    let head = RefName::new("refs/heads/main").unwrap();
    let server = Repository::init(&home.path().join("server.git"), 1, &head).unwrap();
    let mut random = Random::new(10);
    for (size, is_kept) in [(100, true), (40_000, false)] {
        let noise: Vec<u8> = (0..size).map(|_| random.below(256) as u8).collect();
        let bytes = crate::pack::compose::compose(&[(crate::Kind::Blob, &noise)]).unwrap();
        let ingested = server.incoming(&Limits::default()).ingest(PackSource::Memory(bytes.into()), &mut |_| (), &GO);
        let pack = ingested.unwrap().check_for(&server).unwrap().unwrap();
        server.adopt(&[Arc::clone(&pack)]).unwrap();
        server.write_out(std::slice::from_ref(&pack), &GO).unwrap();
        let odb = server.odb();
        assert_eq!(odb.packs().iter().any(|known| Arc::ptr_eq(known, &pack)), is_kept, "{size} bytes");
        assert!(odb.holds(&pack) && odb.packs().iter().all(|known| !known.is_waiting()));
        assert!(odb.packs()[0].lookup(&pack.idx().id_at(0).unwrap()).is_some());
    }
    assert_eq!(server.odb().packs().len(), 2);
}

#[test]
fn a_crash_at_any_step_leaves_what_the_rows_make_whole_again() {
    let pushed = pushed(8);
    let (path, home) = (pushed.server.path().to_owned(), pushed.client.path().to_owned());
    let copies: std::rc::Rc<std::cell::RefCell<Vec<_>>> = std::rc::Rc::default();
    let seen = std::rc::Rc::clone(&copies);
    fault::watching(
        move |step| {
            let to = home.join(format!("crash-{}.git", seen.borrow().len()));
            copy(&path, &to);
            seen.borrow_mut().push((step, to));
        },
        || pushed.server.write_out(&pushed.packs, &GO).unwrap(),
    );
    let copies = copies.take();
    for step in ["entries written", "waiting packs flushed", "a file in place", "waiting packs in place"] {
        assert!(copies.iter().any(|(known, _)| *known == step), "{step}");
    }
    let expected = pushed.client.git(&["rev-list", "--objects", "main"]);
    for (step, path) in copies {
        let server = Repository::open(&path).unwrap();
        let packs: Vec<_> = pushed.rows().into_iter().map(|row| row.open(&server).unwrap()).collect();
        server.adopt(&packs).unwrap();
        server.write_out(&packs, &GO).unwrap();
        assert_eq!(pushed.reading(&path), expected, "after {step:?}");
        assert_eq!(files(&path).len(), 2, "after {step:?}: the same packs give the same file");
    }
}

#[test]
fn a_damaged_pack_in_a_row_is_refused_and_damaged_lines_are_made_anew() {
    let pushed = pushed(9);
    let row = pushed.rows().remove(0);
    let open = |change: &dyn Fn(&mut PackRow)| {
        let mut row = row.clone();
        change(&mut row);
        row.open(&pushed.server)
    };
    for change in [&(|row: &mut PackRow| row.pack[20] ^= 1) as &dyn Fn(&mut PackRow), &|row| row.pack.truncate(10)] {
        assert!(matches!(open(change), Err(Error::Corrupt { .. })));
    }
    for change in [
        &(|_: &mut PackRow| ()) as &dyn Fn(&mut PackRow),
        &|row| row.lines[26] ^= 1,
        &|row| row.lines[3] ^= 1,
        &|row| row.lines[23] ^= 0x40,
        &|row| {
            row.lines.pop();
        },
        &|row| row.lines.truncate(28),
    ] {
        let pack = open(change).unwrap();
        assert_eq!(PackRow::of(&pack).unwrap(), row, "as it was before the damage");
    }
}
