//! What does it cost to show a directory with the commit that last changed each entry?
//!
//! Questions, data, and what to read off:
//! - `directory/cold`: nothing is remembered: one walk through the history. To stay under a second.
//! - `directory/next-commit`: the directory of the commit before is remembered, as after a push.
//! - `directory/warm`: the directory of this commit is remembered. To stay under 5 ms.
//! - `patch/first-bytes`: how soon the first 16 KiB of a patch of 500 files are there. To stay under 300 ms.
//!
//! Data: 20,000 files, a hundred in each of 200 directories, and 10,000 commits that change one file each, with a commit-graph as maintenance writes
//! it; `root` is the top directory, `deep` one of the 200. `flat` has all of its files in one directory: git takes minutes to make it, so it is made when it is asked for,
//! by `--bench contents -- flat`. Machine of the figures in `docs/benchmarks.md`: named there.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up its data has nothing to measure")]
#![expect(clippy::disallowed_methods, reason = "the data is made by real git")]
#![allow(dead_code, reason = "not every bench uses all of what they share")]

mod support;

use std::fmt::Write as _;
use std::io::{Error, Write};
use std::sync::atomic::AtomicBool;

use atomicqms::http::api::directories::Directories;
use atomicqms::model::RepoId;
use atomicqms_git::diff::patch::{PatchOptions, write_patch};
use atomicqms_git::diff::{TreeOptions, diff_trees};
use atomicqms_git::id::id_from_hex;
use atomicqms_git::{ObjectId, RefName, RefTable, Repository, View};
use criterion::Criterion;
use support::{run_git, scratch};
use tempfile::TempDir;

const FILES: usize = 20_000;
/// Files in each directory, unless all are in one.
const IN_EACH: usize = 100;
const COMMITS: usize = 10_000;
const PATCHED: usize = 500;

/// The history as `git fast-import` reads it; the last commit changes many files at once.
fn history(in_each: usize) -> String {
    let mut stream = String::new();
    for at in 0..=COMMITS {
        let time = 1_700_000_000 + at;
        let _ = write!(stream, "commit refs/heads/main\ncommitter Ada <ada@example.org> {time} +0000\ndata 2\nc\n");
        let changed = match at {
            0 => 0..FILES,
            COMMITS => 0..PATCHED,
            at => (at * 7919) % FILES..(at * 7919) % FILES + 1,
        };
        for file in changed {
            let text = format!("revision {at} of {file}\n");
            let (directory, name) = (file / in_each, file % in_each);
            let _ = write!(stream, "M 100644 inline d{directory:03}/f{name:02}\ndata {}\n{text}", text.len());
        }
    }
    stream
}

/// Takes so many bytes and then fails.
struct Enough(usize);

impl Write for Enough {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| Error::other("enough"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    {
        let repository = Made::new(IN_EACH);
        repository.directory(&mut criterion, "root", b"");
        repository.directory(&mut criterion, "deep", b"d100");
        repository.patch(&mut criterion);
    }
    if std::env::args().any(|word| word == "flat") {
        Made::new(FILES).directory(&mut criterion, "flat", b"d000");
    }
    criterion.final_summary();
}

/// A repository that was made, and its last two commits.
struct Made {
    _directory: TempDir,
    view: View,
    tip: ObjectId,
    before: ObjectId,
    tree: ObjectId,
    tree_before: ObjectId,
}

impl Made {
    fn new(in_each: usize) -> Self {
        let directory = scratch();
        let path = directory.path();
        run_git(path, &["init", "--quiet", "--bare", "."], "");
        run_git(path, &["fast-import", "--quiet"], &history(in_each));
        run_git(path, &["commit-graph", "write", "--reachable", "--changed-paths"], "");
        let id = |name: &str| -> ObjectId {
            let text = run_git(path, &["rev-parse", name], "");
            id_from_hex(text.trim_ascii_end()).unwrap()
        };
        let odb = Repository::open(path).unwrap().odb();
        let head = RefName::new("refs/heads/main").unwrap();
        Self {
            view: View { refs: RefTable::from_refs(Vec::new()), head, odb, version: 1 },
            tip: id("main"),
            before: id("main~1"),
            tree: id("main^{tree}"),
            tree_before: id("main~1^{tree}"),
            _directory: directory,
        }
    }

    fn directory(&self, criterion: &mut Criterion, name: &str, path: &[u8]) {
        let (go_on, repository) = (AtomicBool::new(false), RepoId::new(1));
        let mut group = criterion.benchmark_group(format!("directory/{name}"));
        group.sample_size(10);
        let show =
            |known: &Directories, commit| known.at(&self.view, repository, commit, path, &go_on).unwrap().unwrap();
        group.bench_function("cold", |bench| bench.iter(|| show(&Directories::default(), self.tip)));
        group.bench_function("next-commit", |bench| {
            let remembering = || {
                let known = Directories::default();
                show(&known, self.before);
                known
            };
            bench.iter_batched(remembering, |known| show(&known, self.tip), criterion::BatchSize::PerIteration);
        });
        let known = Directories::default();
        group.bench_function("warm", |bench| bench.iter(|| show(&known, self.tip)));
        group.finish();
    }

    fn patch(&self, criterion: &mut Criterion) {
        let (go_on, odb) = (AtomicBool::new(false), &self.view.odb);
        criterion.bench_function("patch/first-bytes", |bench| {
            bench.iter(|| {
                let (before, after) = (Some(&self.tree_before), Some(&self.tree));
                let changes = diff_trees(odb, before, after, &TreeOptions::default(), &go_on).unwrap();
                let ended = write_patch(odb, &changes, &PatchOptions::default(), &mut Enough(16 << 10), &go_on);
                assert!(ended.is_err(), "there is more");
            });
        });
    }
}
