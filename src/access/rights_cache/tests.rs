//! Whatever is changed, by this process or another, the gate answers as if nothing were remembered.

use std::time::{Duration, Instant};

use atomicqms_actors::sql::Connection;

use super::*;
use crate::access::action::{CloneRepository, ManageTokens, PushRepository};
use crate::access::{Action, Origin, Permit, Presented};
use crate::error::{Error, Result};
use crate::forge::testing::{TestForge, path};
use crate::forge::{Forge, ForgeParts, tokens};
use crate::model::{AccessLevel, NewToken, TokenScopes};

/// A forge over the same rows that remembers nothing.
fn forgetful(forge: &Forge) -> Arc<Forge> {
    let parts = ForgeParts {
        writer: forge.writer.clone(),
        readers: forge.readers.clone(),
        directory: forge.directory.clone(),
        clock: forge.clock.clone(),
        settings: forge.settings.clone(),
        rights: RightsVersion::default(),
        jobs: None,
        blobs: forge.blobs.clone(),
        code_search: None,
        mail_jobs: None,
        link_codes: crate::forge::mails::LinkCodes::new(b"secret"),
        mirrors: crate::forge::testing::mirrors(),
    };
    Forge::new(parts).unwrap()
}

/// What a caller may do with a repository, or the kind of the refusal.
async fn outcome(forge: &Forge, header: Option<&str>, repository: &str) -> Vec<String> {
    let presented = Presented { authorization: header, query_token: None, origin: Origin::default() };
    let caller = match forge.identify(presented).await {
        Ok(caller) => caller,
        Err(error) => return vec![format!("{:?}", error.kind())],
    };
    let path = path("ada", repository);
    fn told<A: Action<Subject = RepositoryAccess>>(result: Result<Permit<A>>) -> String {
        match result {
            Ok(permit) => format!("{:?} {:?}", permit.subject().rights.level, permit.subject().repository.id),
            Err(error) => format!("{:?} {}", error.kind(), error.may_challenge()),
        }
    }
    vec![
        told(forge.authorize_fast(&caller, CloneRepository, &path).await),
        told(forge.authorize_fast(&caller, PushRepository, &path).await),
    ]
}

/// Statements that change rights, some to and fro.
const CHANGES: &[&str] = &[
    "UPDATE repository SET is_private = 1 - is_private WHERE name = 'sop'",
    "UPDATE repository SET is_archived = 1 - is_archived WHERE name = 'sop'",
    "UPDATE repository SET is_mirror = 1 - is_mirror WHERE name = 'sop'",
    "UPDATE repository SET name = 'moved', name_key = 'moved' WHERE name = 'sop'",
    "UPDATE repository SET name = 'sop', name_key = 'sop' WHERE name = 'moved'",
    "UPDATE repository SET is_private = 1 - is_private WHERE name = 'other'",
    "INSERT INTO repository_redirect (owner_id, name_key, repo_id) SELECT owner_id, 'gone', id FROM repository WHERE name = 'other' \
     ON CONFLICT DO NOTHING",
    "DELETE FROM repository_redirect",
    "INSERT INTO collaboration (repo_id, user_id, level, created_ms, updated_ms) SELECT r.id, u.id, 'read', 1, 1 \
     FROM repository r, users u WHERE u.login = 'bob' ON CONFLICT DO NOTHING",
    "UPDATE collaboration SET level = 'write'",
    "UPDATE collaboration SET level = 'read'",
    "DELETE FROM collaboration",
    "UPDATE users SET is_active = 1 - is_active WHERE login = 'bob'",
    "UPDATE users SET is_login_prohibited = 1 - is_login_prohibited WHERE login = 'eve'",
    "UPDATE users SET is_restricted = 1 - is_restricted WHERE login = 'eve'",
    "UPDATE users SET is_admin = 1 - is_admin WHERE login = 'eve'",
    "UPDATE users SET must_change_password = 1 - must_change_password WHERE login = 'bob'",
    "UPDATE users SET visibility = 'limited' WHERE login = 'ada'",
    "UPDATE users SET visibility = 'public' WHERE login = 'ada'",
    "UPDATE access_token SET expires_ms = 5 WHERE name = 'bob'",
    "UPDATE access_token SET expires_ms = NULL WHERE name = 'bob'",
    "UPDATE access_token SET scopes = 'read:repository' WHERE name = 'eve'",
    "UPDATE access_token SET scopes = 'all' WHERE name = 'eve'",
    "UPDATE access_token SET hash = zeroblob(32) WHERE name = 'eve' AND id % 2 = 1",
    "UPDATE repository SET size_bytes = size_bytes + 1, pushed_ms = 7",
];

/// A forge with accounts, repositories and tokens, and the headers that show them.
async fn world() -> (TestForge, Vec<Option<String>>) {
    let test = TestForge::start().await;
    let mut headers = vec![None, Some("token 0123456789012345678901234567890123456789".to_owned())];
    for name in ["ada", "bob", "eve"] {
        let user = test.user(name).await;
        let caller = test.sign_in(name).await;
        let permit = test.forge.authorize(&caller, ManageTokens, &user.name).await.unwrap();
        let new = NewToken {
            name: name.to_owned(),
            scopes: TokenScopes::parse_list("all").unwrap(),
            expires_ms: None,
            repositories: None,
        };
        headers.push(Some(format!("token {}", tokens::create_token(&test.forge, permit, new).await.unwrap().1)));
    }
    let ada = test.sign_in("ada").await;
    test.repository(&ada, "sop").await;
    test.repository(&ada, "other").await;
    (test, headers)
}

async fn compare(test: &TestForge, plain: &Forge, headers: &[Option<String>], told: &str) {
    for header in headers {
        for repository in ["sop", "moved", "gone", "absent"] {
            let expected = outcome(plain, header.as_deref(), repository).await;
            // The second time from what was remembered the first time.
            for _ in 0..2 {
                let found = outcome(&test.forge, header.as_deref(), repository).await;
                assert_eq!(found, expected, "{told}: {header:?} at {repository}");
            }
        }
    }
}

fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_through_this_process_count_at_once() {
    let (test, headers) = world().await;
    let plain = forgetful(&test.forge);
    let mut state = 11;
    let mut seen = std::collections::BTreeSet::new();
    for step in 0..120 {
        let change = CHANGES[next(&mut state) % CHANGES.len()];
        let write = move |tx: &dyn Connection| Ok::<_, Error>(tx.execute(change, &[])?);
        test.forge.write("change", write).await.unwrap();
        compare(&test, &plain, &headers, &format!("step {step}, {change}")).await;
        for header in &headers {
            seen.insert(outcome(&plain, header.as_deref(), "sop").await);
        }
    }
    assert!(seen.len() > 5, "the gate said {seen:?}");
    let level = test.forge.access.rights().levels.iter().count();
    assert!(level > 0, "something was remembered");
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_by_another_process_count_within_a_second() {
    let (test, headers) = world().await;
    let plain = forgetful(&test.forge);
    #[expect(clippy::disallowed_methods, reason = "stands for another process")]
    let other = rusqlite::Connection::open(test.directory.path().join("atomicqms.db")).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    for change in ["UPDATE repository SET is_private = 1", "DELETE FROM access_token WHERE name = 'ada'"] {
        compare(&test, &plain, &headers, "before").await;
        let began = Instant::now();
        other.execute(change, []).unwrap();
        let version: i64 = other.query_row(crate::db::rights::VERSION_QUERY, [], |row| row.get(0)).unwrap();
        while test.forge.access.rights().version() != version {
            assert!(began.elapsed() < Duration::from_secs(10), "{change} was never noticed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        compare(&test, &plain, &headers, change).await;
    }
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_found_for_a_caller_of_another_time_is_not_remembered() {
    let (test, headers) = world().await;
    let presented = Presented { authorization: headers[4].as_deref(), query_token: None, origin: Origin::default() };
    let promote = |value: i64| {
        move |tx: &dyn Connection| {
            Ok::<_, Error>(
                tx.execute("UPDATE users SET is_admin = $1 WHERE login = 'eve'", &atomicqms_actors::params![value])?,
            )
        }
    };
    test.forge.write("promote", promote(1)).await.unwrap();
    let was_admin = test.forge.identify(presented.clone()).await.unwrap();
    test.forge.write("demote", promote(0)).await.unwrap();
    let (rights, sop) = (test.forge.access.rights(), path("ada", "sop"));
    let old = test.forge.authorize_fast(&was_admin, CloneRepository, &sop).await.unwrap();
    assert_eq!(old.subject().rights.level, AccessLevel::Owner, "this request began before");
    assert!(rights.level(&was_admin, &sop).is_none());
    let now = test.forge.identify(presented).await.unwrap();
    let fresh = test.forge.authorize_fast(&now, CloneRepository, &sop).await.unwrap();
    assert_eq!(fresh.subject().rights.level, AccessLevel::Read);
    assert!(rights.level(&now, &sop).is_some());
    test.finish().await;
}
