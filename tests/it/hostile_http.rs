//! Requests that break the rules of HTTP, of the git transport or of patience: a clear answer or a closed connection,
//! and a server that serves the next one.

use std::time::{Duration, Instant};

use crate::dsl::chance::Chance;
use crate::dsl::pack::{Pack, ZERO, gzip, pkt, push_body};
use crate::dsl::{Call, Forge, Wire};
use crate::hostile_packs::Target;

const RECEIVE: &str = "application/x-git-receive-pack-request";
const UPLOAD: &str = "application/x-git-upload-pack-request";

fn asked_for(body: &[u8]) -> bool {
    body.windows(5).any(|window| window == b"want ")
}

fn push_head(target: &Target) -> Call {
    Call::new("POST", &format!("/{}.git/git-receive-pack", target.repository))
        .header("Authorization", &target.mallory.basic())
        .header("Content-Type", RECEIVE)
}

fn honest_push(target: &Target) -> (String, Vec<u8>) {
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[&target.tip], "b.md", &vec![b'b'; 50_000]);
    let body = push_body(&[(ZERO, &tip, b"refs/heads/slow")], "report-status", &pack.bytes());
    (tip, body)
}

#[test]
fn garbage_instead_of_packet_lines_is_refused() {
    let target = Target::new(Forge::start());
    let long_line = pkt(&vec![b'x'; 60_000]);
    let no_ids = pkt(b"hello world\n");
    let upper = pkt(format!("{} {} refs/heads/x\0report-status\n", "Z".repeat(40), target.tip).as_bytes());
    let short = pkt(format!("{} {} refs/heads/x\0report-status\n", &ZERO[..39], target.tip).as_bytes());
    let no_flush = pkt(format!("{ZERO} {} refs/heads/x\0report-status\n", target.tip).as_bytes());
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("no hex", b"zzzz".to_vec()),
        ("length 3", b"0003".to_vec()),
        ("length 1 and 2", b"00010002".to_vec()),
        ("a packet longer than the body", b"fff0short".to_vec()),
        ("half a length", b"00".to_vec()),
        ("a pack without commands", Pack::new().bytes()),
        ("a line that is no command", [no_ids, b"0000".to_vec()].concat()),
        ("an id that is no hex", [upper, b"0000".to_vec()].concat()),
        ("an id cut short", [short, b"0000".to_vec()].concat()),
        ("commands without an end", no_flush),
        ("one endless line", [long_line, b"0000".to_vec()].concat()),
        ("a push certificate nobody asked for", [pkt(b"push-cert\0report-status\n"), b"0000".to_vec()].concat()),
    ];
    for (what, body) in &bodies {
        let reply = target.mallory.push_raw(&target.repository, body.clone());
        assert!(!reply.accepted(), "{what}: accepted");
        assert!(reply.reply.status < 500, "{what}: {reply:?}");
        target.assert_untouched(what);
    }
    // The same to upload-pack, for each protocol version.
    for version in ["version=0", "version=1", "version=2"] {
        for (what, body) in &bodies {
            let call = Call::new("POST", &format!("/{}.git/git-upload-pack", target.repository));
            let reply = target.mallory.send(call.header("Git-Protocol", version).body(UPLOAD, body.clone()));
            assert!(reply.status < 500, "{what} {version}: {} {}", reply.status, reply.text());
            let has_pack = reply.body.windows(8).any(|window| window == b"PACK\0\0\0\x02");
            assert!(!has_pack, "{what} {version}: a pack for garbage");
            target.assert_untouched(what);
        }
    }
    for body in [
        pkt(b"command=destroy\n"),
        pkt(b"command=fetch\n"),
        [pkt(b"command=fetch\n"), b"0001".to_vec(), pkt(b"want nothing\n"), b"0000".to_vec()].concat(),
        [
            pkt(b"command=fetch\n"),
            b"0001".to_vec(),
            pkt(format!("want {}\n", "9".repeat(40)).as_bytes()),
            pkt(b"done\n"),
            b"0000".to_vec(),
        ]
        .concat(),
        [pkt(b"command=fetch\n"), b"0001".to_vec(), pkt(b"deepen -5\n"), pkt(b"done\n"), b"0000".to_vec()].concat(),
        [pkt(b"command=ls-refs\n"), pkt(b"object-format=sha256\n"), b"0000".to_vec()].concat(),
    ] {
        let call = Call::new("POST", &format!("/{}.git/git-upload-pack", target.repository));
        let reply = target.mallory.send(call.header("Git-Protocol", "version=2").body(UPLOAD, body.clone()));
        // Without a want there is nothing to send, and git too sends nothing.
        let told = reply.status >= 400 || reply.text().contains("ERR ") || !asked_for(&body) && reply.body.is_empty();
        let asked = String::from_utf8_lossy(&body).into_owned();
        assert!(told && reply.status < 500, "{asked:?}: {} {}", reply.status, reply.text());
        target.assert_untouched(&asked);
    }
    target.forge.finish();
}

#[test]
fn too_many_commands_or_wants_are_refused() {
    let forge =
        Forge::with().setting("git", "max_refs_per_push", 50).setting("git", "max_request_bytes", 65_536).start();
    let target = Target::new(forge);
    let names: Vec<String> = (0..51).map(|index| format!("refs/heads/n{index}")).collect();
    let commands: Vec<(&str, &str, &[u8])> =
        names.iter().map(|name| (ZERO, target.tip.as_str(), name.as_bytes())).collect();
    let reply =
        target.refuses("51 refs where 50 are allowed", push_body(&commands, "report-status", &Pack::new().bytes()));
    assert!(reply.reason().contains("50"), "the limit is named: {}", reply.reason());
    let reply =
        target.mallory.push_raw(&target.repository, push_body(&commands[..50], "report-status", &Pack::new().bytes()));
    assert!(reply.accepted(), "50 are allowed: {reply:?}");

    let want = pkt(format!("want {}\n", target.tip).as_bytes());
    let mut body = want.repeat(5_000);
    body.extend_from_slice(b"0000");
    for (what, call) in [
        ("a request of 250 kB", Call::new("POST", "").body(UPLOAD, body.clone())),
        ("the same, compressed", Call::new("POST", "").header("Content-Encoding", "gzip").body(UPLOAD, gzip(&body))),
        ("a bomb of 100 MB", {
            Call::new("POST", "").header("Content-Encoding", "gzip").body(UPLOAD, gzip(&vec![b'0'; 100_000_000]))
        }),
    ] {
        let call = Call { target: format!("/{}.git/git-upload-pack", target.repository), ..call };
        let reply = target.mallory.send(call);
        assert!(matches!(reply.status, 400 | 413), "{what}: {} {}", reply.status, reply.text());
    }
    let (_, peak) = target.forge.memory_bytes();
    assert!(peak < 300 << 20, "peak memory {peak}");
    target.forge.finish();
}

#[test]
fn damaged_compression_is_refused() {
    let target = Target::new(Forge::start());
    let (_, body) = honest_push(&target);
    let whole = gzip(&body);
    let mut wrong = whole.clone();
    let middle = wrong.len() / 2;
    wrong[middle] ^= 0x55;
    for (what, bytes) in [
        ("no gzip at all", body.clone()),
        ("cut in the middle", whole[..whole.len() / 2].to_vec()),
        ("cut before its checksum", whole[..whole.len() - 8].to_vec()),
        ("damaged in the middle", wrong),
    ] {
        let target_path = format!("/{}.git/git-receive-pack", target.repository);
        let call = Call::new("POST", &target_path).header("Content-Encoding", "gzip").body(RECEIVE, bytes);
        let reply = target.mallory.send(call);
        let report = crate::dsl::pack::Report::parse(&reply.body).unwrap_or_default();
        assert!(reply.status < 500 && !report.is_ok(), "{what}: {} {}", reply.status, reply.text());
        target.assert_untouched(what);
    }
    target.forge.finish();
}

#[test]
fn half_closed_and_broken_connections_change_nothing() {
    let target = Target::new(Forge::with().setting("server", "stall_timeout_seconds", 2).start());
    let (_, body) = honest_push(&target);
    for cut in [0, 10, 200, body.len() - 10] {
        // Promised more than was sent, then closed for writing.
        let mut wire = Wire::connect(target.forge.addr()).unwrap();
        let call = push_head(&target).header("Content-Length", &body.len().to_string());
        wire.write(&call.head(target.forge.addr())).unwrap();
        wire.write(&body[..cut]).unwrap();
        wire.half_close().unwrap();
        let answer = String::from_utf8_lossy(&wire.read_to_close().unwrap()).into_owned();
        assert!(!answer.contains("unpack ok"), "cut at {cut}: {answer}");
        target.assert_untouched(&format!("half-closed after {cut} bytes"));

        // Chunked without the last chunk, then gone altogether.
        let mut wire = Wire::connect(target.forge.addr()).unwrap();
        wire.write(&push_head(&target).header("Transfer-Encoding", "chunked").head(target.forge.addr())).unwrap();
        if cut > 0 {
            wire.write_chunk(&body[..cut]).unwrap();
        }
        drop(wire);
        target.assert_untouched(&format!("gone after a chunk of {cut} bytes"));
    }
    // A client that half-closes after the whole body is honest and gets its answer.
    let mut wire = Wire::connect(target.forge.addr()).unwrap();
    let call = push_head(&target).header("Content-Length", &body.len().to_string());
    wire.write(&call.head(target.forge.addr())).unwrap();
    wire.write(&body).unwrap();
    let reply = wire.reply_to("POST").unwrap();
    assert!(reply.text().contains("unpack ok"), "{}", reply.text());
    target.forge.finish();
}

#[test]
fn stalled_clients_are_dropped_in_time() {
    let forge = Forge::with()
        .setting("server", "header_timeout_seconds", 1)
        .setting("server", "idle_timeout_seconds", 1)
        .setting("server", "stall_timeout_seconds", 1)
        .start();
    let target = Target::new(forge);
    let (_, body) = honest_push(&target);
    let addr = target.forge.addr();
    let patience = Duration::from_secs(15);
    let closes = |what: &str, wire: &mut Wire| {
        wire.read_timeout(patience).unwrap();
        let started = Instant::now();
        let answer =
            wire.read_to_close().unwrap_or_else(|error| panic!("{what}: still open after {patience:?}: {error}"));
        assert!(started.elapsed() >= Duration::from_millis(500), "{what}: dropped at once");
        String::from_utf8_lossy(&answer).into_owned()
    };
    std::thread::scope(|scope| {
        let (target, body, closes) = (&target, &body, &closes);
        scope.spawn(move || {
            let mut wire = Wire::connect(addr).unwrap();
            closes("a connection that says nothing", &mut wire);
        });
        scope.spawn(move || {
            let mut wire = Wire::connect(addr).unwrap();
            wire.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            closes("a head that never ends", &mut wire);
        });
        scope.spawn(move || {
            let mut wire = Wire::connect(addr).unwrap();
            let call = push_head(target).header("Content-Length", &body.len().to_string());
            wire.write(&call.head(addr)).unwrap();
            wire.write(&body[..100]).unwrap();
            let answer = closes("a push body that stops", &mut wire);
            assert!(!answer.contains("unpack ok"), "{answer}");
        });
        scope.spawn(move || {
            let mut wire = Wire::connect(addr).unwrap();
            let call = Call::new("POST", "/api/v1/user/repos")
                .header("Authorization", &target.mallory.basic())
                .header("Content-Type", "application/json")
                .header("Content-Length", "1000");
            wire.write(&call.head(addr)).unwrap();
            wire.write(b"{\"name\":").unwrap();
            closes("a JSON body that stops", &mut wire);
        });
        scope.spawn(move || {
            let mut wire = Wire::connect(addr).unwrap();
            wire.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let reply = wire.reply_to("GET").unwrap();
            assert_eq!(reply.status, 200);
            closes("an idle kept-alive connection", &mut wire);
        });
    });
    target.assert_untouched("five stalled clients");
    target.forge.finish();
}

#[test]
fn a_reader_who_stops_reading_is_dropped_and_holds_nothing_up() {
    let forge = Forge::with()
        .setting("server", "stall_timeout_seconds", 1)
        .setting("git", "max_concurrent_uploads", 1)
        .setting("git", "queue_timeout_seconds", 20)
        .start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("big");
    let mut pack = Pack::new();
    let noise = Chance::seeded(7).noise(24 << 20);
    let tip = pack.add_commit(&[], "scan.bin", &noise);
    assert!(ada.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes()).accepted());
    let mut request = pkt(format!("want {tip} side-band-64k ofs-delta\n").as_bytes());
    request.extend_from_slice(b"0000");
    request.extend(pkt(b"done\n"));
    let call = Call::new("POST", &format!("/{repository}.git/git-upload-pack"))
        .header("Authorization", &ada.basic())
        .body(UPLOAD, request);
    let stalled: Vec<Wire> = (0..4)
        .map(|_| {
            let mut wire = Wire::connect(forge.addr()).unwrap();
            wire.write(&call.head(forge.addr())).unwrap();
            wire.write(&call.body).unwrap();
            wire
        })
        .collect();
    let (_, peak) = forge.memory_bytes();
    assert!(peak < 600 << 20, "peak memory {peak} with four stalled readers");
    // The stalled ones fill the only place; they must lose it in time for an honest clone.
    let copy = ada.clone_repository(&repository);
    assert_eq!(std::fs::metadata(copy.dir().join("scan.bin")).unwrap().len(), 24 << 20);
    drop(stalled);
    forge.finish();
}

#[test]
fn oversized_and_broken_heads_are_refused() {
    let forge = Forge::start();
    let addr = forge.addr();
    let big = "x".repeat(100_000);
    let reply = Call::new("GET", "/api/v1/version").header("X-Big", &big).send(addr).unwrap();
    assert_eq!(reply.status, 431, "{}", reply.text());
    let many =
        (0..2_000).fold(Call::new("GET", "/api/v1/version"), |call, index| call.header(&format!("X-{index}"), "y"));
    let reply = many.send(addr).unwrap();
    assert_eq!(reply.status, 431, "{}", reply.text());
    let reply = Call::new("GET", &format!("/api/v1/repos/search?q={big}")).send(addr).unwrap();
    assert!(matches!(reply.status, 414 | 431), "{}", reply.status);
    for raw in [
        "NONSENSE\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /readyz HTTP/1.1\r\n\r\n",
        "GET /readyz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /readyz HTTP/1.1\r\nBad Header: x\r\n\r\n",
        "GET /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/user/repos HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST /api/v1/user/repos HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let mut wire = Wire::connect(addr).unwrap();
        wire.write(raw.as_bytes()).unwrap();
        wire.half_close().unwrap();
        let answer = String::from_utf8_lossy(&wire.read_to_close().unwrap()).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"),
            "{raw:?}: {answer}"
        );
        forge.assert_alive(raw);
    }
    forge.finish();
}

#[test]
fn both_lengths_at_once_are_no_way_to_smuggle_a_request() {
    let forge = Forge::start();
    let mut wire = Wire::connect(forge.addr()).unwrap();
    wire.write(
        b"POST /api/v1/user/repos HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
          0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    .unwrap();
    wire.half_close().unwrap();
    let answer = String::from_utf8_lossy(&wire.read_to_close().unwrap()).into_owned();
    let first = answer.lines().next().unwrap_or_default();
    assert!(first.starts_with("HTTP/1.1 4"), "{answer}");
    forge.finish();
}

#[test]
fn wrong_types_services_and_methods_are_refused() {
    let mut target = Target::new(Forge::start());
    let rita = target.forge.user("rita");
    target.remember();
    let repository = &target.repository;
    let (_, body) = honest_push(&target);
    let receive = format!("/{repository}.git/git-receive-pack");
    let upload = format!("/{repository}.git/git-upload-pack");
    for kind in ["text/plain", UPLOAD, "application/x-www-form-urlencoded", "application/json", ""] {
        let reply = target.mallory.send(Call::new("POST", &receive).body(kind, body.clone()));
        assert!(matches!(reply.status, 400 | 415), "receive-pack as {kind}: {}", reply.status);
        target.assert_untouched(kind);
    }
    let reply = target.mallory.send(Call::new("POST", &upload).body(RECEIVE, body.clone()));
    assert!(matches!(reply.status, 400 | 415), "upload-pack as receive-pack: {}", reply.status);

    // The right to push hangs on what is done, not on what the query says.
    for path in [
        format!("{receive}?service=git-upload-pack"),
        format!("/{repository}/git-receive-pack?service=git-upload-pack"),
        format!("/{repository}.git//git-receive-pack"),
        format!("/{repository}.git/./git-receive-pack"),
        format!("/{repository}.git/info/../git-receive-pack"),
        format!("/{repository}.git/git%2Dreceive%2Dpack"),
        format!("/{repository}.git/git-receive-pack/"),
        format!("/{}/git-receive-pack", repository.to_uppercase()),
    ] {
        let reply = rita.send(Call::new("POST", &path).body(RECEIVE, body.clone()));
        assert!(matches!(reply.status, 400 | 403 | 404 | 405), "{path}: {} {}", reply.status, reply.text());
        target.assert_untouched(&path);
    }
    for (method, path) in [("GET", &receive), ("PUT", &receive), ("GET", &upload), ("DELETE", &upload)] {
        let reply = target.mallory.send(Call::new(method, path));
        assert!(matches!(reply.status, 404 | 405), "{method} {path}: {}", reply.status);
    }
    for service in ["git-upload-archive", "git-shell", "", "upload-pack", "git-upload-pack%00", "../git-upload-pack"] {
        let reply = target.mallory.send(Call::new("GET", &format!("/{repository}.git/info/refs?service={service}")));
        assert!(matches!(reply.status, 400 | 403 | 404), "service {service:?}: {}", reply.status);
    }
    // The dumb protocol is not spoken, so no file of the repository is reachable by its path.
    for file in ["info/refs", "HEAD", "objects/info/packs", "config", "packed-refs", "refs/heads/main", "description"] {
        let reply = target.mallory.send(Call::new("GET", &format!("/{repository}.git/{file}")));
        assert!(matches!(reply.status, 400 | 403 | 404), "{file}: {} {}", reply.status, reply.text());
        assert!(!reply.text().contains(&target.tip), "{file} was served");
    }
    target.forge.finish();
}

#[test]
fn paths_that_climb_are_refused() {
    let target = Target::new(Forge::start());
    for owner in [
        "..",
        "%2e%2e",
        ".",
        "%2e",
        "mallory%2f..%2fadmin",
        "mallory%00",
        "..%5c..",
        "%ff%fe",
        "~root",
        "-",
        "mallory%20",
    ] {
        for name in ["target", "..", "%2e%2e", "..%2f..%2fatomicqms.db", "target%00", "%2e%2e%2ftarget", ".git"] {
            for path in [
                format!("/{owner}/{name}.git/info/refs?service=git-upload-pack"),
                format!("/{owner}/{name}/info/refs?service=git-upload-pack"),
                format!("/api/v1/repos/{owner}/{name}"),
            ] {
                let reply = target.mallory.send(Call::new("GET", &path));
                assert!(matches!(reply.status, 400 | 401 | 404 | 422), "{path}: {} {}", reply.status, reply.text());
            }
        }
    }
    for name in ["..", ".", "a/b", "a b", "", "x.git", "x.lock", "x.wiki", "-x", "con\0", "ä", "a\n", &"x".repeat(300)]
    {
        let body = serde_json::json!({ "name": name });
        let reply = target.mallory.post("/api/v1/user/repos", &body);
        if reply.status == 201 {
            // Names that are odd but harmless may be allowed; then they must work.
            let full_name = reply.json()["full_name"].as_str().unwrap().to_owned();
            assert!(target.forge.repository_dir(&full_name).is_dir(), "{name:?} was accepted but is not at its place");
            target.mallory.delete(&format!("/api/v1/repos/{full_name}")).expect(204);
        } else {
            assert!(matches!(reply.status, 400 | 409 | 422), "a repository named {name:?}: {}", reply.status);
        }
    }
    for name in ["..", ".", "a/b", "", "a b", "admin", "ADMIN", "api", "-", "metrics", "a\0b", &"x".repeat(300)] {
        let body =
            serde_json::json!({ "username": name, "email": "x@example.org", "password": "canary-9876-Password" });
        let reply = target.forge.admin().post("/api/v1/admin/users", &body);
        assert!(matches!(reply.status, 400 | 409 | 422), "a user named {name:?}: {} {}", reply.status, reply.text());
    }
    target.forge.finish();
}

#[test]
fn bodies_that_are_no_json_are_refused() {
    let target = Target::new(Forge::with().setting("server", "max_json_bytes", 4096).start());
    let post = |body: &[u8], kind: &str| {
        target.mallory.send(Call::new("POST", "/api/v1/user/repos").body(kind, body.to_vec()))
    };
    let deep = "[".repeat(3_000);
    for body in [
        "",
        "{",
        "nonsense",
        "null",
        "[]",
        "3",
        "\"name\"",
        "{\"name\":3}",
        "{\"name\":null}",
        "{\"name\":[\"x\"]}",
        "{}",
        "{\"name\":\"x\",\"private\":\"maybe\"}",
        &deep,
        "\u{feff}{\"name\":\"x\"}",
        "{\"name\":\"x\"} trailing",
    ] {
        let reply = post(body.as_bytes(), "application/json");
        let shown: String = body.chars().take(40).collect();
        assert!(matches!(reply.status, 400 | 422), "{shown:?}: {} {}", reply.status, reply.text());
        assert!(reply.json()["message"].is_string(), "{shown:?}: {}", reply.text());
        target.assert_untouched(&shown);
    }
    let reply = post(b"{\"name\":\"\xff\xfe\"}", "application/json");
    assert!(matches!(reply.status, 400 | 422), "not UTF-8: {}", reply.status);
    let big = format!("{{\"name\":\"x\",\"description\":\"{}\"}}", "y".repeat(5_000));
    let reply = post(big.as_bytes(), "application/json");
    assert_eq!(reply.status, 413, "{}", reply.text());
    target.assert_untouched("a body beyond the limit");
    target.forge.finish();
}

#[test]
fn a_refusal_that_leaves_the_body_unread_says_that_the_connection_ends() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    ada.post("/api/v1/user/repos", &serde_json::json!({ "name": "secret", "private": true })).expect(201);
    let kind = "application/x-git-upload-pack-request";
    let head = |target: &str, length: usize| {
        format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut wire = Wire::connect(forge.addr()).unwrap();
    wire.write(head("/ada/secret.git/git-upload-pack", 4).as_bytes()).unwrap();
    let refused = wire.reply_to("POST").unwrap().expect(401);
    assert_eq!(refused.header("connection"), Some("close"), "the client's body was not waited for");
    // A body that was read, and a request without one, leave the connection as it is.
    let body = br#"{"name": 7}"#;
    let mut wire = Wire::connect(forge.addr()).unwrap();
    let call = format!(
        "POST /api/v1/user/repos HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        ada.basic(),
        body.len()
    );
    wire.write(&[call.as_bytes(), body].concat()).unwrap();
    let refused = wire.reply_to("POST").unwrap().expect(422);
    assert_eq!(refused.header("connection"), None);
    wire.write(b"GET /ada/secret.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(wire.reply_to("GET").unwrap().expect(401).header("connection"), None);
    forge.finish();
}
