//! What strangers can use up: memory, places, guesses. Each attack comes from one address, and somebody with a right to the server
//! is served while it goes on.

use std::thread;
use std::time::Duration;

use crate::dsl::chance::Chance;
use crate::dsl::pack::{Kind, Pack, ZERO, commit, gzip, pkt, push_body};
use crate::dsl::persona::{Credential, Persona};
use crate::dsl::wait::pause_for;
use crate::dsl::{Call, Forge, PATIENCE, Wire, until};

const UPLOAD: &str = "application/x-git-upload-pack-request";
const MIB: u64 = 1 << 20;

/// Sends many requests at once and gives their statuses.
fn all_at_once(forge: &Forge, count: usize, call: impl Fn(usize) -> Call + Sync) -> Vec<u16> {
    let (addr, call) = (forge.addr(), &call);
    thread::scope(|scope| {
        let senders: Vec<_> =
            (0..count).map(|index| scope.spawn(move || call(index).send(addr).unwrap().status)).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    })
}

fn basic(login: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{login}:{password}")))
}

/// A public repository with some megabytes, owned by ada.
fn public_repository(forge: &Forge, mebibytes: usize) -> (Persona, String, String) {
    let ada = forge.user("ada");
    let repository = ada.create_repository("public");
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[], "scan.bin", &Chance::seeded(11).noise(mebibytes << 20));
    assert!(ada.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes()).accepted());
    (ada, repository, tip)
}

/// Clones as somebody who is known: git shows a password only when asked, and a public repository does not ask.
fn cloned_bytes(persona: &Persona, repository: &str) -> u64 {
    let git = persona.git_with_header();
    let url = persona.by(Credential::None).url(repository);
    git.ok(&["clone", "--quiet", &url, "copy"]);
    std::fs::metadata(git.dir().join("copy/scan.bin")).unwrap().len()
}

#[test]
fn failed_sign_ins_keep_no_memory() {
    let forge = Forge::with().setting("security", "argon2_memory_kib", 65_536).start();
    let (before, _) = forge.memory_bytes();
    let statuses = all_at_once(&forge, 96, |index| {
        Call::new("GET", "/api/v1/user").header("Authorization", &basic(&format!("nobody{index}"), "wrong-guess"))
    });
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
    let (_, peak) = forge.memory_bytes();
    let at_once = thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get) as u64;
    // One hash for each processor, as much again for blocks on their way back to the system, and the connections.
    let allowed = before + 64 * MIB * (2 * at_once) + 64 * MIB;
    assert!(peak < allowed, "96 failed sign-ins took memory from {before} to {peak}");
    forge.finish();
}

#[test]
fn guesses_sent_at_once_are_as_few_as_guesses_in_turn() {
    let forge = Forge::with().setting("security", "max_failed_sign_ins", 5).start();
    let ada = forge.user("ada");
    let statuses = all_at_once(&forge, 100, |index| {
        Call::new("GET", "/api/v1/user").header("Authorization", &basic("ada", &format!("guess-{index}")))
    });
    let hashed = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(hashed, 5, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    ada.get("/api/v1/user").expect(200);
    forge.finish();
}

#[test]
fn unfinished_bodies_of_strangers_take_no_memory() {
    let forge = Forge::start();
    let (before, _) = forge.memory_bytes();
    let body = vec![b' '; 2 << 20];
    let held: Vec<Wire> = (0..100)
        .filter_map(|_| {
            let mut wire = Wire::connect(forge.addr()).unwrap();
            let head = format!(
                "POST /api/v1/user/repos HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len() + 1
            );
            wire.write(head.as_bytes()).unwrap();
            // The server answers without reading, so what is sent may come back as a reset.
            wire.write(&body).ok().map(|()| wire)
        })
        .collect();
    let (_, peak) = forge.memory_bytes();
    assert!(peak < before + 60 * MIB, "{} unfinished bodies took memory from {before} to {peak}", held.len());
    let refused = Call::new("POST", "/api/v1/user/repos").body("application/json", body).send(forge.addr()).unwrap();
    assert_eq!(refused.status, 401, "told before the body is through: {}", refused.text());
    forge.finish();
}

#[test]
fn unfinished_fetch_requests_are_bounded_and_hold_up_nobody_else() {
    let forge = Forge::with().setting("server", "max_body_memory_bytes", 64 * MIB).start();
    let (ada, repository, tip) = public_repository(&forge, 1);
    let (before, _) = forge.memory_bytes();
    // Fifteen megabytes of haves in some ten kilobytes, and never the end of them.
    let have = pkt(format!("have {tip}\n").as_bytes());
    let mut request = pkt(format!("want {tip} side-band-64k ofs-delta\n").as_bytes());
    request.extend_from_slice(b"0000");
    request.extend(have.repeat((15 << 20) / have.len()));
    let packed = gzip(&request);
    let held: Vec<Wire> = (0..150)
        .map(|_| {
            let mut wire = Wire::connect(forge.addr()).unwrap();
            let call = Call::new("POST", &format!("/{repository}.git/git-upload-pack"))
                .header("Content-Type", UPLOAD)
                .header("Content-Encoding", "gzip")
                .header("Content-Length", &(packed.len() + 1).to_string());
            wire.write(&call.head(forge.addr())).unwrap();
            let _ = wire.write(&packed);
            wire
        })
        .collect();
    assert_eq!(cloned_bytes(&ada, &repository), MIB);
    let (_, peak) = forge.memory_bytes();
    assert!(peak < before + 160 * MIB, "{} unfinished fetches took memory from {before} to {peak}", held.len());
    drop(held);
    forge.finish();
}

#[test]
fn slow_readers_of_one_address_leave_places_for_others() {
    let forge =
        Forge::with().setting("git", "max_open_uploads", 24).setting("git", "max_open_uploads_per_client", 6).start();
    let (ada, repository, tip) = public_repository(&forge, 8);
    let (before, _) = forge.memory_bytes();
    let mut request = pkt(format!("want {tip} side-band-64k ofs-delta\n").as_bytes());
    request.extend_from_slice(b"0000");
    request.extend(pkt(b"done\n"));
    let call = Call::new("POST", &format!("/{repository}.git/git-upload-pack")).body(UPLOAD, request);
    let held: Vec<Wire> = (0..100)
        .map(|_| {
            let mut wire = Wire::connect(forge.addr()).unwrap();
            wire.write(&call.head(forge.addr())).unwrap();
            wire.write(&call.body).unwrap();
            wire
        })
        .collect();
    for _ in 0..3 {
        assert_eq!(cloned_bytes(&ada, &repository), 8 * MIB);
    }
    let (_, peak) = forge.memory_bytes();
    // The pack itself is mapped, its pages count as resident.
    assert!(peak < before + 80 * MIB, "{} slow readers took memory from {before} to {peak}", held.len());
    drop(held);
    forge.finish();
}

#[test]
fn one_address_does_not_take_every_connection() {
    let forge = Forge::with().setting("server", "max_connections_per_address", 8).start();
    let held: Vec<Wire> = until("eight connections to be taken", PATIENCE, || {
        let mut held = Vec::new();
        for _ in 0..8 {
            let mut wire = Wire::connect(forge.addr()).map_err(|error| error.to_string())?;
            wire.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").map_err(|error| error.to_string())?;
            match wire.reply_to("GET") {
                Ok(reply) if reply.status == 200 => held.push(wire),
                other => return Err(format!("{other:?}")),
            }
        }
        Ok(held)
    });
    let refused = Call::new("GET", "/livez").send(forge.addr());
    assert!(refused.as_ref().map_or(true, |reply| reply.status == 503), "{refused:?}");
    drop(held);
    until("a place to be free", PATIENCE, || match Call::new("GET", "/livez").send(forge.addr()) {
        Ok(reply) if reply.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    forge.finish();
}

#[test]
fn a_token_that_runs_out_while_its_push_arrives_moves_nothing() {
    let forge = Forge::start();
    let ada = forge.new_user("ada");
    let repository = ada.clone().with_token("usual", &["all"]).create_repository("late");
    let ends = jiff::Timestamp::now() + Duration::from_secs(2);
    let body = serde_json::json!({ "name": "short", "scopes": ["all"], "expires_at": ends.to_string() });
    let made = ada.post("/api/v1/users/ada/tokens", &body).expect(201).json();
    let token = made["sha1"].as_str().unwrap().to_owned();
    forge.shared().guard_secret(&token);
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[], "a.md", b"late\n");
    let push = push_body(&[(ZERO, &tip, b"refs/heads/main")], "report-status", &pack.bytes());
    let call = Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
        .header("Authorization", &format!("token {token}"))
        .header("Content-Type", "application/x-git-receive-pack-request")
        .header("Content-Length", &push.len().to_string());
    let mut wire = Wire::connect(forge.addr()).unwrap();
    wire.write(&call.head(forge.addr())).unwrap();
    let (first, rest) = push.split_at(push.len() / 2);
    wire.write(first).unwrap();
    let bearer = Call::new("GET", "/api/v1/user").header("Authorization", &format!("token {token}"));
    until("the token to run out", PATIENCE, || match bearer.send(forge.addr()).unwrap().status {
        401 => Ok(()),
        status => {
            pause_for(Duration::from_millis(50));
            Err(format!("still answered {status}"))
        }
    });
    wire.write(rest).unwrap();
    let reply = wire.reply_to("POST").unwrap();
    let report = crate::dsl::pack::Report::parse(&reply.body);
    assert!(!report.as_ref().is_ok_and(|report| report.is_ok()), "{}", reply.text());
    let evidence = forge.evidence();
    assert!(evidence.refs(evidence.repository_id(&repository)).is_empty(), "the push landed");
    forge.finish();
}

#[test]
fn wants_that_were_made_to_collide_cost_no_more_than_others() {
    let forge = Forge::start();
    let (_, repository, tip) = public_repository(&forge, 1);
    let mut request = pkt(format!("want {tip} side-band-64k ofs-delta\n").as_bytes());
    for index in 0..90_000 {
        // The same first bytes, where a table of ids that does not expect malice takes its hash from.
        request.extend(pkt(format!("want {index:040x}\n").as_bytes()));
    }
    request.extend_from_slice(b"0000");
    request.extend(pkt(b"done\n"));
    let call = Call::new("POST", &format!("/{repository}.git/git-upload-pack")).body(UPLOAD, request);
    let before = cpu_ticks(&forge);
    let reply = call.send(forge.addr()).unwrap();
    assert!(reply.text().contains("not our ref"), "{}", reply.text());
    // Hundredths of a second: quadratic tables took minutes.
    let spent = cpu_ticks(&forge) - before;
    assert!(spent < 300, "90,000 wants took {spent} ticks of processor time");
    forge.finish();
}

/// Processor time of the server, user and system. Units: clock ticks, 100 a second on Linux.
fn cpu_ticks(forge: &Forge) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", forge.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn commits_and_tags_of_many_megabytes_are_refused() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("letters");
    let mut pack = Pack::new();
    let tree = pack.add(Kind::Tree, b"");
    let long = "x".repeat(3 << 20);
    let tip = pack.add(Kind::Commit, &commit(&tree, &[], &long));
    let reply = ada.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes());
    assert!(!reply.accepted() && reply.reason().contains("size of a commit or tag"), "{}", reply.reason());
    let long = "y".repeat(900 << 10);
    let mut pack = Pack::new();
    let tree = pack.add(Kind::Tree, b"");
    let tip = pack.add(Kind::Commit, &commit(&tree, &[], &long));
    assert!(ada.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes()).accepted());
    let listed = forge.get(&format!("/api/v1/repos/{repository}/branches"));
    assert!(listed.status == 200 && listed.body.len() < 100 << 10, "{} bytes", listed.body.len());
    forge.finish();
}

#[test]
fn unfinished_pushes_of_one_account_are_bounded_and_others_push() {
    let forge = Forge::with()
        .setting("server", "max_body_memory_bytes", 32 * MIB)
        .setting("git", "max_open_receives_per_client", 16)
        .start();
    let mallory = forge.user("mallory");
    let (ada, repository, _) = public_repository(&forge, 1);
    let theirs = mallory.create_repository("heap");
    let (before, _) = forge.memory_bytes();
    let id = "1".repeat(40);
    let commands: Vec<u8> =
        (0..9_000).flat_map(|n| pkt(format!("{ZERO} {id} refs/heads/{n:0>300}\n").as_bytes())).collect();
    let mut pack = push_body(&[(ZERO, &id, b"refs/heads/main")], "report-status", &[]);
    pack.extend(Chance::seeded(3).noise(900 << 10));
    let held: Vec<Wire> = (0..120)
        .map(|index| {
            let body = if index % 2 == 0 { &commands } else { &pack };
            let mut wire = Wire::connect(forge.addr()).unwrap();
            let call = Call::new("POST", &format!("/{theirs}.git/git-receive-pack"))
                .header("Authorization", &mallory.basic())
                .header("Content-Type", "application/x-git-receive-pack-request")
                .header("Content-Length", &(body.len() + 1).to_string());
            wire.write(&call.head(forge.addr())).unwrap();
            wire.read_timeout(Duration::from_secs(1)).unwrap();
            wire
        })
        .collect();
    let mut held = held;
    thread::scope(|scope| {
        for (index, wire) in held.iter_mut().enumerate() {
            let body = if index % 2 == 0 { &commands } else { &pack };
            // Those that have no place are not read: what the socket does not take stays here.
            scope.spawn(move || drop(wire.write_within(body, Duration::from_secs(2))));
        }
    });
    let mut mine = Pack::new();
    let tip = mine.add_commit(&[], "b.md", b"mine\n");
    assert!(ada.push_one(&repository, (ZERO, &tip, b"refs/heads/other"), &mine.bytes()).accepted());
    let (_, peak) = forge.memory_bytes();
    assert!(peak < before + 120 * MIB, "{} unfinished pushes took memory from {before} to {peak}", held.len());
    drop(held);
    forge.finish();
}
