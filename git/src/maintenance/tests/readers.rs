//! Readers clone in a loop while packs are joined, moved aside and removed under them.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::{
    bitmap_file::any_size,
    world::{GO, World, tips},
};
use crate::{
    View,
    maintenance::{AfterPublish, CollectOptions, ConsolidateOptions, collect, consolidate},
    testpack::PackBuilder,
};

#[test]
fn eight_readers_see_no_error_during_fifty_rounds() {
    let world = World::new(80, 25);
    let view = Mutex::new(std::sync::Arc::new(world.view()));
    let (is_over, clones) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for reader in 0..8 {
            let (view, is_over, clones) = (&view, &is_over, &clones);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let taken = view.lock().unwrap().clone();
                    read_all(&taken, reader);
                    clones.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..50u32 {
            // Something unreachable, something loose by hand now and then.
            let mut garbage = PackBuilder::new();
            garbage.object(crate::id::Kind::Blob, &round.to_be_bytes());
            garbage.object(crate::id::Kind::Blob, format!("{round} {round}").as_bytes());
            world.install(&garbage.finish());
            if round % 10 == 0 {
                world.git(&[
                    "-c",
                    "user.name=x",
                    "-c",
                    "user.email=x@x",
                    "commit-tree",
                    "-m",
                    &format!("{round}"),
                    "main^{tree}",
                ]);
                world.server.refresh().unwrap();
            }
            let all = ConsolidateOptions { factor: 2, all: round % 5 == 4 };
            let expire = CollectOptions {
                tips: tips(&world.server),
                expire_before_s: u64::from(u32::MAX),
                ..CollectOptions::default()
            };
            let prepared = match round % 2 {
                0 => consolidate(&world.server, &all, &GO).unwrap(),
                _ => collect(&world.server, &expire, &GO).unwrap(),
            };
            if let Some(prepared) = prepared {
                world.publish(prepared);
                any_size().derive(&world.server, &world.view(), &GO).unwrap();
            }
            *view.lock().unwrap() = std::sync::Arc::new(world.view());
            world.server.remove_retired().unwrap();
        }
        // Every reader has read what the last round left.
        let enough = clones.load(Ordering::Relaxed) + 16;
        while clones.load(Ordering::Relaxed) < enough {
            std::thread::yield_now();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    world.fsck();
    world.server.remove_retired().unwrap();
}

fn read_all(view: &View, reader: usize) {
    if reader.is_multiple_of(2) {
        assert!(super::world::clone(view) > 0, "reader {reader}");
        return;
    }
    let mut data = Vec::new();
    for id in view.odb.ids() {
        let found = view.odb.find(&id, &mut data).unwrap_or_else(|error| panic!("reader {reader}: {id}: {error}"));
        assert!(found.is_some(), "reader {reader}: {id} is gone");
    }
}
