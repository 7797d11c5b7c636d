//! Rows of packs that are committed and not files yet.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};
use atomicqms_git::maintenance::PackRow;

use crate::model::RepoId;

/// Keeps a pack with the refs that need it, in their transaction; answers the number of its row.
///
/// Shape: numbers of one repository grow as long as it has rows.
pub fn insert(tx: &dyn Connection, repo: RepoId, row: PackRow) -> Result<i64, Error> {
    let id = tx.first(
        "INSERT INTO waiting_pack (repo_id, pack, lines) VALUES ($1, $2, $3) RETURNING id",
        &params![repo, row.pack, row.lines],
        |row| row.int(0),
    )?;
    id.ok_or(Error::Column { index: 0, expected: "an id" })
}

/// Lists the packs of a repository, oldest first.
pub fn list(conn: &dyn Connection, repo: RepoId) -> Result<Vec<(i64, PackRow)>, Error> {
    conn.all("SELECT id, pack, lines FROM waiting_pack WHERE repo_id = $1 ORDER BY id", &params![repo], |row| {
        Ok((row.int(0)?, PackRow { pack: row.blob(1)?, lines: row.blob(2)? }))
    })
}

/// Forgets the packs of a repository up to a row: they are files.
pub fn delete_up_to(tx: &dyn Connection, repo: RepoId, up_to: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM waiting_pack WHERE repo_id = $1 AND id <= $2", &params![repo, up_to])?;
    Ok(())
}
