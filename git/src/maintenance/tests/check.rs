//! What `doctor` sees, and what it does not complain about.

use super::world::{GO, World, pack_files, refs};
use crate::{
    Repository,
    maintenance::{CheckOptions, CheckProgress, Problem, check_refs, check_repository},
};

fn problems(repository: &Repository, full: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut tell = |progress| {
        if let CheckProgress::Found(problem) = progress {
            problems.push(problem);
        }
    };
    check_repository(repository, &refs(repository), CheckOptions { full }, &mut tell, &GO).unwrap();
    problems
}

fn flip(path: &std::path::Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_whole_repository_has_no_problems() {
    let world = World::new(90, 15);
    world.git(&["-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", "-m", "loose", "main^{tree}"]);
    let repository = Repository::open(world.server.path()).unwrap();
    assert_eq!(problems(&repository, true), []);
    assert_eq!(check_refs(&repository, &refs(&repository), |_, _| false).unwrap(), []);
    let mut packs = 0;
    let mut count = |progress| packs += usize::from(matches!(progress, CheckProgress::Packs { .. }));
    let report = check_repository(&repository, &refs(&repository), CheckOptions::default(), &mut count, &GO).unwrap();
    let expected = world.git(&["rev-list", "--objects", "--all"]).lines().count() as u64;
    assert_eq!((report.reachable, report.packs as usize), (expected, packs));
}

#[test]
fn every_flipped_byte_is_noticed() {
    let world = World::new(91, 4);
    let files = [pack_files(world.server.path(), "pack"), pack_files(world.server.path(), "idx")].concat();
    let mut checked = 0;
    for file in &files {
        let len = std::fs::metadata(file).unwrap().len() as usize;
        for at in (0..len).step_by(len / 12 + 1) {
            flip(file, at);
            let repository = Repository::open(world.server.path()).unwrap();
            assert_ne!(problems(&repository, false), [], "byte {at} of {}", file.display());
            flip(file, at);
            checked += 1;
        }
    }
    assert!(checked > 20);
    assert_eq!(problems(&Repository::open(world.server.path()).unwrap(), true), []);
}

#[test]
fn a_missing_object_and_a_wrong_ref_are_named() {
    let world = World::new(92, 6);
    let hex = world.git(&[
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@x",
        "commit-tree",
        "-m",
        "loose",
        "-p",
        "main",
        "main^{tree}",
    ]);
    let mut table = refs(&world.server);
    std::fs::write(world.server.path().join("refs/heads/loose"), format!("{hex}\n")).unwrap();
    let repository = Repository::open(world.server.path()).unwrap();
    assert_eq!(problems(&repository, true), []);
    let wrong = check_refs(&repository, &table, |_, _| false).unwrap();
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].to_string().starts_with(&format!("refs/heads/loose: is {hex} on disk")), "{}", wrong[0]);
    table = refs(&repository);
    std::fs::remove_file(world.server.path().join("refs/heads/loose")).unwrap();
    assert_eq!(check_refs(&repository, &table, |_, _| false).unwrap().len(), 1);
    let file = world.server.objects().join(&hex[..2]).join(&hex[2..]);
    let content = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let mut found = Vec::new();
    let reopened = Repository::open(world.server.path()).unwrap();
    let mut tell = |progress| {
        if let CheckProgress::Found(problem) = progress {
            found.push(problem.to_string());
        }
    };
    check_repository(&reopened, &table, CheckOptions::default(), &mut tell, &GO).unwrap();
    assert_eq!(found, [format!("object {hex}: is missing")]);
    // The content of another object under this name.
    std::fs::write(&file, content).unwrap();
    let other = world.git(&["-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", "-m", "other", "main^{tree}"]);
    let other = world.server.objects().join(&other[..2]).join(&other[2..]);
    std::fs::remove_file(&file).unwrap();
    std::fs::copy(other, &file).unwrap();
    let found = problems(&Repository::open(world.server.path()).unwrap(), false);
    assert!(found[0].what.contains("is not the object"), "{found:?}");
}
