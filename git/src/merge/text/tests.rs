//! Text merges byte for byte against `git merge-file -p`.

use super::*;
use crate::testgit::{Random, TestRepo};

/// A file of few different lines, so that lines repeat; now and then with CR LF or without a last newline.
struct Texts {
    crlf: bool,
    words: usize,
}

impl Texts {
    fn line(&self, random: &mut Random) -> String {
        const BLANKS: [&str; 5] = ["", "}", "  {", "\t", "--"];
        let end = if self.crlf != random.chance(3) { "\r\n" } else { "\n" };
        match random.below(6) {
            0 => format!("{}{end}", BLANKS[random.below(BLANKS.len())]),
            _ => format!("line {}{end}", random.below(self.words)),
        }
    }

    fn edit(&self, random: &mut Random, base: &[String]) -> Vec<String> {
        let mut lines = base.to_vec();
        for _ in 0..random.below(5) {
            let at = random.below(lines.len() + 1);
            let removed = random.below(4).min(lines.len() - at);
            let added: Vec<String> = (0..random.below(4)).map(|_| self.line(random)).collect();
            lines.splice(at..at + removed, added);
        }
        if random.chance(10) && !lines.is_empty() {
            let (from, to) = (random.below(lines.len()), random.below(lines.len()));
            lines.swap(from, to);
        }
        lines
    }

    fn join(random: &mut Random, lines: &[String]) -> Vec<u8> {
        let mut content = lines.concat().into_bytes();
        if random.chance(15) && content.last() == Some(&b'\n') {
            content.pop();
        }
        content
    }
}

pub(in crate::merge) fn random_texts(random: &mut Random) -> [Vec<u8>; 3] {
    let texts = Texts { crlf: random.chance(20), words: [3, 8, 30, 1000][random.below(4)] };
    let count = [3, 12, 40, 150][random.below(4)];
    let base: Vec<String> = (0..random.below(count + 1)).map(|_| texts.line(random)).collect();
    let ours = texts.edit(random, &base);
    let theirs = if random.chance(10) { texts.edit(random, &ours) } else { texts.edit(random, &base) };
    [&base, &ours, &theirs].map(|lines| Texts::join(random, lines))
}

/// Compares the merges of some seeds with git's, and answers how many conflicted and how many differ.
fn compare(seeds: std::ops::Range<u64>) -> (usize, Vec<u64>) {
    let repo = TestRepo::new();
    let path = |name: &str| repo.path().join(name);
    let (mut conflicted, mut differing) = (0, Vec::new());
    for seed in seeds {
        let mut random = Random::new(seed);
        let [base, ours, theirs] = random_texts(&mut random);
        for (name, content) in [("base", &base), ("ours", &ours), ("theirs", &theirs)] {
            std::fs::write(path(name), content).unwrap();
        }
        let style = if random.chance(30) { ConflictStyle::Diff3 } else { ConflictStyle::Merge };
        let marker_size = [7, 7, 7, 1, 15][random.below(5)];
        let size = format!("--marker-size={marker_size}");
        let mut args = vec!["merge-file", "-p", "-q", &size, "-L", "our side", "-L", "common", "-L", "theirs"];
        if style == ConflictStyle::Diff3 {
            args.push("--diff3");
        }
        args.extend(["ours", "base", "theirs"]);
        let (_, expected, _) = repo.run(&args, b"", &[]);
        let options = TextOptions {
            diff: LineDiff::Myers,
            style,
            joining: Joining::NearOrBlank,
            marker_size,
            labels: Labels { base: b"common", ours: b"our side", theirs: b"theirs" },
        };
        let merged = merge_text(&base, &ours, &theirs, &options, &AtomicBool::new(false)).unwrap();
        conflicted += usize::from(merged.conflicts > 0);
        if merged.content != expected {
            differing.push(seed);
            if std::env::var_os("SHOW").is_some() {
                eprintln!(
                    "seed {seed}\n--- git\n{}\n--- ours\n{}",
                    String::from_utf8_lossy(&expected),
                    String::from_utf8_lossy(&merged.content)
                );
            }
        }
    }
    (conflicted, differing)
}

#[test]
fn merges_of_files_are_those_of_git() {
    // `ATOMICQMS_MERGE_CASES=n` compares more.
    let cases = std::env::var("ATOMICQMS_MERGE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(600u64);
    let halves = std::thread::scope(|scope| {
        [0..cases / 2, cases / 2..cases]
            .map(|seeds| scope.spawn(|| compare(seeds)))
            .map(|thread| thread.join().unwrap())
    });
    let conflicted: usize = halves.iter().map(|half| half.0).sum();
    let differing: Vec<u64> = halves.into_iter().flat_map(|half| half.1).collect();
    eprintln!("{cases} merges compared, {conflicted} with conflicts, {} differ", differing.len());
    assert!(conflicted as u64 > cases / 10, "{conflicted} conflicts");
    assert_eq!(differing, Vec::<u64>::new(), "seeds that differ");
}

fn options(style: ConflictStyle) -> TextOptions<'static> {
    let labels = Labels { base: b"base", ours: b"ours", theirs: b"theirs" };
    TextOptions { diff: LineDiff::Histogram, style, joining: Joining::Near, marker_size: 7, labels }
}

#[test]
fn conflicts_are_marked_in_both_styles() {
    let merge = |style| {
        merge_text(b"a\nb\nc", b"a\nX\nc", b"a\nY\nc", &options(style), &AtomicBool::new(false)).unwrap().content
    };
    assert_eq!(merge(ConflictStyle::Merge), b"a\n<<<<<<< ours\nX\n=======\nY\n>>>>>>> theirs\nc");
    assert_eq!(merge(ConflictStyle::Diff3), b"a\n<<<<<<< ours\nX\n||||||| base\nb\n=======\nY\n>>>>>>> theirs\nc");
    let lines: Vec<u8> = (0..1000).flat_map(|at| format!("{at}\n").into_bytes()).collect();
    let stopped = merge_text(&lines, b"x", b"y", &options(ConflictStyle::Merge), &AtomicBool::new(true));
    assert!(matches!(stopped, Err(crate::Error::Interrupted)));
}

proptest::proptest! {
    #[test]
    fn any_bytes_can_be_merged(base: Vec<u8>, ours: Vec<u8>, theirs: Vec<u8>) {
        let merge = |base: &[u8], ours: &[u8], theirs: &[u8]| {
            merge_text(base, ours, theirs, &options(ConflictStyle::Merge), &AtomicBool::new(false)).unwrap()
        };
        merge(&base, &ours, &theirs);
        let clean = |content: &Vec<u8>| TextMerge { content: content.clone(), conflicts: 0 };
        proptest::prop_assert_eq!(merge(&base, &base, &theirs), clean(&theirs));
        proptest::prop_assert_eq!(merge(&base, &ours, &base), clean(&ours));
        proptest::prop_assert_eq!(merge(&base, &ours, &ours), clean(&ours));
    }
}
