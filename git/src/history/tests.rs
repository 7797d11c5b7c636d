//! Counts, tips that hold a commit, and last commits of directories, against stock git.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
};

use super::{
    testhistory::{History, seeds},
    *,
};
use crate::{ObjectId, error::Error, id::id_from_hex, testgit::Random};

fn closures(history: &History) -> BTreeMap<ObjectId, BTreeSet<ObjectId>> {
    let mut all: BTreeMap<ObjectId, BTreeSet<ObjectId>> = BTreeMap::new();
    for line in history.git(&["rev-list", "--all", "--topo-order", "--reverse", "--parents"]).lines() {
        let mut ids = line.split(' ').map(|hex| id_from_hex(hex.as_bytes()).unwrap());
        let commit = ids.next().unwrap();
        let mut closure = BTreeSet::from([commit]);
        ids.for_each(|parent| closure.extend(all[&parent].iter().copied()));
        all.insert(commit, closure);
    }
    all
}

#[test]
fn counts_and_containment_are_exact() {
    let go_on = AtomicBool::new(false);
    for seed in seeds(700, 4) {
        let history = History::new(seed, 40);
        let mut random = Random::new(seed);
        let all = closures(&history);
        for odb in history.odbs(&mut random) {
            for _ in 0..4 {
                let base = history.commit(&mut random);
                let counts = ahead_behind_many(&odb, &base, &history.commits, &go_on).unwrap();
                for (tip, count) in history.commits.iter().zip(counts) {
                    let ahead = all[tip].difference(&all[&base]).count() as u64;
                    let behind = all[&base].difference(&all[tip]).count() as u64;
                    assert_eq!(count, AheadBehind { ahead, behind }, "seed {seed} {base} {tip}");
                }
                let holds = tips_containing(&odb, &base, &history.commits, &go_on).unwrap();
                for (tip, holds) in history.commits.iter().zip(holds) {
                    assert_eq!(holds, all[tip].contains(&base), "seed {seed} {base} {tip}");
                }
            }
        }
        if !history.is_skewed {
            let (a, b) = (history.commit(&mut random), history.commit(&mut random));
            let count = ahead_behind(&history.repo.odb(), &a, &b, &go_on).unwrap();
            let git = history.git(&["rev-list", "--count", "--left-right", &format!("{a}...{b}")]);
            assert_eq!(format!("{}\t{}", count.behind, count.ahead), git, "seed {seed}");
        }
    }
}

#[test]
fn more_tips_than_one_walk_carries() {
    let go_on = AtomicBool::new(false);
    let history = History::new(3, 20);
    let tips: Vec<ObjectId> = history.commits.iter().cycle().take(300).copied().collect();
    let odb = history.repo.odb();
    let counts = ahead_behind_many(&odb, &history.commits[10], &tips, &go_on).unwrap();
    assert_eq!(counts.len(), 300);
    for (tip, count) in tips.iter().zip(counts) {
        assert_eq!(count, ahead_behind(&odb, &history.commits[10], tip, &go_on).unwrap());
    }
    let stop = AtomicBool::new(true);
    assert!(matches!(ahead_behind_many(&odb, &tips[0], &tips, &stop), Err(Error::Interrupted)));
    assert!(matches!(tips_containing(&odb, &tips[0], &tips[1..2], &stop), Err(Error::Interrupted)));
}

#[test]
fn last_commits_are_those_of_git() {
    let go_on = AtomicBool::new(false);
    for seed in seeds(720, 4) {
        let history = History::new(seed, 50);
        let mut random = Random::new(seed);
        let odbs = history.odbs(&mut random);
        for directory in ["", "src", "docs/a"] {
            let tip = history.commit(&mut random);
            let fresh = last_commits(&odbs[0], &tip, directory.as_bytes(), &go_on).unwrap();
            for odb in &odbs[1..] {
                assert_eq!(last_commits(odb, &tip, directory.as_bytes(), &go_on).unwrap(), fresh, "seed {seed}");
            }
            let Some(fresh) = fresh else { continue };
            let listed = history.git(&["ls-tree", "--name-only", &format!("{tip}:{directory}")]);
            assert_eq!(fresh.entries.len(), listed.lines().count());
            for entry in &fresh.entries {
                let path = format!("{directory}/{}", String::from_utf8_lossy(&entry.name));
                let git = history.ids(&["log", "-1", "--format=%H", &tip.to_string(), "--", path.trim_matches('/')]);
                assert_eq!(git, [entry.commit], "seed {seed} {tip} {path}");
            }
            for _ in 0..5 {
                let other = history.commit(&mut random);
                let Some(earlier) = last_commits(&odbs[0], &other, directory.as_bytes(), &go_on).unwrap() else {
                    continue;
                };
                let updated = update_last_commits(&odbs[random.below(3)], &earlier, &tip, &go_on).unwrap();
                assert_eq!(updated.as_ref(), Some(&fresh), "seed {seed} {other} {tip}");
            }
        }
        let stop = AtomicBool::new(true);
        let result = last_commits(&odbs[0], &history.commits[30], b"", &stop);
        assert!(matches!(result, Err(Error::Interrupted)));
        assert_eq!(last_commits(&odbs[0], &history.commits[30], b"absent/dir", &go_on).unwrap(), None);
    }
}
