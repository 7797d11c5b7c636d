//! Rows of accounts that an account or an organization has blocked, and what a block ends.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

use super::collaborators::read_level;
use super::filter::Filter;
use super::interests::table;
use super::users;
use crate::model::interest::Interest;
use crate::model::{AccessLevel, Page, Paged, RepoId, User, UserId, UtcMs};

/// Blocks an account; false: it was blocked.
pub fn put(tx: &dyn Connection, blocker: UserId, blocked: UserId, note: &str, at: UtcMs) -> Result<bool, Error> {
    let sql = "INSERT INTO block (blocker_id, blocked_id, note, created_ms) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (blocker_id, blocked_id) DO NOTHING";
    Ok(tx.execute(sql, &params![blocker, blocked, note, at])? == 1)
}

/// Ends a block; false: there was none.
pub fn delete(tx: &dyn Connection, blocker: UserId, blocked: UserId) -> Result<bool, Error> {
    let sql = "DELETE FROM block WHERE blocker_id = $1 AND blocked_id = $2";
    Ok(tx.execute(sql, &params![blocker, blocked])? == 1)
}

/// Removes all of an account, from both sides; answers how many.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    let own = tx.execute("DELETE FROM block WHERE blocker_id = $1", &params![user])?;
    let others = tx.execute("DELETE FROM block WHERE blocked_id = $1", &params![user])?;
    Ok(own.saturating_add(others))
}

/// Whether an account is blocked, in force or not.
pub fn is_blocked(conn: &dyn Connection, blocker: UserId, blocked: UserId) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM block WHERE blocker_id = $1 AND blocked_id = $2";
    Ok(conn.first(sql, &params![blocker, blocked], |_| Ok(()))?.is_some())
}

/// Whether a block keeps an account from acting: it does not keep those who administer the site.
pub fn holds_back(conn: &dyn Connection, blocker: UserId, blocked: UserId) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM block b JOIN users u ON u.id = b.blocked_id \
               WHERE b.blocker_id = $1 AND b.blocked_id = $2 AND u.is_admin = 0";
    Ok(conn.first(sql, &params![blocker, blocked], |_| Ok(()))?.is_some())
}

/// Lists whom an account has blocked, as far as the viewer may see them, by login name.
pub fn list(conn: &dyn Connection, viewer: users::Viewer, blocker: UserId, page: Page) -> Result<Paged<User>, Error> {
    let mut filter = Filter::default();
    filter.equals("b.blocker_id", Some(blocker));
    let seen = users::seen_by(&mut filter, viewer, "u");
    filter.add(seen);
    let clause = filter.clause();
    let tables = "block b JOIN users u ON u.id = b.blocked_id";
    let total = conn.first(&format!("SELECT COUNT(*) FROM {tables}{clause}"), filter.params(), |row| row.int(0))?;
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let rows = conn.all(
        &format!("SELECT {} FROM {tables}{clause} ORDER BY u.login_key LIMIT {limit} OFFSET {offset}", users::COLUMNS),
        filter.params(),
        users::read,
    )?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Removes an account's stars, or watches, of the repositories of another; answers how many.
pub fn end_interest(tx: &dyn Connection, interest: Interest, user: UserId, owner: UserId) -> Result<u64, Error> {
    let sql = format!(
        "DELETE FROM {} WHERE user_id = $1 AND repo_id IN (SELECT r.id FROM repository r WHERE r.owner_id = $2)",
        table(interest)
    );
    tx.execute(&sql, &params![user, owner])
}

/// Takes an account's levels in the repositories of another away; answers what they were.
pub fn end_collaborations(
    tx: &dyn Connection,
    user: UserId,
    owner: UserId,
) -> Result<Vec<(RepoId, AccessLevel)>, Error> {
    let levels = tx.all(
        "SELECT c.repo_id, c.level FROM collaboration c JOIN repository r ON r.id = c.repo_id \
         WHERE c.user_id = $1 AND r.owner_id = $2 ORDER BY c.repo_id",
        &params![user, owner],
        |row| Ok((RepoId::new(row.int(0)?), read_level(row, 1)?)),
    )?;
    tx.execute(
        "DELETE FROM collaboration WHERE user_id = $1 AND repo_id IN (SELECT r.id FROM repository r WHERE r.owner_id = $2)",
        &params![user, owner],
    )?;
    Ok(levels)
}

/// Accounts that have blocked another, or that it has blocked, administrators of the site aside; for a list in a statement where `$2` is the other.
const APART_FROM: &str = "SELECT b.blocked_id FROM block b JOIN users u ON u.id = b.blocked_id WHERE b.blocker_id = $2 AND u.is_admin = 0 \
                          UNION SELECT b.blocker_id FROM block b WHERE b.blocked_id = $2";

/// Removes the stars, or watches, of a repository by accounts that a block keeps apart from its new owner; answers how many.
pub fn end_interest_in(tx: &dyn Connection, interest: Interest, repo: RepoId, owner: UserId) -> Result<u64, Error> {
    let sql = format!("DELETE FROM {} WHERE repo_id = $1 AND user_id IN ({APART_FROM})", table(interest));
    tx.execute(&sql, &params![repo, owner])
}

/// Takes the levels in a repository from accounts that a block keeps apart from its new owner; answers what they were.
pub fn end_collaborations_in(
    tx: &dyn Connection,
    repo: RepoId,
    owner: UserId,
) -> Result<Vec<(UserId, AccessLevel)>, Error> {
    let levels = tx.all(
        &format!(
            "SELECT user_id, level FROM collaboration WHERE repo_id = $1 AND user_id IN ({APART_FROM}) ORDER BY user_id"
        ),
        &params![repo, owner],
        |row| Ok((UserId::new(row.int(0)?), read_level(row, 1)?)),
    )?;
    tx.execute(
        &format!("DELETE FROM collaboration WHERE repo_id = $1 AND user_id IN ({APART_FROM})"),
        &params![repo, owner],
    )?;
    Ok(levels)
}

/// Ends the open offers to an account that another made, or of repositories that are the other's; answers of which repositories.
pub fn end_offers(tx: &dyn Connection, from: UserId, to: UserId) -> Result<Vec<RepoId>, Error> {
    let offered = tx.all(
        "SELECT t.repo_id FROM repository_transfer t JOIN repository r ON r.id = t.repo_id \
         WHERE t.recipient_id = $1 AND (t.doer_id = $2 OR r.owner_id = $3) ORDER BY t.repo_id",
        &params![to, from, from],
        |row| Ok(RepoId::new(row.int(0)?)),
    )?;
    for repo in &offered {
        super::transfers::delete(tx, *repo)?;
    }
    Ok(offered)
}
