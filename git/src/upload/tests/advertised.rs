//! `ls-refs` against real git, and what may be wanted besides what it lists.

use super::client::{ask, ask_git, body, index, read_answer, rev_list};
use crate::{
    error::Error,
    protocol::ProtocolVersion::{V0, V2},
    testgit::{Random, TestRepo, random_history},
    upload::UploadOutcome,
};

const COMMAND: [&str; 2] = ["command=ls-refs", "0001"];

#[test]
fn ls_refs_answers_like_git() {
    for seed in 0..6 {
        let repo = TestRepo::new();
        random_history(&repo, &mut Random::new(seed), 8);
        if seed == 5 {
            repo.git(&["update-ref", "-d", "refs/heads/main"]);
        }
        let view = repo.view();
        for arguments in [
            &[][..],
            &["peel", "symrefs", "unborn"],
            &["symrefs"],
            &["unborn"],
            &["peel", "ref-prefix refs/tags/"],
            &["symrefs", "unborn", "ref-prefix HEAD", "ref-prefix refs/heads/", "ref-prefix refs/heads/b"],
            &["peel", "ref-prefix refs/tags/t1", "ref-prefix refs/heads/b0", "ref-prefix refs/tags/t"],
            &["ref-prefix nothing"],
            &["ref-prefix "],
        ] {
            let request = body(&[&COMMAND[..], arguments, &["0000"]].concat());
            let (result, bytes) = ask(&view, V2, &request);
            assert_eq!(result.unwrap().outcome, UploadOutcome::Refs);
            let ours = read_answer(&bytes, V2, true);
            let git = read_answer(&ask_git(&repo, V2, &request), V2, true);
            assert_eq!(ours, git, "seed {seed}: {arguments:?}");
        }
    }
}

#[test]
fn an_unborn_head_is_told() {
    let repo = TestRepo::new();
    let request = body(&[&COMMAND[..], &["symrefs", "unborn", "0000"]].concat());
    let (_, bytes) = ask(&repo.view(), V2, &request);
    assert_eq!(read_answer(&bytes, V2, true).lines, ["unborn HEAD symref-target:refs/heads/main", "0000"]);
}

fn fetch(id: &str) -> Vec<u8> {
    body(&["command=fetch", "0001", "no-progress", &format!("want {id}"), "done", "0000"])
}

#[test]
fn reachable_objects_may_be_wanted_and_others_not() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(7), 20);
    // Something that was deleted, with objects nothing else has.
    let blob = repo.git_with(&["hash-object", "-w", "--stdin"], b"secret\n");
    let tree = repo.git_with(&["mktree"], format!("100644 blob {blob}\tsecret\n").as_bytes());
    let orphan = repo.git(&["commit-tree", "-m", "deleted", "-p", "main", &tree]);
    let tag = format!("object {orphan}\ntype commit\ntag gone\ntagger A <a@b> 1 +0000\n\nx\n");
    let tag = repo.git_with(&["mktag"], tag.as_bytes());
    let view = repo.view();

    let reachable = rev_list(&repo, &["--objects", "--all"], "\n");
    assert!(reachable.len() > 30);
    for id in &reachable {
        let (result, bytes) = ask(&view, V2, &fetch(id));
        let stats = result.unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(stats.outcome, UploadOutcome::Pack);
        assert!(!read_answer(&bytes, V2, true).pack.is_empty());
    }
    let nowhere = "1234567890123456789012345678901234567890".to_owned();
    for id in [blob, tree, orphan, tag, nowhere] {
        for (version, request) in [(V2, fetch(&id)), (V0, body(&[&format!("want {id}"), "0000", "done"]))] {
            let (result, bytes) = ask(&view, version, &request);
            assert!(matches!(result, Err(Error::NotOurRef { .. })), "{result:?}");
            let answer = read_answer(&bytes, version, true);
            assert_eq!(answer.error, Some(format!("upload-pack: not our ref {id}")));
            assert!(answer.lines.is_empty() && answer.pack.is_empty());
        }
    }
}

#[test]
fn a_wanted_tag_brings_its_chain() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(3), 5);
    repo.git(&["tag", "-a", "-m", "x", "inner", "main"]);
    repo.git(&["tag", "-a", "-m", "x", "outer", "inner"]);
    let outer = repo.git(&["rev-parse", "outer"]);
    let (_, bytes) = ask(&repo.view(), V2, &fetch(&outer));
    let client = TestRepo::new();
    let sent = index(&client, &read_answer(&bytes, V2, true).pack).unwrap();
    assert_eq!(sent, rev_list(&repo, &["--objects"], "outer\n"));
}
