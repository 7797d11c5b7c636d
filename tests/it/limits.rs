//! Bounded everything: memory, open repositories, queues, connections. Beyond a bound there is a clear answer, and
//! afterwards everything is as before.

use crate::dsl::chance::Chance;
use crate::dsl::pack::{Kind, Pack, ZERO, commit, entry_header, pkt, push_body, tree};
use crate::dsl::{Call, Forge, Git, PATIENCE, Wire, until};

/// A pack entry stored without compression, which costs the test nothing.
fn stored(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_big_push_and_its_clone_take_little_memory() {
    const FILES: u64 = 160;
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("scans");
    let mut pack = Pack::new();
    let mut files = Vec::new();
    for index in 0..FILES {
        let data = Chance::seeded(index + 1).noise(1 << 20);
        pack.add_raw(&entry_header(Kind::Blob as u8, data.len() as u64), &stored(&data));
        files.push((format!("scan-{index:03}.bin"), crate::dsl::pack::object_id(Kind::Blob, &data)));
    }
    let entries: Vec<_> = files.iter().map(|(name, id)| ("100644", name.as_bytes(), id.as_str())).collect();
    let root = pack.add(Kind::Tree, &tree(&entries));
    let tip = pack.add(Kind::Commit, &commit(&root, &[], "Scans"));
    let body = push_body(&[(ZERO, &tip, b"refs/heads/main")], "report-status", &pack.bytes());
    let (before, _) = forge.memory_bytes();

    let mut wire = Wire::connect(forge.addr()).unwrap();
    let call = Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
        .header("Authorization", &ada.basic())
        .header("Content-Type", "application/x-git-receive-pack-request")
        .header("Transfer-Encoding", "chunked");
    wire.write(&call.head(forge.addr())).unwrap();
    for chunk in body.chunks(1 << 20) {
        wire.write_chunk(chunk).unwrap();
    }
    wire.finish_chunks().unwrap();
    let reply = wire.reply_to("POST").unwrap().expect(200);
    assert!(crate::dsl::pack::Report::parse(&reply.body).unwrap().is_ok(), "{}", reply.text());
    drop(body);
    let (_, peak) = forge.memory_bytes();
    // Mapped pages of the pack count as resident, so the pack's own size is allowed for.
    let allowed = before + (FILES << 20) + (100 << 20);
    assert!(peak < allowed, "a push of {FILES} MiB took memory from {before} to {peak}");

    let mut request = pkt(format!("want {tip} side-band-64k ofs-delta\n").as_bytes());
    request.extend_from_slice(b"0000");
    request.extend(pkt(b"done\n"));
    let call = Call::new("POST", &format!("/{repository}.git/git-upload-pack"));
    let reply = ada.send(call.body("application/x-git-upload-pack-request", request)).expect(200);
    assert!(reply.body.len() > (FILES << 20) as usize);
    let (_, peak) = forge.memory_bytes();
    assert!(peak < allowed, "its clone took memory from {before} to {peak}");
    forge.finish();
}

#[test]
fn repositories_are_closed_and_opened_again_unnoticed() {
    let forge =
        Forge::with().setting("git", "max_open_repositories", 2).setting("git", "idle_close_seconds", 1).start();
    let ada = forge.user("ada");
    let repositories: Vec<_> = (0..6).map(|index| ada.create_repository(&format!("r{index}"))).collect();
    std::thread::scope(|scope| {
        for (index, repository) in repositories.iter().enumerate() {
            let ada = &ada;
            scope.spawn(move || {
                let mut old = ZERO.to_owned();
                for round in 0..8 {
                    let mut pack = Pack::new();
                    let parents: Vec<&str> = if old == ZERO { Vec::new() } else { vec![&old] };
                    let tip = pack.add_commit(&parents, "a.md", format!("{index} {round}\n").as_bytes());
                    let reply = ada.push_one(repository, (&old, &tip, b"refs/heads/main"), &pack.bytes());
                    assert!(reply.accepted(), "{repository} round {round}: {reply:?}");
                    let listed = ada.info_refs(repository, "git-upload-pack").expect(200).text();
                    assert!(
                        listed.contains(&tip),
                        "{repository} round {round}: the push is not seen by its own pusher"
                    );
                    old = tip;
                }
            });
        }
    });
    until("idle repositories to be closed", PATIENCE, || {
        let metrics = forge.get("/metrics").text();
        let line =
            metrics.lines().find(|line| line.starts_with("atomicqms_repositories_open ")).unwrap_or("none").to_owned();
        if line.ends_with(" 0") { Ok(()) } else { Err(line) }
    });
    let git = Git::new();
    for repository in &repositories {
        assert_eq!(git.ok(&["ls-remote", &ada.url(repository), "refs/heads/*"]).lines().count(), 1);
    }
    forge.finish();
}

#[test]
fn a_full_writer_queue_refuses_and_loses_nothing() {
    let mut forge = Forge::start();
    let ada = forge.user("ada");
    forge.stop();
    let start = forge.start_options();
    let usual = std::mem::replace(start, Forge::with());
    *start = usual.setting("database", "writer_queue", 1).setting("database", "writer_max_batch", 1);
    forge.restart();
    let outcomes: Vec<(String, u16)> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..24)
            .map(|maker| {
                let ada = &ada;
                scope.spawn(move || {
                    let make = |index| {
                        let name = format!("m{maker}-{index}");
                        let reply = ada.post("/api/v1/user/repos", &serde_json::json!({ "name": name }));
                        if reply.status == 503 {
                            assert!(reply.header("Retry-After").is_some(), "{:?}", reply.headers);
                        }
                        (name, reply.status)
                    };
                    (0..6).map(make).collect::<Vec<_>>()
                })
            })
            .collect();
        makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect()
    });
    for (name, status) in &outcomes {
        assert!(matches!(status, 201 | 503), "{name}: {status}");
        let there = ada.get(&format!("/api/v1/repos/ada/{name}")).status == 200;
        assert_eq!(there, *status == 201, "{name} was answered {status}");
        // A directory that could not be made at once is made when the repository is first used.
        let used = || match ada.info_refs(&format!("ada/{name}"), "git-upload-pack").status {
            503 => Err("overloaded".to_owned()),
            status => Ok(status),
        };
        let used = until("the repository to be used", PATIENCE, used);
        assert_eq!(used, if there { 200 } else { 404 }, "{name}");
    }
    assert!(outcomes.iter().any(|(_, status)| *status == 201));
    forge.finish();
}

#[test]
fn connections_beyond_the_bound_are_refused_until_others_leave() {
    let forge = Forge::with().setting("server", "max_connections", 4).start();
    let held: Vec<_> = (0..4)
        .map(|_| {
            // The connections that waited for the start may still be on their way out.
            until("a place among the connections", PATIENCE, || {
                let mut wire = Wire::connect(forge.addr()).map_err(|error| error.to_string())?;
                wire.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").map_err(|error| error.to_string())?;
                match wire.reply_to("GET") {
                    Ok(reply) if reply.status == 200 => Ok(wire),
                    other => Err(format!("{other:?}")),
                }
            })
        })
        .collect();
    let refused = Call::new("GET", "/livez").send(forge.addr());
    assert!(refused.as_ref().map_or(true, |reply| reply.status == 503), "{refused:?}");
    assert!(refused.as_ref().map_or(true, |reply| reply.header("X-Request-Id").is_some()), "{refused:?}");
    drop(held);
    until("a place to be free", PATIENCE, || match Call::new("GET", "/livez").send(forge.addr()) {
        Ok(reply) if reply.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    forge.finish();
}

#[test]
fn pushes_wait_their_turn_and_are_refused_when_it_does_not_come() {
    let forge = Forge::with()
        .setting("git", "max_concurrent_receives", 1)
        .setting("git", "max_concurrent_uploads", 1)
        .setting("git", "queue_timeout_seconds", 30)
        .start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("queued");
    std::thread::scope(|scope| {
        for index in 0..12 {
            let (ada, repository) = (&ada, &repository);
            scope.spawn(move || {
                let work = Git::new().init("work");
                work.commit("a.md", &format!("{index}\n"));
                work.ok(&["push", "--quiet", &ada.url(repository), &format!("main:refs/heads/b{index}")]);
                work.ok(&["fetch", "--quiet", &ada.url(repository), "+refs/heads/*:refs/remotes/all/*"]);
            });
        }
    });
    let listed = Git::new().ok(&["ls-remote", &ada.url(&repository), "refs/heads/*"]);
    assert_eq!(listed.lines().count(), 12);
    forge.finish();
}

#[test]
fn console_commands_beside_a_busy_server_meet_no_locked_database() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("shared");
    let data_dir = forge.data_dir().to_string_lossy().into_owned();
    let console = |args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["--data-dir", &data_dir]);
        let output = crate::dsl::forge::binary(&all).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "{args:?}: {text}");
        assert!(!text.contains("locked"), "{args:?}: {text}");
    };
    std::thread::scope(|scope| {
        for pusher in 0..3 {
            let (ada, repository) = (&ada, &repository);
            scope.spawn(move || {
                let mut old = ZERO.to_owned();
                for round in 0..30 {
                    let mut pack = Pack::new();
                    let parents: Vec<&str> = if old == ZERO { Vec::new() } else { vec![&old] };
                    let tip = pack.add_commit(&parents, "a.md", format!("{pusher} {round}\n").as_bytes());
                    let name = format!("refs/heads/b{pusher}");
                    let reply = ada.push_one(repository, (&old, &tip, name.as_bytes()), &pack.bytes());
                    assert!(reply.accepted(), "round {round}: {reply:?}");
                    old = tip;
                }
            });
        }
        let console = &console;
        scope.spawn(move || {
            for index in 0..6 {
                let (name, mail) = (format!("console{index}"), format!("console{index}@example.org"));
                console(&[
                    "admin",
                    "user",
                    "create",
                    "--username",
                    &name,
                    "--password",
                    "canary-Console-8",
                    "--email",
                    &mail,
                ]);
                console(&["admin", "token", "create", "--username", &name, "--name", "x", "--scopes", "all"]);
                console(&["audit", "verify"]);
            }
        });
    });
    forge.finish();
}
