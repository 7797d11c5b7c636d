//! Against stock git's own server, in each version and cut in each way; and what no server should say.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::id::id_from_hex;
use crate::limits::Limits;
use crate::pktline::{put_data, put_delim, put_flush, put_text};
use crate::refs::RefName;
use crate::testgit::TestRepo;
use crate::{ObjectId, PackSource, Repository};

const VERSIONS: [&str; 3] = ["version=0", "version=1", "version=2"];

fn stock(repo: &TestRepo, version: &str, request: Option<&[u8]>) -> Vec<u8> {
    let args: &[&str] = match request {
        Some(_) => &["upload-pack", "--stateless-rpc", "."],
        None => &["upload-pack", "--stateless-rpc", "--http-backend-info-refs", "."],
    };
    repo.run(args, request.unwrap_or_default(), &[("GIT_PROTOCOL", version)]).1
}

fn open(bytes: &[u8], step: usize) -> crate::Result<Opening> {
    let mut advertisement = Advertisement::new(1000);
    bytes.chunks(step).try_for_each(|chunk| advertisement.push(chunk))?;
    advertisement.finish()
}

fn list(bytes: &[u8], step: usize) -> crate::Result<RemoteRefs> {
    let mut listing = Listing::new(1000);
    bytes.chunks(step).try_for_each(|chunk| listing.push(chunk))?;
    listing.finish()
}

fn pack_of(server: &Server, bytes: &[u8], step: usize) -> crate::Result<Vec<u8>> {
    let (mut answer, mut pack) = (PackAnswer::new(server), Vec::new());
    bytes.chunks(step).try_for_each(|chunk| answer.push(chunk, &mut pack))?;
    answer.finish().map(|()| pack)
}

/// Everything that is asked and answered until the refs are known.
fn look(repo: &TestRepo, version: &str, step: usize) -> (Server, RemoteRefs) {
    match open(&stock(repo, version, None), step).unwrap() {
        Opening::V0(server, refs) => (server, refs),
        Opening::V2(server) => {
            let refs = list(&stock(repo, version, Some(&ls_refs(&server))), step).unwrap();
            (server, refs)
        }
    }
}

fn lines(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        match *line {
            "0000" => put_flush(&mut out),
            "0001" => put_delim(&mut out),
            line => put_text(&mut out, line),
        }
    }
    out
}

#[test]
fn stock_git_is_mirrored_in_every_version_however_its_answers_are_cut() {
    let repo = TestRepo::new();
    let history = "commit refs/heads/main\nmark :1\ncommitter A <a@b.c> 1700000000 +0000\ndata 1\n1M 100644 inline a\ndata 2\na\n\
         commit refs/heads/main\nmark :2\ncommitter A <a@b.c> 1700000001 +0000\ndata 1\n2M 100644 inline a\ndata 2\nb\n\
         commit refs/heads/topic/x\ncommitter A <a@b.c> 1700000002 +0000\ndata 1\n3from :1\nM 100644 inline c\ndata 2\nc\n\ndone\n";
    repo.git_with(&["fast-import", "--quiet"], history.as_bytes());
    repo.git(&["tag", "-a", "-m", "one", "v1", "main"]);
    repo.git(&["update-ref", "refs/pull/1/head", "main"]);
    let names = ["refs/heads/main", "refs/heads/topic/x", "refs/tags/v1"];
    for version in VERSIONS {
        for step in [1, 7, usize::MAX] {
            let (server, refs) = look(&repo, version, step);
            assert_eq!(refs.refs.keys().map(RefName::as_str).collect::<Vec<_>>(), names, "{version} {step}");
            assert_eq!(refs.head.as_ref().map(RefName::as_str), Some("refs/heads/main"), "{version} {step}");
            let wants: Vec<ObjectId> = refs.refs.values().copied().collect();
            // All of it, then only what is new to somebody who has the first commit.
            let dir = tempfile::tempdir().unwrap();
            let head = RefName::new("refs/heads/main").unwrap();
            let ours = Repository::init(&dir.path().join("r.git"), 1, &head).unwrap();
            let first = id_from_hex(repo.git(&["rev-parse", "main~1"]).as_bytes()).unwrap();
            for (wants, haves, count) in
                [(vec![first], vec![], 3), (wants.clone(), vec![first], 7), (wants, vec![], 10)]
            {
                let said = stock(&repo, version, Some(&fetch(&server, &wants, &haves)));
                let pack = pack_of(&server, &said, step).unwrap();
                let incoming = ours.incoming(&Limits::default());
                let go = AtomicBool::new(false);
                let ingested = incoming.ingest(PackSource::Memory(pack.into()), &mut |_| {}, &go).unwrap();
                assert_eq!(ingested.stats().objects, count, "{version} {step}");
                ingested.install().unwrap();
            }
        }
        // What git refuses is an error of the remote.
        let (server, _) = look(&repo, version, usize::MAX);
        let missing = id_from_hex(&[b'7'; 40]).unwrap();
        let said = stock(&repo, version, Some(&fetch(&server, &[missing], &[])));
        let refusal = pack_of(&server, &said, usize::MAX).unwrap_err().to_string();
        assert!(refusal.contains("refused: upload-pack: not our ref 7777"), "{version}: {refusal}");
    }
}

#[test]
fn empty_repositories_and_detached_heads_are_told_apart() {
    let empty = TestRepo::new();
    empty.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    for version in VERSIONS {
        let (_, refs) = look(&empty, version, usize::MAX);
        assert!(refs.refs.is_empty(), "{version}");
        let told = (version == "version=2").then_some("refs/heads/trunk");
        assert_eq!(refs.head.as_ref().map(RefName::as_str), told, "{version}");
    }
    let id = "1111111111111111111111111111111111111111";
    let other = "2222222222222222222222222222222222222222";
    let at = |line: &str, id: &str| line.replace("ID", id);
    let table = [
        (vec![at("ID HEAD", id), at("ID refs/heads/a", id), at("ID refs/heads/master", id)], Some("refs/heads/master")),
        (vec![at("ID HEAD", id), at("ID refs/heads/a", other), at("ID refs/heads/b", id)], Some("refs/heads/b")),
        (vec![at("ID HEAD", id), at("ID refs/heads/a", other)], None),
        (vec![at("ID HEAD symref-target:refs/tags/x", id), at("ID refs/heads/a", other)], None),
        (vec!["unborn HEAD symref-target:refs/heads/new".to_owned()], Some("refs/heads/new")),
    ];
    for (given, expected) in table {
        let mut given: Vec<&str> = given.iter().map(String::as_str).collect();
        given.push("0000");
        let refs = list(&lines(&given), 3).unwrap();
        assert_eq!(refs.head.as_ref().map(RefName::as_str), expected, "{given:?}");
    }
}

#[test]
fn only_good_names_of_branches_and_tags_are_looked_at() {
    let id = "1111111111111111111111111111111111111111";
    let bad = [
        "refs/heads/--output=/tmp/x",
        "refs/heads/HEAD",
        "refs/heads/@",
        "refs/heads/refs/x",
        "refs/heads/a..b",
        "refs/heads/a.lock",
        "refs/heads/",
        "refs/heads//a",
        "refs/heads/.a",
        "refs/heads/a~1",
        "refs/heads/a\u{7}",
        "refs/tags/-x",
        "refs/tags/a\\b",
        "refs/tags/a@{b",
        "refs/heads/../../config",
    ];
    let ignored = [
        "refs/pull/1/head",
        "refs/notes/commits",
        "refs/qms/x",
        "refs/for/main",
        "refs/stash",
        "config",
        "refs/tags/v1^{}",
    ];
    let mut given: Vec<String> = bad.iter().chain(&ignored).map(|name| format!("{id} {name}")).collect();
    given.push(format!("{id} refs/heads/good"));
    given.push("0000".to_owned());
    let refs = list(&lines(&given.iter().map(String::as_str).collect::<Vec<_>>()), 11).unwrap();
    assert_eq!(refs.refs.keys().map(RefName::as_str).collect::<Vec<_>>(), ["refs/heads/good"]);
    assert_eq!(refs.skipped, bad.len() as u64);
}

#[test]
fn what_no_server_should_say_is_an_error_of_the_remote() {
    let id = "1111111111111111111111111111111111111111";
    let zero = "0000000000000000000000000000000000000000";
    let listings: [&[&str]; 9] = [
        &[],
        &["1111 refs/heads/a", "0000"],
        &["x", "0000"],
        &[&format!("{zero} refs/heads/a"), "0000"],
        &[&format!("{id} refs/heads/a"), &format!("{id} refs/heads/a"), "0000"],
        &[&format!("{id} refs/heads/a"), "0001", "0000"],
        &["0000", "0000"],
        &["ERR go away\u{1b}[2J", "0000"],
        &[&format!("{id} refs/heads/a")],
    ];
    for given in listings {
        let error = list(&lines(given), 5).unwrap_err();
        assert!(matches!(error, crate::Error::Remote { .. }) && error.is_peer_fault(), "{given:?}: {error:?}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
    let many: Vec<String> = (0..1001).map(|n| format!("{id} refs/heads/{n}")).collect();
    let error = list(&lines(&many.iter().map(String::as_str).collect::<Vec<_>>()), 4096).unwrap_err();
    assert!(matches!(error, crate::Error::TooLarge { limit: 1000, .. }), "{error:?}");

    let openings: [&[u8]; 8] = [
        b"<html>no git here</html>",
        b"",
        &lines(&["# service=git-upload-pack", "0000"]),
        &lines(&["version 2", "ls-refs", "0000"]),
        &lines(&["version 2", "ls-refs", "fetch", "object-format=sha256", "0000"]),
        &lines(&["version 2", "ls-refs", "fetch"]),
        &lines(&["version 2", "fetch", "ls-refs", "0000", "more"]),
        &lines(&[&format!("{id} refs/heads/a\0ofs-delta"), "0000"]),
    ];
    for given in openings {
        let error = open(given, 9).unwrap_err();
        assert!(matches!(error, crate::Error::Remote { .. }), "{}: {error:?}", String::from_utf8_lossy(given));
    }
    let endless: Vec<u8> = (0..2000).flat_map(|_| lines(&["version 2", "x"])).collect();
    assert!(open(&endless, 100).is_err());

    let server = Server { is_v2: true, has_unborn: false, has_object_format: false, words: Vec::new() };
    let banded = |band: u8, data: &[u8]| {
        let mut out = lines(&["packfile"]);
        put_data(&mut out, &[&[band], data].concat());
        out
    };
    let mut whole = banded(1, b"PACK");
    put_flush(&mut whole);
    assert_eq!(pack_of(&server, &whole, 1).unwrap(), b"PACK");
    let answers: [Vec<u8>; 7] = [
        banded(1, b"PACK"),
        banded(3, b"out of coffee"),
        banded(9, b"x"),
        lines(&["shallow-info", "shallow 11", "0001", "packfile", "0000"]),
        lines(&["wanted-refs", "0001"]),
        [whole.clone(), lines(&["0000"])].concat(),
        b"zzzz".to_vec(),
    ];
    for given in answers {
        let error = pack_of(&server, &given, 2).unwrap_err();
        assert!(matches!(error, crate::Error::Remote { .. }), "{}: {error:?}", String::from_utf8_lossy(&given));
    }
}
