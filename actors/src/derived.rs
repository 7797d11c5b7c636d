//! A database file of its own for what can be made anew from elsewhere, such as an index.
//!
//! Owns the file, its one writing connection and a pool of readers, and that a file which cannot be used is replaced by an empty one: whoever fills
//! it has to look what is missing. Refuses to hold anything that exists only here: commits are not flushed one by one, so a power cut may take the last
//! ones back (whole). Writing blocks its caller, beside the writer of the database proper, which never waits for it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use rusqlite::Connection;

use crate::{Error, Readers, ReadersOptions, sql};

/// What a file must hold.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Statements that make an empty file one of this shape.
    pub schema: &'static str,
    /// Number of the shape; a file with another number is replaced.
    pub version: i64,
}

/// Bounds.
#[derive(Debug, Clone)]
pub struct DerivedOptions {
    /// Read-only connections.
    pub readers: usize,
    /// Page cache of each connection.
    pub cache_kib: u32,
}

impl Default for DerivedOptions {
    fn default() -> Self {
        Self { readers: 4, cache_kib: 8 * 1024 }
    }
}

/// The file, open.
pub struct Derived {
    path: PathBuf,
    shape: Shape,
    options: DerivedOptions,
    writer: Mutex<Connection>,
    readers: ArcSwap<Readers>,
}

impl Derived {
    /// Opens the file, or makes a new one where there is none of this shape. Blocks.
    ///
    /// Errors: `Connect` (no new file can be made), `Database`.
    pub fn open(path: &Path, shape: Shape, options: DerivedOptions) -> Result<Self, Error> {
        let connection = match connect(path, &options)
            .and_then(|connection| has_shape(&connection, shape).map(|is| (connection, is)))
        {
            Ok((connection, true)) => connection,
            outcome => {
                let is_new = matches!(&outcome, Ok((connection, _)) if is_empty(connection));
                drop(outcome);
                if !is_new {
                    tracing::warn!(path = %path.display(), "a file of derived data cannot be used and is made anew");
                }
                replace(path, shape, &options)?
            }
        };
        let readers = ArcSwap::from_pointee(read_pool(path, &options)?);
        Ok(Self { path: path.to_owned(), shape, options, writer: Mutex::new(connection), readers })
    }

    /// Throws everything away and begins with an empty file; readers that are at work finish on the old one. Blocks.
    ///
    /// Errors: as [`Derived::open`].
    pub fn reset(&self) -> Result<(), Error> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        tracing::warn!(path = %self.path.display(), "a file of derived data is damaged and is made anew");
        *writer = replace(&self.path, self.shape, &self.options)?;
        self.readers.swap(std::sync::Arc::new(read_pool(&self.path, &self.options)?)).close();
        Ok(())
    }

    /// Runs a closure inside one read transaction; see [`Readers::read`].
    ///
    /// Errors: as [`Readers::read`].
    pub async fn read<T, E>(
        &self,
        label: &'static str,
        read: impl FnOnce(&dyn sql::Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<sql::Error> + From<Error> + Send + 'static,
    {
        self.readers.load_full().read(label, read).await
    }

    /// Runs a closure inside one write transaction, after those that came before. Blocks.
    ///
    /// Errors: `E` of the closure, whose changes are undone; those of the database.
    pub fn write<T, E: From<sql::Error>>(
        &self,
        write: impl FnOnce(&dyn sql::Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        // A panic in a closure unwinds through the transaction, which rolls back.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction().map_err(sql::Error::from)?;
        let value = write(&*transaction)?;
        transaction.commit().map_err(sql::Error::from)?;
        Ok(value)
    }

    /// What the file and its log take. Units: bytes.
    pub fn size_bytes(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        size(&self.path) + size(&beside(&self.path, "-wal"))
    }

    /// Closes the readers.
    pub fn close(&self) {
        self.readers.load().close();
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn connect(path: &Path, options: &DerivedOptions) -> Result<Connection, sql::Error> {
    #[expect(clippy::disallowed_methods, reason = "this is the one writer of this file")]
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))?;
    Ok(connection)
}

fn has_shape(connection: &Connection, shape: Shape) -> Result<bool, sql::Error> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? == shape.version)
}

fn is_empty(connection: &Connection) -> bool {
    connection
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .is_ok_and(|count| count == 0)
}

fn replace(path: &Path, shape: Shape, options: &DerivedOptions) -> Result<Connection, Error> {
    let failed = |source: std::io::Error, path: &Path| Error::Io { what: "remove", path: path.to_owned(), source };
    for path in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error, &path)),
            _ => {}
        }
    }
    let mut connection = connect(path, options)?;
    let transaction = connection.transaction().map_err(sql::Error::from)?;
    transaction.execute_batch(shape.schema).map_err(sql::Error::from)?;
    transaction.pragma_update(None, "user_version", shape.version).map_err(sql::Error::from)?;
    transaction.commit().map_err(sql::Error::from)?;
    Ok(connection)
}

fn read_pool(path: &Path, options: &DerivedOptions) -> Result<Readers, Error> {
    let options =
        ReadersOptions { connections: options.readers, cache_kib: options.cache_kib, ..ReadersOptions::default() };
    Readers::open(path, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    const SHAPE: Shape = Shape { schema: "CREATE TABLE t (i INTEGER) STRICT;", version: 3 };

    fn open(path: &Path, shape: Shape) -> Derived {
        Derived::open(path, shape, DerivedOptions::default()).unwrap()
    }

    fn insert(derived: &Derived, value: i64) -> Result<(), sql::Error> {
        derived.write(|tx| tx.execute("INSERT INTO t (i) VALUES ($1)", &params![value]).map(drop))
    }

    async fn rows(derived: &Derived) -> Vec<i64> {
        derived
            .read("rows", |conn| Ok::<_, Error>(conn.all("SELECT i FROM t ORDER BY i", &[], |row| row.int(0))?))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_was_written_is_read_also_after_opening_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("d.db");
        let derived = open(&path, SHAPE);
        insert(&derived, 1).unwrap();
        let undone = derived.write(|tx| {
            tx.execute("INSERT INTO t (i) VALUES (2)", &[])?;
            Err::<(), _>(sql::Error::Full)
        });
        assert!(matches!(undone, Err(sql::Error::Full)));
        assert_eq!(rows(&derived).await, [1]);
        assert!(derived.size_bytes() > 0);
        drop(derived);
        assert_eq!(rows(&open(&path, SHAPE)).await, [1]);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("d.db");
        insert(&open(&path, SHAPE), 1).unwrap();
        let newer = Shape { version: 4, ..SHAPE };
        assert_eq!(rows(&open(&path, newer)).await, Vec::<i64>::new());
        std::fs::write(&path, "this is no database, and longer than the head of one would be: ".repeat(20)).unwrap();
        let derived = open(&path, SHAPE);
        assert_eq!(rows(&derived).await, Vec::<i64>::new());
        insert(&derived, 5).unwrap();
        derived.reset().unwrap();
        assert_eq!(rows(&derived).await, Vec::<i64>::new());
        insert(&derived, 6).unwrap();
        assert_eq!(rows(&derived).await, [6]);
    }

    #[tokio::test]
    async fn damage_is_told_from_other_failures() {
        let home = tempfile::tempdir().unwrap();
        let derived = open(&home.path().join("d.db"), SHAPE);
        let other = derived.write(|tx| tx.execute("NONSENSE", &[]));
        assert!(!other.unwrap_err().is_damage());
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        assert!(sql::Error::from(rusqlite::Error::SqliteFailure(code, None)).is_damage());
    }
}
