//! Rows of labels.
//!
//! Owns the `label` table.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row, Value};

use crate::model::label::{Label, LabelColor, LabelOwner, NewLabel};
use crate::model::{Page, Paged, RepoId, UserId, UtcMs};

const COLUMNS: &str = "id, repo_id, org_id, name, color, description, is_exclusive, is_archived";

fn read(row: &dyn Row) -> Result<Label, Error> {
    let owner = match (row.opt_int(1)?, row.opt_int(2)?) {
        (Some(repo), _) => LabelOwner::Repository(RepoId::new(repo)),
        (None, Some(org)) => LabelOwner::Organization(UserId::new(org)),
        (None, None) => return Err(Error::Column { index: 2, expected: "an owner" }),
    };
    Ok(Label {
        id: row.int(0)?,
        owner,
        name: row.text(3)?,
        color: LabelColor::from_row(row.text(4)?),
        description: row.text(5)?,
        is_exclusive: row.flag(6)?,
        is_archived: row.flag(7)?,
    })
}

/// The column that names the owner, and its value.
fn place(owner: LabelOwner) -> (&'static str, Value) {
    match owner {
        LabelOwner::Repository(id) => ("repo_id", id.into()),
        LabelOwner::Organization(id) => ("org_id", id.into()),
    }
}

/// The form under which a name is unique.
fn key(name: &str) -> String {
    name.to_lowercase()
}

/// Lists labels by name.
pub fn list(conn: &dyn Connection, owner: LabelOwner, page: Page) -> Result<Paged<Label>, Error> {
    let (column, id) = place(owner);
    let total = count(conn, owner)?;
    let rows = conn.all(
        &format!("SELECT {COLUMNS} FROM label WHERE {column} = $1 ORDER BY name_key LIMIT $2 OFFSET $3"),
        &[id, page.limit_i64().into(), page.offset().into()],
        read,
    )?;
    Ok(Paged { rows, total_count: total })
}

/// Reads all labels by name; their number is bounded.
pub fn all_of(conn: &dyn Connection, owner: LabelOwner) -> Result<Vec<Label>, Error> {
    let (column, id) = place(owner);
    conn.all(&format!("SELECT {COLUMNS} FROM label WHERE {column} = $1 ORDER BY name_key"), &[id], read)
}

/// Counts labels.
pub fn count(conn: &dyn Connection, owner: LabelOwner) -> Result<u64, Error> {
    let (column, id) = place(owner);
    let count = conn.first(&format!("SELECT COUNT(*) FROM label WHERE {column} = $1"), &[id], |row| row.int(0))?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// Finds a label of an owner.
pub fn find(conn: &dyn Connection, owner: LabelOwner, id: i64) -> Result<Option<Label>, Error> {
    let (column, owner) = place(owner);
    conn.first(&format!("SELECT {COLUMNS} FROM label WHERE id = $1 AND {column} = $2"), &[id.into(), owner], read)
}

/// Finds a label of an owner by its name, without regard to case.
pub fn find_by_name(conn: &dyn Connection, owner: LabelOwner, name: &str) -> Result<Option<Label>, Error> {
    let (column, owner) = place(owner);
    conn.first(
        &format!("SELECT {COLUMNS} FROM label WHERE {column} = $1 AND name_key = $2"),
        &[owner, key(name).into()],
        read,
    )
}

/// Makes a label.
pub fn insert(tx: &dyn Connection, owner: LabelOwner, new: &NewLabel, at: UtcMs) -> Result<i64, Error> {
    let (repo, org) = match owner {
        LabelOwner::Repository(id) => (Some(id.get()), None),
        LabelOwner::Organization(id) => (None, Some(id.get())),
    };
    let id = tx.first(
        "INSERT INTO label (repo_id, org_id, name, name_key, color, description, is_exclusive, is_archived, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        &params![
            repo,
            org,
            new.name.as_str(),
            key(&new.name),
            new.color.as_str(),
            new.description.as_str(),
            new.is_exclusive,
            new.is_archived,
            at,
            at,
        ],
        |row| row.int(0),
    )?;
    id.ok_or(Error::Column { index: 0, expected: "an id" })
}

/// Writes every field that may change.
pub fn update(tx: &dyn Connection, label: &Label, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE label SET name = $1, name_key = $2, color = $3, description = $4, is_exclusive = $5, is_archived = $6, \
         updated_ms = $7 WHERE id = $8",
        &params![
            label.name.as_str(),
            key(&label.name),
            label.color.as_str(),
            label.description.as_str(),
            label.is_exclusive,
            label.is_archived,
            at,
            label.id,
        ],
    )?;
    Ok(())
}

/// Removes a label.
pub fn delete(tx: &dyn Connection, id: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM label WHERE id = $1", &params![id])?;
    Ok(())
}

/// Removes all labels of an owner.
pub fn delete_of(tx: &dyn Connection, owner: LabelOwner) -> Result<u64, Error> {
    let (column, id) = place(owner);
    tx.execute(&format!("DELETE FROM label WHERE {column} = $1"), &[id])
}
