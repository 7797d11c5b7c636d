//! Statements about what an administrator allows one account.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

use crate::model::UserId;
use crate::model::account_limits::AccountLimits;

/// Reads the limits of an account; those of one that is not there allow everything.
pub fn find(conn: &dyn Connection, id: UserId) -> Result<AccountLimits, Error> {
    let found = conn.first(
        "SELECT max_repositories, may_create_organizations FROM users WHERE id = $1",
        &params![id],
        |row| Ok(AccountLimits { max_repositories: row.opt_int(0)?, may_create_organizations: row.flag(1)? }),
    )?;
    Ok(found.unwrap_or_default())
}

/// Writes the limits of an account.
pub fn set(tx: &dyn Connection, id: UserId, limits: AccountLimits) -> Result<(), Error> {
    tx.execute(
        "UPDATE users SET max_repositories = $1, may_create_organizations = $2 WHERE id = $3",
        &params![limits.max_repositories, limits.may_create_organizations, id],
    )?;
    Ok(())
}

/// Counts the repositories that an account owns.
pub fn count_repositories(conn: &dyn Connection, id: UserId) -> Result<i64, Error> {
    let count = conn.first("SELECT COUNT(*) FROM repository WHERE owner_id = $1", &params![id], |row| row.int(0))?;
    Ok(count.unwrap_or(0))
}
