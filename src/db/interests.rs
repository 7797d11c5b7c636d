//! Rows of stars and watches.

use std::collections::HashMap;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

use super::filter::Filter;
use super::users;
use crate::model::interest::Interest;
use crate::model::{Page, Paged, RepoId, User, UserId, UtcMs};

/// The table of each kind.
pub(super) const fn table(interest: Interest) -> &'static str {
    match interest {
        Interest::Star => "star",
        Interest::Watch => "watch",
    }
}

/// Adds one; false: it was there.
pub fn put(tx: &dyn Connection, interest: Interest, user: UserId, repo: RepoId, at: UtcMs) -> Result<bool, Error> {
    let sql = format!(
        "INSERT INTO {} (user_id, repo_id, created_ms) VALUES ($1, $2, $3) ON CONFLICT (user_id, repo_id) DO NOTHING",
        table(interest)
    );
    Ok(tx.execute(&sql, &params![user, repo, at])? == 1)
}

/// Removes one; false: there was none.
pub fn delete(tx: &dyn Connection, interest: Interest, user: UserId, repo: RepoId) -> Result<bool, Error> {
    let sql = format!("DELETE FROM {} WHERE user_id = $1 AND repo_id = $2", table(interest));
    Ok(tx.execute(&sql, &params![user, repo])? == 1)
}

/// Removes all of an account; answers how many.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    let stars = tx.execute("DELETE FROM star WHERE user_id = $1", &params![user])?;
    let watches = tx.execute("DELETE FROM watch WHERE user_id = $1", &params![user])?;
    Ok(stars.saturating_add(watches))
}

/// Since when; none: not at all.
pub fn since(conn: &dyn Connection, interest: Interest, user: UserId, repo: RepoId) -> Result<Option<UtcMs>, Error> {
    let sql = format!("SELECT created_ms FROM {} WHERE user_id = $1 AND repo_id = $2", table(interest));
    conn.first(&sql, &params![user, repo], |row| Ok(UtcMs::new(row.int(0)?)))
}

/// Counts the repositories of an account.
pub fn count_of_user(conn: &dyn Connection, interest: Interest, user: UserId) -> Result<u64, Error> {
    let sql = format!("SELECT COUNT(*) FROM {} WHERE user_id = $1", table(interest));
    let count = conn.first(&sql, &params![user], |row| row.int(0))?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Counts the accounts of each repository of a page in one statement; those without any are absent.
pub fn count_of_repositories(
    conn: &dyn Connection,
    interest: Interest,
    repos: &[RepoId],
) -> Result<HashMap<RepoId, u64>, Error> {
    if repos.is_empty() {
        return Ok(HashMap::new());
    }
    let mut wanted = Filter::default();
    let places: Vec<String> = repos.iter().map(|repo| wanted.bind(*repo)).collect();
    let sql = format!(
        "SELECT x.repo_id, COUNT(*) FROM {} x WHERE x.repo_id IN ({}) GROUP BY x.repo_id",
        table(interest),
        places.join(", ")
    );
    let counts = conn.all(&sql, wanted.params(), |row| Ok((RepoId::new(row.int(0)?), row.int(1)?)))?;
    Ok(counts.into_iter().map(|(repo, count)| (repo, u64::try_from(count).unwrap_or(0))).collect())
}

/// Lists the accounts of a repository that the viewer may see, by login name.
pub fn list_users(
    conn: &dyn Connection,
    interest: Interest,
    viewer: users::Viewer,
    repo: RepoId,
    page: Page,
) -> Result<Paged<User>, Error> {
    let mut filter = Filter::default();
    filter.equals("x.repo_id", Some(repo));
    let seen = users::seen_by(&mut filter, viewer, "u");
    filter.add(seen);
    let clause = filter.clause();
    let tables = format!("{} x JOIN users u ON u.id = x.user_id", table(interest));
    let total = conn.first(&format!("SELECT COUNT(*) FROM {tables}{clause}"), filter.params(), |row| row.int(0))?;
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let rows = conn.all(
        &format!("SELECT {} FROM {tables}{clause} ORDER BY u.login_key LIMIT {limit} OFFSET {offset}", users::COLUMNS),
        filter.params(),
        users::read,
    )?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}
