//! Power cuts: what an answer promises is on the disk before the answer leaves.
//!
//! `kill -9` cannot show this, because the kernel keeps what a dead process wrote. So the order of system calls is
//! read. A small pack is in the database, its log flushed, before the answer is sent; then pack and index are flushed,
//! renamed into place, their directory flushed, the refs written and flushed, and only then the row is removed. A large
//! pack is a file before the database's log is flushed.

use crate::dsl::pack::{Pack, ZERO};
use crate::dsl::tamper::{self, Trace};
use crate::dsl::{Forge, Persona};

/// The position at which the first call that starts with `call` and mentions `what` had succeeded, after `from`.
fn done(calls: &[String], from: usize, call: &str, what: &str) -> usize {
    let found = calls.iter().skip(from).position(|line| line.starts_with(call) && line.contains(what));
    found
        .map(|at| from + at)
        .unwrap_or_else(|| panic!("no {call} of {what} after call {from} in:\n{}", calls.join("\n")))
}

fn calls_of_push(forge: &Forge, ada: &Persona, repository: &str, old: &str, size: usize) -> (Vec<String>, String) {
    let mut pack = Pack::new();
    let parents: Vec<&str> = if old == ZERO { Vec::new() } else { vec![old] };
    let tip = pack.add_commit(&parents, "a.md", &crate::dsl::chance::Chance::seeded(size as u64).noise(size));
    let trace = Trace::of(forge, "fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,write,writev");
    let reply = ada.push_one(repository, (old, &tip, b"refs/heads/main"), &pack.bytes());
    assert!(reply.accepted(), "{reply:?}");
    // Until the files have followed.
    forge.repository_dir(repository);
    (calls_until_now(forge, trace), tip)
}

/// Ends a trace once the call that sent the last answer has been seen to end: the answer may be here before that.
fn calls_until_now(forge: &Forge, trace: Trace) -> Vec<String> {
    for _ in 0..3 {
        forge.get("/livez").expect(200);
    }
    trace.end()
}

#[test]
fn an_answered_push_is_on_the_disk() {
    if !tamper::is_available() {
        return;
    }
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("flushed");
    let mut old = ZERO.to_owned();
    // Small packs stay in memory while they are received, large ones go to a file.
    for (size, is_in_database) in [(20, true), (40_000, true), (200_000, false), (9 << 20, false)] {
        let (calls, tip) = calls_of_push(&forge, &ada, &repository, &old, size);
        let answered = done(&calls, 0, "", "unpack ok");
        let first_log = done(&calls, 0, "fsync(", "atomicqms.db-wal>");
        let pack = done(&calls, 0, "fsync(", ".pack>");
        let index = done(&calls, 0, "fsync(", ".idx>");
        let pack_placed = done(&calls, pack, "rename", "objects/pack/pack-");
        let index_placed = done(&calls, index.max(pack_placed), "rename", ".idx\"");
        let directory = done(&calls, index_placed, "fsync(", "objects/pack>");
        let log = done(&calls, directory, "fsync(", "atomicqms.db-wal>");
        if is_in_database {
            assert!(first_log < answered, "{size} bytes: answered before the flush:\n{}", calls.join("\n"));
            assert!(first_log < pack, "{size} bytes: a file before the commit:\n{}", calls.join("\n"));
            let moved = done(&calls, directory, "rename", "refs/heads/main");
            let flushed = done(&calls, moved, "fsync(", "refs/heads/main>");
            let early = calls
                .iter()
                .take(flushed)
                .skip(first_log + 1)
                .position(|line| line.contains("atomicqms.db-wal>") && line.starts_with("fsync("));
            assert_eq!(early, None, "{size} bytes: the row went before its files were flushed:\n{}", calls.join("\n"));
            done(&calls, flushed, "fsync(", "atomicqms.db-wal>");
        } else {
            assert!(log < answered, "{size} bytes: answered before the database was flushed:\n{}", calls.join("\n"));
        }
        old = tip;
    }
    forge.finish();
}

#[test]
fn an_answered_change_through_the_api_is_on_the_disk() {
    if !tamper::is_available() {
        return;
    }
    let forge = Forge::start();
    let ada = forge.user("ada");
    ada.create_repository("described");
    let trace = Trace::of(&forge, "fsync,fdatasync,sendto,sendmsg,write,writev");
    ada.patch("/api/v1/repos/ada/described", &serde_json::json!({ "description": "words to keep" })).expect(200);
    let calls = calls_until_now(&forge, trace);
    let log = done(&calls, 0, "fsync(", "atomicqms.db-wal>");
    let answered = done(&calls, 0, "", "words to keep\\\"");
    assert!(log < answered, "answered before the database was flushed:\n{}", calls.join("\n"));
    forge.finish();
}
