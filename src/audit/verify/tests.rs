//! An intact ledger verifies; one altered in any way is caught at the right event.

use atomicqms_actors::sql::Connection;
use rusqlite::Connection as Sqlite;
use serde_json::json;

use super::*;
use crate::access::Caller;
use crate::audit::{Event, Object, append};
use crate::db::testing::{self, NOON, edit, push};
use crate::model::RepoId;

const MAIN: &str = "refs/heads/main";
const TOPIC: &str = "refs/heads/topic";

/// Eight events: 1 plain, 2 with personal values, 3 create main, 4 plain, 5 create topic, 6 move main, 7 delete topic, 8 plain.
fn ledger() -> (Sqlite, RepoId) {
    let conn = testing::open();
    let owner = testing::user(&conn, "ada");
    let repo = testing::repository(&conn, owner, "sop");
    plain(&conn, None);
    plain(&conn, Some("192.0.2.7"));
    push(&conn, repo, &edit(MAIN, None, Some(1)));
    plain(&conn, None);
    push(&conn, repo, &edit(TOPIC, None, Some(2)));
    push(&conn, repo, &edit(MAIN, Some(1), Some(3)));
    push(&conn, repo, &edit(TOPIC, Some(2), None));
    plain(&conn, None);
    (conn, repo)
}

fn plain(conn: &dyn Connection, ip: Option<&str>) -> i64 {
    let mut stamp = Caller::system().stamp();
    stamp.source_ip = ip.map(str::to_owned);
    stamp.user_agent = ip.map(|_| "git/2.50".to_owned());
    let event =
        Event::new(stamp, action::USER_EDIT, Object::new("user", 1)).after(json!({ "full_name": "Ädä\u{1F600}" }));
    append(conn, NOON, &event).unwrap()
}

fn tamper(conn: &Sqlite, statements: &str) {
    let triggers = [
        "audit_event_only_append",
        "audit_personal_only_append",
        "ref_journal_only_append",
        "audit_event_no_update",
        "audit_event_no_delete",
        "audit_personal_only_erasure",
        "audit_personal_no_delete",
        "ref_journal_no_update",
        "ref_journal_no_delete",
    ];
    for trigger in triggers {
        Connection::execute_batch(conn, &format!("DROP TRIGGER {trigger}")).unwrap();
    }
    Connection::execute_batch(conn, "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
    Connection::execute_batch(conn, statements).unwrap();
}

#[test]
fn an_intact_ledger_verifies() {
    let (conn, _) = ledger();
    let last = rows::last(&conn).unwrap().unwrap();
    let head = Some(hex(&last.leaf));
    assert_eq!(verify(&conn).unwrap(), Report { events: 8, journal_rows: 4, refs: 1, head, fault: None });
}

#[test]
fn an_empty_ledger_verifies() {
    assert_eq!(verify(&testing::open()).unwrap(), Report::default());
}

#[test]
fn ledgers_longer_than_a_chunk_verify() {
    let conn = testing::open();
    for _ in 0..CHUNK * 2 + 3 {
        plain(&conn, Some("2001:db8::1"));
    }
    let report = verify(&conn).unwrap();
    assert_eq!((report.events, report.fault), (1027, None));
}

#[test]
fn triggers_refuse_every_change() {
    let (conn, _) = ledger();
    for statement in [
        "UPDATE audit_event SET action = 'x' WHERE seq = 1",
        "DELETE FROM audit_event WHERE seq = 8",
        "UPDATE ref_journal SET name = 'x'",
        "DELETE FROM ref_journal",
        "DELETE FROM audit_personal",
        "UPDATE audit_personal SET value = 'other'",
        "UPDATE audit_personal SET seq = 1, salt = NULL, value = NULL",
        "INSERT OR REPLACE INTO audit_event (seq, event, leaf, at_ms, action) VALUES (1, x'00', zeroblob(32), 0, 'x')",
        "INSERT OR REPLACE INTO ref_journal SELECT seq, repo_id, name, old, new, 99, audit_seq, at_ms FROM ref_journal",
        "INSERT OR REPLACE INTO ref_journal SELECT seq + 100, repo_id, name, old, new, 99, audit_seq, at_ms FROM ref_journal",
        "INSERT OR REPLACE INTO audit_personal SELECT seq, field, x'00', 'other' FROM audit_personal",
    ] {
        assert!(Connection::execute_batch(&conn, statement).is_err(), "{statement}");
    }
    assert_eq!(verify(&conn).unwrap().fault, None);
}

#[test]
fn personal_values_can_be_erased_without_breaking_the_ledger() {
    let (conn, _) = ledger();
    assert_eq!(crate::db::audit::erase_personal(&conn, 2).unwrap(), 2);
    assert_eq!(verify(&conn).unwrap().fault, None);
    let left =
        conn.query_row("SELECT COUNT(*) FROM audit_personal WHERE value IS NOT NULL OR salt IS NOT NULL", [], |row| {
            row.get::<_, i64>(0)
        });
    assert_eq!(left.unwrap(), 0);
}

#[test]
fn every_kind_of_tampering_is_named() {
    // What is done, the event named, the check that fails.
    let table: &[(&str, i64, &str)] = &[
        (
            "UPDATE audit_event SET event = CAST(REPLACE(CAST(event AS TEXT), 'user.edit', 'user.exit') AS BLOB) WHERE seq = 4",
            4,
            "hash",
        ),
        ("UPDATE audit_event SET event = CAST(' ' || CAST(event AS TEXT) AS BLOB) WHERE seq = 4", 4, "canonical"),
        ("UPDATE audit_event SET event = x'7b7d' WHERE seq = 4", 4, "format"),
        (
            "UPDATE audit_event SET event = CAST(REPLACE(CAST(event AS TEXT), '\"v\":1', '\"v\":2') AS BLOB) WHERE seq = 4",
            4,
            "format",
        ),
        ("UPDATE audit_event SET leaf = zeroblob(32) WHERE seq = 4", 4, "hash"),
        ("DELETE FROM audit_event WHERE seq = 4", 4, "sequence"),
        ("DELETE FROM audit_event WHERE seq = 1", 1, "sequence"),
        (
            "INSERT INTO audit_event (seq, event, leaf, at_ms, action) VALUES (-1, x'00', zeroblob(32), 0, 'x')",
            1,
            "sequence",
        ),
        ("UPDATE audit_event SET seq = 100 WHERE seq = 8", 8, "sequence"),
        ("UPDATE audit_event SET action = 'user.delete' WHERE seq = 4", 4, "columns"),
        ("UPDATE audit_event SET at_ms = at_ms + 1 WHERE seq = 4", 4, "columns"),
        ("UPDATE audit_event SET actor_id = 7 WHERE seq = 4", 4, "columns"),
        ("UPDATE audit_event SET repo_id = NULL WHERE seq = 5", 5, "columns"),
        ("UPDATE audit_personal SET value = '192.0.2.8' WHERE field = 'ip'", 2, "personal"),
        ("UPDATE audit_personal SET salt = zeroblob(32) WHERE field = 'ua'", 2, "personal"),
        ("DELETE FROM audit_personal WHERE field = 'ip'", 2, "personal"),
        ("INSERT INTO audit_personal (seq, field) VALUES (1, 'ip')", 1, "personal"),
        ("INSERT INTO audit_personal (seq, field) VALUES (99, 'ip')", 99, "missing-event"),
        ("UPDATE ref_journal SET new = zeroblob(20) WHERE audit_seq = 5", 5, "journal"),
        ("UPDATE ref_journal SET old = NULL WHERE audit_seq = 6", 6, "journal"),
        ("UPDATE ref_journal SET name = 'refs/heads/other' WHERE audit_seq = 5", 5, "journal"),
        ("UPDATE ref_journal SET repo_id = 9 WHERE audit_seq = 5", 5, "journal"),
        ("UPDATE ref_journal SET user_id = 99 WHERE audit_seq = 5", 5, "journal"),
        ("UPDATE ref_journal SET at_ms = at_ms + 1 WHERE audit_seq = 5", 5, "journal"),
        ("DELETE FROM ref_journal WHERE audit_seq = 5", 5, "journal"),
        ("UPDATE ref_journal SET audit_seq = 4 WHERE audit_seq = 5", 4, "journal"),
        ("UPDATE ref_journal SET audit_seq = 99 WHERE audit_seq = 7", 7, "journal"),
        (
            "INSERT INTO ref_journal (seq, repo_id, name, new, audit_seq, at_ms) VALUES (5, 1, 'refs/heads/x', zeroblob(20), 9, 0)",
            9,
            "missing-event",
        ),
        (
            "INSERT INTO ref_journal (seq, repo_id, name, new, audit_seq, at_ms) VALUES (0, 1, 'refs/heads/x', zeroblob(20), 0, 0)",
            0,
            "missing-event",
        ),
        (
            "INSERT INTO ref_journal (seq, repo_id, name, new, audit_seq, at_ms) VALUES (5, 1, 'refs/heads/x', zeroblob(20), 8, 0)",
            8,
            "journal",
        ),
        ("UPDATE refs SET target = zeroblob(20)", 6, "refs"),
        ("DELETE FROM refs", 6, "refs"),
        ("INSERT INTO refs (repo_id, name, target) VALUES (1, 'refs/heads/x', zeroblob(20))", 8, "refs"),
        ("INSERT INTO refs (repo_id, name, target) VALUES (77, 'refs/heads/main', zeroblob(20))", 8, "refs"),
    ];
    for (statement, seq, check) in table {
        let (conn, _) = ledger();
        tamper(&conn, statement);
        let fault = verify(&conn).unwrap().fault;
        let found = fault.as_ref().map(|fault| (fault.seq, fault.check));
        assert_eq!(found, Some((*seq, *check)), "{statement}: {fault:?}");
    }
}

#[test]
fn a_trigger_that_is_gone_or_tamed_is_found() {
    for statement in [
        "DROP TRIGGER audit_event_no_delete",
        "DROP TRIGGER ref_journal_only_append",
        "DROP TRIGGER audit_event_no_update; \
         CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event BEGIN SELECT 1; END",
    ] {
        let (conn, _) = ledger();
        Connection::execute_batch(&conn, statement).unwrap();
        let fault = verify(&conn).unwrap().fault.unwrap();
        assert_eq!((fault.seq, fault.check), (8, "guard"), "{statement}: {fault}");
    }
}

#[test]
fn an_event_rewritten_with_its_own_hash_breaks_the_next_link() {
    let (conn, _) = ledger();
    let stored = rows::list_after(&conn, 3, 1).unwrap().remove(0);
    let text = String::from_utf8(stored.event).unwrap().replace("Ädä", "Eve");
    tamper(&conn, "");
    conn.execute(
        "UPDATE audit_event SET event = ?1, leaf = ?2 WHERE seq = 4",
        (text.as_bytes(), leaf(text.as_bytes())),
    )
    .unwrap();
    let fault = verify(&conn).unwrap().fault.unwrap();
    assert_eq!((fault.seq, fault.check), (5, "chain"));
}

#[test]
fn two_events_exchanged_are_found() {
    let (conn, _) = ledger();
    tamper(
        &conn,
        "UPDATE audit_event SET seq = 1000 WHERE seq = 1; UPDATE audit_event SET seq = 1 WHERE seq = 4; \
         UPDATE audit_event SET seq = 4 WHERE seq = 1000",
    );
    let fault = verify(&conn).unwrap().fault.unwrap();
    assert_eq!((fault.seq, fault.check), (1, "sequence"));
}

#[test]
fn a_cut_tail_is_found_as_long_as_the_journal_remembers() {
    let (conn, _) = ledger();
    tamper(&conn, "DELETE FROM audit_event WHERE seq >= 7");
    let fault = verify(&conn).unwrap().fault.unwrap();
    assert_eq!((fault.seq, fault.check), (7, "missing-event"));
}

#[test]
fn a_deleted_repository_leaves_a_ledger_that_verifies() {
    let (conn, repo) = ledger();
    assert!(crate::db::repositories::delete(&conn, repo).unwrap());
    let fault = verify(&conn).unwrap().fault.unwrap();
    assert_eq!((fault.seq, fault.check), (6, "refs"), "refs gone without an event are a fault");
    let object = Object::in_repository("repository", repo, "ada/sop");
    append(&conn, NOON, &Event::new(Caller::system().stamp(), action::REPOSITORY_DELETE, object)).unwrap();
    let report = verify(&conn).unwrap();
    assert_eq!((report.events, report.journal_rows, report.refs, report.fault), (9, 4, 0, None));
}

#[test]
fn events_have_the_agreed_fields_in_canonical_order() {
    let (conn, _) = ledger();
    let stored = rows::list_after(&conn, 4, 1).unwrap().remove(0);
    let text = String::from_utf8(stored.event.clone()).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&stored.event).unwrap();
    let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "action",
            "actor",
            "after",
            "auth",
            "before",
            "git",
            "id",
            "object",
            "on_behalf",
            "prev",
            "reason",
            "seq",
            "sig_id",
            "src",
            "ts",
            "v"
        ]
    );
    assert!(text.contains(r#""git":{"blob":null,"blob_sha256":null,"commit":null,"new":"0202020202020202020202020202020202020202","old":null,"path":null,"ref":"refs/heads/topic"}"#), "{text}");
    assert!(text.contains(r#""ts":"2026-01-01T12:00:00.000Z""#), "{text}");
    assert!(!text.contains("192.0.2.7"));
}
