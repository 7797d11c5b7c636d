//! The index over trees that real git wrote: in batches, after a crash, when trees are lost; and which repositories are behind, as plain data.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use atomicqms_actors::DerivedOptions;
use atomicqms_git::{RefName, RefTable, Repository};

use super::*;
use crate::db::testing::oid;
use crate::forge::testing::TestForge;
use crate::model::code_search::pattern::Pattern;

const REPO: RepoId = RepoId::new(1);

#[test]
fn what_moved_went_or_was_begun_is_behind() {
    let repo = RepoId::new;
    let allowed = |has_words| Allowed { has_words, ..Allowed::default() };
    let tips =
        [(repo(1), Some(oid(1))), (repo(2), Some(oid(2))), (repo(3), None), (repo(5), None), (repo(6), Some(oid(6)))];
    let known = [
        (repo(1), Some(oid(1)), allowed(true)),
        (repo(2), Some(oid(9)), allowed(true)),
        (repo(4), Some(oid(4)), allowed(true)),
        (repo(5), Some(oid(5)), allowed(true)),
        (repo(6), None, allowed(true)),
    ];
    assert_eq!(behind(&tips, &known, &allowed(true)), [2, 5, 6, 4].map(repo));
    assert_eq!(behind(&tips[..1], &known[..1], &allowed(false)), [repo(1)]);
    assert_eq!(behind(&tips, &[], &allowed(true)), [1, 2, 6].map(repo));
}

/// A bare repository, and the commits of `git fast-import` in it.
struct Commits {
    dir: tempfile::TempDir,
}

impl Commits {
    fn new() -> Self {
        let commits = Self { dir: tempfile::tempdir().unwrap() };
        commits.git(&["init", "--quiet", "--bare", "-b", "main", "."], "");
        commits
    }

    fn git(&self, args: &[&str], input: &str) -> String {
        #[expect(clippy::disallowed_methods, reason = "the trees are written by real git")]
        let mut command = Command::new("git");
        command.args(args).current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("GIT_CONFIG_NOSYSTEM", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Writes files (none: removes them) on top of the branch; answers the commit.
    fn commit(&self, files: &[(&str, Option<&str>)], is_first: bool) -> ObjectId {
        let from = if is_first { "" } else { "from refs/heads/main^0\n" };
        let mut stream = format!("commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n{from}");
        for (path, content) in files {
            match content {
                Some(text) => stream += &format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len()),
                None => stream += &format!("D {path}\n"),
            }
        }
        self.git(&["fast-import", "--quiet", "--force"], &stream);
        let id = self.git(&["rev-parse", "refs/heads/main"], "");
        git::id::id_from_hex(id.as_bytes()).unwrap()
    }

    fn view(&self) -> View {
        let repository = Repository::open(self.dir.path()).unwrap();
        let head = RefName::new("refs/heads/main").unwrap();
        View { refs: RefTable::from_refs(Vec::new()), head, odb: repository.odb(), version: 1 }
    }
}

fn indexer(world: &TestForge, path: &Path, settings: Settings) -> Indexer {
    let forge = &world.forge;
    Indexer::new(IndexerParts {
        index: Arc::new(Derived::open(path, code_index::SHAPE, DerivedOptions::default()).unwrap()),
        directory: forge.directory.clone(),
        readers: forge.readers.clone(),
        writer: forge.writer.clone(),
        clock: forge.clock.clone(),
        settings,
    })
}

/// Paths of the files that the index takes for candidates.
fn found(indexer: &Indexer, phrase: &str) -> BTreeSet<String> {
    let expression = Pattern::phrase(phrase, false).unwrap().expression();
    let paths = indexer.index().write(|tx| {
        let numbers = code_index::list_numbers(tx, expression.as_deref(), 0, i64::MAX, 100_000)?;
        let count = numbers.len();
        let read = |number| Ok(String::from_utf8(code_index::find_document(tx, number)?.unwrap().path).unwrap());
        let paths = numbers.into_iter().map(read).collect::<std::result::Result<BTreeSet<_>, sql::Error>>()?;
        assert_eq!(paths.len(), count, "nothing twice");
        Ok::<_, sql::Error>(paths)
    });
    paths.unwrap()
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

/// Runs until there is nothing left to do.
fn advance(indexer: &Indexer, view: &View, tip: ObjectId) {
    let stop = AtomicBool::new(false);
    while indexer.advance(view, REPO, tip, &stop).unwrap() == Step::More {}
}

fn sizes(indexer: &Indexer) -> Vec<(String, i64)> {
    indexer.index().write(|tx| code_index::list_languages(tx, REPO)).unwrap()
}

#[tokio::test]
async fn the_index_follows_what_git_says_is_there() {
    let world = TestForge::start().await;
    let home = tempfile::tempdir().unwrap();
    let indexer = indexer(&world, &home.path().join("i.db"), Settings::default());
    let commits = Commits::new();
    let needle = Some("a needle\n");
    let binary = Some("needle\0needle");
    let steps: [&[(&str, Option<&str>)]; 7] = [
        &[("a", needle), ("a.txt", needle), ("d/x.rs", Some("fn needle() {}")), ("b.bin", binary), ("e", Some(""))],
        &[("a", None), ("a/b/c.rs", needle), ("d/x.rs", Some("fn other() {}"))],
        &[("a", None), ("a", Some("needles")), ("d", None), ("d.py", needle)],
        &[("b.bin", Some("no needle\0\0")), ("e", needle), ("vendor/v.rs", needle)],
        &[("b.bin", needle), ("e", binary), ("\"\\303\\244/\\303\\266.rs\"", Some("NEEDLE"))],
        &[("d.py", Some("")), ("deep/er/and/deeper/x.c", needle)],
        &[("a", None), ("a.txt", None), ("deep", None)],
    ];
    for (number, files) in steps.into_iter().enumerate() {
        let tip = commits.commit(files, number == 0);
        advance(&indexer, &commits.view(), tip);
        let grep =
            commits.git(&["-c", "core.quotePath=false", "grep", "-I", "-i", "-l", "needle", &tip.to_string()], "");
        let expected: BTreeSet<String> =
            grep.lines().filter_map(|line| line.split_once(':')).map(|(_, path)| path.to_owned()).collect();
        assert_eq!(found(&indexer, "needle"), expected, "step {number}");
        let files = commits.git(&["-c", "core.quotePath=false", "ls-tree", "-r", "--long", &tip.to_string()], "");
        let mut rust = 0;
        for line in files.lines() {
            let (facts, path) = line.split_once('\t').unwrap();
            if path.ends_with(".rs") && !path.starts_with("vendor/") {
                rust += facts.split_whitespace().nth(3).unwrap().parse::<i64>().unwrap();
            }
        }
        let counted = sizes(&indexer).into_iter().find(|one| one.0 == "Rust").map_or(0, |one| one.1);
        assert_eq!(counted, rust, "step {number}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_run_that_ends_in_the_middle_goes_on_where_it_was() {
    let world = TestForge::start().await;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("i.db");
    let commits = Commits::new();
    let names: Vec<String> = (0..2500).map(|number| format!("d{}/f{number}.rs", number % 7)).collect();
    let files: Vec<(&str, Option<&str>)> = names.iter().map(|name| (name.as_str(), Some("needle"))).collect();
    let first = commits.commit(&files, true);
    let place = |view: &View, commit: ObjectId| {
        let tree = CommitDraft::parse(&commit, &view.odb.read(&commit).unwrap().data).unwrap().tree;
        Place { commit, tree }
    };
    let (go_on, stopped) = (AtomicBool::new(false), AtomicBool::new(true));
    let view = commits.view();
    let mut gatherer = Gatherer::default();
    {
        let dying = indexer(&world, &path, Settings::default());
        let mut batch = |stop: &AtomicBool| {
            dying.index().write(|tx| dying.batch(tx, &view, REPO, place(&view, first), &mut gatherer, later(), stop))
        };
        assert_eq!(batch(&go_on).unwrap(), Step::More);
        // Told to stop inside of a batch: nothing of it is kept.
        assert!(batch(&stopped).is_err());
        assert_eq!(found(&dying, "needle").len(), BATCH_VISITS - 3, "and three directories");
    }
    // Meanwhile a file on either side of where it was goes, and one comes.
    let second =
        commits.commit(&[(names[0].as_str(), None), (names[6].as_str(), None), ("d0/new.rs", Some("needle"))], false);
    let view = commits.view();
    let again = indexer(&world, &path, Settings::default());
    advance(&again, &view, second);
    let expected: BTreeSet<String> = names
        .iter()
        .filter(|name| **name != names[0] && **name != names[6])
        .cloned()
        .chain(["d0/new.rs".to_owned()])
        .collect();
    assert_eq!(found(&again, "needle"), expected);
    assert_eq!(sizes(&again), [("Rust".to_owned(), 6 * expected.len() as i64)]);
    // Once more is nothing.
    assert_eq!(again.advance(&view, REPO, second, &go_on).unwrap(), Step::Done);

    // What was indexed is not there any more: everything anew.
    let lost = Place { commit: oid(7), tree: oid(8) };
    let state = again.index().write(|tx| code_index::find(tx, REPO)).unwrap().unwrap();
    for state in
        [Indexed { at: Some(lost), ..state.clone() }, Indexed { next: Some(lost), done_path: vec![b'd'], ..state }]
    {
        again.index().write(|tx| code_index::put(tx, REPO, &state)).unwrap();
        advance(&again, &view, second);
        assert_eq!(found(&again, "needle"), expected);
    }
    // Words are kept or not as the settings say.
    let off = indexer(&world, &path, Settings { is_enabled: false, ..Settings::default() });
    advance(&off, &view, second);
    assert_eq!(found(&off, "needle").len(), 0);
    assert_eq!(sizes(&off), [("Rust".to_owned(), 6 * expected.len() as i64)]);
    advance(&again, &view, second);
    assert_eq!(found(&again, "needle"), expected);
    // A limit of files, then another.
    let few = |max_files| indexer(&world, &home.path().join("few.db"), Settings { max_files, ..Settings::default() });
    for max_files in [5, 7] {
        let few = few(max_files);
        advance(&few, &view, second);
        assert_eq!(found(&few, "needle").len(), max_files as usize);
        assert_eq!(few.index().write(code_index::list_cut).unwrap(), [REPO]);
    }
    let few = few(7);
    // Nothing left of it.
    assert_eq!(few.forget(REPO, &go_on).unwrap(), Step::Done);
    assert_eq!((found(&few, "needle").len(), sizes(&few).len()), (0, 0));
    world.finish().await;
}

#[tokio::test]
async fn what_was_left_out_comes_in_when_there_is_room() {
    let world = TestForge::start().await;
    let home = tempfile::tempdir().unwrap();
    let needle = Some("a needle in the hay");
    let settings = Settings { max_files: 20, max_words: 250, ..Settings::default() };
    let indexer = indexer(&world, &home.path().join("i.db"), settings);
    let commits = Commits::new();
    let names: Vec<String> = (10..50).map(|number| format!("f{number}")).collect();
    let all: Vec<(&str, Option<&str>)> = names.iter().map(|name| (name.as_str(), needle)).collect();
    let follow = |files: &[(&str, Option<&str>)], is_first| {
        let tip = commits.commit(files, is_first);
        advance(&indexer, &commits.view(), tip);
    };
    follow(&all, true);
    // 17 words each.
    assert_eq!(found(&indexer, "needle").len(), 14);
    let cut = || indexer.index().write(code_index::list_cut).unwrap().len();
    assert_eq!(cut(), 1);
    let gone: Vec<(&str, Option<&str>)> = names[..30].iter().map(|name| (name.as_str(), None)).collect();
    follow(&gone, false);
    follow(&[("new", needle)], false);
    assert_eq!(found(&indexer, "needle").len(), 11);
    assert_eq!(cut(), 0);
    world.finish().await;
}

#[tokio::test]
async fn trees_that_name_each_other_are_walked_to_an_end() {
    let world = TestForge::start().await;
    let home = tempfile::tempdir().unwrap();
    let settings = Settings { max_files: 50, ..Settings::default() };
    let indexer = indexer(&world, &home.path().join("i.db"), settings);
    let commits = Commits::new();
    let (file, nothing) = (commits.git(&["hash-object", "-w", "--stdin"], "needle\n"), commits.git(&["mktree"], ""));
    let mut tips = Vec::new();
    for (width, depth, leaf) in [
        (16, 12, format!("040000 tree {nothing}")),
        (16, 12, format!("100644 blob {file}")),
        (1, 1500, format!("100644 blob {file}")),
    ] {
        let mut entry = leaf;
        for _ in 0..depth {
            let tree: String = (0..width).map(|number| format!("{entry}\t{number:x}\n")).collect();
            entry = format!("040000 tree {}", commits.git(&["mktree", "--missing"], &tree));
        }
        let tree = entry.rsplit(' ').next().unwrap();
        let commit = commits.git(&["-c", "user.name=A", "-c", "user.email=a@b", "commit-tree", "-m", "x", tree], "");
        tips.push(git::id::id_from_hex(commit.as_bytes()).unwrap());
    }
    for (tip, count, is_cut) in [(tips[0], 0, 1), (tips[1], 50, 1), (tips[2], 1, 0)] {
        advance(&indexer, &commits.view(), tip);
        assert_eq!(found(&indexer, "needle").len(), count);
        assert_eq!(indexer.index().write(code_index::list_cut).unwrap().len(), is_cut, "{count}");
        assert_eq!(indexer.forget(REPO, &AtomicBool::new(false)).unwrap(), Step::Done);
    }
    // A small tree after one that nobody can walk.
    advance(&indexer, &commits.view(), tips[0]);
    advance(&indexer, &commits.view(), tips[2]);
    assert_eq!(found(&indexer, "needle").len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn large_files_count_for_their_language_and_are_not_searched() {
    let world = TestForge::start().await;
    let home = tempfile::tempdir().unwrap();
    let settings = Settings { max_file_bytes: 100, ..Settings::default() };
    let indexer = indexer(&world, &home.path().join("i.db"), settings);
    let commits = Commits::new();
    let large = "needle ".repeat(100);
    let tip =
        commits.commit(&[("large.rs", Some(&large)), ("large.txt", Some(&large)), ("s.rs", Some("needle"))], true);
    advance(&indexer, &commits.view(), tip);
    assert_eq!(found(&indexer, "needle"), BTreeSet::from(["s.rs".to_owned()]));
    assert_eq!(sizes(&indexer), [("Rust".to_owned(), 706)]);
    world.finish().await;
}
