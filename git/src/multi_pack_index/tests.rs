//! Files of ours, read by stock git and by gix.

use super::*;
use crate::testgit::{Random, TestRepo};

/// A repository whose history lies in several packs, some objects in more than one.
fn in_packs(seed: u64) -> TestRepo {
    let repo = TestRepo::new();
    let mut random = Random::new(seed);
    for round in 0..4 {
        let from = if round == 0 { "" } else { "from refs/heads/main^0\n" };
        let text = format!("{seed} {round} {}\n", random.next()).repeat(1 + random.below(50));
        repo.git_with(
            &["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"],
            format!(
                "commit refs/heads/main\ncommitter C <c@example.org> {round} +0000\ndata 0\n{from}M 644 inline {round}\ndata {}\n{text}\n",
                text.len()
            )
            .as_bytes(),
        );
    }
    let some = repo.git(&["rev-list", "--objects", "--no-object-names", "main~1"]);
    repo.git_with(&["pack-objects", "-q", "objects/pack/pack"], format!("{some}\n").as_bytes());
    repo
}

static GO: AtomicBool = AtomicBool::new(false);

#[test]
fn stock_git_and_gix_take_the_file() {
    for seed in 0..3 {
        let repo = in_packs(seed);
        let (objects, odb) = (repo.path().join("objects"), repo.odb());
        assert!(odb.packs().len() > 1, "seed {seed}");
        write(&objects, odb.packs(), &GO).unwrap();
        repo.git(&["multi-pack-index", "verify", "--no-progress"]);
        repo.git(&["fsck", "--strict", "--full", "--no-dangling"]);
        let file = gix_pack::multi_index::File::at(objects.join(FILE), None).unwrap();
        let mut ids: Vec<ObjectId> = odb.packs().iter().flat_map(|pack| pack.idx().ids()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(file.num_objects() as usize, ids.len(), "seed {seed}");
        assert!(ids.iter().all(|id| file.lookup(id).is_some()), "seed {seed}");
        let mut names: Vec<String> = odb.packs().iter().map(|pack| index_name(pack)).collect();
        names.sort_unstable();
        assert_eq!(named_packs(&objects).unwrap(), Some(names), "seed {seed}");
        // Git's own file is read, too.
        let ours = fs::read(objects.join(FILE)).unwrap();
        repo.git(&["multi-pack-index", "write", "--no-progress"]);
        assert_eq!(named_packs(&objects).unwrap(), read_names(&ours), "seed {seed}");
    }
}

#[test]
fn a_file_that_is_damaged_names_no_packs() {
    let repo = in_packs(7);
    let objects = repo.path().join("objects");
    assert_eq!(named_packs(&objects).unwrap(), None);
    write(&objects, repo.odb().packs(), &GO).unwrap();
    let whole = fs::read(objects.join(FILE)).unwrap();
    let mut random = Random::new(1);
    for _ in 0..2_000 {
        let mut damaged = whole.clone();
        damaged.truncate(1 + random.below(200));
        let at = random.below(damaged.len());
        damaged[at] = u8::try_from(random.below(256)).unwrap();
        // Any answer will do, as long as it is one.
        drop(read_names(&damaged));
    }
    assert!(read_names(&whole[..40]).is_none() && read_names(b"").is_none());
    assert!(matches!(write(&objects, repo.odb().packs(), &AtomicBool::new(true)), Err(Error::Interrupted)));
    assert_eq!(fs::read(objects.join(FILE)).unwrap().len(), whole.len(), "the file stays when writing is interrupted");
}
