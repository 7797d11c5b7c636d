//! What maintenance does to a repository of many small pushes; for figures worth keeping with thousands of them, printed:
//! `ATOMICQMS_TEST_PUSHES=2000 cargo test -p atomicqms-git --lib maintenance::tests::figures -- --nocapture`.

use std::{hint::black_box, time::Instant};

use super::world::{GO, World, clone, snapshot_ids, tips};
use crate::{
    ObjectId,
    id::Kind,
    maintenance::{CompressOptions, ConsolidateOptions, Prepared, compress, consolidate, size_report},
    testgit::Random,
    testpack::{PackBuilder, commit, tree},
};

/// Commits in pushes of one commit each, of objects stored whole: one of 40 procedures changes a little.
fn many_pushes(world: &World, count: u32) -> ObjectId {
    let mut random = Random::new(7);
    let text = |random: &mut Random| {
        (0..120).flat_map(|_| format!("step {:x}\n", random.next()).into_bytes()).collect::<Vec<u8>>()
    };
    let mut files: Vec<(String, Vec<u8>)> = (0..40).map(|n| (format!("SOP-{n:03}.md"), text(&mut random))).collect();
    let mut parent: Vec<ObjectId> = Vec::new();
    for number in 0..count {
        let at = random.below(files.len());
        let place = random.below(files[at].1.len() - 20);
        files[at].1.splice(place..place + 10, format!("<{number}>").into_bytes());
        let mut builder = PackBuilder::new();
        let mut entries = Vec::new();
        for (position, (name, text)) in files.iter().enumerate() {
            let id = match number == 0 || position == at {
                true => builder.object(Kind::Blob, text),
                false => crate::id::hash_object(Kind::Blob, text).unwrap(),
            };
            entries.push(("100644", name.as_bytes(), id));
        }
        let root = builder.object(Kind::Tree, &tree(&entries));
        parent = vec![builder.object(Kind::Commit, &commit(&root, &parent, &format!("change {number}")))];
        world.install(&builder.finish());
    }
    parent[0]
}

/// Prints what the repository costs; answers its packs and their bytes.
fn measure(world: &World, what: &str) -> (u64, u64) {
    let (view, ids) = (world.view(), snapshot_ids(&world.server));
    let lookups = 200_000;
    let began = Instant::now();
    for at in 0..lookups {
        black_box(view.odb.contains(&ids[at * 7919 % ids.len()]).unwrap());
    }
    let hit = began.elapsed() / lookups as u32;
    let began = Instant::now();
    for at in 0..lookups {
        let mut raw: [u8; 20] = ids[at * 7919 % ids.len()].as_slice().try_into().unwrap();
        raw[19] ^= 0x55;
        black_box(view.odb.contains(&ObjectId::from(raw)).unwrap());
    }
    let miss = began.elapsed() / lookups as u32;
    let best = (0..3).map(|_| {
        let began = Instant::now();
        clone(&view);
        began.elapsed()
    });
    let best = best.min().unwrap();
    let began = Instant::now();
    world.client.git(&["clone", "-q", "--bare", &format!("file://{}", world.server.path().display()), what]);
    let git = began.elapsed();
    let size = size_report(&world.server).unwrap();
    eprintln!(
        "{what}: {} packs, {} KiB packs, {} KiB in all; hit {hit:?}, miss {miss:?}, clone {best:?}, stock git's clone {git:?}",
        size.packs,
        size.pack_bytes >> 10,
        size.total_bytes() >> 10
    );
    (size.packs, size.pack_bytes)
}

fn timed(world: &World, what: &str, work: impl FnOnce() -> Option<Prepared>) {
    let began = Instant::now();
    let prepared = work().unwrap();
    let (long, stats) = (began.elapsed(), prepared.stats());
    let began = Instant::now();
    world.publish(prepared);
    let published = began.elapsed();
    let began = Instant::now();
    world.server.remove_retired().unwrap();
    eprintln!("{what}: long phase {long:?}, publish {published:?}, remove {:?}; {stats:?}", began.elapsed());
}

#[test]
fn many_small_pushes_become_one_small_pack() {
    let pushes = std::env::var("ATOMICQMS_TEST_PUSHES").map_or(120, |count| count.parse().unwrap());
    let world = World::new(1, 3);
    let tip = many_pushes(&world, pushes);
    std::fs::write(world.server.path().join("refs/heads/sop"), format!("{tip}\n")).unwrap();
    let (before, _) = measure(&world, "pushed");
    timed(&world, "consolidation", || consolidate(&world.server, &ConsolidateOptions::default(), &GO).unwrap());
    let (packs, copied_bytes) = measure(&world, "consolidated");
    assert!(before > u64::from(pushes) && packs == 1, "{before} packs became {packs}");
    let options = CompressOptions { tips: tips(&world.server), ..CompressOptions::default() };
    timed(&world, "delta search", || compress(&world.server, &options, &GO).unwrap());
    let (packs, bytes) = measure(&world, "compressed");
    assert!(packs == 1 && bytes * 2 < copied_bytes, "{copied_bytes} bytes became {bytes} in {packs} packs");
    world.fsck();
}
