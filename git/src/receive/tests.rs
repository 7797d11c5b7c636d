//! Commands as git 2.39 sends them, cut at every place, and reports as it reads them.

use super::*;
use crate::{error::Error, limits::Limits, pktline};
use proptest::prelude::*;

const A: &str = "1111111111111111111111111111111111111111";
const B: &str = "2222222222222222222222222222222222222222";
const ZERO: &str = "0000000000000000000000000000000000000000";

fn body(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        match *line {
            "0000" => pktline::put_flush(&mut out),
            line => pktline::put_data(&mut out, line.as_bytes()),
        }
    }
    out
}

fn parse_whole(bytes: &[u8]) -> Result<(ReceiveRequest, usize), Error> {
    match CommandParser::new(&Limits::default()).push(bytes)? {
        Parsed::Done { request, pack_starts_at } => Ok((request, pack_starts_at)),
        Parsed::NeedMore => Err(Error::Interrupted),
    }
}

fn sample() -> Vec<u8> {
    let first = format!(
        "{A} {B} refs/heads/main\0 report-status-v2 side-band-64k atomic push-options object-format=sha1 agent=git/2.39.5"
    );
    let mut bytes = body(&[
        &format!("shallow {A}"),
        &first,
        &format!("{ZERO} {B} refs/heads/new"),
        &format!("{A} {ZERO} refs/tags/odd name\n"),
        "0000",
        "ci.skip",
        "reason=two words",
        "0000",
    ]);
    bytes.extend_from_slice(b"PACK....");
    bytes
}

#[test]
fn a_full_request_is_understood() {
    let bytes = sample();
    let (request, at) = parse_whole(&bytes).unwrap();
    assert_eq!(&bytes[at..], b"PACK....");
    let names: Vec<_> = request.commands.iter().map(|c| c.name.as_slice()).collect();
    assert_eq!(names, [&b"refs/heads/main"[..], b"refs/heads/new", b"refs/tags/odd name"]);
    assert_eq!(request.commands[1].old, None);
    assert_eq!(request.commands[2].new, None);
    assert_eq!(request.shallow, [ObjectId::from([0x11; 20])]);
    assert_eq!(request.push_options, [&b"ci.skip"[..], b"reason=two words"]);
    let caps = &request.capabilities;
    assert!(caps.report_status && caps.report_status_v2 && caps.atomic && caps.push_options && !caps.quiet);
    assert_eq!(caps.band, BandMode::Large);
    assert_eq!(caps.agent.as_deref(), Some("git/2.39.5"));
    assert!(request.expects_pack());
}

#[test]
fn the_probe_has_no_commands() {
    let (request, at) = parse_whole(b"0000").unwrap();
    assert!(request.commands.is_empty() && !request.expects_pack());
    assert_eq!(at, 4);
}

#[test]
fn a_deletion_expects_no_pack() {
    let (request, _) = parse_whole(&body(&[&format!("{A} {ZERO} refs/heads/x\0report-status"), "0000"])).unwrap();
    assert!(!request.expects_pack());
    assert_eq!(request.capabilities.band, BandMode::None);
}

#[test]
fn broken_requests_are_refused() {
    for line in [
        "hello",
        &format!("{A} {B}"),
        &format!("{A} {B} "),
        &format!("{A}  {B} refs/heads/x"),
        &format!("{A} {B} refs/heads/x\0object-format=sha256"),
        "shallow 12",
    ] {
        let error = parse_whole(&body(&[line, "0000"])).unwrap_err();
        assert!(matches!(error, Error::BadRequest { .. }), "{line:?}: {error:?}");
    }
    assert!(matches!(parse_whole(b"0001"), Err(Error::BadRequest { .. })));
    assert!(matches!(parse_whole(b"PACK"), Err(Error::BadRequest { .. })));
}

#[test]
fn limits_stop_endless_commands() {
    let line = format!("{ZERO} {B} refs/heads/x");
    let bytes = body(&vec![line.as_str(); 20]);
    let limits = Limits { max_commands: 10, ..Limits::default() };
    assert!(matches!(CommandParser::new(&limits).push(&bytes), Err(Error::TooLarge { limit: 10, .. })));
    let limits = Limits { max_command_bytes: 500, ..Limits::default() };
    assert!(matches!(CommandParser::new(&limits).push(&bytes), Err(Error::TooLarge { limit: 500, .. })));
}

fn certificate(lines: &[&str]) -> Vec<u8> {
    let mut bytes = body(&["push-cert\0report-status-v2 push-options object-format=sha1\n"]);
    for line in lines {
        pktline::put_data(&mut bytes, format!("{line}\n").as_bytes());
    }
    bytes.extend(body(&["push-cert-end\n", "0000", "why=because", "0000"]));
    bytes.extend_from_slice(b"PACK");
    bytes
}

fn signed_lines() -> Vec<String> {
    [
        "certificate version 0.1",
        "pusher Ada <ada@example.org> 1700000000 +0000",
        "pushee https://example.org/ada/sop.git",
        "nonce 1700000000-abc",
        "push-option why=because",
        "",
        &format!("{ZERO} {A} refs/heads/main"),
        &format!("{A} {B} refs/heads/odd name"),
        "-----BEGIN SSH SIGNATURE-----",
        "AAAA",
        "-----END SSH SIGNATURE-----",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn a_signed_push_orders_what_its_certificate_says() {
    let lines = signed_lines();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let bytes = certificate(&lines);
    let (request, at) = parse_whole(&bytes).unwrap();
    assert_eq!(&bytes[at..], b"PACK");
    let found = request.certificate.unwrap();
    assert_eq!(found.text, (lines.join("\n") + "\n").as_bytes());
    assert_eq!(found.signed(), (lines[..8].join("\n") + "\n").as_bytes());
    assert!(found.signature().starts_with(b"-----BEGIN SSH SIGNATURE-----\nAAAA\n"));
    assert_eq!(found.format(), Some(SignatureFormat::Ssh));
    assert_eq!(found.pusher, "Ada <ada@example.org> 1700000000 +0000");
    assert_eq!(found.nonce.as_deref(), Some("1700000000-abc"));
    assert_eq!(request.commands.len(), 2);
    assert_eq!((request.commands[0].old, request.commands[1].name.as_slice()), (None, &b"refs/heads/odd name"[..]));
    // Cut anywhere, it is the same.
    for cut in 0..at {
        let mut parser = CommandParser::new(&Limits::default());
        assert_eq!(parser.push(&bytes[..cut]).unwrap(), Parsed::NeedMore);
        assert!(
            matches!(parser.push(&bytes[cut..]).unwrap(), Parsed::Done { request, .. } if request.certificate.is_some())
        );
    }
}

#[test]
fn certificates_that_are_none_are_refused() {
    let lines = signed_lines();
    let change = |at: usize, line: &str| {
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        lines[at] = line;
        certificate(&lines)
    };
    let mut both = body(&[&format!("{A} {B} refs/heads/x\0report-status")]);
    both.extend(certificate(&lines.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut after = body(&["push-cert\0report-status\n"]);
    for line in lines.iter().filter(|line| !line.starts_with("push-option")) {
        pktline::put_data(&mut after, format!("{line}\n").as_bytes());
    }
    let open = after.clone();
    after.extend(body(&["push-cert-end\n", &format!("{A} {B} refs/heads/x"), "0000"]));
    for bytes in [
        change(0, "certificate version 0.2"),
        change(1, "nobody"),
        change(1, "pushee twice"),
        change(4, "push-option why=else"),
        change(5, "no end"),
        change(6, "not a command"),
        both,
        after,
        [open, b"0000".to_vec()].concat(),
    ] {
        assert!(matches!(parse_whole(&bytes), Err(Error::BadRequest { .. })), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn push_options_are_bounded() {
    let options = |count: usize, len: usize| {
        let option = "x".repeat(len);
        let mut lines = vec![format!("{A} {B} refs/heads/x\0push-options"), "0000".into()];
        lines.extend(std::iter::repeat_n(option, count));
        lines.push("0000".into());
        parse_whole(&body(&lines.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    assert_eq!(options(100, 4096).unwrap().0.push_options.len(), 100);
    assert!(matches!(options(101, 1), Err(Error::TooLarge { .. })));
    assert!(matches!(options(1, 4097), Err(Error::TooLarge { .. })));
}

#[test]
fn every_single_split_gives_the_same_request() {
    let bytes = sample();
    let (whole, at) = parse_whole(&bytes).unwrap();
    for cut in 0..bytes.len() {
        let mut parser = CommandParser::new(&Limits::default());
        match parser.push(&bytes[..cut]).unwrap() {
            Parsed::Done { request, pack_starts_at } => {
                assert!(cut >= at);
                assert_eq!((request, pack_starts_at), (whole.clone(), at));
            }
            Parsed::NeedMore => match parser.push(&bytes[cut..]).unwrap() {
                Parsed::Done { request, pack_starts_at } => {
                    assert_eq!((request, pack_starts_at + cut), (whole.clone(), at));
                }
                Parsed::NeedMore => panic!("not done after everything, cut at {cut}"),
            },
        }
    }
}

#[test]
fn reports_read_as_git_expects() {
    let commands = [
        CommandReport { name: b"refs/heads/a".to_vec(), outcome: CommandOutcome::Applied },
        CommandReport { name: b"refs/heads/b".to_vec(), outcome: CommandOutcome::Refused { reason: "no\nway".into() } },
    ];
    let mut caps = PushCapabilities { report_status: true, ..Default::default() };
    let plain = report(&caps, Ok(()), &commands);
    assert_eq!(&plain[..], b"000eunpack ok\n0014ok refs/heads/a\n001bng refs/heads/b no way\n0000");

    caps.band = BandMode::Large;
    let banded = report(&caps, Ok(()), &commands);
    let mut expected = format!("{:04x}\x01", plain.len() + 5).into_bytes();
    expected.extend_from_slice(&plain);
    expected.extend_from_slice(b"0000");
    assert_eq!(&banded[..], &expected[..]);

    caps.report_status = false;
    assert_eq!(&report(&caps, Ok(()), &commands)[..], b"0000");
    caps.band = BandMode::None;
    assert!(report(&caps, Ok(()), &commands).is_empty());
}

#[test]
fn rewritten_commands_are_explained_to_v2_clients_only() {
    let outcome = CommandOutcome::Rewritten(Rewritten {
        new: Some(ObjectId::from([0x22; 20])),
        forced: true,
        ..Default::default()
    });
    let commands = [CommandReport { name: b"refs/heads/a".to_vec(), outcome }];
    let mut caps = PushCapabilities { report_status: true, ..Default::default() };
    assert_eq!(&report(&caps, Ok(()), &commands)[..], b"000eunpack ok\n0014ok refs/heads/a\n0000");
    caps.report_status_v2 = true;
    let text = String::from_utf8(report(&caps, Ok(()), &commands).to_vec()).unwrap();
    assert!(text.contains(&format!("option new-oid {B}\n")) && text.contains("option forced-update\n"), "{text}");
}

#[test]
fn messages_need_a_band() {
    let mut caps = PushCapabilities { report_status: true, ..Default::default() };
    assert!(progress(&caps, "x").is_empty() && keep_alive(&caps).is_empty());
    assert_eq!(&fatal(&caps, "index-pack abnormal exit")[..], b"0024unpack index-pack abnormal exit\n0000");
    caps.band = BandMode::Large;
    assert_eq!(&progress(&caps, "hi\n")[..], b"0008\x02hi\n");
    assert_eq!(&fatal(&caps, "bye")[..], b"0008\x03bye0000");
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_request(cuts in proptest::collection::vec(1_usize..60, 0..40)) {
        let bytes = sample();
        let (whole, at) = parse_whole(&bytes).unwrap();
        let mut parser = CommandParser::new(&Limits::default());
        let mut start = 0;
        let mut cuts = cuts.into_iter();
        loop {
            let end = (start + cuts.next().unwrap_or(1)).min(bytes.len());
            if let Parsed::Done { request, pack_starts_at } = parser.push(&bytes[start..end]).unwrap() {
                prop_assert_eq!(request, whole);
                prop_assert_eq!(start + pack_starts_at, at);
                break;
            }
            prop_assert!(end < bytes.len());
            start = end;
        }
    }

    #[test]
    fn garbage_never_panics(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8)) {
        let mut parser = CommandParser::new(&Limits::default());
        for chunk in &chunks {
            if parser.push(chunk).is_err() {
                break;
            }
        }
    }

    #[test]
    fn garbage_in_packets_never_panics(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..130), 0..8)) {
        let mut bytes = Vec::new();
        for line in &lines {
            pktline::put_data(&mut bytes, line);
        }
        let _ = CommandParser::new(&Limits::default()).push(&bytes);
    }
}
