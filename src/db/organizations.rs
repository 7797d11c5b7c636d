//! Rows of organizations and of who belongs to them.
//!
//! Owns the part of `users` that only organizations use, and `organization_member`. Teams are in [`super::teams`].

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use super::filter::Filter;
use super::users;
use crate::model::{NewOrganization, Organization, Page, Paged, User, UserId, UserName, UtcMs};

fn columns() -> String {
    format!("{}, u.repo_admin_changes_team_access", users::COLUMNS)
}

fn read(row: &dyn Row) -> Result<Organization, Error> {
    Ok(Organization { user: users::read(row)?, repo_admin_changes_team_access: row.flag(users::COLUMN_COUNT)? })
}

/// Finds an organization by id.
pub fn find(conn: &dyn Connection, id: UserId) -> Result<Option<Organization>, Error> {
    let columns = columns();
    conn.first(
        &format!("SELECT {columns} FROM users u WHERE u.id = $1 AND u.is_organization = 1 AND u.deleted_ms IS NULL"),
        &params![id],
        read,
    )
}

/// Finds an organization by name, without regard to case.
pub fn find_by_name(conn: &dyn Connection, name: &UserName) -> Result<Option<Organization>, Error> {
    let columns = columns();
    conn.first(
        &format!(
            "SELECT {columns} FROM users u WHERE u.login_key = $1 AND u.is_organization = 1 AND u.deleted_ms IS NULL"
        ),
        &params![name.key()],
        read,
    )
}

/// Makes an organization. Its address identifies nobody and may be anybody's, so it gets no key.
pub fn insert(tx: &dyn Connection, new: &NewOrganization, at: UtcMs) -> Result<UserId, Error> {
    let id = tx.first(
        "INSERT INTO users (login, login_key, full_name, email, email_key, description, website, location, visibility, password_hash, \
         is_organization, repo_admin_changes_team_access, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, NULL, $5, $6, $7, $8, '', 1, $9, $10, $11) RETURNING id",
        &params![
            new.name.as_str(),
            new.name.key(),
            new.full_name.as_str(),
            new.email.as_ref().map_or("", |email| email.as_str()),
            new.description.as_str(),
            new.website.as_str(),
            new.location.as_str(),
            new.visibility.as_str(),
            new.repo_admin_changes_team_access,
            at,
            at,
        ],
        |row| row.int(0),
    )?;
    id.map(UserId::new).ok_or(Error::Column { index: 0, expected: "an id" })
}

/// Writes every field that may change but the name.
pub fn update(tx: &dyn Connection, organization: &Organization, at: UtcMs) -> Result<(), Error> {
    let user = &organization.user;
    tx.execute(
        "UPDATE users SET full_name = $1, email = $2, description = $3, website = $4, location = $5, visibility = $6, \
         repo_admin_changes_team_access = $7, updated_ms = $8 WHERE id = $9 AND is_organization = 1",
        &params![
            user.full_name.as_str(),
            user.email.as_str(),
            user.description.as_str(),
            user.website.as_str(),
            user.location.as_str(),
            user.visibility.as_str(),
            organization.repo_admin_changes_team_access,
            at,
            user.id,
        ],
    )?;
    Ok(())
}

/// Which organizations a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// All.
    Everybody,
    /// Those an account belongs to; of others than the viewer only what it shows, or what the viewer shares.
    Member(UserId),
}

/// Lists organizations by name that the viewer may see.
pub fn list(conn: &dyn Connection, viewer: users::Viewer, of: Of, page: Page) -> Result<Paged<Organization>, Error> {
    let mut filter = Filter::default();
    filter.add("u.is_organization = 1 AND u.deleted_ms IS NULL");
    if let Of::Member(member) = of {
        let who = filter.bind(member);
        let is_open = match viewer {
            users::Viewer { is_admin: true, .. } => String::new(),
            users::Viewer { id: Some(id), .. } if id == member => String::new(),
            users::Viewer { id: Some(id), .. } => {
                let id = filter.bind(id);
                format!(
                    " AND (m.is_public = 1 OR m.org_id IN (SELECT s.org_id FROM organization_member s WHERE s.user_id = {id}))"
                )
            }
            users::Viewer { id: None, .. } => " AND m.is_public = 1".to_owned(),
        };
        filter.add(format!("u.id IN (SELECT m.org_id FROM organization_member m WHERE m.user_id = {who}{is_open})"));
    }
    match viewer {
        users::Viewer { is_public_only: true, .. } | users::Viewer { id: None, is_admin: false, .. } => {
            filter.add("u.visibility = 'public'");
        }
        users::Viewer { is_admin: true, .. } => {}
        users::Viewer { id: Some(id), .. } => {
            let id = filter.bind(id);
            filter.add(format!(
                "(u.visibility IN ('public', 'limited') OR u.id IN (SELECT v.org_id FROM organization_member v WHERE v.user_id = {id}))"
            ));
        }
    }
    let clause = filter.clause();
    let total = conn.first(&format!("SELECT COUNT(*) FROM users u{clause}"), filter.params(), |row| row.int(0))?;
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let columns = columns();
    let rows = conn.all(
        &format!("SELECT {columns} FROM users u{clause} ORDER BY u.login_key LIMIT {limit} OFFSET {offset}"),
        filter.params(),
        read,
    )?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Whether an account belongs to an organization, and if so, whether it shows that; none: it does not belong.
pub fn membership(conn: &dyn Connection, org: UserId, user: UserId) -> Result<Option<bool>, Error> {
    conn.first(
        "SELECT is_public FROM organization_member WHERE org_id = $1 AND user_id = $2",
        &params![org, user],
        |row| row.flag(0),
    )
}

/// Lists the members of an organization by login name, or only those who show it, or only those whose accounts the viewer may see.
pub fn list_members(
    conn: &dyn Connection,
    org: UserId,
    only_public: bool,
    viewer: Option<users::Viewer>,
    page: Page,
) -> Result<Paged<User>, Error> {
    let mut filter = Filter::default();
    filter.equals("m.org_id", Some(org));
    if only_public {
        filter.add("m.is_public = 1");
    }
    users::only_seen(&mut filter, viewer, "u");
    let from = format!("FROM organization_member m JOIN users u ON u.id = m.user_id{}", filter.clause());
    let total = conn.first(&format!("SELECT COUNT(*) {from}"), filter.params(), |row| row.int(0))?;
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let rows = conn.all(
        &format!("SELECT {} {from} ORDER BY u.login_key LIMIT {limit} OFFSET {offset}", users::COLUMNS),
        filter.params(),
        users::read,
    )?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Makes an account a member; one who is already stays as it is.
pub fn put_member(tx: &dyn Connection, org: UserId, user: UserId, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO organization_member (org_id, user_id, created_ms) VALUES ($1, $2, $3) ON CONFLICT (org_id, user_id) DO NOTHING",
        &params![org, user, at],
    )?;
    Ok(())
}

/// Shows or hides a membership.
pub fn set_public(tx: &dyn Connection, org: UserId, user: UserId, is_public: bool) -> Result<(), Error> {
    tx.execute(
        "UPDATE organization_member SET is_public = $1 WHERE org_id = $2 AND user_id = $3",
        &params![is_public, org, user],
    )?;
    Ok(())
}

/// Ends a membership; the teams are the caller's to leave first.
pub fn delete_member(tx: &dyn Connection, org: UserId, user: UserId) -> Result<(), Error> {
    tx.execute("DELETE FROM organization_member WHERE org_id = $1 AND user_id = $2", &params![org, user])?;
    Ok(())
}

/// Ends every membership in an organization that is about to go.
pub fn delete_members(tx: &dyn Connection, org: UserId) -> Result<(), Error> {
    tx.execute("DELETE FROM organization_member WHERE org_id = $1", &params![org])?;
    Ok(())
}

/// Whether an account belongs to any organization.
pub fn user_has_any(conn: &dyn Connection, user: UserId) -> Result<bool, Error> {
    let found =
        conn.first("SELECT 1 FROM organization_member WHERE user_id = $1 LIMIT 1", &params![user], |_| Ok(()))?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests;
