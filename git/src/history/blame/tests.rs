//! Blame against `git blame --porcelain`.

use std::collections::HashMap;

use super::*;
use crate::{
    history::testhistory::{History, seeds},
    id::id_from_hex,
    testgit::Random,
};

/// A parent and the path there.
type Previous = Option<(ObjectId, Vec<u8>)>;
/// Path, previous and boundary, as far as git told them.
type Told = (Option<Vec<u8>>, Previous, bool);

/// Reads git's porcelain into our shape.
fn parse(text: &str) -> Vec<BlamedRange> {
    let id = |hex: &str| id_from_hex(hex.as_bytes()).unwrap();
    let mut ranges: Vec<BlamedRange> = Vec::new();
    // Git tells what belongs to a commit only the first time, and the path again where it differs.
    let mut known: HashMap<(ObjectId, Vec<u8>), (Previous, bool)> = HashMap::new();
    let mut paths: HashMap<ObjectId, Vec<u8>> = HashMap::new();
    let mut told: Option<Told> = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if line.starts_with('\t') {
            if let (Some((path, previous, is_boundary)), Some(range)) = (told.take(), ranges.last_mut()) {
                if let Some(path) = path {
                    paths.insert(range.commit, path.clone());
                    known.insert((range.commit, path), (previous, is_boundary));
                }
                range.path.clone_from(&paths[&range.commit]);
                (range.previous, range.is_boundary) = known[&(range.commit, range.path.clone())].clone();
            }
        } else if words[0].len() == 40 && words.len() >= 3 && words[1].parse::<u32>().is_ok() {
            if let Some(len) = words.get(3) {
                let [original_line, line, len] = [words[1], words[2], len].map(|number| number.parse().unwrap());
                let (commit, path, previous) = (id(words[0]), Vec::new(), None);
                ranges.push(BlamedRange { line, len, commit, path, original_line, previous, is_boundary: false });
                told = Some((None, None, false));
            }
        } else if let Some((path, previous, is_boundary)) = &mut told {
            match words[0] {
                "filename" => *path = Some(words[1].as_bytes().to_vec()),
                "previous" => *previous = Some((id(words[1]), words[2].as_bytes().to_vec())),
                "boundary" => *is_boundary = true,
                _ => {}
            }
        }
    }
    ranges
}

fn by_line(ranges: &[BlamedRange]) -> Vec<(ObjectId, Vec<u8>, u32)> {
    let lines = |range: &BlamedRange| {
        let range = range.clone();
        (0..range.len).map(move |at| (range.commit, range.path.clone(), range.original_line + at))
    };
    ranges.iter().flat_map(lines).collect()
}

#[test]
fn blame_is_that_of_git() {
    let go_on = AtomicBool::new(false);
    let (mut lines, mut different, mut files) = (0, 0, 0);
    for seed in seeds(640, 5) {
        let history = History::new(seed, 50);
        let mut random = Random::new(seed);
        let odbs = history.odbs(&mut random);
        let tip = history.commit(&mut random);
        for path in history.git(&["ls-tree", "-r", "--name-only", &tip.to_string()]).lines() {
            let blamed = blame(&odbs[0], &tip, path.as_bytes(), &BlameOptions::default(), &go_on).unwrap().unwrap();
            for odb in &odbs[1..] {
                let again = blame(odb, &tip, path.as_bytes(), &BlameOptions::default(), &go_on).unwrap();
                assert_eq!(again.as_ref(), Some(&blamed), "seed {seed} {tip} {path}");
            }
            // Not through `git()`, which trims what may be the text of the last line.
            let (_, out, _) = history.repo.run(&["blame", "--porcelain", &tip.to_string(), "--", path], b"", &[]);
            let git = parse(&String::from_utf8(out).unwrap());
            let (a, b) = (by_line(&blamed.ranges), by_line(&git));
            assert_eq!(a.len(), b.len());
            files += 1;
            lines += a.len();
            let wrong = a.iter().zip(&b).filter(|(a, b)| a != b).count();
            different += wrong;
            if wrong > 0 {
                println!("seed {seed}: git blame --porcelain {tip} -- {path}: {wrong} of {} lines differ", a.len());
            } else {
                assert_eq!(blamed.ranges, git, "seed {seed} {tip} {path}");
            }
        }
    }
    assert!(lines > 300 && different == 0, "{files} files, {lines} lines, {different} differ");
}

#[test]
fn bounds_hold() {
    let history = History::new(9, 20);
    let odb = history.repo.odb();
    let go_on = AtomicBool::new(false);
    let tip = *history.commits.last().unwrap();
    let list = history.git(&["ls-tree", "-r", "--name-only", &tip.to_string()]);
    let path = list.lines().next().unwrap().as_bytes();
    let with = |options: BlameOptions, interrupt: &AtomicBool| blame(&odb, &tip, path, &options, interrupt);
    let small = BlameOptions { max_bytes: 3, ..BlameOptions::default() };
    assert!(matches!(with(small, &go_on), Err(Error::TooLarge { .. })));
    let late = BlameOptions { deadline: Some(Instant::now()), ..BlameOptions::default() };
    assert!(matches!(with(late, &go_on), Err(Error::Interrupted)));
    assert!(matches!(with(BlameOptions::default(), &AtomicBool::new(true)), Err(Error::Interrupted)));
    assert_eq!(blame(&odb, &tip, b"absent", &BlameOptions::default(), &go_on).unwrap(), None);
    assert_eq!(blame(&odb, &tip, b"", &BlameOptions::default(), &go_on).unwrap(), None);
}
