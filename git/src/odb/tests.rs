//! Reading objects: everything that git reads, we read the same; what is damaged is an error.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;
use crate::{
    Repository,
    id::{hash_object, id_from_hex},
    testgit::{Random, TestRepo, random_history},
};

/// Every object that git knows, with kind and size.
fn listing(repo: &TestRepo) -> Vec<(ObjectId, String, u64)> {
    let list = repo.git(&["cat-file", "--batch-all-objects", "--batch-check"]);
    let parse = |line: &str| {
        let mut words = line.split(' ');
        let id = id_from_hex(words.next().unwrap().as_bytes()).unwrap();
        (id, words.next().unwrap().to_owned(), words.next().unwrap().parse().unwrap())
    };
    list.lines().map(parse).collect()
}

fn check_all(repo: &TestRepo, odb: &Snapshot) {
    let listing = listing(repo);
    let mut data = Vec::new();
    for (id, kind, size) in &listing {
        assert!(odb.contains(id).unwrap());
        let (found, length) = odb.header(id).unwrap().unwrap();
        assert_eq!((crate::id::kind_name(found), length), (kind.as_str(), *size));
        assert_eq!(odb.find(id, &mut data).unwrap(), Some(found));
        assert_eq!(hash_object(found, &data).unwrap(), *id);
        let mut buffer = Vec::new();
        assert_eq!(gix::objs::Find::try_find(odb, id, &mut buffer).unwrap().unwrap().data, data);
    }
    let mut ids: Vec<ObjectId> = odb.ids().collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, listing.iter().map(|(id, ..)| *id).collect::<Vec<_>>());
    let absent = ObjectId::from([0x42; 20]);
    assert!(!odb.contains(&absent).unwrap());
    assert_eq!(odb.header(&absent).unwrap(), None);
    assert_eq!(odb.find(&absent, &mut data).unwrap(), None);
    assert!(matches!(odb.read(&absent), Err(Error::Lost { .. })));
}

#[test]
fn reads_what_git_reads() {
    for seed in 30..38 {
        let repo = TestRepo::new();
        random_history(&repo, &mut Random::new(seed), 50);
        check_all(&repo, &repo.odb());
        repo.git(&["repack", "-q", "-a", "-d", "-f", "--window=50", "--depth=50"]);
        check_all(&repo, &repo.odb());
        repo.git(&["-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f"]);
        check_all(&repo, &repo.odb());
        repo.git_with(&["hash-object", "-w", "--stdin"], b"loose");
        check_all(&repo, &repo.odb());
    }
}

#[test]
fn entries_can_be_taken_verbatim() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(40), 50);
    repo.git(&["repack", "-q", "-a", "-d", "-f"]);
    let odb = repo.odb();
    let pack = &odb.packs()[0];
    let mut end = crate::pack::HEADER_LEN;
    for index in pack.order() {
        let range = pack.entry_range(*index).unwrap();
        assert_eq!(range.start, end, "entries follow each other without gap");
        end = range.end;
        assert_eq!(pack.index_of_offset(range.start), Some(*index));
        assert_eq!(pack.index_of_offset(range.start + 1), None);
        let bytes = pack.entry_bytes(*index).unwrap();
        assert_eq!(Some(crc32fast::hash(bytes)), pack.idx().crc32_at(*index));
    }
    assert_eq!(end, pack.entries_end());
    assert!(pack.entry_bytes(pack.object_count()).is_err());
    assert!(pack.entry_header(0).is_err() && pack.entry_header(1 << 40).is_err());
}

#[test]
fn alternates_are_read() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(41), 20);
    let main = id_from_hex(repo.git(&["rev-parse", "main"]).as_bytes()).unwrap();
    repo.git(&["clone", "-q", "--bare", "--shared", ".", "borrower.git"]);
    let borrower = Repository::open(&repo.path().join("borrower.git")).unwrap();
    assert!(borrower.odb().contains(&main).unwrap());
    // Two that borrow from each other must not make us go round.
    fs::write(repo.path().join("objects/info/alternates"), "../borrower.git/objects\n# comment\n/absent\n").unwrap();
    assert!(Repository::open(repo.path()).unwrap().odb().contains(&main).unwrap());
}

#[test]
fn damaged_packs_answer_errors() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(42), 40);
    repo.git(&["repack", "-q", "-a", "-d", "-f"]);
    let path = repo.pack_files("pack").remove(0);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(path.with_extension("idx"), fs::Permissions::from_mode(0o600)).unwrap();
    let (pack, idx) = (fs::read(&path).unwrap(), fs::read(path.with_extension("idx")).unwrap());
    let ids: Vec<ObjectId> = repo.odb().ids().collect();
    let mut random = Random::new(1);
    let (mut failed, mut left_out) = (0, 0);
    for round in 0..150 {
        let (mut bad_pack, mut bad_idx) = (pack.clone(), idx.clone());
        for _ in 0..4 {
            let target = if round % 2 == 0 { &mut bad_pack } else { &mut bad_idx };
            let at = random.below(target.len());
            target[at] = random.next() as u8;
        }
        fs::write(&path, &bad_pack).unwrap();
        fs::write(path.with_extension("idx"), &bad_idx).unwrap();
        let odb = Repository::open(repo.path()).unwrap().odb();
        left_out += usize::from(odb.packs().is_empty());
        let mut data = Vec::new();
        for id in &ids {
            failed += usize::from(odb.find(id, &mut data).is_err());
            let _ = odb.header(id);
        }
        for pack in odb.packs() {
            for index in pack.order() {
                let _ = pack.entry_bytes(*index);
            }
        }
    }
    assert!(failed > 0 && left_out > 0, "the damage was noticed: {failed} {left_out}");
    fs::write(&path, &pack[..pack.len() / 2]).unwrap();
    assert!(Repository::open(repo.path()).unwrap().odb().packs().is_empty());
}

#[test]
fn damaged_loose_objects_answer_errors() {
    let repo = TestRepo::new();
    let hex = repo.git_with(&["hash-object", "-w", "--stdin"], b"some content");
    let id = id_from_hex(hex.as_bytes()).unwrap();
    let path = repo.path().join("objects").join(&hex[..2]).join(&hex[2..]);
    let odb = repo.odb();
    assert_eq!(odb.loose_count(), 1);
    let good = fs::read(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    for bad in [
        &b""[..],
        b"garbage",
        &good[..good.len() - 1],
        &crate::testpack::deflate(b"blob 3\0four"),
        &[&good[..], b"x"].concat(),
    ] {
        fs::write(&path, bad).unwrap();
        assert!(matches!(odb.read(&id), Err(Error::Corrupt { .. })), "{bad:?}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(odb.read(&id), Err(Error::Lost { .. })));
}
