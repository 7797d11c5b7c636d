//! Random histories of texts for tests: edits of common lines, renames, copies, deletions and returns, merges that take from all sides.
//!
//! Owns the generator. Compiled for tests only; `testgit::random_history` makes the ones for walks and packs.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    ObjectId, Repository,
    commit_graph::WriteOptions,
    id::id_from_hex,
    odb::Snapshot,
    testgit::{Random, TestRepo},
};

type Files = BTreeMap<String, Vec<String>>;

/// Directories that may be asked for, and a path that never was.
pub(super) const DIRECTORIES: [&str; 5] = ["src", "src/deep", "docs", "docs/a", "absent"];
const PLACES: [&str; 5] = ["", "src/", "src/deep/", "docs/", "docs/a/b/"];

/// Some seeds; more of them, ten for each one, with `ATOMICQMS_TEST_LONG` in the environment.
pub(super) fn seeds(start: u64, count: u64) -> std::ops::Range<u64> {
    let factor = if std::env::var_os("ATOMICQMS_TEST_LONG").is_some() { 10 } else { 1 };
    start * 1000..start * 1000 + count * factor
}

/// A repository with a random history.
pub(super) struct History {
    pub(super) repo: TestRepo,
    /// Every commit, oldest first as they were made.
    pub(super) commits: Vec<ObjectId>,
    /// Every path that ever was, and the directories.
    pub(super) paths: Vec<String>,
    /// Whether some commit is older than a parent.
    pub(super) is_skewed: bool,
}

impl History {
    pub(super) fn new(seed: u64, count: usize) -> History {
        let mut random = Random::new(seed);
        let repo = TestRepo::new();
        let is_skewed = random.chance(25);
        let same_time = random.chance(25);
        let mut all: Vec<Files> = vec![Files::new()];
        let mut stream = String::new();
        for commit in 1..=count {
            let mut time = 1_600_000_000 + if same_time { commit as u64 / 5 } else { commit as u64 * 60 };
            if is_skewed && random.chance(20) {
                time = time.wrapping_add(random.next() % 4_000).wrapping_sub(2_000);
            }
            let author = ["Ada <ada@example.org>", "Bob <bob@example.com>"][random.below(2)];
            stream.push_str(&format!("commit refs/heads/c{commit}\nmark :{commit}\nauthor {author} {time} +0000\n"));
            stream.push_str(&format!("committer C <c@example.org> {time} +0000\ndata 6\n{commit:05}\n"));
            let parents = parents(&mut random, commit);
            for (at, parent) in parents.iter().enumerate() {
                stream.push_str(&format!("{} :{parent}\n", if at == 0 { "from" } else { "merge" }));
            }
            let sides: Vec<&Files> = parents.iter().map(|parent| &all[*parent]).collect();
            let mut files = merged(&mut random, &sides);
            for _ in 0..if parents.len() > 1 { random.below(2) } else { 1 + random.below(3) } {
                edit(&mut random, &mut files, &all);
            }
            stream.push_str("deleteall\n");
            for (path, lines) in &files {
                let mode = if path.ends_with("x") { "100755" } else { "100644" };
                let text = lines.concat();
                stream.push_str(&format!("M {mode} inline {path}\ndata {}\n{text}\n", text.len()));
            }
            stream.push('\n');
            all.push(files);
        }
        repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], stream.as_bytes());
        let list = repo.git(&["for-each-ref", "--sort=version:refname", "--format=%(objectname)"]);
        let commits = list.lines().map(|hex| id_from_hex(hex.as_bytes()).unwrap()).collect();
        let mut paths: Vec<String> = all.iter().flat_map(|files| files.keys().cloned()).collect();
        paths.extend(DIRECTORIES.map(str::to_owned));
        paths.sort_unstable();
        paths.dedup();
        History { repo, commits, paths, is_skewed }
    }

    pub(super) fn commit(&self, random: &mut Random) -> ObjectId {
        // Later ones have more history.
        self.commits[self.commits.len() - 1 - random.below(self.commits.len().div_ceil(2))]
    }

    /// The objects without a commit-graph file, with one, and with one of a part of the history.
    pub(super) fn odbs(&self, random: &mut Random) -> [Arc<Snapshot>; 3] {
        let go_on = std::sync::atomic::AtomicBool::new(false);
        let bare = self.repo.odb();
        let repository = Repository::open(self.repo.path()).unwrap();
        let with = |tips: &[ObjectId]| {
            repository.write_commit_graph(tips, &WriteOptions::default(), &go_on).unwrap();
            repository.odb()
        };
        let part = with(&[self.commits[random.below(self.commits.len())]]);
        [bare, part, with(&self.commits)]
    }

    /// Runs git without its own commit-graph.
    pub(super) fn git(&self, args: &[&str]) -> String {
        self.repo.git(&[&["-c", "core.commitGraph=false"], args].concat())
    }

    /// The ids that git lists, one a line.
    pub(super) fn ids(&self, args: &[&str]) -> Vec<ObjectId> {
        self.git(args).lines().map(|hex| id_from_hex(hex.as_bytes()).unwrap()).collect()
    }
}

fn parents(random: &mut Random, commit: usize) -> Vec<usize> {
    let mut parents = Vec::new();
    if commit == 1 || random.chance(3) {
        return parents;
    }
    for _ in 0..[1, 1, 1, 1, 2, 2, 3][random.below(7)] {
        let near = if random.chance(85) { commit.saturating_sub(1 + random.below(4)) } else { random.below(commit) };
        let near = near.max(1);
        if !parents.contains(&near) {
            parents.push(near);
        }
    }
    parents
}

/// Takes each file from one side, or the start from one and the end from another.
fn merged(random: &mut Random, sides: &[&Files]) -> Files {
    let Some((first, others)) = sides.split_first() else { return Files::new() };
    let mut files = (*first).clone();
    for other in others {
        for (path, theirs) in *other {
            match files.get_mut(path) {
                None if random.chance(60) => drop(files.insert(path.clone(), theirs.clone())),
                Some(ours) if random.chance(30) => ours.clone_from(theirs),
                Some(ours) if random.chance(40) => {
                    let middle = random.below(ours.len().min(theirs.len()) + 1);
                    *ours = [&ours[..middle], &theirs[middle..]].concat();
                }
                None | Some(_) => {}
            }
        }
    }
    files
}

fn line(random: &mut Random) -> String {
    match random.below(6) {
        0 => "}\n".to_owned(),
        1 => "\n".to_owned(),
        2 => format!("    call({});\n", random.below(5)),
        3 => format!("fn f{}() {{\n", random.below(5)),
        _ => format!("    let x{} = {};\n", random.below(9), random.next() % 1000),
    }
}

fn path(random: &mut Random) -> String {
    let name = ["a", "b", "c.rs", "x", "y.md"][random.below(5)];
    format!("{}{name}", PLACES[random.below(PLACES.len())])
}

fn edit(random: &mut Random, files: &mut Files, all: &[Files]) {
    let some = files.keys().nth(random.below(files.len().max(1))).cloned();
    match (some, random.below(20)) {
        (None, _) | (_, 0 | 1) => {
            let len = 3 + random.below(40);
            files.insert(path(random), (0..len).map(|_| line(random)).collect());
        }
        (Some(some), 2) => drop(files.remove(&some)),
        (Some(some), 3..=5) => {
            // A rename, now and then with a change.
            let mut lines = files.remove(&some).unwrap_or_default();
            if random.chance(50) {
                change(random, &mut lines);
            }
            files.insert(path(random), lines);
        }
        (Some(some), 6) => {
            let lines = files[&some].clone();
            files.insert(path(random), lines);
        }
        (Some(some), 7) => {
            // What was comes back.
            let old = &all[random.below(all.len())];
            if let Some(lines) = old.get(&some) {
                files.insert(some, lines.clone());
            }
        }
        (Some(some), _) => change(random, files.get_mut(&some).unwrap()),
    }
}

fn change(random: &mut Random, lines: &mut Vec<String>) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(lines.len() + 1);
        match random.below(4) {
            0 => lines.truncate(lines.len().saturating_sub(random.below(3))),
            1 if at < lines.len() => drop(lines.remove(at)),
            2 if at < lines.len() => lines[at] = line(random),
            _ => {
                for _ in 0..1 + random.below(4) {
                    lines.insert(at, line(random));
                }
            }
        }
    }
    if lines.is_empty() {
        lines.push(line(random));
    }
}
