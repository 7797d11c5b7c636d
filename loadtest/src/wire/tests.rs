//! The wire modules against stock git's own server side, `upload-pack` and `receive-pack --stateless-rpc`.

use crate::pack::verify::PackCheck;
use crate::pack::{ObjectId, build, commits};
use crate::sealed_git::Git;
use crate::wire::fetch::Extent;
use crate::wire::{fetch, push, refs};

const MAIN: &str = "refs/heads/main";

/// Pushes `count` commits, one request each, as the `push` scenario does; gives their ids, oldest first.
fn push_commits(git: &Git, count: u64) -> Vec<ObjectId> {
    let mut ids: Vec<ObjectId> = Vec::new();
    for n in 0..count {
        let content = format!("content {n}\n").into_bytes();
        let (id, objects) = build::commit_of_file("load.md", content, ids.last().copied(), 1_700_000_000 + n, "c");
        let old = ids.last().copied().unwrap_or(ObjectId::ZERO);
        let request = push::request(old, id, MAIN, &build::Packer::new().pack(&objects));
        let report = git.run_with_input(&["receive-pack", "--stateless-rpc", "."], &request);
        push::check_report(&report, MAIN).unwrap();
        ids.push(id);
    }
    ids
}

fn fetch_pack(git: &Git, wants: &[ObjectId], haves: &[ObjectId], extent: Extent) -> Result<(u32, Vec<u8>), String> {
    let request = fetch::request(wants, haves, extent);
    let answer = git.run_with_input(&["upload-pack", "--stateless-rpc", "."], &request);
    let (mut reader, mut check, mut pack) = (fetch::Reader::default(), PackCheck::new(true), Vec::new());
    reader.feed(&answer, &mut |bytes| {
        pack.extend_from_slice(bytes);
        check.feed(bytes)
    })?;
    reader.finish()?;
    Ok((check.finish()?.objects, pack))
}

#[test]
fn pushed_commits_are_listed_cloned_and_fetched_one_behind() {
    let git = Git::new();
    let ids = push_commits(&git, 3);
    let tip = ids[2];

    let listed = git.run_with_input(&["upload-pack", "--stateless-rpc", "."], &refs::ls_refs_request());
    let listed = refs::parse_ls_refs(&listed).unwrap();
    let names: Vec<(&str, ObjectId)> = listed.iter().map(|r| (r.name.as_str(), r.id)).collect();
    assert_eq!(names, [("HEAD", tip), (MAIN, tip)]);
    assert_eq!(listed[0].symref.as_deref(), Some(MAIN));

    let (objects, pack) = fetch_pack(&git, &[tip], &[], Extent::Full).unwrap();
    assert_eq!(objects, 9);
    let parents = commits::first_parents(&pack).unwrap();
    assert_eq!(parents.get(&tip), Some(&Some(ids[1])));
    assert_eq!(parents.get(&ids[0]), Some(&None));

    let (objects, _) = fetch_pack(&git, &[tip], &[ids[1]], Extent::Full).unwrap();
    assert_eq!(objects, 3);

    git.run(&["config", "uploadpack.allowFilter", "true"]);
    assert_eq!(fetch_pack(&git, &[tip], &[], Extent::Shallow).unwrap().0, 3);
    assert_eq!(fetch_pack(&git, &[tip], &[], Extent::Blobless).unwrap().0, 6);
    git.run(&["fsck", "--strict"]);
}

#[test]
fn a_stale_push_is_quoted_as_git_refuses_it_and_a_deletion_needs_no_pack() {
    let git = Git::new();
    let ids = push_commits(&git, 2);
    let (id, objects) = build::commit_of_file("load.md", b"late".to_vec(), Some(ids[0]), 1_700_000_009, "late");
    let request = push::request(ids[0], id, MAIN, &build::Packer::new().pack(&objects));
    let report = git.run_with_input(&["receive-pack", "--stateless-rpc", "."], &request);
    let refusal = push::check_report(&report, MAIN).unwrap_err();
    assert!(refusal.starts_with("refused: ng refs/heads/main"), "{refusal}");

    git.run(&["symbolic-ref", "HEAD", "refs/heads/other"]);
    let request = push::request(ids[1], ObjectId::ZERO, MAIN, &[]);
    let report = git.run_with_input(&["receive-pack", "--stateless-rpc", "."], &request);
    assert_eq!(push::check_report(&report, MAIN), Ok(()));
    assert_eq!(git.run(&["for-each-ref"]), "");
}

#[test]
fn the_advertisements_of_stock_git_are_told_apart() {
    let git = Git::new();
    push_commits(&git, 1);
    let upload = git.run_with_input(&["upload-pack", "--http-backend-info-refs", "."], b"");
    assert_eq!(refs::check_info_refs(&upload, "git-upload-pack"), Ok(()));
    let mut receive = b"001f# service=git-receive-pack\n0000".to_vec();
    receive.extend(git.run_with_input(&["receive-pack", "--http-backend-info-refs", "."], b""));
    assert_eq!(refs::check_info_refs(&receive, "git-receive-pack"), Ok(()));
    assert!(refs::check_info_refs(&receive, "git-upload-pack").is_err());
}
