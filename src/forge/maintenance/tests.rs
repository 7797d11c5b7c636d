//! What pushes ask for, and the jobs over a whole forge.

use atomicqms_git::ObjectId;

use super::*;
use crate::db::testing::{NOON, edit};

#[test]
fn a_push_asks_for_what_it_makes_necessary() {
    let settings = Settings { pack_threshold: 5, unreachable_days: 3, ..Settings::default() };
    let created = [edit("refs/heads/a", None, Some(1))];
    let moved = [edit("refs/heads/a", None, Some(1)), edit("refs/heads/b", Some(1), Some(2))];
    let deleted = [edit("refs/heads/a", Some(1), None)];
    let quiet = Some(600_000);
    let collect_after_ms = Some(4 * DAY_MS);
    let expected = Asked { consolidate: false, collect_after_ms, settle_after_ms: quiet };
    assert_eq!(Asked::by_push(&settings, 4, &created), expected);
    assert!(Asked::by_push(&settings, 5, &created).consolidate);
    for (edits, settle_after_ms) in [(&moved[..], quiet), (&deleted, None)] {
        let asked = Asked::by_push(&settings, 0, edits);
        assert_eq!(asked, Asked { consolidate: false, collect_after_ms, settle_after_ms });
    }
    let off = Settings { is_enabled: false, ..settings };
    assert_eq!(Asked::by_push(&off, 99, &moved), Asked::default());
}

#[test]
fn values_of_refs_are_remembered_for_their_time() {
    let conn = db::testing::open();
    let ada = db::testing::user(&conn, "ada");
    let repo = db::testing::repository(&conn, ada, "sop");
    db::testing::push(&conn, repo, &edit("refs/heads/main", None, Some(1)));
    db::testing::push(&conn, repo, &edit("refs/heads/main", Some(1), Some(2)));
    let id = |byte: u8| ObjectId::try_from([byte; 20].as_slice()).unwrap();
    assert_eq!(db::refs::recent_values(&conn, repo, NOON).unwrap(), [id(1), id(1), id(2)]);
    assert!(db::refs::recent_values(&conn, repo, NOON.plus_ms(1)).unwrap().is_empty());
    Asked { consolidate: true, collect_after_ms: Some(7), settle_after_ms: Some(5) }
        .schedule(&conn, repo, NOON)
        .unwrap();
    let ids = db::repositories::list_ids_after(&conn, RepoId::new(0), 10).unwrap();
    assert_eq!(ids, [repo]);
}
