//! Deltas for what came whole.

use super::world::{GO, World, all_objects, pack_files, tips};
use crate::{
    id::Kind,
    maintenance::{CompressOptions, ConsolidateOptions, compress, consolidate, rewrite::GOOD_CHAIN},
    testpack::{PackBuilder, commit, tree},
};

fn options(world: &World) -> CompressOptions {
    CompressOptions { tips: tips(&world.server), ..CompressOptions::default() }
}

#[test]
fn whole_versions_of_one_file_become_deltas() {
    let world = World::new(100, 5);
    let mut text: Vec<u8> =
        (0..300u32).flat_map(|n| format!("step {n}: {}\n", n.wrapping_mul(2_654_435_761)).into_bytes()).collect();
    let mut parent = Vec::new();
    for version in 0..80u32 {
        // Nothing here is a delta, as with clients that send objects whole.
        let mut builder = PackBuilder::new();
        let at = (version as usize * 97) % (text.len() - 20);
        text.splice(at..at + 5, format!("<{version}>").into_bytes());
        let blob = builder.object(Kind::Blob, &text);
        let root = builder.object(Kind::Tree, &tree(&[("100644", b"SOP.md", blob)]));
        parent = vec![builder.object(Kind::Commit, &commit(&root, &parent, "version"))];
        world.install(&builder.finish());
    }
    std::fs::write(world.server.path().join("refs/heads/sop"), format!("{}\n", parent[0])).unwrap();
    let (before, objects) = (world.reading(), all_objects(&world.client, world.server.path()));
    world.apply(consolidate(&world.server, &ConsolidateOptions { factor: 2, all: true }, &GO).unwrap().unwrap());
    let prepared = compress(&world.server, &options(&world), &GO).unwrap().unwrap();
    let stats = prepared.stats();
    assert!(stats.new_deltas > 60 && stats.new_bytes * 3 < stats.replaced_bytes, "{stats:?}");
    world.apply(prepared);
    assert_eq!(world.reading(), before);
    assert_eq!(all_objects(&world.client, world.server.path()), objects);
    let verified = world.git(&["verify-pack", "-v", pack_files(world.server.path(), "idx")[0].to_str().unwrap()]);
    let chains = verified.lines().filter_map(|line| line.strip_prefix("chain length = "));
    let longest = chains.filter_map(|rest| rest.split(':').next()?.parse::<u16>().ok()).max();
    assert!(longest.is_some_and(|longest| longest <= GOOD_CHAIN), "{longest:?}");
    world.fsck();
    assert!(compress(&world.server, &options(&world), &GO).unwrap().is_none(), "nothing is left to be found");
}

#[test]
fn random_histories_stay_the_same_and_do_not_grow() {
    for seed in 101..104 {
        let world = World::new(seed, 30);
        let (before, objects) = (world.reading(), all_objects(&world.client, world.server.path()));
        let narrow = CompressOptions { memory_bytes: 20_000, ..options(&world) };
        for options in [narrow, options(&world)] {
            if let Some(prepared) = compress(&world.server, &options, &GO).unwrap() {
                assert!(prepared.stats().new_bytes < prepared.stats().replaced_bytes, "seed {seed}");
                world.apply(prepared);
            }
        }
        assert_eq!(world.reading(), before, "seed {seed}");
        assert_eq!(all_objects(&world.client, world.server.path()), objects, "seed {seed}");
        world.fsck();
    }
}
