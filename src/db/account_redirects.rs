//! Former login names.
//!
//! Owns the `account_redirect` table.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

use crate::model::{UserId, UserName};

/// Finds whose former name this is; the account may have been deleted.
pub fn find(conn: &dyn Connection, name: &UserName) -> Result<Option<UserId>, Error> {
    conn.first("SELECT user_id FROM account_redirect WHERE login_key = $1", &params![name.key()], |row| {
        Ok(UserId::new(row.int(0)?))
    })
}

/// Counts the former names of an account.
pub fn count(conn: &dyn Connection, user: UserId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM account_redirect WHERE user_id = $1";
    let count = conn.first(sql, &params![user], |row| row.int(0))?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// Leaves a former name behind.
pub fn leave(tx: &dyn Connection, name: &UserName, user: UserId) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO account_redirect (login_key, user_id) VALUES ($1, $2) ON CONFLICT (login_key) DO NOTHING",
        &params![name.key(), user],
    )?;
    Ok(())
}

/// Forgets a former name, because its account takes it again.
pub fn forget(tx: &dyn Connection, name: &UserName, user: UserId) -> Result<(), Error> {
    tx.execute("DELETE FROM account_redirect WHERE login_key = $1 AND user_id = $2", &params![name.key(), user])?;
    Ok(())
}
