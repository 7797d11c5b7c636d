//! Logs against stock git: order, simplification, exclusion, filters, following, pages.

use std::{collections::BTreeSet, sync::atomic::AtomicBool};

use super::*;
use crate::{
    history::testhistory::{DIRECTORIES, History, seeds},
    testgit::Random,
};

fn ours(odb: &Snapshot, request: &LogRequest) -> Vec<ObjectId> {
    let page = log(odb, request, &AtomicBool::new(false)).unwrap();
    page.entries.into_iter().map(|entry| entry.commit).collect()
}

/// A random request, and the same for git.
fn request(history: &History, random: &mut Random) -> (LogRequest, Vec<String>) {
    let mut request = LogRequest { limit: usize::MAX, ..LogRequest::default() };
    let mut args = vec!["log".to_owned(), "--format=%H".to_owned()];
    for _ in 0..1 + random.below(2) {
        let tip = history.commit(random);
        request.tips.push(tip);
        args.push(tip.to_string());
    }
    if !history.is_skewed && random.chance(40) {
        let hidden = history.commits[random.below(history.commits.len())];
        request.hidden.push(hidden);
        args.push(format!("^{hidden}"));
    }
    if random.chance(30) {
        request.order = Order::Topo;
        args.push("--topo-order".into());
    }
    if random.chance(20) {
        request.first_parent = true;
        args.push("--first-parent".into());
    }
    if random.chance(15) && !history.is_skewed {
        let since = 1_600_000_000 + random.next() % 2000;
        request.since = Some(since);
        args.push(format!("--max-age={since}"));
    }
    if random.chance(15) {
        let until = 1_600_000_000 + random.next() % 4000;
        request.until = Some(until);
        args.push(format!("--min-age={until}"));
    }
    if random.chance(15) {
        request.author = Some(b"Ada <ada@ex".to_vec());
        args.extend(["--fixed-strings".into(), "--author=Ada <ada@ex".into()]);
    }
    if random.chance(20) {
        request.skip = random.next() % 4;
        args.push(format!("--skip={}", request.skip));
    }
    args.push("--".into());
    for _ in 0..[0, 1, 1, 1, 1, 2][random.below(6)] {
        let path = &history.paths[random.below(history.paths.len())];
        request.paths.push(path.clone().into_bytes());
        args.push(path.clone());
    }
    (request, args)
}

#[test]
fn logs_are_those_of_git() {
    for seed in seeds(600, 4) {
        let history = History::new(seed, 60);
        let mut random = Random::new(seed);
        let odbs = history.odbs(&mut random);
        for _ in 0..25 {
            let (request, args) = request(&history, &mut random);
            let git = history.ids(&args.iter().map(String::as_str).collect::<Vec<_>>());
            for odb in &odbs {
                assert_eq!(ours(odb, &request), git, "seed {seed} {args:?}");
            }
        }
    }
}

#[test]
fn nothing_hidden_is_listed_when_clocks_were_wrong() {
    for seed in seeds(660, 3) {
        let history = History::new(seed, 60);
        let mut random = Random::new(seed);
        for _ in 0..15 {
            let (tip, hidden) = (history.commit(&mut random), history.commit(&mut random));
            let list = |id: ObjectId| history.ids(&["rev-list", &id.to_string()]).into_iter().collect::<BTreeSet<_>>();
            let expected: BTreeSet<ObjectId> = list(tip).difference(&list(hidden)).copied().collect();
            let request =
                LogRequest { tips: vec![tip], hidden: vec![hidden], limit: usize::MAX, ..LogRequest::default() };
            let found: BTreeSet<ObjectId> = ours(&history.repo.odb(), &request).into_iter().collect();
            assert_eq!(found, expected, "seed {seed}");
        }
    }
}

#[test]
fn following_is_that_of_git() {
    for seed in seeds(620, 5) {
        let history = History::new(seed, 60);
        let mut random = Random::new(seed);
        let odbs = history.odbs(&mut random);
        for _ in 0..8 {
            let (tip, path) = (history.commit(&mut random), &history.paths[random.below(history.paths.len())]);
            // Git lists the files of a directory.
            if DIRECTORIES.contains(&path.as_str()) {
                continue;
            }
            let first_parent = random.chance(20);
            let flag = if first_parent { "--first-parent" } else { "--no-max-parents" };
            let args = ["log", "--follow", "--name-only", "--format=%H", flag, &tip.to_string(), "--", path];
            let git = history.git(&args);
            let mut lines = git.lines().filter(|line| !line.is_empty());
            let mut expected = Vec::new();
            while let Some(commit) = lines.next() {
                expected.push((commit.to_owned(), lines.next().unwrap().to_owned()));
            }
            let paths = vec![path.clone().into_bytes()];
            let request = LogRequest {
                tips: vec![tip],
                paths,
                follow: true,
                first_parent,
                limit: usize::MAX,
                ..LogRequest::default()
            };
            for odb in &odbs {
                let page = log(odb, &request, &AtomicBool::new(false)).unwrap();
                let found: Vec<(String, String)> = page
                    .entries
                    .into_iter()
                    .map(|entry| (entry.commit.to_string(), String::from_utf8(entry.path.unwrap()).unwrap()))
                    .collect();
                assert_eq!(found, expected, "seed {seed} {args:?}");
            }
        }
    }
}

#[test]
fn pages_make_up_the_whole() {
    let history = History::new(5, 60);
    let odb = history.repo.odb();
    let go_on = AtomicBool::new(false);
    for (paths, order) in [(vec![], Order::Date), (vec![b"src".to_vec()], Order::Date), (vec![], Order::Topo)] {
        let tips = vec![*history.commits.last().unwrap()];
        let whole = LogRequest { tips, paths, order, skip: 1, limit: usize::MAX, ..LogRequest::default() };
        let mut request = LogRequest { limit: 4, ..whole.clone() };
        let mut found = Vec::new();
        loop {
            let page = log(&odb, &request, &go_on).unwrap();
            assert!(page.entries.len() == 4 || page.next.is_none());
            found.extend(page.entries);
            let Some(next) = page.next else { break };
            request.after = Some(next.to_string().parse().unwrap());
        }
        let whole = log(&odb, &whole, &go_on).unwrap();
        assert_eq!((&found, &None), (&whole.entries, &whole.next));
        assert!(found.len() > 8);
        let after = Some(Cursor { shown: 3, last: history.commits[0] });
        let result = log(&odb, &LogRequest { after, ..request.clone() }, &go_on);
        assert!(matches!(result, Err(Error::BadRequest { .. })));
        let result = log(&odb, &request, &AtomicBool::new(true));
        assert!(matches!(result, Err(Error::Interrupted)));
    }
    for text in ["", "7", "x-1", "7-123", "-1-e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"] {
        assert!(text.parse::<Cursor>().is_err(), "{text}");
    }
}
