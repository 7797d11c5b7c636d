use sha2::{Digest, Sha256};

use super::*;
use crate::db::testing;

/// Hashes of released migrations. A line is added with a new file and never changed afterwards.
const HASHES: &[(&str, &str)] = &[
    ("0001_foundation.sql", "73e8f22fdbcd96173f8704ebfa59a1dcb93076a2bb2e0a1343067e211e210b9a"),
    ("0002_public_keys.sql", "2f6d784fa2794be2ff559db20cbaf11443d8b8b0fbd1d5a42fc0f51310223ea3"),
    ("0003_jobs.sql", "7ea8b476bd6214ab6b6f6f80d6e5e80516934e7f50fdf152dab6c135ef5583f2"),
    ("0004_push_certificates.sql", "312dcf6462239cde953fd013df2e5b68bc506bb354e2145aa02f9e3fba761fe6"),
    ("0005_rights_version.sql", "e2c73122dee88ea34263fa3090d98068da148cc272bc9895fb4585dca77ff1a8"),
    ("0006_waiting_packs.sql", "fd9059efbab87d4434dcbdee67e1457fef33c59d40a7a024627af5802dfc69f0"),
    ("0007_organizations.sql", "cdf27e017f070f1b83e208880f8b85c4ac9349914992a061a88a30b898f6d7dd"),
    ("0008_transfers.sql", "a7b185985b15159feeb74184f752e6a130c5dae426baf5457491695ea0bc5bb5"),
    ("0009_limited_tokens.sql", "52820ee2fca99f537fab805c7c0b257a1dbd34c5f65342a2f9b7e9b558790c5e"),
    ("0010_forks.sql", "0b55987c1c4d029c8dafa6f97dbe6c791f44a9be1a2f13e98fdeb8c1ca912d72"),
    ("0011_protection.sql", "815241854190534253432e67826f7a817e1ace9fdf5fcc028a097f952e53517e"),
    ("0012_releases.sql", "78497c33d41197792ea4390983c67d171bdc836d0a321c161026bc7f02a9fda5"),
    ("0013_topics.sql", "8a036868950286d44fdd68e30f49863632bdd360b69ee675ca136994cd397eee"),
    ("0014_stars_watches.sql", "1080456cd2f653330839e6aa9a2d5e42488a093c907ecabd00afd823837ff235"),
    ("0015_commit_statuses.sql", "76215837199f9d2d7b59b2293d46ed60859fb18a5942b5481f05c40902c96dca"),
    ("0016_people.sql", "d8aebb1b0a2f421455db088fec9d68a8f9dce39492db13d4c3c42ea7d5d85d3e"),
    ("0017_labels.sql", "7c6b681c1b6e3495e8519a8f2eaa1be837059dc404f96765c78404ff155195fc"),
    ("0018_gpg_keys.sql", "9752a593f5d5ddd75413718752594aeef6f6622c22bba12874accf21f193b0a7"),
    ("0019_languages.sql", "d6a5efcbeca30411d72894b6a12e6639af248abbdc6de1afd9938189f5b37733"),
    ("0020_social.sql", "470e2a51b379aeacddcd1bae7a78d344485eb4ecc73528d7d87a38c01416f0a5"),
    ("0021_mail.sql", "e50b1c474722d96e2558368bc00f1ca5e10f645117e02fbe5adc4b2bfa5c68c1"),
    ("0022_sudo.sql", "a29b57b7a1c26419f73ee2a430b01965f2bdfbfbb84cc4ff7a4a3215ce41774e"),
    ("0023_mirrors.sql", "e14f5a9af35d12f919af4b3cc77182289cd712e602162014f8d30e060427dbc3"),
    ("0024_invitations.sql", "05d253a7e96a9db24359fd61cff0566241dacccd1604f2721f3f8e3a5ac80687"),
    ("0025_lists.sql", "0052abe7f10173c6680352644ed01ef4236bd1e11c45cb5b27137dc8f87ae68c"),
    ("0026_strangers.sql", "11a218f0a79bb49d781057d619736a6af57a74c7c70ea9afc3584576c12e2bb0"),
    ("0027_networks.sql", "8da39204528538b7bb0665da852dbab86f80f37b59333c43a30644565de770d6"),
    ("0028_account_limits.sql", "2b42851a8832a1c4ff5337648c5bce642ff6a1d2992efccb09e4fb534f57d5ed"),
];

fn empty() -> rusqlite::Connection {
    rusqlite::Connection::open_in_memory().unwrap()
}

#[test]
fn released_migrations_are_never_edited() {
    let found: Vec<(&str, String)> = MIGRATIONS
        .iter()
        .map(|(name, text)| (*name, crate::audit::event::hex(&Sha256::digest(text.as_bytes()))))
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(name, hash)| (*name, hash.as_str())).collect();
    assert_eq!(found, HASHES);
}

#[test]
fn names_are_numbered_without_gaps() {
    for (position, (name, _)) in MIGRATIONS.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", position + 1)), "{name}");
    }
}

#[test]
fn replay_equals_the_schema_file() {
    let replayed = testing::open();
    let whole = empty();
    Connection::execute_batch(&whole, include_str!("../../../migrations/schema.sql")).unwrap();
    let (replayed, whole) = (dialect::schema_text(&replayed).unwrap(), dialect::schema_text(&whole).unwrap());
    assert!(replayed.len() > 10);
    assert_eq!(replayed, whole, "migrations/schema.sql is not what the migrations give");
}

#[test]
fn migrating_twice_changes_nothing() {
    let conn = empty();
    assert_eq!(migrate(&conn).unwrap(), (0, VERSION));
    assert_eq!(migrate(&conn).unwrap(), (VERSION, VERSION));
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let conn = testing::open();
    let newer = VERSION + 7;
    dialect::set_schema_version(&conn, newer).unwrap();
    let error = migrate(&conn).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.public().contains(&newer.to_string()) && error.public().contains(&VERSION.to_string()), "{error}");
    assert_eq!(dialect::schema_version(&conn).unwrap(), newer);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let conn = empty();
    Connection::execute_batch(&conn, "CREATE TABLE theirs (x INTEGER)").unwrap();
    assert_eq!(migrate(&conn).unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(dialect::schema_version(&conn).unwrap(), 0);
}

#[test]
fn every_table_is_strict() {
    let conn = testing::open();
    let tables = dialect::schema_text(&conn).unwrap();
    for (name, text) in
        tables.iter().filter(|(name, text)| text.starts_with("CREATE TABLE") && !name.starts_with("sqlite_"))
    {
        assert!(text.contains("STRICT"), "{name}");
    }
}

#[test]
fn forks_that_are_there_get_to_know_their_origin() {
    let conn = empty();
    let position = MIGRATIONS.iter().position(|(name, _)| *name == "0027_networks.sql").unwrap();
    let (before, networks) = (&MIGRATIONS[..position], &MIGRATIONS[position]);
    for (_, text) in before {
        Connection::execute_batch(&conn, text).unwrap();
    }
    Connection::execute_batch(
        &conn,
        "INSERT INTO users (id, login, login_key, email, password_hash, created_ms, updated_ms) VALUES (7, 'eve', 'eve', 'e', 'x', 1, 1);
         INSERT INTO repository (id, owner_id, name, name_key, default_branch, fork_id, created_ms, updated_ms) VALUES
         (1, 7, 'a', 'a', 'main', NULL, 1, 1), (2, 7, 'b', 'b', 'main', NULL, 1, 1), (3, 7, 'c', 'c', 'main', 1, 1, 1),
         (4, 7, 'd', 'd', 'main', 3, 1, 1), (5, 7, 'e', 'e', 'main', 2, 1, 1)",
    )
    .unwrap();
    // A line that is longer than anybody looked along before.
    for id in 6..200 {
        let above = if id == 6 { 4 } else { id - 1 };
        let text = format!(
            "INSERT INTO repository (id, owner_id, name, name_key, default_branch, fork_id, created_ms, updated_ms) \
             VALUES ({id}, 7, 'x{id}', 'x{id}', 'main', {above}, 1, 1)"
        );
        Connection::execute_batch(&conn, &text).unwrap();
    }
    Connection::execute_batch(&conn, networks.1).unwrap();
    let sql = "SELECT COALESCE(origin_id, 0) FROM repository ORDER BY id";
    let rows: &dyn Connection = &conn;
    let found = rows.all(sql, &[], |row| row.int(0)).unwrap();
    assert_eq!(found[..5], [0, 0, 1, 1, 2]);
    assert!(found.len() == 199 && found[5..].iter().all(|origin| *origin == 1), "{found:?}");
}
