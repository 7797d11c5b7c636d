//! Rows of accounts that strangers asked for.
//!
//! Owns the `registration` table.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use crate::model::{Email, NewRegistration, Registration, UserName, UtcMs};

const COLUMNS: &str = "id, login, email, password_hash, expires_ms";

fn read(row: &dyn Row) -> Result<Registration, Error> {
    Ok(Registration {
        id: row.int(0)?,
        name: UserName::from_row(&row.text(1)?),
        email: Email::from_row(row.text(2)?),
        password_hash: row.text(3)?,
        expires_ms: UtcMs::new(row.int(4)?),
    })
}

/// Adds one; answers its id.
pub fn insert(
    tx: &dyn Connection,
    new: &NewRegistration,
    password_hash: &str,
    neighbourhood: &str,
    expires: UtcMs,
    at: UtcMs,
) -> Result<i64, Error> {
    let id = tx.first(
        "INSERT INTO registration (login, login_key, email, email_key, password_hash, neighbourhood, created_ms, expires_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        &params![
            new.name.as_str(),
            new.name.key(),
            new.email.as_str(),
            new.email.key(),
            password_hash,
            neighbourhood,
            at,
            expires
        ],
        |row| row.int(0),
    )?;
    id.ok_or(Error::Column { index: 0, expected: "an id" })
}

/// Finds one.
pub fn find(conn: &dyn Connection, id: i64) -> Result<Option<Registration>, Error> {
    conn.first(&format!("SELECT {COLUMNS} FROM registration WHERE id = $1"), &params![id], read)
}

/// Counts all.
pub fn count(conn: &dyn Connection) -> Result<u64, Error> {
    let count = conn.first("SELECT COUNT(*) FROM registration", &[], |row| row.int(0))?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Removes the oldest of the neighbourhood that has most; where several have, the oldest of theirs. Answers its id.
pub fn delete_most_crowded(tx: &dyn Connection) -> Result<Option<i64>, Error> {
    let id = tx.first(
        "SELECT MIN(id) FROM registration GROUP BY neighbourhood ORDER BY COUNT(*) DESC, MIN(id) LIMIT 1",
        &[],
        |row| row.int(0),
    )?;
    if let Some(id) = id {
        tx.execute("DELETE FROM registration WHERE id = $1", &params![id])?;
    }
    Ok(id)
}

/// Removes those that have lapsed; answers how many.
pub fn delete_expired(tx: &dyn Connection, at: UtcMs) -> Result<u64, Error> {
    tx.execute("DELETE FROM registration WHERE expires_ms <= $1", &params![at])
}

/// Removes those that can become nothing any more, because their name or their address was given away.
pub fn delete_of(tx: &dyn Connection, name: &UserName, email: &Email) -> Result<u64, Error> {
    tx.execute("DELETE FROM registration WHERE login_key = $1 OR email_key = $2", &params![name.key(), email.key()])
}

/// When the next one lapses.
pub fn next_expiry(conn: &dyn Connection) -> Result<Option<UtcMs>, Error> {
    conn.first("SELECT expires_ms FROM registration ORDER BY expires_ms LIMIT 1", &[], |row| {
        Ok(UtcMs::new(row.int(0)?))
    })
}
