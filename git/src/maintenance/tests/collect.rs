//! Unreachable objects: kept for a while, then removed, and never missed by anybody.

use std::time::SystemTime;

use super::world::{GO, World, all_objects, git_in, id, pack_files, snapshot_ids, tips};
use crate::{
    Error, Limits, PackSource,
    id::Kind,
    maintenance::{CollectOptions, ConsolidateOptions, Published, collect, consolidate, size_report},
    testpack::{PackBuilder, commit, tree},
};

/// Later than every file: everything unreachable has expired.
const FUTURE: u64 = u32::MAX as u64;

fn options(world: &World, expire_before_s: u64) -> CollectOptions {
    CollectOptions { tips: tips(&world.server), remembered: Vec::new(), expire_before_s }
}

/// Deletes some refs of client and server, so that history becomes unreachable.
fn forget_refs(world: &mut World) {
    let names = world.client.git(&["for-each-ref", "--format=%(refname)"]);
    let names: Vec<String> = names.lines().filter(|name| *name != "refs/heads/main").map(str::to_owned).collect();
    for name in names {
        if world.random.chance(60) {
            world.client.git(&["update-ref", "-d", &name]);
        }
    }
    world.copy_refs();
}

#[test]
fn unreachable_objects_move_aside_and_then_go() {
    for seed in 40..46 {
        let mut world = World::new(seed, 30);
        if seed % 2 == 0 {
            world.apply(consolidate(&world.server, &ConsolidateOptions::default(), &GO).unwrap().unwrap());
        }
        forget_refs(&mut world);
        let (before, all) = (world.reading(), snapshot_ids(&world.server));
        let Some(prepared) = collect(&world.server, &options(&world, 0), &GO).unwrap() else { continue };
        assert_eq!(prepared.stats().removed, 0, "seed {seed}: young");
        world.apply(prepared);
        assert_eq!(snapshot_ids(&world.server), all, "seed {seed}: nothing is gone");
        assert_eq!(world.reading(), before, "seed {seed}");
        assert_eq!(pack_files(world.server.path(), "mtimes").len(), 1, "seed {seed}");
        world.fsck();
        assert!(size_report(&world.server).unwrap().cruft_bytes > 0);
        // Git understands the pack: it would prune exactly what we are about to remove.
        assert!(collect(&world.server, &options(&world, 0), &GO).unwrap().is_none(), "seed {seed}: settled");

        let twin = world.client.path().join("twin.git");
        super::world::copy(world.server.path(), &twin);
        git_in(&world.client, &twin, &["repack", "-q", "-a", "-d", "--cruft", "--cruft-expiration=now"]);
        let prepared = collect(&world.server, &options(&world, FUTURE), &GO).unwrap().unwrap();
        assert!(prepared.stats().removed > 0, "seed {seed}");
        world.apply(prepared);
        assert_eq!(world.reading(), before, "seed {seed}");
        assert_eq!(all_objects(&world.client, world.server.path()), all_objects(&world.client, &twin), "seed {seed}");
        assert!(pack_files(world.server.path(), "mtimes").is_empty(), "seed {seed}");
        world.fsck();
        assert!(collect(&world.server, &options(&world, FUTURE), &GO).unwrap().is_none(), "seed {seed}: settled");
    }
}

#[test]
fn what_refs_pointed_at_lately_stays_with_its_history() {
    let mut world = World::new(50, 30);
    let old = tips(&world.server);
    forget_refs(&mut world);
    let all = snapshot_ids(&world.server);
    let remembered = CollectOptions { remembered: old, ..options(&world, FUTURE) };
    if let Some(prepared) = collect(&world.server, &remembered, &GO).unwrap() {
        world.apply(prepared);
    }
    assert_eq!(snapshot_ids(&world.server), all);
    world.fsck();
}

#[test]
fn an_old_object_that_a_young_one_needs_stays() {
    let world = World::new(51, 6);
    let mut old = PackBuilder::new();
    let blob = old.object(Kind::Blob, b"old and needed");
    let lonely = old.object(Kind::Blob, b"old and lonely");
    world.install(&old.finish());
    let mut young = PackBuilder::new();
    let root = young.object(Kind::Tree, &tree(&[("100644", b"file", blob)]));
    let top = young.object(Kind::Commit, &commit(&root, &[], "young"));
    world.install(&young.finish());
    // The first pack was written long ago.
    let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    for pack in world.server.odb().packs() {
        let time = if pack.lookup(&blob).is_some() { 1_000 } else { 2_000 };
        let file = std::fs::File::options().write(true).open(pack.path()).unwrap();
        file.set_modified(now + std::time::Duration::from_secs(time)).unwrap();
    }
    let prepared = collect(&world.server, &options(&world, 1_700_001_500), &GO).unwrap().unwrap();
    assert_eq!((prepared.stats().removed, prepared.stats().unreachable), (1, 3));
    world.apply(prepared);
    let odb = world.server.odb();
    assert!([blob, root, top].iter().all(|id| odb.contains(id).unwrap()) && !odb.contains(&lonely).unwrap());
    world.fsck();
    // The times have moved with the objects.
    assert!(collect(&world.server, &options(&world, 1_700_001_500), &GO).unwrap().is_none());
    let prepared = collect(&world.server, &options(&world, 1_700_002_500), &GO).unwrap().unwrap();
    assert_eq!(prepared.stats().removed, 3);
}

#[test]
fn a_push_that_lands_during_the_mark_keeps_what_it_needs() {
    let world = World::new(52, 8);
    let mut garbage = PackBuilder::new();
    let blob = garbage.object(Kind::Blob, b"unreachable for now");
    world.install(&garbage.finish());
    let prepared = collect(&world.server, &options(&world, FUTURE), &GO).unwrap().unwrap();
    assert_eq!(prepared.stats().removed, 1);
    let mut builder = PackBuilder::new();
    let root = builder.object(Kind::Tree, &tree(&[("100644", b"file", blob)]));
    builder.object(Kind::Commit, &commit(&root, &[], "needs it"));
    world.install(&builder.finish());
    let view = world.view();
    let outcome = prepared.publish(&world.server, &view, &GO).unwrap();
    assert!(matches!(outcome, Published::Outdated(_)), "{outcome:?}");
    assert!(world.server.odb().contains(&blob).unwrap());
}

#[test]
fn a_ref_that_comes_back_during_the_mark_keeps_its_history() {
    let mut world = World::new(53, 20);
    let before = world.client.git(&["for-each-ref", "--format=%(objectname) %(refname)"]);
    forget_refs(&mut world);
    let prepared = collect(&world.server, &options(&world, FUTURE), &GO).unwrap().unwrap();
    assert!(prepared.stats().removed > 0);
    std::fs::write(world.server.path().join("packed-refs"), before + "\n").unwrap();
    let outcome = prepared.publish(&world.server, &world.view(), &GO).unwrap();
    assert!(matches!(outcome, Published::Outdated(_)), "{outcome:?}");
    world.fsck();
}

#[test]
fn a_push_in_quarantine_whose_base_was_removed_is_refused() {
    let world = World::new(54, 8);
    let mut garbage = PackBuilder::new();
    let blob = garbage.object(Kind::Blob, b"unreachable for now");
    world.install(&garbage.finish());
    let mut builder = PackBuilder::new();
    let root = builder.object(Kind::Tree, &tree(&[("100644", b"file", blob)]));
    builder.object(Kind::Commit, &commit(&root, &[], "needs it"));
    let ingest = || {
        let incoming = world.server.incoming(&Limits::default());
        incoming.ingest(PackSource::Memory(builder_bytes(&builder)), &mut |_| (), &GO)
    };
    let waiting = ingest().unwrap();
    // The same through a second opening of the directory, which knows nothing of the first.
    let second = crate::Repository::open(world.server.path()).unwrap();
    let elsewhere = second.incoming(&Limits::default());
    let elsewhere = elsewhere.ingest(PackSource::Memory(builder_bytes(&builder)), &mut |_| (), &GO).unwrap();
    world.apply(collect(&world.server, &options(&world, FUTURE), &GO).unwrap().unwrap());
    for late in [waiting.install(), elsewhere.install_into(&world.server)] {
        assert!(matches!(late, Err(Error::MissingObject { id, .. }) if id == blob), "{late:?}");
    }
    assert!(matches!(ingest(), Err(Error::MissingObject { .. })));
    world.fsck();
}

fn builder_bytes(builder: &PackBuilder) -> bytes::Bytes {
    builder.clone().finish().into()
}

#[test]
fn a_repository_that_lacks_something_loses_nothing_more() {
    let world = World::new(55, 8);
    let mut options = options(&world, FUTURE);
    options.tips.push(id("1111111111111111111111111111111111111111"));
    assert!(matches!(collect(&world.server, &options, &GO), Err(Error::Lost { .. })));
}
