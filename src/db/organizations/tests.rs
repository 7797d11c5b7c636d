//! Lists of organizations and members, by who looks.

use super::users::Viewer;
use super::*;
use crate::db::testing::{self, NOON};
use crate::model::Visibility;

const ANYBODY: Viewer = Viewer { id: None, is_admin: false, is_public_only: false };

fn viewer(id: UserId) -> Viewer {
    Viewer { id: Some(id), ..ANYBODY }
}

fn names(conn: &rusqlite::Connection, viewer: Viewer, of: Of) -> Vec<String> {
    let found = list(conn, viewer, of, Page::default()).unwrap();
    assert_eq!(found.total_count, found.rows.len() as u64);
    found.rows.into_iter().map(|row| row.user.name.to_string()).collect()
}

/// Organizations `open`, `inner` (limited) and `secret` (private), with `ada` in all of them.
fn three() -> (rusqlite::Connection, UserId, UserId) {
    let conn = testing::open();
    let (ada, bob) = (testing::user(&conn, "ada"), testing::user(&conn, "bob"));
    for (name, visibility) in
        [("open", Visibility::Public), ("inner", Visibility::Limited), ("secret", Visibility::Private)]
    {
        let org = testing::organization(&conn, name);
        let mut row = find(&conn, org).unwrap().unwrap();
        row.user.visibility = visibility;
        update(&conn, &row, NOON).unwrap();
        put_member(&conn, org, ada, NOON).unwrap();
    }
    (conn, ada, bob)
}

#[test]
fn private_ones_are_for_members_and_limited_ones_for_accounts() {
    let (conn, ada, bob) = three();
    assert_eq!(names(&conn, ANYBODY, Of::Everybody), ["open"]);
    assert_eq!(names(&conn, viewer(bob), Of::Everybody), ["inner", "open"]);
    assert_eq!(names(&conn, viewer(ada), Of::Everybody), ["inner", "open", "secret"]);
    let public_only = Viewer { is_public_only: true, ..viewer(ada) };
    assert_eq!(names(&conn, public_only, Of::Everybody), ["open"]);
    let admin = Viewer { is_admin: true, ..viewer(bob) };
    assert_eq!(names(&conn, admin, Of::Everybody), ["inner", "open", "secret"]);
}

#[test]
fn memberships_are_shown_when_they_are_public_or_shared() {
    let (conn, ada, bob) = three();
    assert_eq!(names(&conn, viewer(ada), Of::Member(ada)), ["inner", "open", "secret"]);
    assert_eq!(names(&conn, viewer(bob), Of::Member(ada)), Vec::<String>::new());
    let open = find_by_name(&conn, &UserName::new("OPEN").unwrap()).unwrap().unwrap().user.id;
    let inner = find_by_name(&conn, &UserName::new("inner").unwrap()).unwrap().unwrap().user.id;
    set_public(&conn, open, ada, true).unwrap();
    put_member(&conn, inner, bob, NOON).unwrap();
    assert_eq!(names(&conn, ANYBODY, Of::Member(ada)), ["open"]);
    assert_eq!(names(&conn, viewer(bob), Of::Member(ada)), ["inner", "open"]);
    let shown = list_members(&conn, open, true, None, Page::default()).unwrap();
    assert_eq!((shown.total_count, shown.rows.len()), (1, 1));
    assert_eq!(list_members(&conn, inner, true, None, Page::default()).unwrap().total_count, 0);
    assert_eq!(list_members(&conn, inner, false, None, Page::default()).unwrap().total_count, 2);
}

#[test]
fn an_organization_is_no_person() {
    let (conn, ada, _) = three();
    let query = crate::model::user::UserQuery::default();
    let viewer = Viewer { is_admin: true, ..viewer(ada) };
    let people = users::list(&conn, viewer, &query, Page::default()).unwrap();
    assert!(people.rows.iter().all(|user| !user.is_organization), "{people:?}");
    assert_eq!(people.total_count, 2);
    assert!(find(&conn, ada).unwrap().is_none());
    let open = find_by_name(&conn, &UserName::new("open").unwrap()).unwrap().unwrap();
    assert!(!open.user.may_sign_in());
    assert!(user_has_any(&conn, ada).unwrap());
    delete_members(&conn, open.user.id).unwrap();
    assert_eq!(membership(&conn, open.user.id, ada).unwrap(), None);
}
