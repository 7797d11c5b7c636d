//! What bitmaps must not change: who may see what, what is sent while their pack is replaced, and what came after them.

use std::sync::atomic::AtomicBool;

use super::client::{ask, body, client_with, index, read_answer, rev_list};
use crate::{
    Limits, ObjectId, Repository, View,
    error::Error,
    id::id_from_hex,
    maintenance::{AfterPublish, BitmapFile, BitmapOptions, ConsolidateOptions, consolidate},
    protocol::ProtocolVersion::V2,
    testgit::TestRepo,
    upload::{Context, UploadOptions, wants::Search},
};

static GO: AtomicBool = AtomicBool::new(false);

fn id(hex: &str) -> ObjectId {
    id_from_hex(hex.as_bytes()).unwrap()
}

/// Two branches with a common past, bitmaps for both, and a commit on each that came later.
fn two_branches() -> TestRepo {
    let repo = TestRepo::new();
    let mut stream = String::new();
    let mut commit = |branch: &str, at: usize, from: &str| {
        stream.push_str(&format!(
            "commit refs/heads/{branch}\ncommitter C <c@example.org> {} +0000\ndata 2\nx\n",
            1_000 + at
        ));
        stream.push_str(from);
        stream.push_str(&format!("M 100644 inline {branch}/f{}\ndata 8\n{at:07}\n\n", at % 7));
    };
    (0..40).for_each(|at| commit("main", at, ""));
    commit("secret", 40, "from refs/heads/main\n");
    (41..60).for_each(|at| commit(["main", "secret"][at % 2], at, ""));
    repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], stream.as_bytes());
    let repository = Repository::open(repo.path()).unwrap();
    let options = BitmapOptions { min_objects: 1, ..BitmapOptions::default() };
    BitmapFile { options }.derive(&repository, &repo.view(), &GO).unwrap();
    let mut stream = String::new();
    for branch in ["main", "secret"] {
        stream.push_str(&format!("commit refs/heads/{branch}\ncommitter C <c@example.org> 2000 +0000\ndata 2\nx\n"));
        stream
            .push_str(&format!("from refs/heads/{branch}^0\nM 100644 inline late\ndata {}\n{branch}\n", branch.len()));
    }
    repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], stream.as_bytes());
    assert!(repo.odb().bitmap().is_some_and(|bitmap| bitmap.len() > 5));
    repo
}

fn get(view: &View, arguments: &[String]) -> (Result<crate::upload::UploadStats, Error>, Vec<u8>) {
    let mut lines: Vec<String> = ["command=fetch", "0001", "ofs-delta"].map(str::to_owned).to_vec();
    lines.extend(arguments.iter().cloned());
    lines.extend(["done", "0000"].map(str::to_owned));
    ask(view, V2, &body(&lines))
}

#[test]
fn hidden_refs_stay_hidden() {
    let repo = two_branches();
    let everything = repo.view();
    let view = everything.without(|name| name.as_str() == "refs/heads/secret");
    let of = |name: &str| repo.git(&["rev-parse", name]);
    let hidden = ["secret", "secret~3", "secret^{tree}", "secret~2^{tree}", "secret:late", "secret~1:secret/f1"];
    for name in hidden {
        let want = [format!("want {}", of(name))];
        assert!(matches!(get(&view, &want).0, Err(Error::NotOurRef { .. })), "{name}");
        get(&everything, &want).0.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in ["main~30", "main~3^{tree}", "main:late", "main~20:main/f3", "main~45"] {
        get(&view, &[format!("want {}", of(name))]).0.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let (result, bytes) = get(&view, &[format!("want {}", of("main"))]);
    assert!(result.unwrap().by_bitmaps);
    let sent = index(&TestRepo::new(), &read_answer(&bytes, V2, true).pack).unwrap();
    assert_eq!(sent, rev_list(&repo, &["--objects"], "main\n"));
}

#[test]
fn what_bitmaps_cover_is_allowed_without_a_walk() {
    let repo = two_branches();
    let view = repo.view();
    let limits = Limits::default();
    let context = Context { view: &view, limits: &limits, interrupt: &GO, options: UploadOptions::default() };
    let search = |ids: &[ObjectId]| {
        let mut search = Search { context: &context, open: ids.iter().copied().collect() };
        let visited = search.run().unwrap();
        (visited, search.open.len())
    };
    let of = |name: &str| id(&repo.git(&["rev-parse", name]));
    assert_eq!(search(&[of("main~30"), of("secret~9:secret/f1"), of("main~10^{tree}")]), (0, 0));
    // Only the two commits that came later are looked at.
    let gone = id(&repo.git_with(&["hash-object", "-w", "--stdin"], b"nobody refers to this"));
    let view = repo.view();
    let context = Context { view: &view, limits: &limits, interrupt: &GO, options: UploadOptions::default() };
    let mut search = Search { context: &context, open: [gone].into_iter().collect() };
    assert_eq!((search.run().unwrap(), search.open.len()), (2, 1));
}

#[test]
fn answers_stay_right_while_the_pack_is_replaced() {
    let repo = two_branches();
    let repository = Repository::open(repo.path()).unwrap();
    let before = View { odb: repository.odb(), ..repo.view() };
    let request = [format!("want {}", repo.git(&["rev-parse", "main"]))];
    let sent = |view: &View| {
        let (result, bytes) = get(view, &request);
        let stats = result.unwrap();
        (index(&TestRepo::new(), &read_answer(&bytes, V2, true).pack).unwrap(), stats.by_bitmaps)
    };
    let expected = rev_list(&repo, &["--objects"], "main\n");
    assert_eq!(sent(&before), (expected.clone(), true));
    let options = ConsolidateOptions { all: true, ..ConsolidateOptions::default() };
    let prepared = consolidate(&repository, &options, &GO).unwrap().unwrap();
    prepared.publish(&repository, &before, &GO).unwrap();
    let between = View { odb: repository.odb(), ..before.clone() };
    assert_eq!(sent(&between), (expected.clone(), false));
    let options = BitmapOptions { min_objects: 1, ..BitmapOptions::default() };
    BitmapFile { options }.derive(&repository, &between, &GO).unwrap();
    repository.remove_retired().unwrap();
    assert_eq!(repo.pack_files("bitmap").len(), 1);
    let after = View { odb: repository.odb(), ..before.clone() };
    for view in [&after, &before, &repo.view()] {
        assert_eq!(sent(view), (expected.clone(), true));
    }
}

#[test]
fn tags_follow_what_bitmaps_chose() {
    let repo = two_branches();
    repo.git(&["tag", "-a", "-m", "x", "old", "main~20"]);
    repo.git(&["tag", "-a", "-m", "x", "twice", "old"]);
    repo.git(&["tag", "-a", "-m", "x", "other", "secret"]);
    let view = repo.view();
    let want = format!("want {}", repo.git(&["rev-parse", "main"]));
    let tags = |client: TestRepo, arguments: &[String]| {
        let (result, bytes) = get(&view, arguments);
        assert!(result.unwrap().by_bitmaps);
        let sent = index(&client, &read_answer(&bytes, V2, true).pack).unwrap();
        ["old", "twice", "other"].map(|name| sent.contains(&repo.git(&["rev-parse", name])))
    };
    assert_eq!(tags(TestRepo::new(), &[want.clone(), "include-tag".into()]), [true, true, false]);
    assert_eq!(tags(TestRepo::new(), std::slice::from_ref(&want)), [false; 3]);
    let held = repo.git(&["rev-parse", "main~30"]);
    let client = client_with(&repo, std::slice::from_ref(&held));
    assert_eq!(tags(client, &[want, "include-tag".into(), format!("have {held}")]), [true, true, false]);
}

#[test]
fn a_pack_that_is_wanted_whole_leaves_as_it_lies() {
    let repo = two_branches();
    // One pack with deltas and bitmaps, and one that came later and builds on it.
    repo.git(&["repack", "-q", "-a", "-d", "-f", "-b"]);
    let base = std::fs::read(&repo.pack_files("pack")[0]).unwrap();
    let entries = &base[12..base.len() - 20];
    let stream = "commit refs/heads/main\ncommitter C <c@example.org> 3000 +0000\ndata 2\nx\nfrom refs/heads/main^0\n\
                  M 100644 inline later\ndata 1\nx\n";
    repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], stream.as_bytes());
    let view = repo.view();
    let wants = |names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("want {}", repo.git(&["rev-parse", name]))).collect()
    };
    let sent = |names: &[&str], expected: &str| {
        let (result, bytes) = get(&view, &wants(names));
        let stats = result.unwrap();
        let answer = read_answer(&bytes, V2, true);
        let all = index(&TestRepo::new(), &answer.pack).unwrap();
        assert_eq!(all, rev_list(&repo, &["--objects"], expected), "{names:?}");
        assert_eq!((stats.objects, stats.reused), (all.len() as u64, all.len() as u64));
        answer.pack.windows(entries.len()).any(|window| window == entries)
    };
    assert!(sent(&["main", "secret"], "main\nsecret\n"), "all of it, and what came later");
    assert!(!sent(&["main"], "main\n"), "what only another branch reaches stays here");
    let lines = ["command=fetch", "0001"].map(str::to_owned).into_iter().chain(wants(&["main", "secret"]));
    let (result, bytes) = ask(&view, V2, &body(&lines.chain(["done", "0000"].map(str::to_owned)).collect::<Vec<_>>()));
    result.unwrap();
    let without_offsets = read_answer(&bytes, V2, true).pack;
    assert!(!without_offsets.windows(entries.len()).any(|window| window == entries));
    assert_eq!(index(&TestRepo::new(), &without_offsets).unwrap(), rev_list(&repo, &["--objects"], "main\nsecret\n"));
}

#[test]
fn damage_in_a_pack_that_leaves_as_it_lies_is_seen() {
    let repo = two_branches();
    repo.git(&["repack", "-q", "-a", "-d", "-f", "-b"]);
    let path = repo.pack_files("pack").remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    // As a new file: the old one may be mapped.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let wants = ["main", "secret"].map(|name| format!("want {}", repo.git(&["rev-parse", name])));
    let (result, _) = get(&repo.view(), &wants);
    assert!(matches!(result, Err(Error::Corrupt { .. })), "{result:?}");
}
