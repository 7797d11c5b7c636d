//! Every output against stock git, byte for byte, over random histories.

mod history;

use std::{fmt::Write as _, sync::atomic::AtomicBool};

use super::{
    lines::{LineOptions, Whitespace},
    list::{write_name_status, write_raw},
    patch::{PatchOptions, write_patch},
    stat::{Totals, file_stats, write_graph, write_numstat, write_shortstat, write_summary},
    *,
};
use crate::{
    id::id_from_hex,
    testgit::{Random, TestRepo},
};

/// Pairs of trees in the form that `git diff-tree --stdin` reads.
fn neighbours(trees: &[String]) -> Vec<(String, String)> {
    trees.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).filter(|(a, b)| a != b).collect()
}

/// Git up to 2.43 leaves the last piece of a file out when it measures similarity.
fn tree_options(repo: &TestRepo) -> TreeOptions {
    let version = repo.git(&["--version"]);
    let mut numbers = version.split([' ', '.']).filter_map(|word| word.parse::<u32>().ok());
    let version = (numbers.next().unwrap(), numbers.next().unwrap());
    TreeOptions { counts_last_piece: version >= (2, 44), ..TreeOptions::default() }
}

/// Compares what git prints for each pair of trees with what we print, and answers how many pairs there were.
fn compare(
    repo: &TestRepo,
    pairs: &[(String, String)],
    args: &[&str],
    what: &str,
    print: &dyn Fn(&Snapshot, &ObjectId, &ObjectId) -> Vec<u8>,
) -> usize {
    let odb = repo.odb();
    let mut input = String::new();
    for (before, after) in pairs {
        writeln!(input, "{before} {after}").unwrap();
    }
    let all = [&["diff-tree", "--stdin", "-r"], args].concat();
    let (ok, expected, err) = repo.run(&all, input.as_bytes(), &[]);
    assert!(ok, "git {all:?}: {err}");
    let mut rest = &expected[..];
    for (at, (before, after)) in pairs.iter().enumerate() {
        let head = format!("{before} {after}\n");
        rest = rest.strip_prefix(head.as_bytes()).unwrap_or(rest);
        let next = pairs.get(at + 1).map(|(before, after)| format!("{before} {after}\n"));
        let end = next.and_then(|next| rest.windows(next.len()).position(|window| window == next.as_bytes()));
        let (theirs, tail) = rest.split_at(end.unwrap_or(rest.len()));
        // Between patches git prints nothing, before the first line of some formats an empty one.
        let theirs = theirs.strip_prefix(b"\n").unwrap_or(theirs);
        let id = |hex: &str| id_from_hex(hex.as_bytes()).unwrap();
        let ours = print(&odb, &id(before), &id(after));
        if ours != theirs {
            let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let line =
                ours.split(|b| *b == b'\n').zip(theirs.split(|b| *b == b'\n')).take_while(|(a, b)| a == b).count();
            panic!(
                "{what}: git diff-tree {args:?} {before} {after} in {} differs from line {line} on\nours:\n{}\ngit's:\n{}",
                repo.path().display(),
                show(&ours),
                show(theirs)
            );
        }
        rest = tail;
    }
    pairs.len()
}

const CALM: AtomicBool = AtomicBool::new(false);

fn patch(options: TreeOptions, patch: PatchOptions) -> impl Fn(&Snapshot, &ObjectId, &ObjectId) -> Vec<u8> {
    move |odb, before, after| {
        let changes = diff_trees(odb, Some(before), Some(after), &options, &CALM).unwrap();
        let mut out = Vec::new();
        write_patch(odb, &changes, &patch, &mut out, &CALM).unwrap();
        out
    }
}

fn numbers(options: TreeOptions, patch: PatchOptions) -> impl Fn(&Snapshot, &ObjectId, &ObjectId) -> Vec<u8> {
    move |odb, before, after| {
        let changes = diff_trees(odb, Some(before), Some(after), &options, &CALM).unwrap();
        let stats = file_stats(odb, &changes, &patch, &CALM).unwrap();
        let mut out = Vec::new();
        write_numstat(&stats, &mut out).unwrap();
        write_graph(&stats, 80, &mut out).unwrap();
        write_shortstat(&Totals::of(&stats), &mut out).unwrap();
        write_summary(&changes, &mut out).unwrap();
        out
    }
}

/// Every output of a repository's trees, compared with git's.
fn compare_all(repo: &TestRepo, pairs: &[(String, String)], what: &str) {
    let plain = || tree_options(repo);
    let with = |renames| TreeOptions { renames, ..plain() };
    let compare = |args: &[&str], print: &dyn Fn(&Snapshot, &ObjectId, &ObjectId) -> Vec<u8>| {
        compare(repo, pairs, args, what, print);
    };
    for (flag, renames) in [
        ("--no-renames", Renames::Off),
        ("-M", Renames::Renames),
        ("-C", Renames::Copies),
        ("--find-copies-harder", Renames::CopiesOfAny),
    ] {
        compare(&["--raw", flag], &|odb, before, after| {
            let changes = diff_trees(odb, Some(before), Some(after), &with(renames), &CALM).unwrap();
            let mut out = Vec::new();
            write_raw(odb, &changes, IdLength::Full, &mut out).unwrap();
            out
        });
    }
    compare(&["--name-status", "-M"], &|odb, before, after| {
        let changes = diff_trees(odb, Some(before), Some(after), &plain(), &CALM).unwrap();
        let mut out = Vec::new();
        write_name_status(&changes, &mut out).unwrap();
        out
    });
    compare(&["-p", "-M"], &patch(plain(), PatchOptions::default()));
    compare(
        &["-p", "-C", "--full-index"],
        &patch(with(Renames::Copies), PatchOptions { ids: IdLength::Full, ..Default::default() }),
    );
    compare(&["-p", "-U0"], &patch(with(Renames::Off), PatchOptions { context: 0, ..Default::default() }));
    compare(
        &["-p", "-U5", "--inter-hunk-context=7", "--no-indent-heuristic"],
        &patch(
            with(Renames::Off),
            PatchOptions {
                context: 5,
                between: 7,
                lines: LineOptions { indent_heuristic: false, ..Default::default() },
                ..Default::default()
            },
        ),
    );
    let numstat = ["--numstat", "--stat", "--summary", "-M"];
    compare(&numstat, &numbers(plain(), PatchOptions::default()));
    for (flag, whitespace) in [
        ("-b", Whitespace::IgnoreAmount),
        ("-w", Whitespace::IgnoreAll),
        ("--ignore-space-at-eol", Whitespace::IgnoreAtEnd),
        ("-M", Whitespace::Exact),
    ] {
        for ignore_blank_lines in [false, true] {
            let lines = LineOptions { whitespace, ..Default::default() };
            let options = PatchOptions { lines, ignore_blank_lines, ..Default::default() };
            let args = if ignore_blank_lines { vec![flag, "--ignore-blank-lines"] } else { vec![flag] };
            compare(&[&["-p", "-M"], &args[..]].concat(), &patch(plain(), options.clone()));
            compare(&[&numstat, &args[..]].concat(), &numbers(plain(), options));
        }
    }
}

#[test]
fn histories_are_shown_as_git_shows_them() {
    for seed in 0..4 {
        let repo = TestRepo::new();
        let trees = history::generate(&repo, &mut Random::new(seed), 25);
        compare_all(&repo, &neighbours(&trees), &format!("seed {seed}"));
    }
}

/// `ATOMICQMS_TEST_REPOSITORY=path cargo test -p atomicqms-git given_repository -- --ignored --nocapture`
#[test]
#[ignore = "needs ATOMICQMS_TEST_REPOSITORY"]
fn a_given_repository_is_shown_as_git_shows_it() {
    let path = std::env::var("ATOMICQMS_TEST_REPOSITORY").unwrap();
    let repo = TestRepo::new();
    repo.git(&["fetch", "-q", &path, "+refs/*:refs/*"]);
    let list = repo.git(&["log", "--all", "--format=%T %P"]);
    let mut pairs = Vec::new();
    for line in list.lines() {
        let mut words = line.split(' ');
        let tree = words.next().unwrap();
        for parent in words.filter(|parent| !parent.is_empty()) {
            pairs.push((repo.git(&["rev-parse", &format!("{parent}^{{tree}}")]), tree.to_owned()));
        }
    }
    // Also over long distances.
    let trees: Vec<String> = list.lines().map(|line| line[..40].to_owned()).collect();
    let mut random = Random::new(1);
    for _ in 0..40 {
        pairs.push((trees[random.below(trees.len())].clone(), trees[random.below(trees.len())].clone()));
    }
    pairs.retain(|(a, b)| a != b);
    compare_all(&repo, &pairs, &path);
    let odb = repo.odb();
    let count = |(a, b): &(String, String)| {
        let id = |hex: &str| id_from_hex(hex.as_bytes()).unwrap();
        diff_trees(&odb, Some(&id(a)), Some(&id(b)), &TreeOptions::default(), &CALM).unwrap().len()
    };
    println!("{} pairs of trees, {} changed files, all equal", pairs.len(), pairs.iter().map(count).sum::<usize>());
}
