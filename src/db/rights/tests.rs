use std::collections::BTreeMap;

use super::*;
use crate::db::testing;

/// Columns that tell when something was used or how large it is, and change no right. What is not here must move the number.
const HARMLESS: &[(&str, &str)] = &[
    ("users", "last_login_ms"),
    ("users", "max_repositories"),
    ("users", "may_create_organizations"),
    ("access_token", "last_used_ms"),
    ("public_key", "last_used_ms"),
    ("repository", "size_bytes"),
    ("repository", "moved_from"),
    ("repository", "updated_ms"),
    ("repository", "pushed_ms"),
    ("repository", "star_count"),
    ("repository", "fork_count"),
    ("repository", "origin_id"),
];

fn version(conn: &rusqlite::Connection) -> i64 {
    conn.query_row(VERSION_QUERY, [], |row| row.get(0)).unwrap()
}

fn moves(conn: &rusqlite::Connection, statement: &str) -> bool {
    let before = version(conn);
    let changed = conn.execute(statement, []).unwrap_or_else(|error| panic!("{statement}: {error}"));
    assert_eq!(changed, 1, "{statement}");
    version(conn) > before
}

#[test]
fn whatever_may_alter_rights_moves_the_number() {
    let conn = testing::open();
    let insert = [
        "INSERT INTO users (id, login, login_key, email, password_hash, created_ms, updated_ms) VALUES (70, 'eve', 'eve', 'e', 'x', 1, 1)",
        "INSERT INTO access_token (id, user_id, name, hash, last_eight, scopes, created_ms) VALUES (70, 70, 't', zeroblob(32), '', 'all', 1)",
        "INSERT INTO repository (id, owner_id, name, name_key, default_branch, created_ms, updated_ms) VALUES (70, 70, 'r', 'r', 'main', 1, 1)",
        "INSERT INTO account_redirect (login_key, user_id) VALUES ('old', 70)",
        "INSERT INTO repository_redirect (owner_id, name_key, repo_id) VALUES (70, 'old', 70)",
        "INSERT INTO collaboration (repo_id, user_id, level, created_ms, updated_ms) VALUES (70, 70, 'read', 1, 1)",
        "INSERT INTO access_token_repository (token_id, repo_id) VALUES (70, 70)",
        "INSERT INTO organization_member (org_id, user_id, created_ms) VALUES (70, 70, 1)",
        "INSERT INTO team (id, org_id, name, name_key, level, created_ms, updated_ms) VALUES (70, 70, 't', 't', 'read', 1, 1)",
        "INSERT INTO team_unit (team_id, unit, level) VALUES (70, 'repo.code', 'read')",
        "INSERT INTO team_member (team_id, user_id, created_ms) VALUES (70, 70, 1)",
        "INSERT INTO team_repository (team_id, repo_id, created_ms) VALUES (70, 70, 1)",
        "INSERT INTO public_key (id, user_id, title, fingerprint, key_type, key, created_ms) VALUES (70, 70, 't', 'f', 'k', zeroblob(1), 1)",
        "INSERT INTO branch_protection VALUES \
         (70, 70, 'main', 1, 0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0, 0, '[]', '', '', 1, 1)",
        "INSERT INTO branch_protection_user (rule_id, list, user_id) VALUES (70, 'push', 70)",
        "INSERT INTO branch_protection_team (rule_id, list, team_id) VALUES (70, 'push', 70)",
        "INSERT INTO tag_protection (id, repo_id, name_pattern, created_ms, updated_ms) VALUES (70, 70, 'v*', 1, 1)",
        "INSERT INTO tag_protection_user (rule_id, user_id) VALUES (70, 70)",
        "INSERT INTO tag_protection_team (rule_id, team_id) VALUES (70, 70)",
    ];
    for statement in insert {
        assert!(moves(&conn, statement), "{statement}");
    }
    let harmless: BTreeMap<(&str, &str), ()> = HARMLESS.iter().map(|pair| (*pair, ())).collect();
    let tables = [
        "users",
        "access_token",
        "repository",
        "account_redirect",
        "repository_redirect",
        "collaboration",
        "public_key",
        "organization_member",
        "team",
        "team_unit",
        "team_member",
        "team_repository",
        "access_token_repository",
        "branch_protection_user",
        "branch_protection_team",
        "branch_protection",
        "tag_protection_user",
        "tag_protection_team",
        "tag_protection",
    ];
    for table in tables {
        let mut names = conn.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).unwrap();
        let columns: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(columns.len() > 1, "{table}");
        for column in columns {
            let moved = moves(&conn, &format!("UPDATE {table} SET {column} = {column}"));
            assert_eq!(!moved, harmless.contains_key(&(table, column.as_str())), "{table}.{column}");
        }
    }
    let in_order = [
        "branch_protection_user",
        "branch_protection_team",
        "branch_protection",
        "tag_protection_user",
        "tag_protection_team",
        "tag_protection",
        "access_token_repository",
        "team_repository",
        "team_member",
        "team_unit",
        "team",
        "organization_member",
        "account_redirect",
        "repository_redirect",
        "collaboration",
        "public_key",
        "access_token",
        "repository",
        "users",
    ];
    for table in in_order {
        assert!(moves(&conn, &format!("DELETE FROM {table}")), "a row of {table} goes");
    }
}

#[test]
fn what_cascades_moves_the_number_too() {
    let conn = testing::open();
    conn.execute_batch(
        "INSERT INTO users (id, login, login_key, email, password_hash, created_ms, updated_ms) VALUES (70, 'eve', 'eve', 'e', 'x', 1, 1);
         INSERT INTO repository (id, owner_id, name, name_key, default_branch, created_ms, updated_ms) VALUES (70, 70, 'r', 'r', 'main', 1, 1);
         INSERT INTO collaboration (repo_id, user_id, level, created_ms, updated_ms) VALUES (70, 70, 'read', 1, 1);",
    )
    .unwrap();
    let before = version(&conn);
    conn.execute("DELETE FROM repository", []).unwrap();
    assert!(version(&conn) >= before + 2, "the repository and the grant in it");
}
