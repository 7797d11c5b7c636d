//! Every service that a forge asks of history, compared with stock git: over this project's own history, and over one that holds what is
//! odd. Compiled for tests only.
//!
//! Owns the comparisons that any repository can be put through; `odd` makes the odd one, `bounds` holds what must end early, `beyond` what commits
//! newer than the commit-graph file cost. Each service
//! also has tests of its own beside it.

mod beyond;
mod bounds;
mod compare;
mod odd;

use compare::World;

use crate::testgit::{Random, TestRepo, own_history};

/// `ATOMICQMS_TEST_SEED=n` tries other choices.
fn seed() -> u64 {
    std::env::var("ATOMICQMS_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// How many times more is compared with `ATOMICQMS_TEST_LONG` in the environment.
fn factor() -> usize {
    if std::env::var_os("ATOMICQMS_TEST_LONG").is_some() { 20 } else { 1 }
}

fn own() -> Option<World> {
    own_history().map(|repo| World::new(repo, Random::new(seed())))
}

fn odd_world(with_thousands: bool) -> World {
    let repo = TestRepo::new();
    odd::generate(&repo, &mut Random::new(seed()), with_thousands);
    World::new(repo, Random::new(seed()))
}

#[test]
fn blame_of_this_project() {
    let Some(mut world) = own() else { return };
    let lines = world.blames(15 * factor());
    assert!(lines > 30, "{lines} lines blamed");
}

#[test]
fn logs_of_this_project() {
    let Some(mut world) = own() else { return };
    world.logs(10 * factor());
    world.follows(5 * factor());
    world.last_commits(3 * factor());
}

#[test]
fn ancestry_in_this_project() {
    let Some(mut world) = own() else { return };
    world.ancestry(12 * factor());
}

#[test]
fn archives_and_mails_of_this_project() {
    let Some(mut world) = own() else { return };
    world.archives(2 * factor());
    world.mails(6 * factor());
}

#[test]
fn patches_of_this_project_apply() {
    let Some(mut world) = own() else { return };
    world.patches(4 * factor());
}

#[test]
fn merges_in_this_project() {
    let Some(mut world) = own() else { return };
    world.merges(6 * factor());
}

#[test]
fn blame_of_what_is_odd() {
    let lines = odd_world(false).blames(40 * factor());
    assert!(lines > 30, "{lines} lines blamed");
}

#[test]
fn logs_of_what_is_odd() {
    let mut world = odd_world(false);
    world.logs(15 * factor());
    world.follows(10 * factor());
    world.last_commits(3 * factor());
}

#[test]
fn a_directory_of_thousands() {
    let mut world = odd_world(true);
    world.logs(4 * factor());
    world.follows(2 * factor());
    world.last_commits(2 * factor());
    world.archives(2);
}

#[test]
fn ancestry_in_what_is_odd() {
    let mut world = odd_world(false);
    world.ancestry(20 * factor());
    world.tags_stand_for_commits("two");
}

#[test]
fn diffs_of_what_is_odd() {
    let mut world = odd_world(false);
    world.diffs(10 * factor());
    world.patches(8 * factor());
}

#[test]
fn archives_and_mails_of_what_is_odd() {
    let mut world = odd_world(false);
    world.archives(3 * factor());
    world.mails(16 * factor());
}

#[test]
fn merges_in_what_is_odd() {
    odd_world(false).merges(15 * factor());
}
