//! Rows of teams: their settings, members, repositories, and what they give somebody in one repository.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use super::collaborators::read_level;
use super::filter::Filter;
use super::users;
use crate::model::{
    AccessLevel, Page, Paged, RepoId, Repository, Team, TeamId, TeamSettings, Unit, UnitLevels, User, UserId, UtcMs,
};

const COLUMNS: &str = "t.id, t.org_id, t.name, t.description, t.level, t.visibility, t.includes_all_repositories, \
     t.can_create_repository, t.created_ms";

fn read(row: &dyn Row) -> Result<Team, Error> {
    Ok(Team {
        id: TeamId::new(row.int(0)?),
        org_id: UserId::new(row.int(1)?),
        name: row.text(2)?,
        description: row.text(3)?,
        level: read_level(row, 4)?,
        visibility: users::visibility(row, 5)?,
        includes_all_repositories: row.flag(6)?,
        can_create_repository: row.flag(7)?,
        units: UnitLevels::default(),
        created_ms: UtcMs::new(row.int(8)?),
    })
}

/// Adds what a team gives unit by unit. Names that this version does not know give nothing.
fn with_units(conn: &dyn Connection, mut team: Team) -> Result<Team, Error> {
    let rows = conn.all("SELECT unit, level FROM team_unit WHERE team_id = $1", &params![team.id], |row| {
        Ok((row.text(0)?, read_level(row, 1)?))
    })?;
    for (unit, level) in rows {
        if let Some(unit) = Unit::parse(&unit) {
            team.units.set(unit, level);
        }
    }
    Ok(team)
}

fn all_with_units(conn: &dyn Connection, teams: Vec<Team>) -> Result<Vec<Team>, Error> {
    teams.into_iter().map(|team| with_units(conn, team)).collect()
}

/// Finds a team by id.
pub fn find(conn: &dyn Connection, id: TeamId) -> Result<Option<Team>, Error> {
    let team = conn.first(&format!("SELECT {COLUMNS} FROM team t WHERE t.id = $1"), &params![id], read)?;
    team.map(|team| with_units(conn, team)).transpose()
}

/// Finds a team of an organization by name, without regard to ASCII case.
pub fn find_by_name(conn: &dyn Connection, org: UserId, name: &str) -> Result<Option<Team>, Error> {
    let team = conn.first(
        &format!("SELECT {COLUMNS} FROM team t WHERE t.org_id = $1 AND t.name_key = $2"),
        &params![org, name.to_ascii_lowercase()],
        read,
    )?;
    team.map(|team| with_units(conn, team)).transpose()
}

/// Makes a team.
pub fn insert(tx: &dyn Connection, org: UserId, new: &TeamSettings, at: UtcMs) -> Result<TeamId, Error> {
    let id = tx.first(
        "INSERT INTO team (org_id, name, name_key, description, level, visibility, includes_all_repositories, \
         can_create_repository, created_ms, updated_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        &params![
            org,
            new.name.as_str(),
            new.name.to_ascii_lowercase(),
            new.description.as_str(),
            new.level.as_str(),
            new.visibility.as_str(),
            new.includes_all_repositories,
            new.can_create_repository,
            at,
            at,
        ],
        |row| row.int(0),
    )?;
    let id = id.map(TeamId::new).ok_or(Error::Column { index: 0, expected: "an id" })?;
    insert_units(tx, id, &new.units)?;
    Ok(id)
}

/// Writes every setting of a team.
pub fn update(tx: &dyn Connection, id: TeamId, settings: &TeamSettings, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE team SET name = $1, name_key = $2, description = $3, level = $4, visibility = $5, includes_all_repositories = $6, \
         can_create_repository = $7, updated_ms = $8 WHERE id = $9",
        &params![
            settings.name.as_str(),
            settings.name.to_ascii_lowercase(),
            settings.description.as_str(),
            settings.level.as_str(),
            settings.visibility.as_str(),
            settings.includes_all_repositories,
            settings.can_create_repository,
            at,
            id,
        ],
    )?;
    tx.execute("DELETE FROM team_unit WHERE team_id = $1", &params![id])?;
    insert_units(tx, id, &settings.units)
}

fn insert_units(tx: &dyn Connection, id: TeamId, units: &UnitLevels) -> Result<(), Error> {
    for (unit, level) in units.iter().filter(|(_, level)| *level > AccessLevel::None) {
        tx.execute(
            "INSERT INTO team_unit (team_id, unit, level) VALUES ($1, $2, $3)",
            &params![id, unit.as_str(), level.as_str()],
        )?;
    }
    Ok(())
}

/// Removes a team with its members and repositories.
pub fn delete(tx: &dyn Connection, id: TeamId) -> Result<(), Error> {
    for statement in [
        "DELETE FROM team_unit WHERE team_id = $1",
        "DELETE FROM team_member WHERE team_id = $1",
        "DELETE FROM team_repository WHERE team_id = $1",
        "DELETE FROM team_invitation WHERE team_id = $1",
        "DELETE FROM repository_transfer_team WHERE team_id = $1",
        "DELETE FROM branch_protection_team WHERE team_id = $1",
        "DELETE FROM tag_protection_team WHERE team_id = $1",
        "DELETE FROM team WHERE id = $1",
    ] {
        tx.execute(statement, &params![id])?;
    }
    Ok(())
}

/// Lists the ids of an organization's teams.
pub fn list_ids(conn: &dyn Connection, org: UserId) -> Result<Vec<TeamId>, Error> {
    conn.all("SELECT id FROM team WHERE org_id = $1 ORDER BY id", &params![org], |row| Ok(TeamId::new(row.int(0)?)))
}

/// Which teams a list shows.
#[derive(Debug, Clone, Default)]
pub struct TeamQuery {
    /// Of this organization.
    pub org: Option<UserId>,
    /// With this member.
    pub member: Option<UserId>,
    /// Only of organizations that everybody sees.
    pub in_public_only: bool,
    /// Without this: all; with it: only what a member of the organization that is not its owner sees.
    pub viewer: Option<TeamViewer>,
    /// Contained in the name; empty: all.
    pub text: String,
    /// Look into the text, too.
    pub in_description: bool,
}

/// Somebody who does not see every team of an organization.
#[derive(Debug, Clone, Copy)]
pub struct TeamViewer {
    /// The account, when there is one.
    pub id: Option<UserId>,
    /// Belongs to the organization.
    pub is_member: bool,
}

/// Lists teams, owners first, then by name.
pub fn list(conn: &dyn Connection, query: &TeamQuery, page: Page) -> Result<Paged<Team>, Error> {
    let mut filter = Filter::default();
    filter.equals("t.org_id", query.org);
    if let Some(member) = query.member {
        let member = filter.bind(member);
        filter.add(format!("t.id IN (SELECT m.team_id FROM team_member m WHERE m.user_id = {member})"));
    }
    if query.in_public_only {
        filter.add("t.org_id IN (SELECT o.id FROM users o WHERE o.visibility = 'public')");
    }
    if let Some(viewer) = query.viewer {
        let shown = if viewer.is_member { "t.visibility IN ('public', 'limited')" } else { "t.visibility = 'public'" };
        let id = filter.bind(viewer.id.map_or(0, UserId::get));
        filter.add(format!("({shown} OR t.id IN (SELECT v.team_id FROM team_member v WHERE v.user_id = {id}))"));
    }
    let expressions: &[&str] = if query.in_description { &["t.name", "t.description"] } else { &["t.name"] };
    filter.contains(expressions, &query.text);
    let clause = filter.clause();
    let total = conn.first(&format!("SELECT COUNT(*) FROM team t{clause}"), filter.params(), |row| row.int(0))?;
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let rows = conn.all(
        &format!(
            "SELECT {COLUMNS} FROM team t{clause} ORDER BY CASE t.level WHEN 'owner' THEN 0 ELSE 1 END, t.name_key, t.id \
             LIMIT {limit} OFFSET {offset}"
        ),
        filter.params(),
        read,
    )?;
    Ok(Paged { rows: all_with_units(conn, rows)?, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Lists every team of an organization that an account is in.
pub fn list_of_member(conn: &dyn Connection, org: UserId, user: UserId) -> Result<Vec<Team>, Error> {
    let teams = conn.all(
        &format!(
            "SELECT {COLUMNS} FROM team_member m JOIN team t ON t.id = m.team_id WHERE m.user_id = $1 AND t.org_id = $2 ORDER BY t.id"
        ),
        &params![user, org],
        read,
    )?;
    all_with_units(conn, teams)
}

/// Lists the teams with access to a repository, by name.
pub fn list_of_repository(conn: &dyn Connection, repository: &Repository) -> Result<Vec<Team>, Error> {
    let teams = conn.all(
        &format!(
            "SELECT {COLUMNS} FROM team t WHERE t.org_id = $1 AND (t.includes_all_repositories = 1 \
             OR t.id IN (SELECT r.team_id FROM team_repository r WHERE r.repo_id = $2)) ORDER BY t.name_key"
        ),
        &params![repository.owner_id, repository.id],
        read,
    )?;
    all_with_units(conn, teams)
}

/// Whether a team has access to a repository of its organization.
pub fn has_repository(conn: &dyn Connection, team: &Team, repo: RepoId) -> Result<bool, Error> {
    if team.includes_all_repositories {
        return Ok(true);
    }
    let found = conn.first(
        "SELECT 1 FROM team_repository WHERE team_id = $1 AND repo_id = $2",
        &params![team.id, repo],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Gives a team access to a repository; false: it was given before.
pub fn put_repository(tx: &dyn Connection, team: TeamId, repo: RepoId, at: UtcMs) -> Result<bool, Error> {
    let changed = tx.execute(
        "INSERT INTO team_repository (team_id, repo_id, created_ms) VALUES ($1, $2, $3) ON CONFLICT (team_id, repo_id) DO NOTHING",
        &params![team, repo, at],
    )?;
    Ok(changed == 1)
}

/// Takes access to a repository from a team; false: there was none.
pub fn delete_repository(tx: &dyn Connection, team: TeamId, repo: RepoId) -> Result<bool, Error> {
    let changed =
        tx.execute("DELETE FROM team_repository WHERE team_id = $1 AND repo_id = $2", &params![team, repo])?;
    Ok(changed == 1)
}

/// Takes access to a repository from every team; answers how many had it.
pub fn forget_repository(tx: &dyn Connection, repo: RepoId) -> Result<u64, Error> {
    tx.execute("DELETE FROM team_repository WHERE repo_id = $1", &params![repo])
}

/// Lists the ids of the teams an account is in, of every organization.
pub fn ids_of_member(conn: &dyn Connection, user: UserId) -> Result<Vec<TeamId>, Error> {
    conn.all("SELECT team_id FROM team_member WHERE user_id = $1", &params![user], |row| Ok(TeamId::new(row.int(0)?)))
}

/// Whether an account is in a team.
pub fn is_member(conn: &dyn Connection, team: TeamId, user: UserId) -> Result<bool, Error> {
    let found =
        conn.first("SELECT 1 FROM team_member WHERE team_id = $1 AND user_id = $2", &params![team, user], |_| Ok(()))?;
    Ok(found.is_some())
}

/// Lists the members of a team by login name, or only those whose accounts the viewer may see.
pub fn list_members(
    conn: &dyn Connection,
    team: TeamId,
    viewer: Option<users::Viewer>,
    page: Page,
) -> Result<Paged<User>, Error> {
    let mut filter = Filter::default();
    filter.equals("m.team_id", Some(team));
    users::only_seen(&mut filter, viewer, "u");
    let from = format!("FROM team_member m JOIN users u ON u.id = m.user_id{}", filter.clause());
    let total = conn.first(&format!("SELECT COUNT(*) {from}"), filter.params(), |row| row.int(0))?;
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let rows = conn.all(
        &format!("SELECT {} {from} ORDER BY u.login_key LIMIT {limit} OFFSET {offset}", users::COLUMNS),
        filter.params(),
        users::read,
    )?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Counts the members of a team.
pub fn count_members(conn: &dyn Connection, team: TeamId) -> Result<u64, Error> {
    let count = conn.first("SELECT COUNT(*) FROM team_member WHERE team_id = $1", &params![team], |row| row.int(0))?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Puts an account into a team; false: it was there.
pub fn put_member(tx: &dyn Connection, team: TeamId, user: UserId, at: UtcMs) -> Result<bool, Error> {
    let changed = tx.execute(
        "INSERT INTO team_member (team_id, user_id, created_ms) VALUES ($1, $2, $3) ON CONFLICT (team_id, user_id) DO NOTHING",
        &params![team, user, at],
    )?;
    Ok(changed == 1)
}

/// Takes an account out of a team; false: it was not there.
pub fn delete_member(tx: &dyn Connection, team: TeamId, user: UserId) -> Result<bool, Error> {
    let changed = tx.execute("DELETE FROM team_member WHERE team_id = $1 AND user_id = $2", &params![team, user])?;
    Ok(changed == 1)
}

/// What teams give an account in a repository: the level of those that hold everywhere (else none), and unit by unit.
pub fn levels_in(
    conn: &dyn Connection,
    user: UserId,
    repository: &Repository,
) -> Result<(AccessLevel, UnitLevels), Error> {
    let rows = conn.all(
        "SELECT t.level, n.unit, n.level FROM team_member m JOIN team t ON t.id = m.team_id \
         LEFT JOIN team_unit n ON n.team_id = t.id WHERE m.user_id = $1 AND t.org_id = $2 AND (t.includes_all_repositories = 1 \
         OR EXISTS (SELECT 1 FROM team_repository r WHERE r.team_id = t.id AND r.repo_id = $3))",
        &params![user, repository.owner_id, repository.id],
        |row| {
            let unit = row.opt_text(1)?;
            let level = if unit.is_some() { read_level(row, 2)? } else { AccessLevel::None };
            Ok((read_level(row, 0)?, unit, level))
        },
    )?;
    let (mut everywhere, mut units) = (AccessLevel::None, UnitLevels::default());
    for (team, unit, level) in rows {
        if team >= AccessLevel::Admin {
            everywhere = everywhere.max(team);
        }
        if let Some(unit) = unit.as_deref().and_then(Unit::parse) {
            units.raise(unit, level);
        }
    }
    Ok((everywhere, units))
}

/// The repositories that grants of any kind open to an account, as a subquery over one parameter used up to three times in order.
///
/// Shape: `who` is called for each use and answers a placeholder.
pub(super) fn granted(mut who: impl FnMut() -> String) -> String {
    let gives = "(t.level IN ('admin', 'owner') OR EXISTS (SELECT 1 FROM team_unit n WHERE n.team_id = t.id))";
    let (first, second, third) = (who(), who(), who());
    format!(
        "SELECT k.repo_id FROM collaboration k WHERE k.user_id = {first} \
         UNION SELECT e.repo_id FROM team_member m JOIN team t ON t.id = m.team_id JOIN team_repository e ON e.team_id = t.id \
         WHERE m.user_id = {second} AND {gives} \
         UNION SELECT o.id FROM team_member m JOIN team t ON t.id = m.team_id JOIN repository o ON o.owner_id = t.org_id \
         WHERE m.user_id = {third} AND t.includes_all_repositories = 1 AND {gives}"
    )
}

#[cfg(test)]
mod tests;
