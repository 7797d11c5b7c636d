//! Names against `git rev-parse`, listings against `git ls-tree`, counts against `git rev-list`, and what no ref reaches.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::{
    history::{Entry, ListingOptions, LogRequest, list_tree, log_and_count},
    id::id_from_hex,
    testgit::TestRepo,
};

fn history() -> TestRepo {
    let repo = TestRepo::new();
    let mut stream = String::new();
    for at in 1..=12 {
        stream
            .push_str(&format!("commit refs/heads/main\nmark :{at}\ncommitter A <a@b> {} +0000\n", 1_700_000_000 + at));
        stream.push_str(&format!(
            "data 2\nc\nM 100644 inline docs/a b/f{}\ndata {}\n{at}\n",
            at % 4,
            at.to_string().len()
        ));
    }
    stream.push_str("M 120000 inline link\ndata 4\ndocs\nM 100755 inline run\ndata 1\nx\n");
    stream.push_str("commit refs/heads/side/line\nmark :20\ncommitter A <a@b> 1700000100 +0000\ndata 2\ns\nfrom :5\n");
    stream.push_str(
        "commit refs/heads/main\nmark :21\ncommitter A <a@b> 1700000200 +0000\ndata 2\nm\nfrom :12\nmerge :20\n",
    );
    stream.push_str("commit refs/heads/gone\ncommitter A <a@b> 1700000300 +0000\ndata 2\ng\nfrom :12\nM 100644 inline secret\ndata 1\ns\n");
    repo.git_with(&["fast-import", "--quiet"], stream.as_bytes());
    repo.git(&["tag", "-a", "-m", "t", "v1", "main~3"]);
    repo.git(&["tag", "side/line", "main~1"]);
    repo
}

fn found(view: &View, name: &str) -> Option<String> {
    find_revision(view, name, &AtomicBool::new(false)).unwrap().map(|found| found.commit.to_string())
}

#[test]
fn names_mean_what_git_takes_them_for() {
    let repo = history();
    let view = repo.view();
    let tag = repo.git(&["rev-parse", "refs/tags/v1"]);
    let short = &repo.git(&["rev-parse", "main~2"])[..12];
    let names = [
        "main",
        "HEAD",
        "refs/heads/side/line",
        "v1",
        "refs/tags/v1",
        "main^2",
        "main~1",
        "main^2~2^",
        "main~~",
        "v1^0",
    ];
    for name in names.into_iter().chain([short, tag.as_str()]) {
        let expected = repo.git(&["rev-parse", &format!("{name}^{{commit}}")]);
        assert_eq!(found(&view, name), Some(expected), "{name}");
    }
    // An id is an id, whatever branches are called.
    repo.git(&["update-ref", &format!("refs/heads/{tag}"), "main~1"]);
    repo.git(&["update-ref", &format!("refs/heads/{}", "0".repeat(40)), "main"]);
    let view = repo.view();
    assert_eq!(found(&view, &tag), Some(repo.git(&["rev-parse", "v1^{commit}"])));
    assert_eq!(found(&view, &"0".repeat(40)), None);
    // A branch comes before a tag of the same name; git itself prefers the tag and warns.
    assert_eq!(found(&view, "side/line"), Some(repo.git(&["rev-parse", "refs/heads/side/line"])));
    assert_eq!(found(&view, &short.to_uppercase()), Some(repo.git(&["rev-parse", short])));
}

#[test]
fn odd_names_mean_nothing() {
    let repo = history();
    let view = repo.view();
    let long = "a".repeat(41);
    let odd = [
        "",
        "^",
        "~",
        "main^3",
        "main~99",
        "main^x",
        "main@{1}",
        ":/c",
        "absent",
        "abc",
        "zzzz",
        "main~99999999999999",
        "../main",
        "refs/heads/",
        "main^{tree}",
        "\0",
        "side",
        "m\u{e4}in",
    ];
    for name in odd.into_iter().chain([long.as_str()]) {
        assert_eq!(found(&view, name), None, "{name:?}");
    }
    let tree = repo.git(&["rev-parse", "main^{tree}"]);
    assert_eq!(found(&view, &tree), None);
}

#[test]
fn what_no_ref_reaches_is_not_found() {
    let repo = history();
    let (commit, blob) = (repo.git(&["rev-parse", "gone"]), repo.git(&["rev-parse", "gone:secret"]));
    let go_on = AtomicBool::new(false);
    let object = |view: &View, hex: &str| find_object(view, &id_from_hex(hex.as_bytes()).unwrap(), &go_on).unwrap();
    let before = repo.view();
    assert!(found(&before, &commit).is_some() && object(&before, &blob) == Some((Kind::Blob, 1)));
    repo.git(&["update-ref", "-d", "refs/heads/gone"]);
    let after = repo.view();
    assert!(after.odb.header(&id_from_hex(commit.as_bytes()).unwrap()).unwrap().is_some(), "still stored");
    for name in [commit.as_str(), &commit[..10], &format!("{commit}^")] {
        assert_eq!(found(&after, name), None, "{name}");
    }
    assert_eq!((object(&after, &blob), object(&after, &commit)), (None, None));
    assert_eq!(object(&after, &repo.git(&["rev-parse", "main:run"])), Some((Kind::Blob, 1)));
}

#[test]
fn trees_are_listed_as_git_lists_them() {
    let repo = history();
    let view = repo.view();
    let root = id_from_hex(repo.git(&["rev-parse", "main^{tree}"]).as_bytes()).unwrap();
    let go_on = AtomicBool::new(false);
    for (is_recursive, flags) in [(false, vec!["ls-tree"]), (true, vec!["ls-tree", "-r", "-t"])] {
        let expected = repo.git(&[&flags[..], &["--format=%(objectmode) %(objectname) %(path)", "main"]].concat());
        let expected: Vec<&str> = expected.lines().collect();
        let print =
            |path: &[u8], entry: Entry| format!("{:06o} {} {}", entry.mode, entry.id, String::from_utf8_lossy(path));
        for (skip, limit) in [(0, usize::MAX), (1, 2), (3, 1), (99, 5)] {
            let options = ListingOptions { is_recursive, skip: skip as u64, limit, ..ListingOptions::default() };
            let listing = list_tree(&view.odb, &root, &options, &go_on).unwrap();
            let lines: Vec<String> = listing.entries.iter().map(|item| print(&item.path, item.entry)).collect();
            let part: Vec<&str> = expected.iter().skip(skip).take(limit).copied().collect();
            assert_eq!(
                (lines, listing.total),
                (part.iter().map(|line| (*line).to_owned()).collect(), expected.len() as u64)
            );
        }
    }
    let few = ListingOptions { is_recursive: true, max_entries: 4, ..ListingOptions::default() };
    assert!(matches!(list_tree(&view.odb, &root, &few, &go_on), Err(Error::TooLarge { .. })));
    go_on.store(true, std::sync::atomic::Ordering::Relaxed);
    let all = ListingOptions { is_recursive: true, ..ListingOptions::default() };
    assert!(matches!(list_tree(&view.odb, &root, &all, &go_on), Err(Error::Interrupted)));
}

#[test]
fn a_page_and_the_count_come_of_one_walk() {
    let repo = history();
    let view = repo.view();
    let go_on = AtomicBool::new(false);
    let tip = |name: &str| id_from_hex(repo.git(&["rev-parse", name]).as_bytes()).unwrap();
    let cases: [(&[&str], LogRequest); 3] = [
        (&["main"], LogRequest { tips: vec![tip("main")], ..LogRequest::default() }),
        (
            &["main", "^side/line~2"],
            LogRequest {
                tips: vec![tip("main")],
                hidden: vec![tip("refs/heads/side/line~2")],
                ..LogRequest::default()
            },
        ),
        (
            &["main", "--", "docs/a b/f1"],
            LogRequest { tips: vec![tip("main")], paths: vec![b"docs/a b/f1".to_vec()], ..LogRequest::default() },
        ),
    ];
    for (args, request) in cases {
        let args: Vec<String> = args.iter().map(|arg| arg.replace("side/line", "refs/heads/side/line")).collect();
        let args: Vec<&str> = std::iter::once("rev-list").chain(args.iter().map(String::as_str)).collect();
        let listed = repo.git(&args);
        let expected: Vec<&str> = listed.lines().collect();
        for (skip, limit) in [(0_usize, 2_usize), (1, 50), (40, 2), (0, 0)] {
            let page = LogRequest { skip: skip as u64, limit, ..request.clone() };
            let (page, count) = log_and_count(&view.odb, &page, &go_on).unwrap();
            assert_eq!(count, expected.len() as u64, "{args:?}");
            let ids: Vec<String> = page.entries.iter().map(|entry| entry.commit.to_string()).collect();
            assert_eq!(ids, expected.iter().skip(skip).take(limit).map(|id| (*id).to_owned()).collect::<Vec<_>>());
        }
    }
}
