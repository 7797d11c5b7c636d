//! A crash after every single step: what it leaves is a repository with everything in it.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{
    bitmap_file::any_size,
    world::{GO, World, copy, fsck, reading, tips},
};
use crate::{
    Repository,
    maintenance::{
        AfterPublish, CheckOptions, CheckProgress, CollectOptions, ConsolidateOptions, Prepared, check_repository,
        collect, consolidate, fault,
    },
};

/// Copies the repository after each step of `work`, and answers the copies.
fn crashing(world: &World, work: impl FnOnce()) -> Vec<(&'static str, PathBuf)> {
    let copies: Rc<RefCell<Vec<(&'static str, PathBuf)>>> = Rc::default();
    let (server, home, seen) = (world.server.path().to_owned(), world.client.path().to_owned(), Rc::clone(&copies));
    fault::watching(
        move |step| {
            let mut seen = seen.borrow_mut();
            // Of many like steps the first, and some between.
            let alike = seen.iter().filter(|(known, _)| *known == step).count();
            if alike < 3 {
                let to = home.join(format!("crash-{}.git", seen.len()));
                copy(&server, &to);
                leave_behind(&to);
                seen.push((step, to));
            }
        },
        work,
    );
    copies.take()
}

/// Gives quarantines names as of another process, which they are after a crash.
fn leave_behind(copy: &Path) {
    for entry in std::fs::read_dir(copy.join("objects")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(rest) = name.strip_prefix("tidying-") {
            std::fs::rename(&path, path.with_file_name(format!("tidying-gone-{rest}"))).unwrap();
        }
    }
}

/// Starts a repository as a server does after a crash; everything must be there, also for stock git, before and after.
fn survives(world: &World, step: &str, path: &Path, expected: &str, again: impl Fn(&Repository) -> Option<Prepared>) {
    let repository = Repository::open(path).unwrap();
    repository.remove_stale_incoming().unwrap();
    assert_eq!(reading(&world.client, path), expected, "after {step:?}");
    fsck(&world.client, path);
    closed(&repository, step);
    assert!(!path.join("objects/info/atomicqms-retired").exists());
    assert!(
        std::fs::read_dir(path.join("objects")).unwrap().all(|e| !e
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("tidying-"))
    );
    // And the work can be done again.
    if let Some(prepared) = again(&repository) {
        let twin = World {
            client: crate::testgit::TestRepo::new(),
            server: repository.clone(),
            random: crate::testgit::Random::new(0),
            seed: 0,
        };
        twin.apply(prepared);
    }
    assert_eq!(reading(&world.client, path), expected, "again after {step:?}");
    fsck(&world.client, path);
    closed(&Repository::open(path).unwrap(), step);
}

/// Everything that any object refers to exists: what pushes rely on.
fn closed(repository: &Repository, step: &str) {
    let odb = repository.odb();
    let mut data = Vec::new();
    for id in odb.ids() {
        let kind = odb.find(&id, &mut data).unwrap().unwrap();
        crate::maintenance::mark::references(&id, kind, &data, |found, _, _| {
            assert!(odb.contains(&found)?, "after {step:?}: {id} refers to {found}, which is gone");
            Ok(())
        })
        .unwrap();
    }
    let mut problems = Vec::new();
    let mut tell = |progress| {
        if let CheckProgress::Found(problem) = progress {
            problems.push(problem);
        }
    };
    check_repository(repository, &super::world::refs(repository), CheckOptions { full: true }, &mut tell, &GO).unwrap();
    assert_eq!(problems, [], "after {step:?}");
}

#[test]
fn consolidation_survives_a_crash_after_each_step() {
    let world = World::new(70, 14);
    for number in 0..2 {
        world.git(&[
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@x",
            "commit-tree",
            "-m",
            &format!("by hand {number}"),
            "main^{tree}",
        ]);
    }
    world.server.refresh().unwrap();
    let expected = world.reading();
    let options = ConsolidateOptions { factor: 2, all: true };
    let prepare = |repository: &Repository| consolidate(repository, &options, &GO).unwrap();
    let copies = crashing(&world, || world.apply(prepare(&world.server).unwrap()));
    assert!(copies.len() > 8, "{copies:?}");
    for (step, path) in &copies {
        survives(&world, step, path, &expected, prepare);
    }
}

#[test]
fn bitmaps_survive_a_crash_after_each_step() {
    let world = World::new(72, 14);
    let options = ConsolidateOptions { factor: 2, all: true };
    let prepare = |repository: &Repository| consolidate(repository, &options, &GO).unwrap();
    world.apply(prepare(&world.server).unwrap());
    any_size().derive(&world.server, &world.view(), &GO).unwrap();
    // Another pack, so that there is something to join and a bitmap file to replace.
    let mut garbage = crate::testpack::PackBuilder::new();
    garbage.object(crate::id::Kind::Blob, b"unreachable");
    world.install(&garbage.finish());
    let expected = world.reading();
    let count = |path: &Path, bitmaps: &[&str]| {
        let args = [&["rev-list", "--all", "--objects", "--count"], bitmaps].concat();
        super::world::git_in(&world.client, path, &args)
    };
    let copies = crashing(&world, || {
        world.publish(prepare(&world.server).unwrap());
        any_size().derive(&world.server, &world.view(), &GO).unwrap();
        world.server.remove_retired().unwrap();
    });
    for step in ["bitmaps flushed", "other bitmaps removed", "bitmaps in place"] {
        assert!(copies.iter().any(|(known, _)| *known == step), "{step}");
    }
    for (step, path) in &copies {
        let opened = Repository::open(path).unwrap();
        let view = crate::View { refs: super::world::refs(&opened), odb: opened.odb(), ..world.view() };
        assert_eq!(super::world::clone(&view), super::world::clone(&world.view()), "after {step:?}");
        assert_eq!(count(path, &["--use-bitmap-index"]), count(path, &[]), "after {step:?}");
        survives(&world, step, path, &expected, prepare);
        any_size().derive(&opened, &view, &GO).unwrap();
        assert_eq!(count(path, &["--use-bitmap-index"]), count(path, &[]), "again after {step:?}");
    }
}

#[test]
fn collection_survives_a_crash_after_each_step() {
    let mut copies_seen = 0;
    for seed in [71] {
        let world = World::new(seed, 14);
        let names = world.client.git(&["for-each-ref", "--format=%(refname)"]);
        for name in names.lines().filter(|name| *name != "refs/heads/main") {
            world.client.git(&["update-ref", "-d", name]);
        }
        world.copy_refs();
        let prepare = |expire_before_s| {
            move |repository: &Repository| {
                let options = CollectOptions { tips: tips(repository), remembered: Vec::new(), expire_before_s };
                collect(repository, &options, &GO).unwrap()
            }
        };
        let expected = world.reading();
        for expire in [0, u64::from(u32::MAX)] {
            let Some(prepared) = prepare(expire)(&world.server) else { continue };
            // The long phase again, with somebody watching.
            drop(prepared);
            let copies = crashing(&world, || world.apply(prepare(expire)(&world.server).unwrap()));
            copies_seen += copies.len();
            for (step, path) in &copies {
                survives(&world, step, path, &expected, prepare(expire));
                std::fs::remove_dir_all(path).unwrap();
            }
        }
    }
    assert!(copies_seen > 15, "{copies_seen}");
}
