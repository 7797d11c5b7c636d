//! Rows of addresses of people.
//!
//! Owns the `email_address` table. The primary address of an account stands in its row, too.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use crate::model::{Email, EmailAddress, UserId, UtcMs};

const COLUMNS: &str = "e.id, e.user_id, e.email, e.is_verified, e.email_key = u.email_key";

fn read(row: &dyn Row) -> Result<EmailAddress, Error> {
    Ok(EmailAddress {
        id: row.int(0)?,
        user_id: UserId::new(row.int(1)?),
        email: Email::from_row(row.text(2)?),
        is_verified: row.flag(3)?,
        is_primary: row.flag(4)?,
    })
}

/// Lists the addresses of an account, the primary one first, then as they were added.
pub fn list(conn: &dyn Connection, user: UserId) -> Result<Vec<EmailAddress>, Error> {
    conn.all(
        &format!(
            "SELECT {COLUMNS} FROM email_address e JOIN users u ON u.id = e.user_id WHERE e.user_id = $1 \
             ORDER BY CASE WHEN e.email_key = u.email_key THEN 0 ELSE 1 END, e.id"
        ),
        &params![user],
        read,
    )
}

/// Lists the confirmed addresses of an account that is in use, in lower case: OpenPGP keys speak for it by them.
pub fn list_verified(conn: &dyn Connection, user: UserId) -> Result<Vec<String>, Error> {
    conn.all(
        "SELECT e.email_key FROM email_address e JOIN users u ON u.id = e.user_id \
         WHERE e.user_id = $1 AND e.is_verified = 1 AND u.is_active = 1 AND u.deleted_ms IS NULL ORDER BY e.id",
        &params![user],
        |row| row.text(0),
    )
}

/// Finds one address of an account.
pub fn find_of(conn: &dyn Connection, user: UserId, email: &Email) -> Result<Option<EmailAddress>, Error> {
    conn.first(
        &format!(
            "SELECT {COLUMNS} FROM email_address e JOIN users u ON u.id = e.user_id \
             WHERE e.user_id = $1 AND e.email_key = $2"
        ),
        &params![user, email.key()],
        read,
    )
}

/// Finds an address by its row.
pub fn find(conn: &dyn Connection, id: i64) -> Result<Option<EmailAddress>, Error> {
    conn.first(
        &format!("SELECT {COLUMNS} FROM email_address e JOIN users u ON u.id = e.user_id WHERE e.id = $1"),
        &params![id],
        read,
    )
}

/// Finds the account that has confirmed an address, or has it as its primary one.
pub fn holder(conn: &dyn Connection, email: &Email) -> Result<Option<UserId>, Error> {
    conn.first(
        "SELECT e.user_id FROM email_address e JOIN users u ON u.id = e.user_id \
         WHERE e.email_key = $1 AND (e.is_verified = 1 OR u.email_key = e.email_key) LIMIT 1",
        &params![email.key()],
        |row| Ok(UserId::new(row.int(0)?)),
    )
}

/// Adds an address that nobody has confirmed.
pub fn insert(tx: &dyn Connection, user: UserId, email: &Email, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO email_address (user_id, email, email_key, is_verified, created_ms) VALUES ($1, $2, $3, 0, $4)",
        &params![user, email.as_str(), email.key(), at],
    )?;
    Ok(())
}

/// Makes an address the confirmed one of an account, whether it was there or not; what others had said of it is forgotten.
///
/// Shape: the caller has made sure that nobody else [holds](holder) it.
pub fn put_verified(tx: &dyn Connection, user: UserId, email: &Email, at: UtcMs) -> Result<(), Error> {
    tx.execute("DELETE FROM email_address WHERE email_key = $1 AND user_id <> $2", &params![email.key(), user])?;
    tx.execute(
        "INSERT INTO email_address (user_id, email, email_key, is_verified, created_ms) VALUES ($1, $2, $3, 1, $4) \
         ON CONFLICT (user_id, email_key) DO UPDATE SET email = excluded.email, is_verified = 1",
        &params![user, email.as_str(), email.key(), at],
    )?;
    Ok(())
}

/// Takes an address from an account.
pub fn delete(tx: &dyn Connection, user: UserId, email: &Email) -> Result<bool, Error> {
    let gone =
        tx.execute("DELETE FROM email_address WHERE user_id = $1 AND email_key = $2", &params![user, email.key()])?;
    Ok(gone > 0)
}

/// Takes all addresses from an account.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    tx.execute("DELETE FROM email_address WHERE user_id = $1", &params![user])
}
