//! Whole conversations of several rounds, against git's own server in the same words.

use std::sync::{Arc, atomic::AtomicBool};

use crate::{
    Limits,
    error::Error,
    pktline::{Packet, Packets},
    protocol::ProtocolVersion,
    testgit::{Random, TestRepo, random_history},
    upload::{
        UploadOutcome, UploadSession, UploadStats,
        tests::client::{body, client_with, index, read_answer, rev_list},
    },
};

/// Feeds a conversation in pieces and returns everything that was answered.
fn converse(session: &mut UploadSession, input: &[u8], piece: usize) -> (Vec<u8>, Vec<Result<UploadStats, Error>>) {
    let (mut out, mut results) = (Vec::new(), Vec::new());
    for piece in input.chunks(piece) {
        session.push(piece);
        while session.is_ready() {
            results.push(session.answer(&mut out, &AtomicBool::new(false)));
        }
    }
    (out, results)
}

fn session(repo: &TestRepo, version: ProtocolVersion) -> UploadSession {
    UploadSession::new(Arc::new(repo.view()), version, Limits::default())
}

/// What git's server says to the same input, without its advertisement.
fn git_says(repo: &TestRepo, version: ProtocolVersion, input: &[u8]) -> Vec<u8> {
    let protocol = match version {
        ProtocolVersion::V0 => "version=0",
        ProtocolVersion::V1 => "version=1",
        ProtocolVersion::V2 => "version=2",
    };
    let options = ["-c", "uploadpack.allowFilter=true", "-c", "uploadpack.allowReachableSHA1InWant=true"];
    let args = [&options[..], &["upload-pack", "."]].concat();
    let (_, out, _) = repo.run(&args, input, &[("GIT_PROTOCOL", protocol)]);
    let mut packets = Packets::new(&out);
    while !matches!(packets.next(), Some(Ok(Packet::Flush)) | None) {}
    packets.rest().to_vec()
}

#[test]
fn conversations_are_those_of_git() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let repo = TestRepo::new();
        random_history(&repo, &mut random, 12);
        let commits: Vec<String> = rev_list(&repo, &["--all"], "").into_iter().collect();
        let tips: Vec<String> =
            repo.git(&["for-each-ref", "--format=%(objectname)"]).lines().map(str::to_owned).collect();
        let wants: Vec<String> = (0..1 + random.below(2)).map(|_| tips[random.below(tips.len())].clone()).collect();
        let haves: Vec<String> = (0..random.below(4)).map(|_| commits[random.below(commits.len())].clone()).collect();
        let acks = ["", "multi_ack", "multi_ack_detailed", "multi_ack_detailed no-done"][random.below(4)];
        let version = if random.chance(50) { ProtocolVersion::V0 } else { ProtocolVersion::V1 };
        let mut lines: Vec<String> = Vec::new();
        for (at, want) in wants.iter().enumerate() {
            let caps = if at == 0 { format!(" {acks} side-band-64k no-progress ofs-delta") } else { String::new() };
            lines.push(format!("want {want}{caps}"));
        }
        let depth = random.chance(25).then(|| 1 + random.below(3));
        lines.extend(depth.map(|depth| format!("deepen {depth}")));
        lines.push("0000".into());
        let told = rev_list(&repo, &["--date-order"], &(haves.join("\n") + "\n"));
        let mut told: Vec<String> = if haves.is_empty() { Vec::new() } else { told.into_iter().collect() };
        for _ in 0..random.below(4) {
            told.insert(random.below(told.len() + 1), format!("{:040x}", 0xdead_u64 + random.next() % 50));
        }
        for id in &told {
            lines.push(format!("have {id}"));
            if random.chance(30) {
                lines.push("0000".into());
            }
        }
        lines.push("done".into());
        let input = body(&lines);

        let mut ours = session(&repo, version);
        let (out, results) = converse(&mut ours, &input, 1 + random.below(200));
        let context = format!("seed {seed}: {}", String::from_utf8_lossy(&input));
        let last = results.last().unwrap().as_ref().unwrap_or_else(|error| panic!("{error}\n{context}"));
        assert_eq!(last.outcome, UploadOutcome::Pack, "{context}");
        assert!(ours.is_over() && ours.may_end(), "{context}");
        let theirs = read_answer(&git_says(&repo, version, &input), version, true);
        let ours = read_answer(&out, version, true);
        if depth.is_some() {
            // Git looks at the cut history and finds itself ready later; the boundary is the same.
            let boundary =
                |lines: &[String]| lines.iter().filter(|line| line.contains("shallow ")).cloned().collect::<Vec<_>>();
            assert_eq!(boundary(&ours.lines), boundary(&theirs.lines), "{context}");
        } else {
            assert_eq!(ours.lines, theirs.lines, "{context}");
            let client = client_with(&repo, &haves);
            let got = index(&client, &ours.pack).unwrap_or_else(|error| panic!("{error}\n{context}"));
            let expected = index(&client_with(&repo, &haves), &theirs.pack).unwrap();
            assert!(got.is_superset(&expected), "{context}");
        }
    }
}

#[test]
fn version_2_takes_one_command_after_the_other() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(3), 8);
    let main = repo.git(&["rev-parse", "main"]);
    let lines = [
        "command=ls-refs",
        "object-format=sha1",
        "0001",
        "peel",
        "ref-prefix refs/heads/main",
        "0000",
        "command=fetch",
        "0001",
        &format!("want {main}"),
        &format!("have {:040x}", 0xdead),
        "0000",
        "command=fetch",
        "0001",
        &format!("want {main}"),
        "no-progress",
        "done",
        "0000",
        "0000",
    ];
    let input = body(&lines);
    for piece in [1, 7, input.len()] {
        let mut ours = session(&repo, ProtocolVersion::V2);
        let (out, results) = converse(&mut ours, &input, piece);
        let outcomes: Vec<UploadOutcome> = results.iter().map(|result| result.as_ref().unwrap().outcome).collect();
        use UploadOutcome::{Negotiated, Nothing, Pack, Refs};
        assert_eq!(outcomes, [Refs, Negotiated, Pack, Nothing]);
        assert!(ours.is_over());
        let ours = read_answer(&out, ProtocolVersion::V2, true);
        let theirs = read_answer(&git_says(&repo, ProtocolVersion::V2, &input), ProtocolVersion::V2, true);
        assert_eq!(ours.lines, theirs.lines);
        index(&TestRepo::new(), &ours.pack).unwrap();
    }
}

#[test]
fn who_wants_nothing_leaves_with_a_flush() {
    let repo = TestRepo::new();
    for version in [ProtocolVersion::V0, ProtocolVersion::V2] {
        let mut ours = session(&repo, version);
        assert!(ours.may_end());
        let (out, results) = converse(&mut ours, b"0000", 4);
        assert!(out.is_empty() && results.len() == 1 && ours.is_over());
    }
}

#[test]
fn a_session_that_is_left_half_way_may_not_end() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(1), 3);
    let main = repo.git(&["rev-parse", "main"]);
    let mut ours = session(&repo, ProtocolVersion::V0);
    converse(&mut ours, &body(&[format!("want {main}"), "0000".into()]), 100);
    assert!(!ours.may_end() && !ours.is_over());
}

#[test]
fn broken_and_endless_messages_end_the_session_with_a_word() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(1), 3);
    let main = repo.git(&["rev-parse", "main"]);
    let limits = Limits { max_request_bytes: 1000, ..Limits::default() };
    let long = body(&vec![format!("want {main}"); 30]);
    let bad: [(&[u8], ProtocolVersion); 5] = [
        (b"zzzz", ProtocolVersion::V0),
        (b"0003", ProtocolVersion::V2),
        (&long, ProtocolVersion::V0),
        (&long, ProtocolVersion::V2),
        (b"0011command=evil\n0000", ProtocolVersion::V2),
    ];
    for (input, version) in bad {
        let mut ours = UploadSession::new(Arc::new(repo.view()), version, limits.clone());
        let (out, results) = converse(&mut ours, input, 50);
        assert!(results.last().unwrap().is_err(), "{version:?}");
        assert!(ours.is_over() && !ours.is_ready());
        assert!(read_answer(&out, version, true).error.is_some(), "{:?}", String::from_utf8_lossy(&out));
    }
    let rounds = [&body(&[format!("want {main}"), "0000".into()])[..], &body(&["have nonsense", "0000"])[..]].concat();
    let mut ours = session(&repo, ProtocolVersion::V0);
    let (out, results) = converse(&mut ours, &rounds, 1000);
    assert!(results.last().unwrap().is_err());
    assert!(read_answer(&out, ProtocolVersion::V0, true).error.is_some());
}
