//! Requests that are broken, too large or hostile, stores that are damaged, and clients that go away.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use super::client::{ask, body, read_answer};
use crate::{
    Limits,
    error::Error,
    protocol::ProtocolVersion::{self, V0, V1, V2},
    testgit::{Random, TestRepo, random_history},
    upload::{UploadOutcome, respond},
};
use proptest::prelude::*;

fn small_repo() -> TestRepo {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(11), 12);
    repo
}

#[test]
fn leaving_clients_get_nothing() {
    let view = small_repo().view();
    for (version, request) in [
        (V0, &b""[..]),
        (V0, b"0000"),
        (V1, b"0000"),
        (V2, b""),
        (V2, b"0000"),
        (V2, b"0012command=fetch\n00010000"),
        (V2, b"0012command=fetch\n00010009done\n0000"),
    ] {
        let (result, bytes) = ask(&view, version, request);
        assert_eq!(result.unwrap().outcome, UploadOutcome::Nothing, "{request:?}");
        assert!(bytes.is_empty());
    }
}

#[test]
fn broken_requests_are_answered_with_an_error_packet() {
    let repo = small_repo();
    let view = repo.view();
    let main = repo.git(&["rev-parse", "main"]);
    let cases: Vec<(ProtocolVersion, Vec<u8>)> = vec![
        (V0, b"zzzz".to_vec()),
        (V0, b"0032want ".to_vec()),
        (V0, body(&["hello", "0000"])),
        (V0, body(&["want 123", "0000", "done"])),
        (V0, body(&[&format!("want {main} object-format=sha256"), "0000", "done"])),
        (V0, body(&[&format!("want {main}"), "0000", "have x"])),
        (V0, body(&[&format!("want {main}"), "deepen 0", "0000", "done"])),
        (V0, body(&[&format!("want {main}"), "deepen -1", "0000", "done"])),
        (V0, body(&[&format!("want {main}"), "filter sparse:path=x", "0000", "done"])),
        (V2, b"0003".to_vec()),
        (V2, body(&["command=fetch", "command=fetch", "0000"])),
        (V2, body(&["command=push", "0000"])),
        (V2, body(&["agent=x", "0001", "0000"])),
        (V2, body(&["command=fetch", "nonsense", "0000"])),
        (V2, body(&["command=fetch", "object-format=sha256", "0000"])),
        (V2, body(&["command=fetch", "0001", "want x", "0000"])),
        (V2, body(&["command=fetch", "0001", "0001", "0000"])),
        (V2, body(&["command=fetch", "0001", "unheard of", "0000"])),
        (V2, body(&["command=ls-refs", "0001", "unheard of", "0000"])),
        (V2, body(&["command=fetch", "0001", "deepen 1", "deepen-since 1", "0000"])),
        (V2, body(&["command=fetch", "0001", &format!("want {main}"), "deepen-not nowhere", "done", "0000"])),
        (V2, body(&["command=fetch", "0001", &format!("want {main}"), "deepen-since 99999999999", "done", "0000"])),
    ];
    for (version, request) in cases {
        let (result, bytes) = ask(&view, version, &request);
        let error = result.expect_err("must be refused");
        assert!(error.is_peer_fault(), "{error:?}");
        let answer = read_answer(&bytes, version, true);
        assert!(answer.error.is_some() && answer.lines.is_empty() && answer.pack.is_empty(), "{answer:?}");
    }
}

#[test]
fn every_limit_is_kept() {
    let repo = small_repo();
    let view = repo.view();
    let main = repo.git(&["rev-parse", "main"]);
    let many = |word: &str| (0..50).map(|n| format!("{word} {n:040x}")).collect::<Vec<_>>();
    let small = Limits { max_wants: 10, max_haves: 10, max_request_bytes: 4000, ..Limits::default() };
    let fetch = |lines: Vec<String>| {
        let mut all = vec!["command=fetch".to_owned(), "0001".into(), format!("want {main}")];
        all.extend(lines);
        all.push("0000".into());
        body(&all)
    };
    let depth = (0..2000).map(|n| format!("deepen-not r{n}")).collect();
    let cases = [
        (fetch(many("want")), Limits { max_request_bytes: 1 << 20, ..small.clone() }),
        (fetch(many("have")), Limits { max_request_bytes: 1 << 20, ..small.clone() }),
        (fetch(many("shallow")), Limits { max_request_bytes: 1 << 20, ..small.clone() }),
        (fetch(depth), Limits::default()),
        (
            fetch((0..200).map(|_| "done".to_owned()).chain(many("x")).collect()),
            Limits { max_request_bytes: 1000, ..small },
        ),
    ];
    for (request, limits) in cases {
        let mut out = Vec::new();
        let error = respond(&view, V2, &request, &limits, &mut out, &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
        assert!(read_answer(&out, V2, true).error.unwrap().contains("exceeds the limit"));
    }
}

#[test]
fn too_many_prefixes_mean_all_refs() {
    let repo = small_repo();
    let mut lines = vec!["command=ls-refs".to_owned(), "0001".into()];
    lines.extend((0..70_000).map(|n| format!("ref-prefix none/{n}")));
    lines.push("0000".into());
    let (result, bytes) = ask(&repo.view(), V2, &body(&lines));
    result.unwrap();
    assert_eq!(read_answer(&bytes, V2, true).lines.len(), repo.view().refs.len() + 2);
}

#[test]
fn an_interrupt_ends_the_work() {
    let repo = small_repo();
    let main = repo.git(&["rev-parse", "main"]);
    let request = body(&["command=fetch", "0001", &format!("want {main}"), "done", "0000"]);
    let mut out = Vec::new();
    let error = respond(&repo.view(), V2, &request, &Limits::default(), &mut out, &AtomicBool::new(true)).unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error:?}");
    let answer = read_answer(&out, V2, true);
    assert!(answer.error.unwrap().contains("stopped"));
    assert!(answer.pack.is_empty());
}

/// Fails after some bytes, or raises the interrupt flag.
struct Fragile<'f> {
    left: usize,
    flag: Option<&'f AtomicBool>,
    kept: Vec<u8>,
}

impl Write for Fragile<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            match self.flag {
                Some(flag) => flag.store(true, Ordering::Relaxed),
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        let len = if self.left == 0 { data.len() } else { data.len().min(self.left) };
        self.left = self.left.saturating_sub(len);
        self.kept.extend_from_slice(&data[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_client_that_leaves_ends_the_work_anywhere() {
    let repo = small_repo();
    let view = repo.view();
    let main = repo.git(&["rev-parse", "main"]);
    let request = body(&["command=fetch", "0001", &format!("want {main}"), "done", "0000"]);
    let whole = ask(&view, V2, &request).1.len();
    for left in 0..whole {
        let mut out = Fragile { left, flag: None, kept: Vec::new() };
        let error = respond(&view, V2, &request, &Limits::default(), &mut out, &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, Error::PeerGone(_)), "{error:?}");
    }
}

#[test]
fn a_damaged_or_lost_object_breaks_the_pack_off_loudly() {
    let repo = TestRepo::new();
    let blob = repo.git_with(&["hash-object", "-w", "--stdin"], &b"0123456789".repeat(500));
    let tree = repo.git_with(&["mktree"], format!("100644 blob {blob}\tx\n").as_bytes());
    let commit = repo.git(&["commit-tree", "-m", "x", &tree]);
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let request = body(&["command=fetch", "0001", &format!("want {commit}"), "done", "0000"]);
    let plain = body(&[&format!("want {commit}"), "0000", "done"]);
    let check = |what: &str| {
        let view = repo.view();
        let (result, bytes) = ask(&view, V2, &request);
        let error = result.expect_err(what);
        assert!(!error.is_peer_fault(), "{what}: {error:?}");
        let answer = read_answer(&bytes, V2, true);
        assert_eq!(answer.error.as_deref(), Some("upload-pack: internal server error\n"), "{what}");
        // Without bands there is nobody to tell: the error itself has to make the transport break off.
        let (result, bytes) = ask(&view, V0, &plain);
        result.expect_err(what);
        let answer = read_answer(&bytes, V0, false);
        let client = TestRepo::new();
        assert!(answer.pack.is_empty() || super::client::index(&client, &answer.pack).is_err(), "{what}");
    };
    let loose = repo.path().join("objects").join(&blob[..2]).join(&blob[2..]);
    let kept = std::fs::read(&loose).unwrap();
    std::fs::remove_file(&loose).unwrap();
    check("lost blob");
    std::fs::write(&loose, &kept).unwrap();
    repo.git(&["repack", "-q", "-a", "-d"]);
    let pack = repo.pack_files("pack").remove(0);
    let mut bytes = std::fs::read(&pack).unwrap();
    let at = bytes.len() - 40;
    bytes[at] ^= 0x55;
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, bytes).unwrap();
    check("flipped bit");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn garbage_never_panics(lines in proptest::collection::vec("(want|have|deepen|shallow|filter|command=fetch|command=ls-refs|0000|0001|done|ref-prefix|[ -~]{0,6}) ?[0-9a-f]{0,41}", 0..8), raw in proptest::collection::vec(any::<u8>(), 0..40), v2: bool) {
        let view = EMPTY.with(|repo| repo.view());
        let mut request = body(&lines);
        let version = if v2 { V2 } else { V0 };
        let _ = ask(&view, version, &request);
        request.extend_from_slice(&raw);
        let _ = ask(&view, version, &request);
        let _ = ask(&view, version, &raw);
    }
}

thread_local! {
    static EMPTY: TestRepo = TestRepo::new();
}
