//! Bundles beside a repository: found again, replaced, and no longer given away once history was taken out.

use super::*;
use crate::testgit::TestRepo;

struct World {
    repo: TestRepo,
    never: AtomicBool,
}

impl World {
    fn new() -> Self {
        let repo = TestRepo::new();
        let mut stream = String::new();
        for number in 1..=5 {
            stream.push_str(&format!(
                "commit refs/heads/main\ncommitter C <c@example.org> {number} +0000\ndata 0\nM 644 inline f\ndata 1\n{number}\n\n"
            ));
        }
        repo.git_with(&["fast-import", "--quiet"], stream.as_bytes());
        repo.git(&["tag", "-a", "-m", "one", "v1", "main~2"]);
        World { repo, never: AtomicBool::new(false) }
    }

    fn open(&self) -> Repository {
        Repository::open(self.repo.path()).unwrap()
    }

    fn write(&self, repository: &Repository, now_s: u64) -> Result<Arc<StoredBundle>> {
        repository.write_bundle(&self.repo.view(), &Limits::default(), now_s, &self.never)
    }

    fn is_current(&self, bundle: &StoredBundle) -> bool {
        let view = Arc::new(self.repo.view());
        let first = bundle.is_current(&view, &self.never).unwrap();
        assert_eq!(bundle.is_current(&view, &self.never).unwrap(), first);
        first
    }
}

#[test]
fn a_bundle_is_found_again_and_replaced_by_the_next() {
    let world = World::new();
    let repository = world.open();
    assert!(repository.bundles().is_empty());
    let first = world.write(&repository, 1_000).unwrap();
    assert_eq!((first.creation_token(), first.file_name().as_str()), (1_000, "1000.bundle"));
    assert_eq!(first.bytes(), fs::metadata(first.path()).unwrap().len());
    world.repo.git(&["bundle", "verify", "-q", "bundles/1000.bundle"]);
    // What somebody left there is not taken for a bundle.
    fs::write(first.path().with_file_name("notes.txt"), "x").unwrap();
    fs::write(first.path().with_file_name("7.bundle"), "# v2 git bundle\n0123").unwrap();
    let again = world.open().bundles();
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].path(), again[0].bytes(), &again[0].tips), (first.path(), first.bytes(), &first.tips));
    assert!(first.is_sound(&world.never).unwrap());
    let mut bytes = fs::read(first.path()).unwrap();
    let middle = bytes.len() - 40;
    bytes[middle] ^= 1;
    fs::write(first.path(), bytes).unwrap();
    assert!(!first.is_sound(&world.never).unwrap());
    // A clock that went back does not make an older bundle.
    let second = world.write(&repository, 900).unwrap();
    assert_eq!(second.creation_token(), 1_001);
    assert!(!first.path().exists());
    assert!(!second.path().with_file_name("7.bundle").exists(), "what could not be read goes, too");
    assert_eq!(repository.bundles().len(), 1);
    repository.retain_bundles(|_| false).unwrap();
    assert!(repository.bundles().is_empty() && !second.path().exists());
    assert!(world.repo.path().join("bundles/notes.txt").exists());
    let third = world.write(&repository, 1_001).unwrap();
    assert_eq!(third.creation_token(), 1_002, "the name of one that is gone is not used again");
}

#[test]
fn history_that_was_taken_out_leaves_through_no_bundle() {
    let world = World::new();
    let bundle = world.write(&world.open(), 1).unwrap();
    assert!(world.is_current(&bundle));
    let tree = world.repo.git(&["rev-parse", "main^{tree}"]);
    let old = world.repo.git(&["rev-parse", "main"]);
    let next = world.repo.git(&["commit-tree", "-p", "main", "-m", "next", &tree]);
    world.repo.git(&["update-ref", "refs/heads/main", &next]);
    assert!(world.is_current(&bundle), "history only grew");
    world.repo.git(&["update-ref", "refs/heads/main", "main~2"]);
    assert!(!world.is_current(&bundle), "a commit was taken out");
    world.repo.git(&["update-ref", "refs/heads/other", &old]);
    assert!(world.is_current(&bundle), "another branch holds it");
    world.repo.git(&["tag", "-d", "v1"]);
    assert!(!world.is_current(&bundle), "a tag was taken out");
}

#[test]
fn nothing_to_put_in_makes_no_bundle_and_neither_does_an_interruption() {
    let repo = TestRepo::new();
    let world = World { repo, never: AtomicBool::new(true) };
    let repository = world.open();
    assert!(matches!(world.write(&repository, 1), Err(Error::BadRequest { .. })));
    let world = World { never: AtomicBool::new(true), ..World::new() };
    let repository = world.open();
    assert!(matches!(world.write(&repository, 1), Err(Error::Interrupted)));
    assert!(repository.bundles().is_empty());
    let left = fs::read_dir(world.repo.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().starts_with(files::TEMPORARY_PREFIX)).count(), 0);
}
