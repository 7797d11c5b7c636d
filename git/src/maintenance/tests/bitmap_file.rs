//! The bitmap file beside packs that come and go: one of it, beside the largest pack, or none.

use super::world::{GO, World, clone, git_in, pack_files, tips};
use crate::{
    bitmap::file_of,
    id::Kind,
    maintenance::{
        AfterPublish, BitmapFile, BitmapOptions, CheckOptions, CheckProgress, ConsolidateOptions, bitmap_file::Ready,
        check_repository, consolidate,
    },
    testpack::PackBuilder,
};

pub(super) fn any_size() -> BitmapFile {
    BitmapFile { options: BitmapOptions { min_objects: 1, ..BitmapOptions::default() } }
}

const ALL: ConsolidateOptions = ConsolidateOptions { factor: 2, all: true };

fn push_garbage(world: &World, text: &str) {
    let mut garbage = PackBuilder::new();
    garbage.object(Kind::Blob, text.as_bytes());
    world.install(&garbage.finish());
}

/// Fails unless git finds the same objects with bitmaps as without, and says nothing about them.
fn compare(world: &World) {
    let count = |bitmaps: &[&str]| {
        let args =
            [&["-C", world.server.path().to_str().unwrap(), "rev-list", "--all", "--objects", "--count"], bitmaps]
                .concat();
        let (ok, out, error) = world.client.run(&args, &[], &[]);
        assert!(ok && error.is_empty(), "{error}");
        String::from_utf8(out).unwrap()
    };
    assert_eq!(count(&["--use-bitmap-index"]), count(&[]));
}

#[test]
fn one_file_follows_the_largest_pack() {
    let world = World::new(90, 30);
    let objects = clone(&world.view());
    for round in 0..4 {
        world.publish(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
        assert!(world.server.odb().bitmap().is_none(), "the old one describes another pack");
        any_size().derive(&world.server, &world.view(), &GO).unwrap();
        // The replaced packs are still there; their bitmaps are not.
        let largest = world.server.odb().packs().iter().max_by_key(|pack| pack.object_count()).unwrap().clone();
        assert_eq!(pack_files(world.server.path(), "bitmap"), [file_of(largest.path())]);
        assert!(world.server.odb().bitmap().is_some_and(|bitmap| bitmap.len() > 0));
        compare(&world);
        assert_eq!(clone(&world.view()), objects);
        world.server.remove_retired().unwrap();
        compare(&world);
        // A push keeps it in use, and so does making it again.
        push_garbage(&world, &format!("round {round}"));
        any_size().derive(&world.server, &world.view(), &GO).unwrap();
        assert!(world.server.odb().bitmap().is_some_and(|bitmap| bitmap.pack().id() == largest.id()));
        compare(&world);
        assert_eq!(clone(&world.view()), objects);
    }
    world.fsck();
}

#[test]
fn none_is_left_when_the_pack_goes_meanwhile() {
    let world = World::new(91, 20);
    world.apply(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    push_garbage(&world, "makes another pack");
    let make = || Ready::make(&world.server, &tips(&world.server), &any_size().options, &GO).unwrap().unwrap();
    let ready = make();
    world.apply(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    assert!(!ready.publish(&world.server).unwrap());
    let left = |ending: &str| pack_files(world.server.path(), ending).len();
    assert!(left("bitmap") == 0 && left("pack") == 1 && world.server.odb().bitmap().is_none());
    assert!(make().publish(&world.server).unwrap() && left("bitmap") == 1);
    compare(&world);
}

#[test]
fn a_damaged_file_is_told_and_made_anew() {
    let world = World::new(92, 20);
    world.apply(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    any_size().derive(&world.server, &world.view(), &GO).unwrap();
    let file = pack_files(world.server.path(), "bitmap").remove(0);
    let good = std::fs::read(&file).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 4;
    // As a disk does it: under another inode, since the old one is mapped.
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &bad).unwrap();
    let opened = crate::Repository::open(world.server.path()).unwrap();
    assert!(opened.odb().bitmap().is_none());
    let mut found = Vec::new();
    let mut tell = |progress| {
        if let CheckProgress::Found(problem) = progress {
            found.push(problem.to_string());
        }
    };
    check_repository(&opened, &world.view().refs, CheckOptions::default(), &mut tell, &GO).unwrap();
    assert!(found.len() == 1 && found[0].contains("bitmap"), "{found:?}");
    any_size().derive(&opened, &world.view(), &GO).unwrap();
    assert!(std::fs::read(&file).unwrap() == good);
    git_in(&world.client, world.server.path(), &["rev-list", "--all", "--objects", "--use-bitmap-index"]);
}
