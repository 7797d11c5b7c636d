//! The ledger: one event for each change, no way to alter it unseen, and no ref that it does not explain.

use serde_json::Value;

use crate::dsl::pack::{Pack, ZERO};
use crate::dsl::{Forge, Git};

/// Runs a change and gives the events it wrote; fails the test unless there is exactly one per expected action.
fn events_of(forge: &Forge, expected: &[&str], change: impl FnOnce()) -> Vec<Value> {
    let before = forge.evidence().last_event();
    change();
    let events = forge.evidence().events_after(before);
    let actions: Vec<_> = events.iter().map(|event| event["action"].as_str().unwrap_or("?").to_owned()).collect();
    assert_eq!(actions, expected, "{}", serde_json::to_string(&events).unwrap());
    events
}

#[test]
fn each_change_writes_exactly_one_event() {
    let forge = Forge::start();
    let admin = forge.admin();
    let ada = forge.user("ada");
    forge.user("bob");
    let created =
        serde_json::json!({ "username": "carl", "email": "carl@example.org", "password": "canary-Carl-44556" });
    let events = events_of(&forge, &["user.create"], || drop(admin.post("/api/v1/admin/users", &created).expect(201)));
    assert_eq!(events[0]["actor"]["login"], "admin", "{}", events[0]);
    assert!(events[0]["after"].is_object() && events[0]["before"].is_null(), "{}", events[0]);
    let text = events[0].to_string();
    assert!(!text.contains("canary") && !text.contains("argon2"), "a secret is in the ledger: {text}");

    let edit = serde_json::json!({ "full_name": "Carl C.", "login_name": "carl", "source_id": 0 });
    let events = events_of(&forge, &["user.edit"], || drop(admin.patch("/api/v1/admin/users/carl", &edit).expect(200)));
    assert!(events[0]["before"].is_object() && events[0]["after"].is_object(), "{}", events[0]);
    assert_ne!(events[0]["before"], events[0]["after"]);
    events_of(&forge, &["user.delete"], || drop(admin.delete("/api/v1/admin/users/carl").expect(204)));

    let mut token = String::new();
    let events = events_of(&forge, &["token.create"], || token = ada.create_token("audited", &["read:user"]));
    assert!(!events[0].to_string().contains(&token), "a token is in the ledger");
    events_of(&forge, &["token.delete"], || {
        drop(ada.by_password().delete("/api/v1/users/ada/tokens/audited").expect(204))
    });

    let mut repository = String::new();
    events_of(&forge, &["repository.create"], || repository = ada.create_repository("audited"));
    let api = format!("/api/v1/repos/{repository}");
    let edit = serde_json::json!({ "description": "new words" });
    let events = events_of(&forge, &["repository.edit"], || drop(ada.patch(&api, &edit).expect(200)));
    assert!(events[0]["after"].to_string().contains("new words"), "{}", events[0]);
    events_of(&forge, &["collaborator.add"], || ada.invite(&repository, "bob", "write"));
    events_of(&forge, &["collaborator.remove"], || drop(ada.delete(&format!("{api}/collaborators/bob")).expect(204)));

    let work = Git::new().init("work");
    let one = work.commit("a.md", "one\n");
    let events = events_of(&forge, &["git.ref_update"; 2], || {
        work.ok(&["push", "--quiet", &ada.url(&repository), "main", "main:refs/heads/second"]);
    });
    assert_eq!(events[0]["git"]["new"], one.as_str(), "{}", events[0]);
    assert_eq!(events[0]["actor"]["login"], "ada");
    assert_eq!(events[0]["auth"]["method"], "token", "{}", events[0]);
    events_of(&forge, &["git.ref_update"], || drop(work.ok(&["push", "--quiet", &ada.url(&repository), ":second"])));
    events_of(&forge, &["repository.delete"], || drop(ada.delete(&api).expect(204)));

    // Reading, failing and repeating write nothing.
    events_of(&forge, &[], || {
        let twice = serde_json::json!({ "name": "tests", "scopes": ["all"] });
        ada.by_password().post("/api/v1/users/ada/tokens", &twice).expect(400);
        ada.get("/api/v1/user").expect(200);
        ada.get(&api).expect(404);
        ada.patch(&api, &edit).expect(404);
        forge.anonymous().post("/api/v1/user/repos", &serde_json::json!({ "name": "x" })).expect(401);
    });
    forge.finish();
}

#[test]
fn a_push_that_lands_in_part_has_events_for_that_part() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("partly");
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[], "a.md", b"one\n");
    let commands: [(&str, &str, &[u8]); 3] =
        [(ZERO, &tip, b"refs/heads/main"), (ZERO, &tip, b"refs/heads/main/b"), (ZERO, &tip, b"refs/heads/c")];
    events_of(&forge, &["git.ref_update"; 2], || {
        let body = crate::dsl::pack::push_body(&commands, "report-status", &pack.bytes());
        let report = ada.push_raw(&repository, body).report.unwrap();
        assert_eq!(report.refs.iter().filter(|(_, outcome)| outcome.is_ok()).count(), 2, "{report:?}");
    });
    events_of(&forge, &[], || {
        let body = crate::dsl::pack::push_body(&[(&tip, ZERO, b"refs/heads/nowhere")], "report-status", b"");
        drop(ada.push_raw(&repository, body));
    });
    forge.finish();
}

#[test]
fn rows_of_the_ledger_cannot_be_changed_or_removed() {
    let mut forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("kept");
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[], "a.md", b"one\n");
    assert!(ada.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes()).accepted());
    forge.stop();
    let connection = rusqlite::Connection::open(forge.data_dir().join("atomicqms.db")).unwrap();
    for sql in [
        "UPDATE audit_event SET at_ms = at_ms + 1",
        "DELETE FROM audit_event",
        "DELETE FROM audit_event WHERE seq = (SELECT MAX(seq) FROM audit_event)",
        "UPDATE ref_journal SET name = 'refs/heads/x'",
        "DELETE FROM ref_journal",
        "DELETE FROM audit_personal",
        // REPLACE removes the old row without asking the triggers for deletion.
        "INSERT OR REPLACE INTO audit_event SELECT seq, event, leaf, at_ms, 'x.y', actor_id, repo_id FROM audit_event WHERE seq = 3",
        "INSERT OR REPLACE INTO ref_journal SELECT seq, repo_id, name, old, new, 99, audit_seq, at_ms FROM ref_journal",
    ] {
        let refused = connection.execute(sql, []);
        assert!(refused.is_err(), "{sql}: {refused:?}");
    }
    drop(connection);
    forge.finish();
}

#[test]
fn tampering_is_found_and_named() {
    let mut forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("evidence");
    for index in 0..5 {
        let mut pack = Pack::new();
        let tip = pack.add_commit(&[], "a.md", format!("{index}\n").as_bytes());
        let name = format!("refs/heads/b{index}");
        assert!(ada.push_one(&repository, (ZERO, &tip, name.as_bytes()), &pack.bytes()).accepted());
    }
    forge.stop();
    let last = forge.evidence().last_event();
    let database = forge.data_dir().join("atomicqms.db");
    let saved = forge.scratch().join("saved.db");
    std::fs::copy(&database, &saved).unwrap();
    let pending = std::fs::metadata(forge.data_dir().join("atomicqms.db-wal")).map_or(0, |log| log.len());
    assert_eq!(pending, 0, "a clean stop leaves nothing in the write-ahead log, so that the database can be copied");
    let leaf = |event: &[u8]| -> Vec<u8> {
        use sha2::Digest;
        sha2::Sha256::new().chain_update([0]).chain_update(event).finalize().to_vec()
    };
    type Tamper<'a> = (&'a str, i64, Box<dyn Fn(&rusqlite::Connection, i64) + 'a>);
    let event_of = |connection: &rusqlite::Connection, seq: i64| -> Vec<u8> {
        connection.query_row("SELECT event FROM audit_event WHERE seq = ?1", [seq], |row| row.get(0)).unwrap()
    };
    let cases: Vec<Tamper> = vec![
        (
            "an actor rewritten",
            3,
            Box::new(|connection, seq| {
                let event = String::from_utf8(event_of(connection, seq))
                    .unwrap()
                    .replace("ada", "bob")
                    .replace("admin", "nimda");
                connection
                    .execute("UPDATE audit_event SET event = ?1 WHERE seq = ?2", (event.into_bytes(), seq))
                    .unwrap();
            }),
        ),
        (
            "an actor rewritten with its hash",
            3,
            Box::new(|connection, seq| {
                let event = String::from_utf8(event_of(connection, seq))
                    .unwrap()
                    .replace("ada", "bob")
                    .replace("admin", "nimda");
                let hash = leaf(event.as_bytes());
                connection
                    .execute(
                        "UPDATE audit_event SET event = ?1, leaf = ?2 WHERE seq = ?3",
                        (event.into_bytes(), hash, seq),
                    )
                    .unwrap();
            }),
        ),
        (
            "an event removed",
            4,
            Box::new(|connection, seq| {
                connection.execute("DELETE FROM audit_personal WHERE seq = ?1", [seq]).unwrap();
                connection.execute("DELETE FROM audit_event WHERE seq = ?1", [seq]).unwrap();
            }),
        ),
        (
            "a listed column changed",
            2,
            Box::new(|connection, seq| {
                connection.execute("UPDATE audit_event SET action = 'user.login' WHERE seq = ?1", [seq]).unwrap();
            }),
        ),
        (
            "a hash changed",
            2,
            Box::new(|connection, seq| {
                connection.execute("UPDATE audit_event SET leaf = zeroblob(32) WHERE seq = ?1", [seq]).unwrap();
            }),
        ),
        (
            "a ref moved without a journal row",
            last,
            Box::new(|connection, _| {
                connection.execute("UPDATE refs SET target = zeroblob(20) WHERE name = 'refs/heads/b0'", []).unwrap();
            }),
        ),
        (
            "an address exchanged",
            last,
            Box::new(|connection, seq| {
                connection
                    .execute("UPDATE audit_personal SET value = '203.0.113.9' WHERE seq = ?1 AND field = 'ip'", [seq])
                    .unwrap();
            }),
        ),
    ];
    for (what, seq, tamper) in cases {
        std::fs::copy(&saved, &database).unwrap();
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        for trigger in triggers(&connection) {
            connection.execute(&format!("DROP TRIGGER {trigger}"), []).unwrap();
        }
        let changes = connection.total_changes();
        tamper(&connection, seq);
        assert!(connection.total_changes() > changes, "{what}: nothing was tampered with");
        drop(connection);
        let (code, text) = forge.audit_verify();
        assert_eq!(code, Some(1), "{what}: {text}");
        if !what.starts_with("a ref") {
            // What follows a rewritten or removed event shows it first in the next one's chain.
            let named = [seq, seq + 1].iter().any(|seq| mentions(&text, *seq));
            assert!(named, "{what}: event {seq} is not named: {text}");
        }
    }
    std::fs::copy(&saved, &database).unwrap();
    for leftover in ["atomicqms.db-wal", "atomicqms.db-shm"] {
        let _ = std::fs::remove_file(forge.data_dir().join(leftover));
    }
    forge.finish();
}

fn triggers(connection: &rusqlite::Connection) -> Vec<String> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn mentions(text: &str, number: i64) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|word| word == number.to_string())
}

#[test]
fn a_ref_put_on_disk_behind_the_servers_back_raises_an_alarm_and_is_not_adopted() {
    let mut forge = Forge::with().expecting_errors().start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("watched");
    let work = Git::new().init("work");
    let one = work.commit("a.md", "one\n");
    let two = work.commit("a.md", "two\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main", &format!("{one}:refs/heads/stable")]);
    forge.stop();
    let server = forge.server_git(&repository);
    server.ok(&["update-ref", "refs/heads/planted", &one]);
    server.ok(&["update-ref", "refs/heads/stable", &two]);
    server.ok(&["update-ref", "-d", "refs/heads/main"]);
    let before = forge.evidence().last_event();
    forge.restart();
    let listed = work.ok(&["ls-remote", &ada.url(&repository), "refs/heads/*"]);
    assert_eq!(
        listed,
        format!("{two}\trefs/heads/main\n{one}\trefs/heads/stable"),
        "what was done on disk was adopted"
    );
    let events = crate::dsl::until("the alarm", crate::dsl::PATIENCE, || {
        let events = forge.evidence().events_after(before);
        let alarms = events.iter().filter(|event| event["action"] == "git.ref_unexplained").count();
        if alarms > 0 { Ok(events) } else { Err(format!("{events:#?}")) }
    });
    let text = serde_json::to_string(&events).unwrap();
    for name in ["refs/heads/planted", "refs/heads/stable", "refs/heads/main"] {
        assert!(text.contains(name), "{name} is not in the alarm: {text}");
    }
    crate::dsl::until("the disk to show the truth again", crate::dsl::PATIENCE, || {
        let refs = crate::dsl::evidence::refs_on_disk(&server);
        let wanted = evidence_refs(&forge, &repository);
        if refs == wanted { Ok(()) } else { Err(format!("{refs:?}")) }
    });
    // The alarm is raised once, not at each start.
    let after = forge.evidence().last_event();
    forge.stop();
    forge.restart();
    work.ok(&["ls-remote", &ada.url(&repository)]);
    assert_eq!(forge.evidence().last_event(), after, "{:#?}", forge.evidence().events_after(after));
    forge.finish();
}

fn evidence_refs(forge: &Forge, repository: &str) -> crate::dsl::evidence::Refs {
    let evidence = forge.evidence();
    evidence.refs(evidence.repository_id(repository))
}
