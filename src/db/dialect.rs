//! The only statements that SQLite alone understands: schema version, tables and triggers.

use atomicqms_actors::sql::{Connection, Error};

/// Version of the schema in this database; 0: none yet.
pub fn schema_version(conn: &dyn Connection) -> Result<i64, Error> {
    Ok(conn.first("PRAGMA user_version", &[], |row| row.int(0))?.unwrap_or(0))
}

/// Records the version of the schema; part of the open transaction.
pub fn set_schema_version(conn: &dyn Connection, version: i64) -> Result<(), Error> {
    conn.execute_batch(&format!("PRAGMA user_version = {version}"))
}

/// Whether the database holds any table, index, view or trigger.
pub fn has_objects(conn: &dyn Connection) -> Result<bool, Error> {
    Ok(conn.first("SELECT 1 FROM sqlite_schema LIMIT 1", &[], |_| Ok(()))?.is_some())
}

/// The whole schema as sorted pairs of name and definition, for comparing two databases.
pub fn schema_text(conn: &dyn Connection) -> Result<Vec<(String, String)>, Error> {
    conn.all("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name", &[], |row| {
        Ok((row.text(0)?, row.text(1)?))
    })
}

/// Every trigger as a sorted pair of name and definition.
pub fn triggers(conn: &dyn Connection) -> Result<Vec<(String, String)>, Error> {
    conn.all("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name", &[], |row| {
        Ok((row.text(0)?, row.text(1)?))
    })
}

/// How a statement would be run: one line a step, indented by two spaces for each step that it is a part of.
#[cfg(test)]
pub(crate) fn query_plan(
    conn: &dyn Connection,
    statement: &str,
    params: &[atomicqms_actors::sql::Value],
) -> Result<Vec<String>, Error> {
    let steps = conn
        .all(&format!("EXPLAIN QUERY PLAN {statement}"), params, |row| Ok((row.int(0)?, row.int(1)?, row.text(3)?)))?;
    let mut depths = std::collections::BTreeMap::<i64, usize>::new();
    let indented = steps.into_iter().map(|(id, parent, step)| {
        let depth = depths.get(&parent).map_or(0, |depth| depth + 1);
        depths.insert(id, depth);
        format!("{}{step}", "  ".repeat(depth))
    });
    Ok(indented.collect())
}
