//! How git's bytes travel: sizes, encodings, framing, progress, refusals, and headers.

use crate::dsl::chance::Chance;
use crate::dsl::pack::{Pack, Report, ZERO, gzip, packets, pkt, push_body};
use crate::dsl::{Call, Forge, Git, PROTOCOLS, Wire, sop};

#[test]
fn a_push_beyond_the_post_buffer_arrives_chunked() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("large-{version}"));
        let work = Git::new().protocol(version).config("http.postBuffer", "65536").init("work");
        std::fs::write(work.dir().join("scan.bin"), Chance::seeded(1).noise(6_000_000)).unwrap();
        work.ok(&["add", "scan.bin"]);
        work.ok(&["commit", "--quiet", "--message", "Scan"]);
        let traced = work.env("GIT_TRACE_CURL", "1").run(&["push", &ada.url(&repository), "main"]).ok();
        let chunked = traced.stderr.to_ascii_lowercase().contains("transfer-encoding: chunked");
        assert!(chunked, "protocol {version}: git did not send chunks, so nothing was tested");
        let copy = ada.clone_repository(&repository);
        assert_eq!(std::fs::read(copy.dir().join("scan.bin")).unwrap(), Chance::seeded(1).noise(6_000_000));
    }
    let (_, peak) = forge.memory_bytes();
    assert!(peak < 400 << 20, "peak memory {peak} for pushes of 6 MB");
    forge.finish();
}

#[test]
fn the_probe_before_a_large_push_is_answered() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("probed");
    let probe = ada.push_raw(&repository, b"0000".to_vec());
    assert_eq!(probe.reply.status, 200);
    assert_eq!(probe.reply.header("Content-Type"), Some("application/x-git-receive-pack-result"));
    assert!(probe.reply.body.is_empty(), "{:?}", probe.reply.text());
    // Without a credential the probe must ask for one, so that git repeats it before it sends the pack.
    let anonymous = forge.anonymous().push_raw(&repository, b"0000".to_vec());
    assert_eq!(anonymous.reply.status, 401);
    assert!(anonymous.reply.header("WWW-Authenticate").is_some_and(|value| value.starts_with("Basic")));
    forge.finish();
}

#[test]
fn a_fetch_with_many_haves_is_sent_compressed_and_understood() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("diverged-{version}"));
        let upstream = Git::new().init("upstream");
        upstream.commit("a.md", "common\n");
        upstream.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
        let git = Git::new().protocol(version);
        git.ok(&["clone", "--quiet", &ada.url(&repository), "copy"]);
        let copy = git.at("copy");
        // Local work that the server has never seen, so that negotiation takes several rounds.
        let stream: String = (0..400)
            .map(|index| {
                let from = if index == 0 { "from refs/remotes/origin/main\n" } else { "" };
                format!(
                    "commit refs/heads/local\ncommitter Ada <ada@example.org> {} +0000\ndata 1\nx\n{from}M 100644 inline local.md\ndata 4\n{index:04}\n",
                    1_700_001_000 + index
                )
            })
            .collect();
        copy.run_with_input(&["fast-import", "--quiet"], stream.as_bytes()).ok();
        let theirs = upstream.commit("b.md", "theirs\n");
        upstream.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
        let traced = copy.env("GIT_TRACE_CURL", "1").run(&["fetch", "origin"]).ok();
        let compressed = traced.stderr.to_ascii_lowercase().contains("content-encoding: gzip");
        assert!(compressed, "protocol {version}: git did not compress, so nothing was tested");
        assert_eq!(copy.ok(&["rev-parse", "origin/main"]), theirs, "protocol {version}");
        copy.fsck();
    }
    forge.finish();
}

#[test]
fn a_compressed_push_is_understood() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("gzipped");
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[], "a.md", b"one\n");
    let body = push_body(&[(ZERO, &tip, b"refs/heads/main")], "report-status", &pack.bytes());
    for encoding in ["gzip", "x-gzip"] {
        let target = format!("/{repository}.git/git-receive-pack");
        let call = Call::new("POST", &target).header("Content-Encoding", encoding);
        let reply = ada.send(call.body("application/x-git-receive-pack-request", gzip(&body)));
        let report = Report::parse(&reply.expect(200).body).unwrap();
        assert_eq!(report.unpack, "ok", "{encoding}");
    }
    let call = Call::new("POST", &format!("/{repository}.git/git-receive-pack")).header("Content-Encoding", "br");
    let reply = ada.send(call.body("application/x-git-receive-pack-request", body));
    assert!(matches!(reply.status, 400 | 415), "an encoding nobody speaks: {}", reply.status);
    forge.finish();
}

#[test]
fn expect_100_continue_is_answered_before_the_body_and_refused_without_it() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("expecting");
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[], "a.md", b"one\n");
    let body = push_body(&[(ZERO, &tip, b"refs/heads/main")], "report-status", &pack.bytes());
    let call = |authorization: &str| {
        Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
            .header("Authorization", authorization)
            .header("Content-Type", "application/x-git-receive-pack-request")
            .header("Expect", "100-continue")
            .header("Content-Length", &body.len().to_string())
    };
    let mut wire = Wire::connect(forge.addr()).unwrap();
    wire.write(&call(&ada.basic()).head(forge.addr())).unwrap();
    assert_eq!(wire.head().unwrap().0, 100, "the server must ask for the body");
    wire.write(&body).unwrap();
    let reply = wire.reply_to("POST").unwrap().expect(200);
    assert!(Report::parse(&reply.body).unwrap().is_ok());

    // A wrong credential is refused before a single byte of the body is sent.
    let mut wire = Wire::connect(forge.addr()).unwrap();
    wire.write(&call("Basic YWRhOndyb25n").head(forge.addr())).unwrap();
    assert_eq!(wire.head().unwrap().0, 401);
    forge.finish();
}

#[test]
fn progress_reaches_the_person_who_pushes_and_who_clones() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("chatty");
    let work = Git::new().init("work");
    sop::fill(&work, 60);
    let pushed = work.run(&["push", "--progress", &ada.url(&repository), "main"]).ok();
    assert!(pushed.stderr.contains("remote: "), "no side-band progress on push: {}", pushed.stderr);
    for version in PROTOCOLS {
        let git = Git::new().protocol(version);
        let cloned = git.run(&["clone", "--progress", &ada.url(&repository), "copy"]).ok();
        assert!(cloned.stderr.contains("remote: "), "protocol {version}: no progress on clone: {}", cloned.stderr);
        let quiet = git.run(&["clone", "--quiet", &ada.url(&repository), "quiet"]).ok();
        assert!(!quiet.stderr.contains("remote: "), "protocol {version}: not quiet: {}", quiet.stderr);
    }
    forge.finish();
}

#[test]
fn a_reader_who_pushes_is_told_why_not() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let rita = forge.user("rita");
    let repository = ada.create_private_repository("read-only");
    ada.invite(&repository, "rita", "read");
    let work = Git::new().init("work");
    work.commit("a.md", "one\n");
    let refusal = work.fails(&["push", &rita.url(&repository), "main"]);
    assert!(refusal.contains("403") || refusal.contains("denied") || refusal.contains("write"), "{refusal}");
    assert_eq!(forge.server_git(&repository).refs(), "");
    forge.finish();
}

#[test]
fn credentials_work_in_the_url_in_a_header_and_as_the_token_alone() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_private_repository("ways-in");
    let work = Git::new().init("work");
    let tip = work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &ada.by_password().url(&repository), "main"]);
    let plain = format!("http://{}/{repository}.git", forge.addr());
    assert!(ada.git_with_header().ok(&["ls-remote", &plain]).contains(&tip), "basic header");
    let crate::dsl::persona::Credential::Token(token) = &ada.credential else { panic!("ada calls with a token") };
    for scheme in ["token", "Bearer", "bearer"] {
        let git = Git::new().config("http.extraHeader", &format!("Authorization: {scheme} {token}"));
        assert!(git.ok(&["ls-remote", &plain]).contains(&tip), "{scheme}");
    }
    for user in [token.clone(), format!("{token}:x-oauth-basic"), format!("anything:{token}")] {
        let url = format!("http://{user}@{}/{repository}.git", forge.addr());
        let seen = Git::new().ok(&["ls-remote", &url]);
        assert!(seen.contains(&tip), "token in the URL in another way: {seen}");
    }
    let refusal = Git::new().fails(&["ls-remote", &format!("http://ada:wrong@{}/{repository}.git", forge.addr())]);
    assert!(refusal.contains("Authentication failed"), "{refusal}");
    // Both spellings of the path work.
    assert!(ada.git_with_header().ok(&["ls-remote", &plain[..plain.len() - 4]]).contains(&tip), "without .git");
    forge.finish();
}

#[test]
fn answers_carry_the_headers_that_git_and_proxies_need() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("headers");
    for service in ["git-upload-pack", "git-receive-pack"] {
        let reply = ada.info_refs(&repository, service).expect(200);
        let kind = format!("application/x-{service}-advertisement");
        assert_eq!(reply.header("Content-Type"), Some(kind.as_str()));
        assert!(reply.header("Cache-Control").is_some_and(|value| value.contains("no-cache")), "{:?}", reply.headers);
        let lines = packets(&reply.body).unwrap();
        let first = String::from_utf8(lines[0].clone().unwrap()).unwrap();
        assert_eq!(first, format!("# service={service}\n"));
        assert!(lines[1].is_none(), "a flush follows the service line");
        // An empty repository still tells its capabilities.
        let capabilities = String::from_utf8(lines[2].clone().unwrap()).unwrap();
        assert!(capabilities.starts_with(&format!("{ZERO} capabilities^{{}}\0")), "{capabilities:?}");
    }
    let target = format!("/{repository}.git/info/refs?service=git-upload-pack");
    let reply = ada.send(Call::new("GET", &target).header("Git-Protocol", "version=2")).expect(200);
    let first = packets(&reply.body).unwrap().into_iter().flatten().next().unwrap();
    assert_eq!(first, b"version 2\n");
    let reply = ada.send(Call::new("GET", &target).header("Git-Protocol", "version=1")).expect(200);
    assert!(reply.body.windows(13).any(|window| window == pkt(b"version 1\n").get(..13).unwrap()));
    forge.finish();
}

#[test]
fn the_report_comes_in_the_form_that_was_asked_for() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("reports");
    for (index, capabilities) in
        ["report-status", "report-status-v2", "report-status side-band-64k", "report-status-v2 side-band-64k quiet"]
            .into_iter()
            .enumerate()
    {
        let mut pack = Pack::new();
        let tip = pack.add_commit(&[], "a.md", format!("{index}\n").as_bytes());
        let name = format!("refs/heads/branch-{index}");
        let reply = ada.push_raw(&repository, push_body(&[(ZERO, &tip, name.as_bytes())], capabilities, &pack.bytes()));
        assert!(reply.accepted(), "{capabilities}: {reply:?}");
        let banded = reply.reply.body.get(4) == Some(&1) || reply.reply.body.get(4) == Some(&2);
        assert_eq!(banded, capabilities.contains("side-band"), "{capabilities}");
    }
    // Who asks for no report gets none, and the push lands all the same.
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[], "a.md", b"silent\n");
    let reply = ada.push_raw(&repository, push_body(&[(ZERO, &tip, b"refs/heads/silent")], "", &pack.bytes()));
    assert_eq!(reply.reply.status, 200);
    assert!(forge.server_git(&repository).refs().contains(&tip));
    forge.finish();
}

#[test]
fn git_protocol_zero_clients_without_side_band_are_served() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("old-client");
    let work = Git::new().init("work");
    let tip = work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let mut body = pkt(format!("want {tip}\n").as_bytes());
    body.extend_from_slice(b"0000");
    body.extend(pkt(b"done\n"));
    let call = Call::new("POST", &format!("/{repository}.git/git-upload-pack"));
    let reply = ada.send(call.body("application/x-git-upload-pack-request", body)).expect(200);
    assert_eq!(reply.header("Content-Type"), Some("application/x-git-upload-pack-result"));
    assert!(reply.body.starts_with(b"0008NAK\nPACK"), "{:?}", &reply.body[..reply.body.len().min(40)]);
    let receiver = Git::new().init("receiver");
    receiver.run_with_input(&["index-pack", "--stdin", "--strict"], &reply.body[8..]).ok();
    assert_eq!(receiver.ok(&["cat-file", "-t", &tip]), "commit");
    forge.finish();
}

#[test]
fn requests_sent_ahead_on_one_connection_are_answered_in_order() {
    let forge = Forge::start();
    let mut wire = Wire::connect(forge.addr()).unwrap();
    let targets = ["/livez", "/api/v1/version", "/readyz", "/nowhere"];
    let ahead: String = targets.iter().map(|target| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    wire.write(ahead.as_bytes()).unwrap();
    let statuses: Vec<_> = targets.iter().map(|_| wire.reply_to("GET").unwrap().status).collect();
    assert_eq!(statuses, [200, 200, 200, 404]);
    forge.finish();
}
