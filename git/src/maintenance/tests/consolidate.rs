//! Joining packs by copying.

use super::world::{GO, World, all_objects, pack_files, snapshot_ids};
use crate::{
    id::Kind,
    maintenance::{
        AfterPublish, CommitGraphFile, ConsolidateOptions, MultiPackIndexFile, consolidate, rewrite, size_report,
    },
    testpack::PackBuilder,
};

const ALL: ConsolidateOptions = ConsolidateOptions { factor: 2, all: true };

#[test]
fn many_pushes_become_few_packs_with_the_same_content() {
    for seed in 0..6 {
        let world = World::new(seed, 40);
        let (before, objects, ids) =
            (world.reading(), all_objects(&world.client, world.server.path()), snapshot_ids(&world.server));
        let options = if seed % 2 == 0 { ALL } else { ConsolidateOptions::default() };
        let prepared = consolidate(&world.server, &options, &GO).unwrap().unwrap();
        assert!(prepared.stats().replaced_packs > 1, "seed {seed}");
        world.apply(prepared);
        let packs = world.server.odb().packs().len();
        assert!(packs <= if options.all { 1 } else { 8 }, "seed {seed}: {packs} packs");
        assert_eq!(pack_files(world.server.path(), "pack").len(), packs, "seed {seed}");
        assert_eq!(snapshot_ids(&world.server), ids, "seed {seed}");
        assert_eq!(world.reading(), before, "seed {seed}");
        assert_eq!(all_objects(&world.client, world.server.path()), objects, "seed {seed}");
        world.fsck();
        let counted = world.git(&["count-objects", "-v"]);
        assert!(counted.contains("count: 0\n") && counted.contains("garbage: 0\n"), "{counted}");
        let sizes = size_report(&world.server).unwrap();
        assert_eq!((sizes.packs as usize, sizes.loose, sizes.cruft_packs), (packs, 0, 0));
        // A second run finds nothing to do.
        assert!(consolidate(&world.server, &ConsolidateOptions::default(), &GO).unwrap().is_none(), "seed {seed}");
    }
}

#[test]
fn loose_objects_are_folded_in() {
    let world = World::new(20, 12);
    for number in 0..5 {
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
    assert_eq!(world.server.odb().loose_count(), 5);
    let objects = all_objects(&world.client, world.server.path());
    let reader = world.server.odb();
    let loose = reader.loose_in(&world.server.objects()).unwrap().ids().next().unwrap();
    world.publish(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    // Somebody still reads the files by name.
    assert_eq!(world.server.remove_retired().unwrap().pending, 1);
    assert!(reader.read(&loose).is_ok());
    drop(reader);
    let removal = world.server.remove_retired().unwrap();
    assert_eq!((removal.pending, removal.loose), (0, 5));
    assert_eq!(world.server.odb().loose_count(), 0);
    assert_eq!(all_objects(&world.client, world.server.path()), objects);
    assert!(world.git(&["count-objects", "-v"]).contains("count: 0\n"));
    world.fsck();
}

#[test]
fn deltas_that_would_run_in_a_circle_are_written_whole() {
    let world = World::new(21, 3);
    let (a, b) = (b"one two three ".repeat(20), b"one two three four ".repeat(20));
    let both = |first: &[u8], second: &[u8], by_id: bool| {
        let mut builder = PackBuilder::new();
        let at = builder.full(Kind::Blob, first);
        let delta = crate::testpack::insert_delta(first.len(), second);
        if by_id {
            let base = crate::id::hash_object(Kind::Blob, first).unwrap();
            builder.ref_delta(&base, &delta);
        } else {
            builder.ofs_delta(at, &delta);
        }
        world.install(&builder.finish());
    };
    both(&a, &b, true);
    both(&b, &a, false);
    let ids = snapshot_ids(&world.server);
    world.apply(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    assert_eq!(snapshot_ids(&world.server), ids);
    world.fsck();
}

#[test]
fn long_chains_through_many_pushes_are_cut_where_a_whole_copy_is_at_hand() {
    let world = World::new(22, 3);
    let mut text = b"line\n".repeat(200);
    let mut last = crate::id::hash_object(Kind::Blob, &text).unwrap();
    let mut first = PackBuilder::new();
    first.object(Kind::Blob, &text);
    world.install(&first.finish());
    for number in 0..120 {
        // Each push sends the next version as a delta against the last one, which is then stored whole beside it.
        let mut builder = PackBuilder::new();
        builder.ref_delta(&last, &crate::testpack::append_delta(text.len(), format!("{number}\n").as_bytes()));
        text.extend_from_slice(format!("{number}\n").as_bytes());
        last = crate::id::hash_object(Kind::Blob, &text).unwrap();
        world.install(&builder.finish());
    }
    let ids = snapshot_ids(&world.server);
    world.apply(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    assert_eq!(snapshot_ids(&world.server), ids);
    let idx = pack_files(world.server.path(), "idx").remove(0);
    let verified = world.git(&["verify-pack", "-v", idx.to_str().unwrap()]);
    let longest = verified
        .lines()
        .filter_map(|line| line.strip_prefix("chain length = "))
        .filter_map(|rest| rest.split(':').next()?.parse::<u16>().ok())
        .max();
    assert!(longest.is_some_and(|longest| longest > 10 && longest <= rewrite::GOOD_CHAIN), "{longest:?}");
    world.fsck();
}

#[test]
fn kept_packs_and_superfluous_ones() {
    let world = World::new(23, 10);
    let kept = pack_files(world.server.path(), "pack").remove(0);
    std::fs::write(kept.with_extension("keep"), "").unwrap();
    let before = world.reading();
    world.apply(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    assert!(kept.exists());
    assert_eq!(world.server.odb().packs().len(), 2);
    assert_eq!(world.reading(), before);
    // Everything again, in packs that bring nothing new: they go without being copied.
    std::fs::remove_file(kept.with_extension("keep")).unwrap();
    world.push("main\n", &[]);
    world.push("main~1\n", &[]);
    world.apply(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    assert_eq!(world.server.odb().packs().len(), 1);
    assert_eq!(world.reading(), before);
    world.fsck();
}

#[test]
fn a_pack_that_comes_again_before_its_removal_stays() {
    let world = World::new(24, 8);
    let file = pack_files(world.server.path(), "pack").remove(0);
    let bytes = std::fs::read(&file).unwrap();
    world.publish(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    world.install(&bytes);
    let removal = world.server.remove_retired().unwrap();
    assert_eq!(removal.packs, 0, "all or nothing");
    assert!(file.exists());
    world.fsck();
    world.apply(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    world.server.refresh().unwrap();
    world.apply(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    assert_eq!(pack_files(world.server.path(), "pack").len(), 1);
    world.fsck();
}

#[test]
fn what_is_damaged_is_named_and_nothing_is_lost() {
    let world = World::new(25, 12);
    let packs = pack_files(world.server.path(), "pack");
    let mut largest = packs.clone();
    largest.sort_by_key(|path| std::fs::metadata(path).unwrap().len());
    let victim = largest.pop().unwrap();
    let good = std::fs::read(&victim).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 0x40;
    // A new file, as the old one is mapped.
    std::fs::remove_file(&victim).unwrap();
    std::fs::write(&victim, &bad).unwrap();
    let damaged = crate::Repository::open(world.server.path()).unwrap();
    let refused = consolidate(&damaged, &ALL, &GO).unwrap_err();
    assert!(matches!(refused, crate::Error::Corrupt { .. }), "{refused}");
    assert_eq!(pack_files(world.server.path(), "pack").len(), packs.len());
    let leftovers = std::fs::read_dir(world.server.objects())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("tidying-"))
        .count();
    assert_eq!(leftovers, 0);
    std::fs::remove_file(&victim).unwrap();
    std::fs::write(&victim, &good).unwrap();
    world.fsck();
}

#[test]
fn a_raised_flag_stops_the_work_and_leaves_nothing() {
    let world = World::new(26, 10);
    let stop = std::sync::atomic::AtomicBool::new(true);
    assert!(matches!(consolidate(&world.server, &ALL, &stop), Err(crate::Error::Interrupted)));
    assert!(
        std::fs::read_dir(world.server.objects()).unwrap().all(|e| !e
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("tidying-"))
    );
}

#[test]
fn what_follows_a_consolidation_does_not_bring_replaced_packs_back() {
    let world = World::new(23, 12);
    let before = world.server.odb().packs().len();
    world.publish(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    assert_eq!(world.server.odb().packs().len(), 1);
    CommitGraphFile::default().derive(&world.server, &world.view(), &GO).unwrap();
    assert!(world.server.odb().commit_graph().is_some());
    world.server.refresh().unwrap();
    assert_eq!(world.server.odb().packs().len(), 1, "the directory still holds the others");
    assert_eq!(world.server.remove_retired().unwrap().packs as usize, before);
    world.fsck();
}

#[test]
fn an_index_over_packs_goes_before_a_pack_that_it_names_and_stays_otherwise() {
    let world = World::new(24, 12);
    let file = world.server.objects().join("pack/multi-pack-index");
    let write = || MultiPackIndexFile.derive(&world.server, &world.view(), &GO).unwrap();
    write();
    assert!(file.is_file());
    world.fsck();
    let halves = ConsolidateOptions { all: false, ..ALL };
    world.publish(consolidate(&world.server, &halves, &GO).unwrap().unwrap());
    world.fsck();
    world.server.remove_retired().unwrap();
    assert!(!file.exists(), "it named packs that are gone");
    world.fsck();
    world.push("main~1", &[]);
    world.publish(consolidate(&world.server, &ALL, &GO).unwrap().unwrap());
    world.push("main", &[]);
    write();
    assert!(file.is_file());
    assert!(world.server.remove_retired().unwrap().packs > 0);
    assert!(file.is_file(), "it names none of those that went");
    world.fsck();
}
