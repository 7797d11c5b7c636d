//! Merges of trees and histories against `git merge-tree --write-tree`: the same tree, and the same paths in conflict.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
};

use super::*;
use crate::{
    Kind,
    create::{
        CreateLimits,
        edit::{Edit, edit_tree},
        entries::{Item, Mode},
    },
    id::id_from_hex,
    merge::{merge_histories, text::tests::random_texts},
    testgit::{Random, TestRepo, git_version},
};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// Git up to 2.43 leaves the last piece of a file out when it measures similarity.
pub(in crate::merge) fn options() -> MergeOptions {
    MergeOptions { counts_last_piece: git_version() >= (2, 44), ..MergeOptions::default() }
}

/// What git says about a merge.
struct Answer {
    is_clean: bool,
    tree: ObjectId,
    conflicted: BTreeSet<Vec<u8>>,
    messages: String,
}

/// `None` where git itself ends with a failed assertion, as 2.39 does for some renames of both sides.
fn ask_git(repo: &TestRepo, ours: &str, theirs: &str) -> Option<Answer> {
    let args = ["merge-tree", "--write-tree", "-z", "--messages", "--allow-unrelated-histories", ours, theirs];
    let (is_clean, out, errors) = repo.run(&args, b"", &[]);
    if errors.contains("Assertion") {
        return None;
    }
    assert_eq!(errors, "", "git {args:?}");
    let text = String::from_utf8_lossy(&out).into_owned();
    let mut fields = out.split(|byte| *byte == 0);
    let tree = id_from_hex(fields.next().unwrap()).unwrap();
    let conflicts = fields.take_while(|field| !field.is_empty());
    let conflicted = conflicts.map(|line| line.splitn(2, |byte| *byte == b'\t').nth(1).unwrap().to_vec()).collect();
    Some(Answer { is_clean, tree, conflicted, messages: text.replace('\0', "\n") })
}

pub(in crate::merge) fn names(ours: &str, theirs: &str) -> Names {
    Names { base: String::new(), ours: ours.to_owned(), theirs: theirs.to_owned() }
}

/// Merges two branches; answers also the objects that were made.
fn merge(repo: &TestRepo, ours: &str, theirs: &str, options: &MergeOptions) -> (NewObjects, TreeMerge) {
    let mut objects = NewObjects::new(repo.odb(), CreateLimits::default());
    let id = |name: &str| id_from_hex(repo.git(&["rev-parse", name]).as_bytes()).unwrap();
    let merged = merge_histories(&mut objects, &id(ours), &id(theirs), &names(ours, theirs), options, &GO_ON).unwrap();
    (objects, merged)
}

/// The stream of one commit that holds exactly these files.
pub(in crate::merge) fn commit(
    mark: usize,
    branch: &str,
    parents: &[usize],
    files: &BTreeMap<String, (u32, Vec<u8>)>,
) -> Vec<u8> {
    let time = 1_600_000_000 + mark * 100;
    let mut out =
        format!("commit refs/heads/{branch}\nmark :{mark}\ncommitter C <c@example.org> {time} +0000\ndata 1\nx\n");
    for (at, parent) in parents.iter().enumerate() {
        out.push_str(&format!("{} :{parent}\n", if at == 0 { "from" } else { "merge" }));
    }
    out.push_str("deleteall\n");
    let mut out = out.into_bytes();
    for (path, (mode, content)) in files {
        if *mode == 0o160_000 {
            out.extend(format!("M 160000 {} {path}\n", String::from_utf8_lossy(content)).into_bytes());
            continue;
        }
        out.extend(format!("M {mode:o} inline {path}\ndata {}\n", content.len()).into_bytes());
        out.extend(content);
        out.push(b'\n');
    }
    out.push(b'\n');
    out
}

#[test]
fn thousands_of_texts_merge_as_in_git() {
    let cases = std::env::var("ATOMICQMS_MERGE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(3000u64);
    let mut random = Random::new(9000);
    let mut versions = [(); 3].map(|()| BTreeMap::new());
    let mut texts = BTreeMap::new();
    for case in 0..cases {
        let path = format!("{}/{case}", case % 50);
        let triple = random_texts(&mut random);
        for (files, content) in versions.iter_mut().zip(&triple) {
            files.insert(path.clone(), (0o100_644, content.clone()));
        }
        texts.insert(path.into_bytes(), triple);
    }
    let repo = TestRepo::new();
    let [base, ours, theirs] = &versions;
    let stream =
        [commit(1, "base", &[], base), commit(2, "ours", &[1], ours), commit(3, "theirs", &[1], theirs)].concat();
    repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], &stream);
    let git = ask_git(&repo, "ours", "theirs").unwrap();
    let (objects, merged) = merge(&repo, "ours", "theirs", &MergeOptions { renames: false, ..MergeOptions::default() });
    let conflicted: BTreeSet<Vec<u8>> = merged.conflicts.iter().map(|c| c.path.clone()).collect();
    eprintln!("{cases} texts merged, {} with conflicts", conflicted.len());
    let mut different = Vec::new();
    if merged.tree != Some(git.tree) {
        let listing = repo.git(&["ls-tree", "-r", &git.tree.to_string()]);
        let entries: BTreeMap<&[u8], &str> = listing
            .lines()
            .map(|line| (line.split_once('\t').unwrap().1.as_bytes(), line.split_whitespace().nth(2).unwrap()))
            .collect();
        for (path, [base, ours, theirs]) in &texts {
            let options = text_options();
            let text = crate::merge::merge_text(base, ours, theirs, &options, &GO_ON).unwrap();
            let id = crate::id::hash_object(crate::Kind::Blob, &text.content).unwrap().to_string();
            if entries.get(path.as_slice()) != Some(&id.as_str()) {
                different.push(String::from_utf8_lossy(path).into_owned());
            }
        }
    }
    drop(objects);
    assert_eq!(different, Vec::<String>::new(), "texts that differ");
    assert_eq!(conflicted, git.conflicted);
    assert_eq!(merged.tree, Some(git.tree));
}

/// What the merge of trees asks of the merge of a text.
fn text_options() -> crate::merge::TextOptions<'static> {
    crate::merge::TextOptions {
        diff: crate::merge::LineDiff::Histogram,
        style: ConflictStyle::Merge,
        joining: crate::merge::Joining::Near,
        marker_size: 7,
        labels: crate::merge::Labels { base: b"", ours: b"ours", theirs: b"theirs" },
    }
}

pub(in crate::merge) type Files = BTreeMap<String, (u32, Vec<u8>)>;

const DIRS: [&str; 6] = ["", "doc/", "doc/old/", "src/", "src/deep/er/", "new/"];
const NAMES: [&str; 8] = ["a", "b.txt", "c.md", "readme", "doc", "x", "src", "index"];

fn fresh(random: &mut Random) -> Vec<u8> {
    let topic = random.below(12);
    let lines = 3 + random.below(25);
    (0..lines).flat_map(|at| format!("topic {topic} line {at} {}\n", random.below(3)).into_bytes()).collect()
}

fn edited(random: &mut Random, content: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..1 + random.below(3) {
        let at = random.below(lines.len() + 1);
        let removed = random.below(3).min(lines.len() - at);
        let added: Vec<Vec<u8>> =
            (0..random.below(3)).map(|_| format!("edit {}\n", random.below(20)).into_bytes()).collect();
        lines.splice(at..at + removed, added);
    }
    lines.concat()
}

fn pick(random: &mut Random, files: &Files) -> Option<String> {
    if files.is_empty() { None } else { files.keys().nth(random.below(files.len())).cloned() }
}

/// Puts a file somewhere, in place of whatever stands in its way.
fn put(files: &mut Files, path: String, file: (u32, Vec<u8>)) {
    let below = format!("{path}/");
    files.retain(|other, _| !other.starts_with(&below) && !path.starts_with(&format!("{other}/")));
    files.insert(path, file);
}

fn any_path(random: &mut Random) -> String {
    format!("{}{}", DIRS[random.below(DIRS.len())], NAMES[random.below(NAMES.len())])
}

pub(in crate::merge) fn change(random: &mut Random, files: &mut Files, directories: bool) {
    for _ in 0..random.below(5) {
        let Some(path) = pick(random, files) else { return };
        let (mode, content) = files[&path].clone();
        match random.below(if directories { 16 } else { 14 }) {
            0 | 1 => put(files, any_path(random), (0o100_644, fresh(random))),
            2..=5 if mode & 0o100_000 != 0 && mode != 0o160_000 && mode != 0o120_000 => {
                files.insert(path, (mode, edited(random, &content)));
            }
            6 | 7 => drop(files.remove(&path)),
            8 | 9 => {
                files.remove(&path);
                put(files, any_path(random), (mode, content));
            }
            10 if mode == 0o100_644 || mode == 0o100_755 => {
                files.remove(&path);
                let content = edited(random, &content);
                put(files, any_path(random), (mode, content));
            }
            11 if mode == 0o100_644 => drop(files.insert(path, (0o100_755, content))),
            12 => put(files, path, (0o120_000, format!("target{}", random.below(3)).into_bytes())),
            13 => put(files, path, (0o160_000, format!("{:040x}", 0xabc + random.below(3)).into_bytes())),
            14 | 15 => {
                let from = DIRS[1 + random.below(DIRS.len() - 1)];
                let to = ["moved/", "doc/new/", "lib/"][random.below(3)];
                let moving: Vec<String> = files.keys().filter(|path| path.starts_with(from)).cloned().collect();
                for path in moving {
                    let file = files.remove(&path).unwrap();
                    put(files, format!("{to}{}", &path[from.len()..]), file);
                }
            }
            _ => {}
        }
    }
}

/// Some files to begin with.
pub(in crate::merge) fn random_files(random: &mut Random) -> Files {
    let mut files = Files::new();
    for _ in 0..3 + random.below(10) {
        put(&mut files, any_path(random), (0o100_644, fresh(random)));
    }
    files
}

/// One random history with two branches to merge, `us{seed}` and `them{seed}`.
fn history(seed: u64, first_mark: usize, directories: bool) -> (Vec<u8>, usize) {
    let mut random = Random::new(seed);
    let mut stream = Vec::new();
    let mut mark = first_mark;
    let base = random_files(&mut random);
    let (a, b) = (format!("us{seed}"), format!("them{seed}"));
    let mut add = |mark: &mut usize, branch: &str, parents: &[usize], files: &Files| {
        stream.extend(commit(*mark, branch, parents, files));
        *mark += 1;
        *mark - 1
    };
    let root = add(&mut mark, &a, &[], &base);
    let (mut ours, mut theirs) = (base.clone(), base.clone());
    change(&mut random, &mut ours, directories);
    change(&mut random, &mut theirs, directories);
    let mut our_tip = add(&mut mark, &a, &[root], &ours);
    let mut their_tip = add(&mut mark, &b, &[root], &theirs);
    for _ in 0..[0, 0, 0, 1, 1, 2][random.below(6)] {
        // Each takes the other's state in, one way or another.
        let (old_ours, old_theirs) = (our_tip, their_tip);
        let mut merged = ours.clone();
        for (path, file) in &theirs {
            if random.chance(50) {
                put(&mut merged, path.clone(), file.clone());
            }
        }
        change(&mut random, &mut merged, directories);
        our_tip = add(&mut mark, &a, &[old_ours, old_theirs], &merged);
        let mut merged_there = theirs.clone();
        change(&mut random, &mut merged_there, directories);
        their_tip = add(&mut mark, &b, &[old_theirs, old_ours], &merged_there);
        (ours, theirs) = (merged, merged_there);
    }
    (stream, mark)
}

/// Merges seeded histories and answers how many were clean and what differs.
fn compare(seeds: std::ops::Range<u64>, directories: bool) -> (usize, Vec<String>) {
    let repo = TestRepo::new();
    let mut mark = 1;
    let mut stream = Vec::new();
    for seed in seeds.clone() {
        let (part, next) = history(seed, mark, directories);
        stream.extend(part);
        mark = next;
    }
    repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], &stream);
    let refs = repo.git(&["for-each-ref", "--format=%(refname:short) %(objectname)"]);
    let tips: BTreeMap<&str, ObjectId> = refs
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(n, id)| (n, id_from_hex(id.as_bytes()).unwrap()))
        .collect();
    let odb = repo.odb();
    let options = options();
    let (mut clean, mut differing) = (0, Vec::new());
    for seed in seeds {
        let (a, b) = (format!("us{seed}"), format!("them{seed}"));
        let Some(git) = ask_git(&repo, &a, &b) else {
            eprintln!("seed {seed}: git gives no answer");
            continue;
        };
        let mut objects = NewObjects::new(odb.clone(), CreateLimits::default());
        let (ours, theirs) = (tips[a.as_str()], tips[b.as_str()]);
        let merged = merge_histories(&mut objects, &ours, &theirs, &names(&a, &b), &options, &GO_ON).unwrap();
        let conflicted: BTreeSet<Vec<u8>> = merged.conflicts.iter().map(|c| c.path.clone()).collect();
        clean += usize::from(git.is_clean);
        let is_same_tree = merged.tree == Some(git.tree);
        if merged.is_clean != git.is_clean || conflicted != git.conflicted || !is_same_tree {
            let kind = match (git.is_clean, merged.is_clean) {
                (true, true) => "CLEAN BUT DIFFERENT",
                (true, false) => "false conflict",
                (false, true) => "MISSED CONFLICT",
                (false, false) if conflicted != git.conflicted => "other paths",
                (false, false) => "same paths, other tree",
            };
            let ours: Vec<String> = merged.notices.iter().map(ToString::to_string).collect();
            differing.push(format!("seed {seed}: {kind}"));
            if std::env::var_os("SHOW").is_some() {
                eprintln!(
                    "seed {seed}: {kind}\n--- git {}\n--- ours {:?}\n{}\n",
                    git.messages,
                    merged.tree,
                    ours.join("\n")
                );
                let pack = objects.pack(&[merged.tree.unwrap()], &GO_ON).unwrap();
                repo.git_with(&["index-pack", "--stdin"], &pack);
                let args = ["diff-tree", "-r", "-p", &git.tree.to_string(), &merged.tree.unwrap().to_string()];
                eprintln!("{}", repo.git(&args));
                let base = repo.git(&["merge-base", "--all", &a, &b]);
                eprintln!(
                    "bases {base}\n{}",
                    repo.git(&["log", "--graph", "--raw", "-m", "-M", &a, &b, "--format=%H %d"])
                );
                if let Some(dir) = std::env::var_os("SHOW_DIR") {
                    repo.git(&["clone", "-q", "--mirror", ".", &dir.to_string_lossy()]);
                }
                eprintln!(
                    "{:?}",
                    conflicted.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect::<Vec<_>>()
                );
            }
        }
    }
    (clean, differing)
}

fn compare_in_parallel(seeds: std::ops::Range<u64>, directories: bool) {
    let middle = seeds.start + (seeds.end - seeds.start) / 2;
    let halves = std::thread::scope(|scope| {
        [seeds.start..middle, middle..seeds.end]
            .map(|half| scope.spawn(move || compare(half, directories)))
            .map(|thread| thread.join().unwrap())
    });
    let clean: usize = halves.iter().map(|half| half.0).sum();
    let differing: Vec<String> = halves.into_iter().flat_map(|half| half.1).collect();
    eprintln!("{} histories merged, {clean} clean, {} differ", seeds.end - seeds.start, differing.len());
    assert!(clean > 5);
    assert_eq!(differing, Vec::<String>::new());
}

fn cases(default: u64) -> u64 {
    std::env::var("ATOMICQMS_MERGE_HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[test]
fn histories_merge_as_in_git() {
    compare_in_parallel(10_000..10_000 + cases(150), false);
    // Equally good renames, and a link in place of a renamed file.
    assert_eq!(compare(11_011..11_012, false).1, Vec::<String>::new());
    assert_eq!(compare(11_167..11_168, false).1, Vec::<String>::new());
}

#[test]
fn seeds_that_once_differed_merge_as_in_git() {
    let seeds = [(11_923, false), (50_504, true), (51_051, true), (51_832, true)];
    let differing: Vec<String> =
        seeds.into_iter().flat_map(|(seed, directories)| compare(seed..seed + 1, directories).1).collect();
    assert_eq!(differing, Vec::<String>::new());
}

#[test]
fn histories_with_renamed_directories_merge_as_in_git() {
    compare_in_parallel(50_000..50_000 + cases(150), true);
}

/// Three trees made in memory, without git.
fn three_trees(objects: &mut NewObjects, versions: [&[(&str, Mode, &[u8])]; 3]) -> [ObjectId; 3] {
    versions.map(|files| {
        let edits: Vec<(&[u8], Edit)> = files
            .iter()
            .map(|(path, mode, content)| {
                let id = match mode {
                    Mode::Submodule => id_from_hex(content).unwrap(),
                    _ => objects.write(Kind::Blob, content.to_vec()).unwrap(),
                };
                (path.as_bytes(), Edit::Put(Item { mode: *mode, id }))
            })
            .collect();
        edit_tree(objects, None, &edits, &GO_ON).unwrap()
    })
}

#[test]
fn what_cannot_be_merged_says_why() {
    const MODULES: [&[u8]; 3] = [
        b"1111111111111111111111111111111111111111",
        b"2222222222222222222222222222222222222222",
        b"3333333333333333333333333333333333333333",
    ];
    let repo = TestRepo::new();
    let large = [[b'x'; 100].as_slice(), [b'y'; 100].as_slice(), [b'z'; 100].as_slice()];
    let cases: [(ConflictKind, Mode, [&[u8]; 3]); 6] = [
        (ConflictKind::Content, Mode::File, [b"a\n", b"b\n", b"c\n"]),
        (ConflictKind::Binary, Mode::File, [b"a\0\n", b"b\0\n", b"c\0\n"]),
        (ConflictKind::Binary, Mode::File, [b"a\n", b"b\n", b"c\0\n"]),
        (ConflictKind::TooLarge, Mode::File, large),
        (ConflictKind::Symlink, Mode::Symlink, [b"a", b"b", b"c"]),
        (ConflictKind::Submodule, Mode::Submodule, MODULES),
    ];
    let options = MergeOptions { max_file_bytes: 50, ..MergeOptions::default() };
    for (kind, mode, [base, ours, theirs]) in cases {
        let mut objects = NewObjects::new(repo.odb(), CreateLimits::default());
        let versions: [&[(&str, Mode, &[u8])]; 3] =
            [&[("f", mode, base)], &[("f", mode, ours)], &[("f", mode, theirs)]];
        let [base, ours, theirs] = three_trees(&mut objects, versions);
        let mut merge = |options: &MergeOptions| {
            merge_trees(&mut objects, &base, &ours, &theirs, &names("us", "them"), options, &GO_ON).unwrap()
        };
        let merged = merge(&options);
        let [Notice { kind: found, path, .. }] = merged.notices.as_slice() else { panic!("{merged:?}") };
        assert_eq!((*found, path.as_slice()), (kind, b"f".as_slice()));
        let [conflict] = merged.conflicts.as_slice() else { panic!("{merged:?}") };
        assert!(conflict.base.is_some() && conflict.ours.is_some() && conflict.theirs.is_some());
        assert!(!merged.is_clean && merged.tree.is_some() && merged.clean_tree().is_none());
        assert!(!merged.notices.iter().map(ToString::to_string).any(|text| text.is_empty()));
        let stopped = merge(&MergeOptions { stop_at_conflict: true, ..options.clone() });
        assert!(!stopped.is_clean && stopped.tree.is_none());
    }
}

#[test]
fn limits_end_the_merge_or_the_search_for_renames() {
    let repo = TestRepo::new();
    let mut objects = NewObjects::new(repo.odb(), CreateLimits::default());
    let texts: Vec<String> = (0..4).map(|file| (0..20).map(|line| format!("{file} {line}\n")).collect()).collect();
    let changed: Vec<String> = texts.iter().map(|text| text.replace(" 3\n", " three\n")).collect();
    let moved: Vec<String> = texts.iter().map(|text| text.replace(" 15\n", " fifteen\n")).collect();
    let place = |dir: &str, texts: &[String]| -> Vec<(String, Vec<u8>)> {
        texts.iter().enumerate().map(|(at, text)| (format!("{dir}{at}"), text.clone().into_bytes())).collect()
    };
    let versions = [place("old", &texts), place("old", &changed), place("elsewhere", &moved)];
    let lists = versions
        .each_ref()
        .map(|files| files.iter().map(|(path, text)| (path.as_str(), Mode::File, text.as_slice())).collect::<Vec<_>>());
    let [base, ours, theirs] = three_trees(&mut objects, lists.each_ref().map(Vec::as_slice));
    let mut merge = |options: MergeOptions, interrupt: &AtomicBool| {
        merge_trees(&mut objects, &base, &ours, &theirs, &names("us", "them"), &options, interrupt)
    };
    let whole = merge(MergeOptions::default(), &GO_ON).unwrap();
    assert!(whole.is_clean && !whole.is_rename_search_cut, "{whole:?}");
    for options in [
        MergeOptions { rename_limit: 3, ..MergeOptions::default() },
        MergeOptions { max_rename_bytes: 100, ..MergeOptions::default() },
    ] {
        let cut = merge(options, &GO_ON).unwrap();
        assert!(!cut.is_clean && cut.is_rename_search_cut, "{cut:?}");
    }
    let exact_only = merge(MergeOptions { similarity: 100, ..MergeOptions::default() }, &GO_ON).unwrap();
    assert!(!exact_only.is_clean && !exact_only.is_rename_search_cut);
    let few = merge(MergeOptions { max_paths: 3, ..MergeOptions::default() }, &GO_ON);
    assert!(matches!(few, Err(Error::TooLarge { .. })), "{few:?}");
    assert!(matches!(merge(MergeOptions::default(), &AtomicBool::new(true)), Err(Error::Interrupted)));
}
