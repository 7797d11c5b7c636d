//! Owns what ends a service that works on something enormous: the interrupt flag, raised while it works, and limits. How long a service goes
//! on is measured in CPU time of its thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, sync_channel},
    },
    time::Duration,
};

use crate::{
    Error, ObjectId,
    archive::{ArchiveFormat, ArchiveOptions, write_archive},
    create::{CreateLimits, NewObjects},
    diff::{
        TreeOptions, diff_trees,
        lines::{LineOptions, diff_texts},
        patch::{PatchOptions, write_patch},
        stat::file_stats,
    },
    error::Result,
    history::{BlameOptions, LogRequest, Order, ahead_behind, blame, last_commits, log, tips_containing},
    id::id_from_hex,
    merge::{
        ConflictStyle, Joining, Labels, LineDiff, TextOptions, merge_text,
        tree::{MergeOptions, Names, merge_trees},
    },
    odb::Snapshot,
    testgit::{Random, TestRepo},
    walk::merge_bases,
};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// A service must be at work so long before it is told to stop. Units: CPU time.
const AT_WORK: Duration = Duration::from_millis(24);
/// And may take so long to end.
const MAX_TO_END: Duration = Duration::from_millis(400);

/// CPU time that a thread of this process has used.
pub(super) fn cpu_time(thread: &str) -> Duration {
    // Gone when the thread is.
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// Runs a service, raises its flag once it has worked for a while, and fails unless it then ends soon.
fn ends_when_told<T>(what: &str, mut service: impl FnMut(&AtomicBool) -> Result<T> + Send) {
    // On a busy machine the work can be over before the watching thread has its turn.
    let was_told = (0..5).any(|_| was_told_and_ended(what, &mut service));
    assert!(was_told, "{what}: always done before it could be told to stop");
}

/// Whether the flag could be raised in time.
fn was_told_and_ended<T>(what: &str, service: &mut (impl FnMut(&AtomicBool) -> Result<T> + Send)) -> bool {
    let flag = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (say, hear) = sync_channel(2);
        let flag = &flag;
        let worker = scope.spawn(move || {
            let link = std::fs::read_link("/proc/thread-self").unwrap();
            let thread = link.file_name().unwrap().to_string_lossy().into_owned();
            say.send(thread.clone()).unwrap();
            let outcome = service(flag).map(drop);
            let used = cpu_time(&thread);
            say.send(String::new()).unwrap();
            (outcome, used)
        });
        let thread = hear.recv().unwrap();
        let start = cpu_time(&thread);
        let mut told = None;
        while let Err(RecvTimeoutError::Timeout) = hear.recv_timeout(Duration::from_millis(1)) {
            let used = cpu_time(&thread);
            if told.is_none() && used.saturating_sub(start) >= AT_WORK {
                flag.store(true, Ordering::Relaxed);
                told = Some(used);
            }
        }
        let (outcome, used) = worker.join().unwrap();
        let Some(told) = told else {
            assert!(outcome.is_ok(), "{what}: {outcome:?}");
            return false;
        };
        assert!(matches!(outcome, Err(Error::Interrupted)), "{what}: {outcome:?}");
        let took = used.saturating_sub(told);
        println!("{what}: ended {} ms after it was told", took.as_millis());
        assert!(took < MAX_TO_END, "{what}: went on for {took:?}");
        true
    })
}

/// Two texts of so many lines that a line diff has to work on.
fn hard_texts(lines: usize) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let mut random = Random::new(5);
    let mut of = |choices: usize| -> Vec<u8> {
        (0..lines).flat_map(|_| format!("{}\n", random.below(choices)).into_bytes()).collect()
    };
    let two = (of(2), of(2));
    let few = (of(300), of(300));
    let many = (of(lines / 2), of(lines / 2));
    // Everything is there twice, in another order: no line is unique.
    let twice = |step: usize| -> Vec<u8> {
        (0..lines).flat_map(|at| format!("{}\n", at * step % (lines / 2)).into_bytes()).collect()
    };
    let period = |text: &str, gap: usize| -> Vec<u8> {
        (0..lines).flat_map(|at| if at % gap == 0 { b"x\n".to_vec() } else { text.as_bytes().to_vec() }).collect()
    };
    vec![
        ("two lines at random", two.0, two.1),
        ("three hundred lines at random", few.0, few.1),
        ("many lines at random", many.0, many.1),
        ("each line twice", twice(1), twice(7919)),
        ("periods", period("a\n", 5), period("a\n", 7)),
    ]
}

#[test]
fn line_diffs_of_a_million_lines_end_when_told() {
    for (what, before, after) in hard_texts(1_000_000) {
        ends_when_told(what, |flag| diff_texts(&before, &after, &LineOptions::default(), flag));
    }
}

/// With `ATOMICQMS_TEST_LONG`: what the same costs to the end, at a tenth and at the whole.
#[test]
fn figures_of_hard_texts() {
    if super::factor() == 1 {
        // Minutes of work; the tests beside this one see that it can be ended.
        return;
    }
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    let thread = thread.file_name().unwrap().to_string_lossy().into_owned();
    for lines in [100_000, 1_000_000] {
        for (what, before, after) in hard_texts(lines) {
            let start = cpu_time(&thread);
            let hunks = diff_texts(&before, &after, &LineOptions::default(), &GO_ON).unwrap().len();
            let diffed = cpu_time(&thread);
            println!("{what}, {lines} lines: {hunks} hunks, {} ms", diffed.saturating_sub(start).as_millis());
        }
    }
    for (what, ours, theirs) in hard_texts(100_000) {
        let start = cpu_time(&thread);
        let base: Vec<u8> = (0..100_000).flat_map(|at| format!("{}\n", at % 300).into_bytes()).collect();
        let merged = merge_text(&base, &ours, &theirs, &text_options(), &GO_ON).unwrap();
        let used = cpu_time(&thread).saturating_sub(start);
        println!("merge, {what}, 100000 lines: {} conflicts, {} ms", merged.conflicts, used.as_millis());
    }
}

fn text_options() -> TextOptions<'static> {
    TextOptions {
        diff: LineDiff::Histogram,
        style: ConflictStyle::Merge,
        joining: Joining::Near,
        marker_size: 7,
        labels: Labels { base: b"", ours: b"a", theirs: b"b" },
    }
}

#[test]
fn merges_of_a_million_lines_end_when_told() {
    for (what, ours, theirs) in hard_texts(1_000_000) {
        let base: Vec<u8> = (0..1_000_000).flat_map(|at| format!("{}\n", at % 300).into_bytes()).collect();
        ends_when_told(what, |flag| merge_text(&base, &ours, &theirs, &text_options(), flag));
    }
}

/// Commits of one file each on `main`, oldest first; answers commits and trees.
fn versions(repo: &TestRepo, path: &str, contents: &[&[u8]]) -> Vec<(ObjectId, ObjectId)> {
    let mut stream = Vec::new();
    for (at, content) in contents.iter().enumerate() {
        let time = 1_600_000_000 + at;
        stream.extend(format!("commit refs/heads/main\ncommitter C <c@x> {time} +0000\ndata 1\nx\n").into_bytes());
        stream.extend(format!("M 644 inline {path}\ndata {}\n", content.len()).into_bytes());
        stream.extend_from_slice(content);
        stream.extend_from_slice(b"\n\n");
    }
    let args = ["-c", "fastimport.unpackLimit=1", "-c", "core.compression=1", "fast-import", "--quiet", "--depth=0"];
    repo.git_with(&args, &stream);
    let list = repo.git(&["log", "--reverse", "--format=%H %T", "main"]);
    let id = |hex: &str| id_from_hex(hex.as_bytes()).unwrap();
    list.lines().map(|line| line.split_once(' ').unwrap()).map(|(a, b)| (id(a), id(b))).collect()
}

#[test]
fn services_on_enormous_files_end_when_told_or_at_a_limit() {
    let (_, before, after) = hard_texts(1_000_000).remove(0);
    let line = |byte: u8| [vec![byte; 25 << 20], vec![b'-'; 25 << 20]].concat();
    let repo = TestRepo::new();
    let list = versions(&repo, "f", &[&before, &after, &line(b'a'), &line(b'b')]);
    let odb = repo.odb();
    let tip = list[1].0;
    ends_when_told("blame", |flag| blame(&odb, &tip, b"f", &BlameOptions::default(), flag));
    let changes = |before: usize, after: usize| {
        diff_trees(&odb, Some(&list[before].1), Some(&list[after].1), &TreeOptions::default(), &GO_ON).unwrap()
    };
    let million = changes(0, 1);
    let options = PatchOptions::default();
    ends_when_told("patch", |flag| write_patch(&odb, &million, &options, &mut std::io::sink(), flag));
    ends_when_told("numstat", |flag| file_stats(&odb, &million, &options, flag));
    // Fifty megabytes in one line: not compared, not blamed, and the same work for a patch that can be applied ends when told.
    let fifty = changes(2, 3);
    let mut out = Vec::new();
    write_patch(&odb, &fifty, &options, &mut out, &GO_ON).unwrap();
    assert!(out.ends_with(b"Binary files a/f and b/f differ\n"));
    let refused = blame(&odb, &list[3].0, b"f", &BlameOptions::default(), &GO_ON);
    assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
    let mut objects = NewObjects::new(odb.clone(), CreateLimits::default());
    let names = Names { base: "o".into(), ours: "a".into(), theirs: "b".into() };
    let [base, ours, theirs] = [list[0].1, list[2].1, list[3].1];
    let merged = merge_trees(&mut objects, &base, &ours, &theirs, &names, &MergeOptions::default(), &GO_ON).unwrap();
    assert!(!merged.is_clean && objects.is_empty());
    let limits = ArchiveOptions { format: ArchiveFormat::Tar, max_file_bytes: 32 << 20, ..ArchiveOptions::default() };
    let refused = write_archive(&odb, &list[3].0, &limits, &mut std::io::sink(), &GO_ON);
    assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
    let large = PatchOptions { max_blob_bytes: 64 << 20, ..PatchOptions::default() };
    write_patch(&odb, &fifty, &large, &mut std::io::sink(), &GO_ON).unwrap();
    for format in [ArchiveFormat::TarGz, ArchiveFormat::Zip] {
        let options = ArchiveOptions { format, ..ArchiveOptions::default() };
        ends_when_told("archive", |flag| write_archive(&odb, &list[3].0, &options, &mut std::io::sink(), flag));
    }
}

/// A long history with a second line beside the first, on `main` and `side`.
pub(super) fn long_history(commits: usize) -> (TestRepo, Arc<Snapshot>) {
    let repo = TestRepo::new();
    let mut stream = String::new();
    for at in 1..=commits {
        let branch = if at % 2 == 0 { "main" } else { "side" };
        let time = 1_600_000_000 + at;
        stream
            .push_str(&format!("commit refs/heads/{branch}\nmark :{at}\ncommitter C <c@x> {time} +0000\ndata 1\nx\n"));
        if at > 2 {
            stream.push_str(&format!("from :{}\n", at - 2));
            if at % 50 == 0 {
                stream.push_str(&format!("merge :{}\n", at - 1));
            }
        }
        if at < 3 {
            stream.push_str("M 644 inline old/f\ndata 4\nold\n\n");
        }
        stream.push_str(&format!("M 644 inline d{}/f\ndata 8\n{at:08}\n", at % 40));
    }
    repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], stream.as_bytes());
    let odb = repo.odb();
    (repo, odb)
}

#[test]
fn walks_of_a_long_history_end_when_told() {
    let (repo, odb) = long_history(20_000);
    let id = |name: &str| id_from_hex(repo.git(&["rev-parse", name]).as_bytes()).unwrap();
    let (main, side, root) = (id("main"), id("side"), id("side~9999"));
    let of = |order: Order, paths: Vec<Vec<u8>>, follow: bool| LogRequest {
        tips: vec![main, side],
        order,
        paths,
        follow,
        limit: usize::MAX,
        ..LogRequest::default()
    };
    ends_when_told("log", |flag| log(&odb, &of(Order::Date, vec![], false), flag));
    ends_when_told("log --topo-order", |flag| log(&odb, &of(Order::Topo, vec![], false), flag));
    ends_when_told("log of a path", |flag| log(&odb, &of(Order::Date, vec![b"d1/f".to_vec()], false), flag));
    ends_when_told("log --follow", |flag| log(&odb, &of(Order::Date, vec![b"d1/f".to_vec()], true), flag));
    let author = LogRequest { author: Some(b"nobody".to_vec()), ..of(Order::Date, vec![], false) };
    ends_when_told("log of an author", |flag| log(&odb, &author, flag));
    ends_when_told("last commits", |flag| last_commits(&odb, &main, b"old", flag));
    ends_when_told("ahead and behind", |flag| ahead_behind(&odb, &root, &main, flag));
    ends_when_told("merge bases", |flag| merge_bases(&odb, &root, &main, flag));
    ends_when_told("which tips hold a commit", |flag| tips_containing(&odb, &root, &[main, side], flag));
}

#[test]
fn searches_for_renames_end_when_told() {
    // A thousand files go and a thousand come; all are a little alike.
    let mut random = Random::new(8);
    let mut tree = |objects: &mut NewObjects, prefix: &str| {
        let mut entries: Vec<crate::create::entries::Entry> = (0..1000)
            .map(|at| {
                let text: Vec<u8> =
                    (0..60).flat_map(|_| format!("a line of text {}\n", random.below(400)).into_bytes()).collect();
                let id = objects.write(crate::Kind::Blob, text).unwrap();
                let item = crate::create::entries::Item { mode: crate::create::entries::Mode::File, id };
                crate::create::entries::Entry { name: format!("{prefix}{at}").into_bytes(), item }
            })
            .collect();
        objects.write(crate::Kind::Tree, crate::create::entries::write_tree(&mut entries)).unwrap()
    };
    let repo = TestRepo::new();
    let mut objects = NewObjects::new(repo.odb(), CreateLimits::default());
    let (before, after) = (tree(&mut objects, "old"), tree(&mut objects, "new"));
    let pack = objects.pack(&[before, after], &GO_ON).unwrap();
    repo.git_with(&["index-pack", "--stdin"], &pack);
    let odb = repo.odb();
    ends_when_told("diff with renames", |flag| {
        diff_trees(&odb, Some(&before), Some(&after), &TreeOptions::default(), flag)
    });
    let names = Names { base: "o".into(), ours: "a".into(), theirs: "b".into() };
    let mut objects = NewObjects::new(odb.clone(), CreateLimits::default());
    // The other side changes all that goes, so that where it went matters.
    let mut changed = crate::create::entries::parse_tree(&before, &odb.read(&before).unwrap().data).unwrap();
    for entry in &mut changed {
        let text = [&odb.read(&entry.item.id).unwrap().data[..], b"more\n"].concat();
        entry.item.id = objects.write(crate::Kind::Blob, text).unwrap();
    }
    let changed = objects.write(crate::Kind::Tree, crate::create::entries::write_tree(&mut changed)).unwrap();
    ends_when_told("merge with renames", |flag| {
        merge_trees(&mut objects, &before, &after, &changed, &names, &MergeOptions::default(), flag)
    });
}
