//! Facts about this installation, by key.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

/// Key of the installation's id.
pub const ID: &str = "id";
/// Key of the instant of the first start. Units: milliseconds since the epoch, as text.
pub const CREATED_MS: &str = "created_ms";

/// Reads one fact.
pub fn find(conn: &dyn Connection, key: &str) -> Result<Option<String>, Error> {
    conn.first("SELECT value FROM instance WHERE key = $1", &params![key], |row| row.text(0))
}

/// Writes a fact that is not there yet; false: it was.
pub fn insert(tx: &dyn Connection, key: &str, value: &str) -> Result<bool, Error> {
    let changed = tx.execute(
        "INSERT INTO instance (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
        &params![key, value],
    )?;
    Ok(changed == 1)
}
