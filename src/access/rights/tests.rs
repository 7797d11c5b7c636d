//! The sum of rights as a table, and read from rows.

use super::*;
use crate::access::Credential;
use crate::db::testing::{self, NOON};
use crate::model::{Team, TeamSettings};

/// An organization `acme` with a private repository `sop`, and a team with the given settings and one member.
struct World {
    conn: rusqlite::Connection,
    member: User,
    repository: Repository,
    team: crate::model::TeamId,
}

fn world(settings: &TeamSettings) -> World {
    let conn = testing::open();
    let org = testing::organization(&conn, "acme");
    let repo = testing::repository(&conn, org, "sop");
    conn.execute("UPDATE repository SET is_private = 1", []).unwrap();
    let bob = testing::user(&conn, "bob");
    let team = db::teams::insert(&conn, org, settings, NOON).unwrap();
    db::teams::put_member(&conn, team, bob, NOON).unwrap();
    db::organizations::put_member(&conn, org, bob, NOON).unwrap();
    let member = db::users::find(&conn, bob).unwrap().unwrap();
    let repository = db::repositories::find(&conn, repo).unwrap().unwrap();
    World { conn, member, repository, team }
}

fn settings(level: AccessLevel, given: &[(Unit, AccessLevel)]) -> TeamSettings {
    let mut units = UnitLevels::default();
    for (unit, level) in given {
        units.set(*unit, *level);
    }
    TeamSettings { name: "team".to_owned(), level, units, ..TeamSettings::owners() }
}

fn rights(world: &World) -> RepositoryRights {
    let caller = Caller::for_test(world.member.clone(), Credential::Password);
    rights_in(&world.conn, &caller, &world.repository).unwrap()
}

#[test]
fn teams_give_unit_by_unit_and_only_in_their_repositories() {
    let own = TeamSettings {
        includes_all_repositories: false,
        ..settings(AccessLevel::Read, &[(Unit::Code, AccessLevel::Read), (Unit::Issues, AccessLevel::Write)])
    };
    let world = world(&own);
    assert_eq!(rights(&world), RepositoryRights::none(), "the repository is not the team's");
    db::teams::put_repository(&world.conn, world.team, world.repository.id, NOON).unwrap();
    let found = rights(&world);
    assert_eq!((found.units.of(Unit::Code), found.units.of(Unit::Issues)), (AccessLevel::Read, AccessLevel::Write));
    assert_eq!((found.units.of(Unit::Wiki), found.level), (AccessLevel::None, AccessLevel::Write));
    db::collaborators::put(&world.conn, world.repository.id, world.member.id, AccessLevel::Read, NOON).unwrap();
    assert_eq!(rights(&world).units.of(Unit::Wiki), AccessLevel::Read, "grants add up");
}

#[test]
fn administrators_and_owners_hold_all_and_unit_administrators_do_not_hold_the_repository() {
    for level in [AccessLevel::Admin, AccessLevel::Owner] {
        let world = world(&settings(level, &[]));
        assert_eq!(rights(&world).level, level);
        assert_eq!(rights(&world).units.of(Unit::Code), level);
    }
    let world = world(&settings(AccessLevel::Write, &[(Unit::Issues, AccessLevel::Admin)]));
    assert_eq!(rights(&world).level, AccessLevel::Write, "settings are not theirs");
}

#[test]
fn what_is_switched_off_is_so_for_everybody() {
    let mut world = world(&settings(AccessLevel::Owner, &[]));
    world.repository.disabled_units.set(Unit::Wiki, true);
    assert_eq!(rights(&world).units.of(Unit::Wiki), AccessLevel::None);
    assert_eq!(rights(&world).level, AccessLevel::Owner);
    let console = Caller::console(Default::default());
    let found = rights_from(&console, &world.repository, &Grants::default());
    assert_eq!(found.units.of(Unit::Wiki), AccessLevel::None);
}

#[test]
fn leaving_the_team_ends_its_rights_and_the_standing() {
    let world = world(&settings(AccessLevel::Owner, &[]));
    let org = world.repository.owner_id;
    assert_eq!(standing_of_user(&world.conn, world.member.id, org).unwrap(), crate::model::Standing::EVERYTHING);
    db::teams::delete_member(&world.conn, world.team, world.member.id).unwrap();
    assert_eq!(rights(&world), RepositoryRights::none());
    assert_eq!(standing_of_user(&world.conn, world.member.id, org).unwrap(), crate::model::Standing::default());
    let team: Team = db::teams::find(&world.conn, world.team).unwrap().unwrap();
    assert!(team.is_owners());
}
