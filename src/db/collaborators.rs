//! Rows of levels granted in repositories.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

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

/// Lists the collaborators of a repository by login name.
pub fn list(conn: &dyn Connection, repo: RepoId, page: Page) -> Result<Paged<Collaborator>, Error> {
    let total =
        conn.first("SELECT COUNT(*) FROM collaboration WHERE repo_id = $1", &params![repo], |row| row.int(0))?;
    let rows = conn.all(
        &format!(
            "SELECT {}, c.level FROM collaboration c JOIN users u ON u.id = c.user_id WHERE c.repo_id = $1 \
             ORDER BY u.login_key LIMIT $2 OFFSET $3",
            users::COLUMNS
        ),
        &params![repo, page.limit_i64(), page.offset()],
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
