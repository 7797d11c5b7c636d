//! Rows of levels granted in repositories.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use super::filter::Filter;
use super::users;
use crate::model::{AccessLevel, Collaborator, Page, Paged, RepoId, UserId, UtcMs};

pub(super) fn read_level(row: &dyn Row, index: usize) -> Result<AccessLevel, Error> {
    AccessLevel::parse(&row.text(index)?).ok_or(Error::Column { index, expected: "a level" })
}

/// Reads the level granted to a user.
pub fn level(conn: &dyn Connection, repo: RepoId, user: UserId) -> Result<Option<AccessLevel>, Error> {
    conn.first("SELECT level FROM collaboration WHERE repo_id = $1 AND user_id = $2", &params![repo, user], |row| {
        read_level(row, 0)
    })
}

/// Lists the collaborators of a repository by login name, or only those whose accounts the viewer may see.
pub fn list(
    conn: &dyn Connection,
    repo: RepoId,
    viewer: Option<users::Viewer>,
    page: Page,
) -> Result<Paged<Collaborator>, Error> {
    let mut filter = Filter::default();
    filter.equals("c.repo_id", Some(repo));
    users::only_seen(&mut filter, viewer, "u");
    let from = format!("FROM collaboration c JOIN users u ON u.id = c.user_id{}", filter.clause());
    let total = conn.first(&format!("SELECT COUNT(*) {from}"), filter.params(), |row| row.int(0))?;
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let rows = conn.all(
        &format!("SELECT {}, c.level {from} ORDER BY u.login_key LIMIT {limit} OFFSET {offset}", users::COLUMNS),
        filter.params(),
        |row| Ok(Collaborator { user: users::read(row)?, level: read_level(row, users::COLUMN_COUNT)? }),
    )?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Grants or changes a level.
pub fn put(tx: &dyn Connection, repo: RepoId, user: UserId, level: AccessLevel, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO collaboration (repo_id, user_id, level, created_ms, updated_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (repo_id, user_id) DO UPDATE SET level = excluded.level, updated_ms = excluded.updated_ms",
        &params![repo, user, level.as_str(), at, at],
    )?;
    Ok(())
}

/// Takes a level away; false: there was none.
pub fn delete(tx: &dyn Connection, repo: RepoId, user: UserId) -> Result<bool, Error> {
    let changed = tx.execute("DELETE FROM collaboration WHERE repo_id = $1 AND user_id = $2", &params![repo, user])?;
    Ok(changed == 1)
}

/// Takes every level of a user away; answers how many.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    tx.execute("DELETE FROM collaboration WHERE user_id = $1", &params![user])
}
