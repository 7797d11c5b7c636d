//! Every output against stock git, byte for byte, over random histories.

mod history;

use std::{fmt::Write as _, sync::atomic::AtomicBool};

use super::{
    lines::{LineOptions, Whitespace},
    list::{write_name_status, write_raw},
    mail::{MailOptions, write_mail},
    patch::{PatchOptions, write_patch},
    stat::{Totals, file_stats, write_graph, write_numstat, write_shortstat, write_summary},
    *,
};
use crate::{
    Error,
    id::id_from_hex,
    testgit::{Random, TestRepo, git_version, own_history},
};

/// Pairs of trees in the form that `git diff-tree --stdin` reads.
fn neighbours(trees: &[String]) -> Vec<(String, String)> {
    trees.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).filter(|(a, b)| a != b).collect()
}

/// Git up to 2.43 leaves the last piece of a file out when it measures similarity.
fn tree_options() -> TreeOptions {
    TreeOptions { counts_last_piece: git_version() >= (2, 44), ..TreeOptions::default() }
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

static CALM: AtomicBool = AtomicBool::new(false);

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
pub(crate) fn compare_all(repo: &TestRepo, pairs: &[(String, String)], what: &str) {
    let plain = || tree_options();
    let with = |renames| TreeOptions { renames, ..plain() };
    let compare = |args: &[&str], print: &dyn Fn(&Snapshot, &ObjectId, &ObjectId) -> Vec<u8>| {
        compare(repo, pairs, args, what, print);
    };
    let some = vec![b"dir".to_vec(), b"src/".to_vec(), b"main.rs".to_vec(), b"z".to_vec()];
    for (flags, options) in [
        (&["--no-renames"][..], with(Renames::Off)),
        (&["-M"], plain()),
        (&["-C"], with(Renames::Copies)),
        (&["--find-copies-harder"], with(Renames::CopiesOfAny)),
        (&["-M90%"], TreeOptions { min_score: MAX_SCORE / 10 * 9, ..plain() }),
        (&["-M100%"], TreeOptions { min_score: MAX_SCORE, ..plain() }),
        (&["-M", "-l2"], TreeOptions { rename_limit: 2, ..plain() }),
        (&["--find-copies-harder", "-l4"], TreeOptions { rename_limit: 4, ..with(Renames::CopiesOfAny) }),
        (&["-M", "--", "dir", "src", "main.rs", "z"], TreeOptions { paths: some, ..plain() }),
    ] {
        compare(&[&["--raw"], flags].concat(), &|odb, before, after| {
            let changes = diff_trees(odb, Some(before), Some(after), &options, &CALM).unwrap();
            let mut out = Vec::new();
            write_raw(odb, &changes, IdLength::Full, &mut out).unwrap();
            out
        });
    }
    compare(&["--raw", "--abbrev", "-M"], &|odb, before, after| {
        let changes = diff_trees(odb, Some(before), Some(after), &plain(), &CALM).unwrap();
        let mut out = Vec::new();
        write_raw(odb, &changes, IdLength::Unique, &mut out).unwrap();
        out
    });
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

/// `ATOMICQMS_TEST_SEED=n` tries another history.
fn first_seed() -> u64 {
    std::env::var("ATOMICQMS_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0)
}

#[test]
fn histories_are_shown_as_git_shows_them() {
    for seed in first_seed()..first_seed() + 2 {
        let repo = TestRepo::new();
        let trees = history::generate(&repo, &mut Random::new(seed), 25);
        compare_all(&repo, &neighbours(&trees), &format!("seed {seed}"));
    }
}

#[test]
fn large_texts_are_cut_where_git_cuts_them() {
    for seed in first_seed()..first_seed() + 3 {
        let repo = TestRepo::new();
        let trees = history::generate_large(&repo, &mut Random::new(seed));
        for (flag, context) in [("-U3", 3), ("-U0", 0)] {
            let options = PatchOptions { context, ..PatchOptions::default() };
            let print = patch(TreeOptions { renames: Renames::Off, ..tree_options() }, options);
            compare(&repo, &neighbours(&trees), &["-p", flag], &format!("seed {seed}"), &print);
        }
    }
}

#[test]
fn landmarks_are_taken_as_git_takes_them() {
    let repo = TestRepo::new();
    let trees = history::generate_landmark(&repo, &mut Random::new(first_seed()));
    let print = patch(tree_options(), PatchOptions::default());
    compare(&repo, &neighbours(&trees)[1..], &["-p"], &format!("seed {}", first_seed()), &print);
}

#[test]
fn files_that_want_the_same_origin_share_as_in_git() {
    let repo = TestRepo::new();
    let trees = history::generate_contest(&repo, &mut Random::new(first_seed()));
    compare_all(&repo, &neighbours(&trees), "contest");
}

#[test]
fn binary_patches_can_be_applied() {
    let repo = TestRepo::new();
    let trees = history::generate(&repo, &mut Random::new(first_seed()), 20);
    let options = PatchOptions { binary: true, ..PatchOptions::default() };
    let print = patch(TreeOptions { renames: Renames::Copies, ..tree_options() }, options);
    let odb = repo.odb();
    let index = repo.path().join("test.index");
    let run = |args: &[&str], input: &[u8]| {
        let (ok, out, err) = repo.run(args, input, &[("GIT_INDEX_FILE", index.to_str().unwrap())]);
        assert!(ok, "seed {} git {args:?}: {err}", first_seed());
        String::from_utf8(out).unwrap().trim_end().to_owned()
    };
    let mut deltas = 0;
    for (before, after) in neighbours(&trees) {
        let id = |hex: &str| id_from_hex(hex.as_bytes()).unwrap();
        let text = print(&odb, &id(&before), &id(&after));
        deltas += text.windows(7).filter(|window| window == b"\ndelta ").count();
        run(&["read-tree", &before], &[]);
        run(&["apply", "--cached", "--whitespace=nowarn"], &text);
        assert_eq!(run(&["write-tree"], &[]), after, "seed {}", first_seed());
    }
    assert!(deltas > 0 || first_seed() > 0, "no delta was tried");
}

#[test]
fn mails_are_those_of_format_patch() {
    let repo = TestRepo::new();
    let odb = mail_commits(&repo);
    let options = MailOptions { tree: tree_options(), signature: "signed".to_owned(), ..MailOptions::default() };
    let (ok, theirs, err) =
        repo.run(&["format-patch", "--stdout", "--root", "-N", "--signature=signed", "main"], &[], &[]);
    assert!(ok, "{err}");
    let mut ours = Vec::new();
    for commit in repo.git(&["rev-list", "--reverse", "main"]).lines() {
        if !ours.is_empty() {
            // Git's line between the mails of a series.
            ours.push(b'\n');
        }
        write_mail(&odb, &id_from_hex(commit.as_bytes()).unwrap(), &options, &mut ours, &CALM).unwrap();
    }
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for (ours, theirs) in show(&ours).lines().zip(show(&theirs).lines()) {
        assert_eq!(ours, theirs);
    }
    assert!(ours == theirs);
    // And they can be applied.
    repo.git(&["clone", "-q", ".", "work"]);
    let first = repo.git(&["rev-list", "--max-parents=0", "main"]);
    repo.git(&["-C", "work", "reset", "-q", "--hard", &first]);
    let start = show(&ours)[5..].find("\nFrom ").unwrap() + 6;
    repo.git_with(&["-C", "work", "am", "-q", "--keep-cr"], &ours[start..]);
    assert_eq!(repo.git(&["-C", "work", "rev-parse", "HEAD^{tree}"]), repo.git(&["rev-parse", "main^{tree}"]));
}

/// Commits with every kind of author and message that a mail has to encode.
fn mail_commits(repo: &TestRepo) -> std::sync::Arc<Snapshot> {
    let long = "word ".repeat(30) + "end";
    let unbroken = "x".repeat(100);
    let umlauts = "Gr\u{fc}\u{df}e an alle, die diesen langen Betreff lesen m\u{fc}ssen \u{1f600} ja";
    let people = [
        "Ada",
        "Ada B. Lovelace",
        "M\u{fc}ller, J\u{f6}rg",
        "\"Quo\" \\ te",
        "\u{5c71}\u{7530}\u{592a}\u{90ce}",
        &unbroken,
        &long,
    ];
    let messages = [
        "Short\n",
        "Two\nlines of subject\n\n\nBody  \nwith ends\t\n\n\nand gaps\n\n\n",
        &long,
        &unbroken,
        umlauts,
        "ASCII subject\n\nB\u{f6}dy\n",
        "\n\n  leading and =?odd?= things_\n\nFrom here\n",
        "tab\tin subject\n\n-- \nnot a signature\n",
    ];
    let mut stream = Vec::new();
    let mut random = Random::new(3);
    let mut text = history::text(&mut random);
    for (at, message) in messages.iter().enumerate() {
        text = history::edit(&text, &mut random);
        let author = people[at % people.len()];
        let zone = ["+0000", "-0730", "+0530"][at % 3];
        let name =
            ["a", "dir/b", "dir/sub/a rather long name of a file that does not fit the columns of a mail/x"][at % 3];
        let head = format!(
            "commit refs/heads/main\nauthor {author} <ada@example.org> {} {zone}\ncommitter C <c@example.org> 1600000000 +0000\n\
             data {}\n{message}\nM 100{} inline {name}\ndata {}\n",
            1_600_000_000 + at * 7_000_000,
            message.len(),
            ["644", "755"][at / 3 % 2],
            text.len()
        );
        stream.extend_from_slice(head.as_bytes());
        stream.extend_from_slice(&text);
        stream.extend_from_slice(match at {
            5 => b"\nR a moved\n\n",
            6 => b"\nD moved\n\n",
            _ => b"\n\n",
        });
    }
    repo.git_with(&["fast-import", "--quiet"], &stream);
    repo.odb()
}

#[test]
fn limits_and_interrupts_end_a_diff() {
    // Ten levels of a tree that holds itself ten times over: ten thousand million files in eleven objects.
    let repo = TestRepo::new();
    let blob = repo.git_with(&["hash-object", "-w", "--stdin"], b"x");
    let mut tree = format!("100644 blob {blob}");
    for _ in 0..10 {
        let list: String = (0..10).map(|at| format!("{tree}\t{at}\n")).collect();
        tree = format!("040000 tree {}", repo.git_with(&["mktree"], list.as_bytes()));
    }
    let id = id_from_hex(&tree.as_bytes()[12..]).unwrap();
    let odb = repo.odb();
    let diff = |options: &TreeOptions, interrupt: &AtomicBool| diff_trees(&odb, None, Some(&id), options, interrupt);
    let options = TreeOptions { max_files: 1000, ..TreeOptions::default() };
    assert!(matches!(diff(&options, &CALM), Err(Error::TooLarge { limit: 1000, .. })));
    assert!(matches!(diff(&options, &AtomicBool::new(true)), Err(Error::Interrupted)));
    // A path leads to it all the same.
    let options = TreeOptions { paths: vec![b"1/2/3/4/5/6/7/8/9".to_vec()], max_files: 50, ..TreeOptions::default() };
    let changes = diff(&options, &CALM).unwrap();
    assert_eq!(changes.len(), 10);
    assert_eq!(changes[0].path(), b"1/2/3/4/5/6/7/8/9/0");
    let small = PatchOptions { max_blob_bytes: 0, ..PatchOptions::default() };
    let mut out = Vec::new();
    write_patch(&odb, &changes[..1], &small, &mut out, &CALM).unwrap();
    assert!(out.ends_with(b"Binary files /dev/null and b/1/2/3/4/5/6/7/8/9/0 differ\n"));
    let stopped = AtomicBool::new(true);
    assert!(write_patch(&odb, &changes, &small, &mut out, &stopped).is_err());
    let (before, after) = ("a\n".repeat(10), "b\n".repeat(10));
    assert!(lines::diff_texts(before.as_bytes(), after.as_bytes(), &LineOptions::default(), &stopped).is_err());
}

/// The history of this project, or a whole one: `ATOMICQMS_TEST_REPOSITORY=path cargo test -p atomicqms-git given_repository -- --nocapture`
#[test]
fn a_given_repository_is_shown_as_git_shows_it() {
    let given = std::env::var_os("ATOMICQMS_TEST_REPOSITORY");
    let Some(repo) = own_history() else { return };
    let (newest, distant) = if given.is_some() { ("100000000", 40) } else { ("12", 4) };
    let list = repo.git(&["log", "--all", "-n", newest, "--format=%T %P"]);
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
    for _ in 0..distant {
        pairs.push((trees[random.below(trees.len())].clone(), trees[random.below(trees.len())].clone()));
    }
    pairs.retain(|(a, b)| a != b);
    compare_all(&repo, &pairs, "a given repository");
    let odb = repo.odb();
    let count = |(a, b): &(String, String)| {
        let id = |hex: &str| id_from_hex(hex.as_bytes()).unwrap();
        diff_trees(&odb, Some(&id(a)), Some(&id(b)), &TreeOptions::default(), &CALM).unwrap().len()
    };
    println!("{} pairs of trees, {} changed files, all equal", pairs.len(), pairs.iter().map(count).sum::<usize>());
}
