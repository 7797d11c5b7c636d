//! Teams in rows: settings, lists by who looks, and the subquery of granted repositories.

use super::*;
use crate::db::testing::{self, NOON};
use crate::model::Visibility;
use crate::model::repository::RepositoryQuery;

fn settings(name: &str, visibility: Visibility, given: &[(Unit, AccessLevel)]) -> TeamSettings {
    let mut units = UnitLevels::default();
    for (unit, level) in given {
        units.set(*unit, *level);
    }
    TeamSettings {
        name: name.to_owned(),
        description: format!("the {name}"),
        level: AccessLevel::Read,
        visibility,
        includes_all_repositories: false,
        can_create_repository: false,
        units,
    }
}

#[test]
fn settings_survive_a_row_and_replace_each_other() {
    let conn = testing::open();
    let org = testing::organization(&conn, "acme");
    let first =
        settings("Readers", Visibility::Limited, &[(Unit::Code, AccessLevel::Read), (Unit::Wiki, AccessLevel::Admin)]);
    let id = insert(&conn, org, &first, NOON).unwrap();
    assert_eq!(TeamSettings::of(&find(&conn, id).unwrap().unwrap()), first);
    assert_eq!(find_by_name(&conn, org, "READERS").unwrap().unwrap().id, id);
    let second = settings("writers", Visibility::Public, &[(Unit::Code, AccessLevel::Write)]);
    update(&conn, id, &second, NOON).unwrap();
    assert_eq!(TeamSettings::of(&find(&conn, id).unwrap().unwrap()), second);
    delete(&conn, id).unwrap();
    assert!(find(&conn, id).unwrap().is_none() && list_ids(&conn, org).unwrap().is_empty());
}

#[test]
fn lists_show_what_the_viewer_may_see() {
    let conn = testing::open();
    let org = testing::organization(&conn, "acme");
    let bob = testing::user(&conn, "bob");
    for visibility in [Visibility::Public, Visibility::Limited, Visibility::Private] {
        insert(&conn, org, &settings(visibility.as_str(), visibility, &[]), NOON).unwrap();
    }
    let owners = insert(&conn, org, &TeamSettings::owners(), NOON).unwrap();
    let names = |viewer: Option<TeamViewer>, text: &str, in_description: bool| -> Vec<String> {
        let query = TeamQuery { org: Some(org), viewer, text: text.to_owned(), in_description, ..TeamQuery::default() };
        list(&conn, &query, Page::default()).unwrap().rows.into_iter().map(|team| team.name).collect()
    };
    assert_eq!(names(None, "", false), ["Owners", "limited", "private", "public"]);
    assert_eq!(names(Some(TeamViewer { id: Some(bob), is_member: true }), "", false), ["limited", "public"]);
    assert_eq!(names(Some(TeamViewer { id: None, is_member: false }), "", false), ["public"]);
    put_member(&conn, owners, bob, NOON).unwrap();
    assert_eq!(names(Some(TeamViewer { id: Some(bob), is_member: true }), "", false), ["Owners", "limited", "public"]);
    assert_eq!(names(None, "the PRI", false), Vec::<String>::new());
    assert_eq!(names(None, "the PRI", true), ["private"]);
}

#[test]
fn searches_find_what_teams_give_and_nothing_else() {
    let conn = testing::open();
    let org = testing::organization(&conn, "acme");
    let bob = testing::user(&conn, "bob");
    let one = testing::repository(&conn, org, "one");
    testing::repository(&conn, org, "two");
    conn.execute("UPDATE repository SET is_private = 1", []).unwrap();
    let team =
        insert(&conn, org, &settings("team", Visibility::Private, &[(Unit::Issues, AccessLevel::Read)]), NOON).unwrap();
    let idle = insert(
        &conn,
        org,
        &TeamSettings { includes_all_repositories: true, ..settings("idle", Visibility::Private, &[]) },
        NOON,
    )
    .unwrap();
    put_repository(&conn, team, one, NOON).unwrap();
    let viewer = crate::db::repositories::search::Viewer {
        id: Some(bob),
        is_admin: false,
        is_restricted: true,
        is_public_only: false,
        only: None,
    };
    let names = |query: &RepositoryQuery| -> Vec<String> {
        let found = crate::db::repositories::search::list(&conn, &viewer, query, Page::default()).unwrap();
        assert_eq!(found.total_count, found.rows.len() as u64);
        found.rows.into_iter().map(|row| row.name.to_string()).collect()
    };
    let all = RepositoryQuery::default();
    assert_eq!(names(&all), Vec::<String>::new());
    put_member(&conn, idle, bob, NOON).unwrap();
    assert_eq!(names(&all), Vec::<String>::new(), "a team that gives nothing opens nothing");
    put_member(&conn, team, bob, NOON).unwrap();
    assert_eq!(names(&all), ["one"]);
    assert_eq!(names(&RepositoryQuery { uid: Some(bob), ..RepositoryQuery::default() }), ["one"]);
    assert_eq!(names(&RepositoryQuery { team: Some(team), ..RepositoryQuery::default() }), ["one"]);
    assert_eq!(
        names(&RepositoryQuery { team: Some(idle), ..RepositoryQuery::default() }),
        ["one"],
        "only what bob sees"
    );
    update(
        &conn,
        idle,
        &TeamSettings {
            includes_all_repositories: true,
            ..settings("idle", Visibility::Private, &[(Unit::Code, AccessLevel::Read)])
        },
        NOON,
    )
    .unwrap();
    assert_eq!(names(&all), ["one", "two"]);
    delete_member(&conn, idle, bob).unwrap();
    delete_repository(&conn, team, one).unwrap();
    assert_eq!(names(&all), Vec::<String>::new());
}
