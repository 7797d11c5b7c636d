//! Owns what services cost when pushes have added commits that the commit-graph file does not hold yet: they must not walk what it holds.
//! Measured in CPU time of the thread, against the same without a file.

use std::{sync::atomic::AtomicBool, time::Duration};

use super::bounds::{cpu_time, long_history};
use crate::{
    ObjectId, Repository,
    commit_graph::WriteOptions,
    history::{LogRequest, ahead_behind, last_commits, log, tips_containing, update_last_commits},
    id::id_from_hex,
    odb::Snapshot,
    walk::{is_ancestor, merge_bases},
};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// A service under the name it has in the figures.
type Named<'a> = (&'static str, Box<dyn Fn(&Snapshot) + 'a>);

/// CPU time of one run, over so many that clock ticks do not matter.
fn cost(service: &dyn Fn(&Snapshot), odb: &Snapshot) -> Duration {
    let link = std::fs::read_link("/proc/thread-self").unwrap();
    let thread = link.file_name().unwrap().to_string_lossy().into_owned();
    let (start, mut runs) = (cpu_time(&thread), 0);
    loop {
        service(odb);
        runs += 1;
        let used = cpu_time(&thread).saturating_sub(start);
        if used > Duration::from_millis(40) {
            return used / runs;
        }
    }
}

#[test]
fn commits_beyond_the_graph_cost_no_walk_of_what_it_holds() {
    let (repo, bare) = long_history(8_000);
    let id = |name: &str| id_from_hex(repo.git(&["rev-parse", name]).as_bytes()).unwrap();
    let (main, side) = (id("main"), id("side"));
    // Five hundred commits came since, on two lines.
    let (old_main, old_side) = (id("main~250"), id("side~250"));
    let root = id("main~3500");
    let repository = Repository::open(repo.path()).unwrap();
    repository.write_commit_graph(&[old_main, old_side], &WriteOptions::default(), &GO_ON).unwrap();
    let beyond = repository.odb();
    repository.write_commit_graph(&[main, side], &WriteOptions::default(), &GO_ON).unwrap();
    let whole = repository.odb();
    let earlier = last_commits(&whole, &old_main, b"", &GO_ON).unwrap().unwrap();
    let of_path =
        |limit: usize| LogRequest { tips: vec![main], paths: vec![b"old/f".to_vec()], limit, ..LogRequest::default() };
    let page = LogRequest { tips: vec![main], paths: vec![b"d2/f".to_vec()], limit: 40, ..LogRequest::default() };
    let services: [Named<'_>; 8] = [
        ("last commits", Box::new(|odb| drop(last_commits(odb, &main, b"", &GO_ON).unwrap()))),
        ("last commits, updated", Box::new(|odb| drop(update_last_commits(odb, &earlier, &main, &GO_ON).unwrap()))),
        ("log of a path, one page", Box::new(|odb| drop(log(odb, &page, &GO_ON).unwrap()))),
        ("log of a path, all", Box::new(|odb| drop(log(odb, &of_path(9), &GO_ON).unwrap()))),
        ("ahead and behind", Box::new(|odb| assert!(ahead_behind(odb, &main, &side, &GO_ON).unwrap().behind > 0))),
        ("merge bases", Box::new(|odb| drop(merge_bases(odb, &main, &side, &GO_ON).unwrap()))),
        ("is ancestor", Box::new(|odb| assert!(is_ancestor(odb, &old_main, &main, &GO_ON).unwrap()))),
        ("which tips hold an old commit", Box::new(|odb| drop(tips_containing(odb, &root, &[main], &GO_ON).unwrap()))),
    ];
    let same = |odb: &Snapshot| {
        let counts = ahead_behind(odb, &main, &side, &GO_ON).unwrap();
        let list = |limit: usize| log(odb, &of_path(limit), &GO_ON).unwrap();
        (counts, merge_bases(odb, &main, &side, &GO_ON).unwrap(), list(1), list(9), log(odb, &page, &GO_ON).unwrap())
    };
    assert!(same(&bare) == same(&beyond) && same(&bare) == same(&whole));
    let updated = |odb: &Snapshot, tip: &ObjectId| update_last_commits(odb, &earlier, tip, &GO_ON).unwrap();
    assert!(updated(&beyond, &main) == last_commits(&bare, &main, b"", &GO_ON).unwrap());
    println!("CPU time without a file, with 500 commits beyond it, with all in it:");
    for (name, service) in &services {
        let [without, with, all] = [&bare, &beyond, &whole].map(|odb| cost(service, odb));
        println!("{name}: {without:?}, {with:?}, {all:?}");
        // What the five hundred cost, and no more than a small part of a whole walk.
        assert!(with < all * 2 + Duration::from_millis(15), "{name}: {without:?}, {with:?}, {all:?}");
    }
}
