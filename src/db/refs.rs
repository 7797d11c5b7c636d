//! Rows of refs, their journal and how far it is on disk: the truth of decision D1.
//!
//! Owns [`record_edit`], the one statement pair that moves a ref, and the [`store`] the repository actors read from.
//! Called by `forge` inside commit transactions and by the actors.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row, Value};
use atomicqms_git::{ObjectId, Ref, RefEdit, RefName};

use crate::model::{RepoId, UserId, UtcMs};

pub mod store;
pub mod waiting;

pub use store::Refs;

fn read_id(bytes: &[u8], index: usize) -> Result<ObjectId, Error> {
    ObjectId::try_from(bytes).map_err(|_| Error::Column { index, expected: "an object id" })
}

fn read_ref(row: &dyn Row) -> Result<Ref, Error> {
    Ok(Ref {
        name: RefName::new(&row.text(0)?).map_err(|_| Error::Column { index: 0, expected: "a ref name" })?,
        target: read_id(&row.blob(1)?, 1)?,
        peeled: row.opt_blob(2)?.map(|bytes| read_id(&bytes, 2)).transpose()?,
    })
}

fn bytes_of(id: Option<ObjectId>) -> Value {
    Value::from(id.as_ref().map(|id| id.as_bytes()))
}

/// Finds one ref.
pub fn find(conn: &dyn Connection, repo: RepoId, name: &str) -> Result<Option<Ref>, Error> {
    conn.first("SELECT name, target, peeled FROM refs WHERE repo_id = $1 AND name = $2", &params![repo, name], read_ref)
}

/// Lists every ref of a repository in order of name.
pub fn list(conn: &dyn Connection, repo: RepoId) -> Result<Vec<Ref>, Error> {
    conn.all("SELECT name, target, peeled FROM refs WHERE repo_id = $1 ORDER BY name", &params![repo], read_ref)
}

/// Moves one ref if it has the old value, and writes the journal row that tells of it.
///
/// Shape: `audit_seq` is the `git.ref_update` event of this very change, appended in the same transaction. Answers
/// false, having written nothing, when the stored value is not `edit.old`; the caller then has to undo the event.
pub fn record_edit(
    tx: &dyn Connection,
    repo: RepoId,
    edit: &RefEdit,
    user: Option<UserId>,
    audit_seq: i64,
    at: UtcMs,
) -> Result<bool, Error> {
    let name = edit.name.as_str();
    let changed = match (edit.old, edit.new) {
        (None, None) => 0,
        (None, Some(new)) => tx.execute(
            "INSERT INTO refs (repo_id, name, target, peeled) VALUES ($1, $2, $3, $4) ON CONFLICT (repo_id, name) DO NOTHING",
            &params![repo, name, new.as_bytes(), bytes_of(edit.peeled)],
        )?,
        (Some(old), Some(new)) => tx.execute(
            "UPDATE refs SET target = $1, peeled = $2 WHERE repo_id = $3 AND name = $4 AND target = $5",
            &params![new.as_bytes(), bytes_of(edit.peeled), repo, name, old.as_bytes()],
        )?,
        (Some(old), None) => tx.execute(
            "DELETE FROM refs WHERE repo_id = $1 AND name = $2 AND target = $3",
            &params![repo, name, old.as_bytes()],
        )?,
    };
    if changed != 1 {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO ref_journal (seq, repo_id, name, old, new, user_id, audit_seq, at_ms) \
         VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM ref_journal), $1, $2, $3, $4, $5, $6, $7)",
        &params![repo, name, bytes_of(edit.old), bytes_of(edit.new), user, audit_seq, at],
    )?;
    Ok(true)
}

/// The last journal row of a repository; 0: none.
pub fn journal_seq(conn: &dyn Connection, repo: RepoId) -> Result<i64, Error> {
    let seq = conn.first(
        "SELECT seq FROM ref_journal WHERE repo_id = $1 ORDER BY seq DESC LIMIT 1",
        &params![repo],
        |row| row.int(0),
    )?;
    Ok(seq.unwrap_or(0))
}

/// The values that refs of a repository had or got since an instant; each as often as it occurs.
pub fn recent_values(conn: &dyn Connection, repo: RepoId, since: UtcMs) -> Result<Vec<ObjectId>, Error> {
    let rows = conn.all(
        "SELECT old, new FROM ref_journal WHERE repo_id = $1 AND at_ms >= $2 ORDER BY seq",
        &params![repo, since],
        |row| Ok([row.opt_blob(0)?, row.opt_blob(1)?]),
    )?;
    let values = rows.into_iter().flatten().zip([0, 1].into_iter().cycle());
    values.filter_map(|(value, index)| value.map(|bytes| read_id(&bytes, index))).collect()
}

/// How far the journal of a repository is on disk; 0: not at all.
pub fn projected_seq(conn: &dyn Connection, repo: RepoId) -> Result<i64, Error> {
    let seq = conn.first("SELECT seq FROM ref_projection WHERE repo_id = $1", &params![repo], |row| row.int(0))?;
    Ok(seq.unwrap_or(0))
}

/// Whether a value (none: absent) was the old or new one of a journal row of that ref after a sequence number.
pub fn was_journaled(
    conn: &dyn Connection,
    repo: RepoId,
    name: &str,
    value: Option<ObjectId>,
    since: i64,
) -> Result<bool, Error> {
    let found = match value {
        Some(id) => conn.first(
            "SELECT 1 FROM ref_journal WHERE repo_id = $1 AND name = $2 AND seq > $3 AND (old = $4 OR new = $5) LIMIT 1",
            &params![repo, name, since, id.as_bytes(), id.as_bytes()],
            |_| Ok(()),
        )?,
        None => conn.first(
            "SELECT 1 FROM ref_journal WHERE repo_id = $1 AND name = $2 AND seq > $3 AND (old IS NULL OR new IS NULL) LIMIT 1",
            &params![repo, name, since],
            |_| Ok(()),
        )?,
    };
    Ok(found.is_some())
}

/// What a journal row says of a ref: its name, the value before, the value after.
pub type Move = (String, Option<ObjectId>, Option<ObjectId>);

/// The moves of refs after a row of the journal, oldest first.
pub fn moves_after(conn: &dyn Connection, repo: RepoId, after: i64) -> Result<Vec<Move>, Error> {
    conn.all(
        "SELECT name, old, new FROM ref_journal WHERE repo_id = $1 AND seq > $2 ORDER BY seq",
        &params![repo, after],
        |row| {
            let read = |index| row.opt_blob(index)?.map(|bytes| read_id(&bytes, index)).transpose();
            Ok((row.text(0)?, read(1)?, read(2)?))
        },
    )
}

/// Notes how far the journal of a repository is on disk; never moves backwards.
pub fn mark_projected(tx: &dyn Connection, repo: RepoId, seq: i64) -> Result<(), Error> {
    // A repository deleted in the meantime must not come back as a projection row.
    tx.execute(
        "INSERT INTO ref_projection (repo_id, seq) SELECT id, $1 FROM repository WHERE id = $2 \
         ON CONFLICT (repo_id) DO UPDATE SET seq = excluded.seq WHERE ref_projection.seq < excluded.seq",
        &params![seq, repo],
    )?;
    Ok(())
}

/// Lists repositories whose journal is ahead of the disk, whose packs are not all files, or whose directory has to be moved.
pub fn list_unprojected(conn: &dyn Connection) -> Result<Vec<i64>, Error> {
    conn.all(
        "SELECT r.id FROM repository r LEFT JOIN ref_projection p ON p.repo_id = r.id \
         WHERE r.moved_from IS NOT NULL OR EXISTS (SELECT 1 FROM waiting_pack w WHERE w.repo_id = r.id) \
         OR COALESCE((SELECT MAX(j.seq) FROM ref_journal j WHERE j.repo_id = r.id), 0) > COALESCE(p.seq, 0) \
         ORDER BY r.id",
        &[],
        |row| row.int(0),
    )
}

#[cfg(test)]
mod tests;
