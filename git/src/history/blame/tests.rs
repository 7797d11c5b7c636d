//! Blame against `git blame --porcelain`.

use std::collections::HashMap;

use super::*;
use crate::{
    history::testhistory::{History, seeds},
    id::id_from_hex,
    testgit::Random,
};

/// A parent and the path there.
type Previous = Option<(ObjectId, Arc<[u8]>)>;
/// Path, previous and boundary, as far as git told them.
type Told = (Option<Vec<u8>>, Previous, bool);

/// Reads what `git blame --porcelain` prints into our shape.
pub(crate) fn blame_of_porcelain(text: &[u8]) -> Vec<BlamedRange> {
    let id = |hex: &[u8]| id_from_hex(hex).unwrap();
    let number = |digits: &[u8]| String::from_utf8_lossy(digits).parse::<u32>().ok();
    let mut ranges: Vec<BlamedRange> = Vec::new();
    // Git tells what belongs to a commit only the first time, and the path again where it differs.
    let mut known: HashMap<(ObjectId, Vec<u8>), (Previous, bool)> = HashMap::new();
    let mut paths: HashMap<ObjectId, Vec<u8>> = HashMap::new();
    let mut told: Option<Told> = None;
    for line in text.split(|byte| *byte == b'\n') {
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        // What follows a word, which may hold spaces.
        let rest = |from: usize| unquote(&words[from..].join(&b' '));
        if line.starts_with(b"\t") {
            if let (Some((path, previous, is_boundary)), Some(range)) = (told.take(), ranges.last_mut()) {
                if let Some(path) = path {
                    paths.insert(range.commit, path.clone());
                    known.insert((range.commit, path), (previous, is_boundary));
                }
                let path = &paths[&range.commit];
                range.path = path.as_slice().into();
                (range.previous, range.is_boundary) = known[&(range.commit, path.clone())].clone();
            }
        } else if words[0].len() == 40 && words.len() >= 3 && number(words[1]).is_some() {
            if let Some(len) = words.get(3) {
                let [original_line, line, len] = [words[1], words[2], len].map(|digits| number(digits).unwrap());
                let (commit, path, previous) = (id(words[0]), Arc::default(), None);
                ranges.push(BlamedRange { line, len, commit, path, original_line, previous, is_boundary: false });
                told = Some((None, None, false));
            }
        } else if let Some((path, previous, is_boundary)) = &mut told {
            match words[0] {
                b"filename" => *path = Some(rest(1)),
                b"previous" => *previous = Some((id(words[1]), rest(2).into())),
                b"boundary" => *is_boundary = true,
                _ => {}
            }
        }
    }
    ranges
}

/// Takes the quotes and escapes off a path as git prints it.
fn unquote(path: &[u8]) -> Vec<u8> {
    let Some(quoted) = path.strip_prefix(b"\"").and_then(|path| path.strip_suffix(b"\"")) else { return path.to_vec() };
    let mut out = Vec::new();
    let mut bytes = quoted.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().unwrap() {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            digit @ b'0'..=b'3' => [digit, bytes.next().unwrap(), bytes.next().unwrap()]
                .iter()
                .fold(0, |sum, digit| sum << 3 | (digit - b'0')),
            other => other,
        });
    }
    out
}

fn by_line(ranges: &[BlamedRange]) -> Vec<(ObjectId, Arc<[u8]>, u32)> {
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
            let git = blame_of_porcelain(&out);
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
    let pieces = blame(&odb, &tip, path, &BlameOptions::default(), &go_on).unwrap().unwrap().ranges.len();
    let few = BlameOptions { max_pieces: pieces - 1, ..BlameOptions::default() };
    assert!(matches!(with(few, &go_on), Err(Error::TooLarge { .. })));
    let late = BlameOptions { deadline: Some(Instant::now()), ..BlameOptions::default() };
    assert!(matches!(with(late, &go_on), Err(Error::Interrupted)));
    assert!(matches!(with(BlameOptions::default(), &AtomicBool::new(true)), Err(Error::Interrupted)));
    assert_eq!(blame(&odb, &tip, b"absent", &BlameOptions::default(), &go_on).unwrap(), None);
    assert_eq!(blame(&odb, &tip, b"", &BlameOptions::default(), &go_on).unwrap(), None);
}
