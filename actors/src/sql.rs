//! The connection trait of decision D3: what SQL code may ask of a database.
//!
//! Owns the types that cross it (values, rows, errors) and the rusqlite implementation. Holds no statement:
//! those live in the server's `src/db`. PostgreSQL becomes a second implementation of the same trait.
//!
//! Statements use `$1, $2, ...` in order of first use, which SQLite and PostgreSQL both accept.

use std::fmt;

/// One value bound to a statement or read from a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit integer; booleans are 0 and 1, times are milliseconds since the Unix epoch, UTC.
    Int(i64),
    /// UTF-8 text.
    Text(String),
    /// Raw bytes.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Builds a `[Value; N]` from anything that converts into [`Value`].
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::sql::Value::from($value)),*] };
}

/// Why a statement failed.
#[derive(Debug)]
pub enum Error {
    /// A unique, foreign key, check or trigger constraint refused the change; `detail` is the database's own text.
    Constraint {
        /// The database's message, for logs only.
        detail: String,
    },
    /// A column did not hold what the code expects.
    Column {
        /// Zero-based column.
        index: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// The disk is full or the database may not grow.
    Full,
    /// Anything else the database reports.
    Database(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Tells whether the file is damaged or no database at all: no later try helps.
    pub fn is_damage(&self) -> bool {
        let Self::Database(source) = self else { return false };
        let code = source.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
        matches!(code, Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constraint { detail } => write!(f, "constraint refused: {detail}"),
            Self::Column { index, expected } => write!(f, "column {index} is not {expected}"),
            Self::Full => f.write_str("database or disk is full"),
            Self::Database(_) => f.write_str("database failed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

/// A row while it is being read; columns are zero-based.
pub trait Row {
    /// Reads any column.
    fn value(&self, index: usize) -> Result<Value, Error>;

    /// Reads an integer.
    fn int(&self, index: usize) -> Result<i64, Error> {
        match self.value(index)? {
            Value::Int(value) => Ok(value),
            _ => Err(Error::Column { index, expected: "an integer" }),
        }
    }

    /// Reads an integer or NULL.
    fn opt_int(&self, index: usize) -> Result<Option<i64>, Error> {
        match self.value(index)? {
            Value::Null => Ok(None),
            Value::Int(value) => Ok(Some(value)),
            _ => Err(Error::Column { index, expected: "an integer or null" }),
        }
    }

    /// Reads a boolean stored as 0 or 1.
    fn flag(&self, index: usize) -> Result<bool, Error> {
        Ok(self.int(index)? != 0)
    }

    /// Reads text.
    fn text(&self, index: usize) -> Result<String, Error> {
        match self.value(index)? {
            Value::Text(value) => Ok(value),
            _ => Err(Error::Column { index, expected: "text" }),
        }
    }

    /// Reads text or NULL.
    fn opt_text(&self, index: usize) -> Result<Option<String>, Error> {
        match self.value(index)? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            _ => Err(Error::Column { index, expected: "text or null" }),
        }
    }

    /// Reads bytes.
    fn blob(&self, index: usize) -> Result<Vec<u8>, Error> {
        match self.value(index)? {
            Value::Blob(value) => Ok(value),
            _ => Err(Error::Column { index, expected: "bytes" }),
        }
    }

    /// Reads bytes or NULL.
    fn opt_blob(&self, index: usize) -> Result<Option<Vec<u8>>, Error> {
        match self.value(index)? {
            Value::Null => Ok(None),
            Value::Blob(value) => Ok(Some(value)),
            _ => Err(Error::Column { index, expected: "bytes or null" }),
        }
    }
}

/// Called for every row of a query.
pub type EachRow<'a> = &'a mut dyn FnMut(&dyn Row) -> Result<(), Error>;

/// A connection or an open transaction.
pub trait Connection {
    /// Runs one statement that returns no rows; answers the number of rows changed.
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, Error>;

    /// Runs one statement and calls `each` for every row, in order.
    fn query(&self, sql: &str, params: &[Value], each: EachRow<'_>) -> Result<(), Error>;

    /// Runs several statements without parameters (migrations).
    fn execute_batch(&self, sql: &str) -> Result<(), Error>;
}

impl dyn Connection + '_ {
    /// Collects every row of a query.
    pub fn all<T>(
        &self,
        sql: &str,
        params: &[Value],
        mut read: impl FnMut(&dyn Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        self.query(sql, params, &mut |row| {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Reads the first row of a query, if there is one.
    pub fn first<T>(
        &self,
        sql: &str,
        params: &[Value],
        mut read: impl FnMut(&dyn Row) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut found = None;
        self.query(sql, params, &mut |row| {
            if found.is_none() {
                found = Some(read(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(code, detail) => match code.code {
                rusqlite::ErrorCode::ConstraintViolation => {
                    Self::Constraint { detail: detail.clone().unwrap_or_else(|| code.to_string()) }
                }
                rusqlite::ErrorCode::DiskFull => Self::Full,
                _ => Self::Database(Box::new(error)),
            },
            _ => Self::Database(Box::new(error)),
        }
    }
}

struct SqliteRow<'a, 'stmt>(&'a rusqlite::Row<'stmt>);

impl Row for SqliteRow<'_, '_> {
    fn value(&self, index: usize) -> Result<Value, Error> {
        use rusqlite::types::ValueRef;
        match self.0.get_ref(index)? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(value) => Ok(Value::Int(value)),
            ValueRef::Real(_) => Err(Error::Column { index, expected: "an integer, text or bytes" }),
            ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec())
                .map(Value::Text)
                .map_err(|_| Error::Column { index, expected: "UTF-8 text" }),
            ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_vec())),
        }
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

impl Connection for rusqlite::Connection {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let mut statement = self.prepare_cached(sql)?;
        Ok(statement.execute(rusqlite::params_from_iter(params))? as u64)
    }

    fn query(&self, sql: &str, params: &[Value], each: EachRow<'_>) -> Result<(), Error> {
        let mut statement = self.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            each(&SqliteRow(row))?;
        }
        Ok(())
    }

    fn execute_batch(&self, sql: &str) -> Result<(), Error> {
        Ok(rusqlite::Connection::execute_batch(self, sql)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> rusqlite::Connection {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        let schema = "CREATE TABLE t (i INTEGER UNIQUE, s TEXT, b BLOB, r REAL) STRICT";
        Connection::execute_batch(&database, schema).unwrap();
        database
    }

    #[test]
    fn every_value_comes_back_as_it_went_in() {
        let database = database();
        let c: &dyn Connection = &database;
        let none: Option<&str> = None;
        c.execute("INSERT INTO t (i, s, b) VALUES ($1, $2, $3)", &params![i64::MIN, "ä\0b", vec![0_u8, 255]]).unwrap();
        c.execute("INSERT INTO t (i, s, b) VALUES ($1, $2, $3)", &params![true, none, Some("x".as_bytes())]).unwrap();
        let rows = c
            .all("SELECT i, s, b FROM t ORDER BY i", &[], |row| Ok((row.int(0)?, row.opt_text(1)?, row.opt_blob(2)?)))
            .unwrap();
        let expected = [(i64::MIN, Some("ä\0b".to_owned()), Some(vec![0, 255])), (1, None, Some(b"x".to_vec()))];
        assert_eq!(rows, expected);
        assert_eq!(c.first("SELECT i FROM t WHERE i = $1", &params![7], |row| row.int(0)).unwrap(), None);
    }

    #[test]
    fn a_column_of_another_type_is_named() {
        let database = database();
        let c: &dyn Connection = &database;
        c.execute("INSERT INTO t (i, s, r) VALUES ($1, $2, 1.5)", &params![1, "x"]).unwrap();
        let read =
            |read: fn(&dyn Row) -> Result<(), Error>| c.first("SELECT i, s, b, r FROM t", &[], read).unwrap_err();
        assert!(matches!(read(|row| row.text(0).map(drop)), Error::Column { index: 0, expected: "text" }));
        assert!(matches!(read(|row| row.int(1).map(drop)), Error::Column { index: 1, .. }));
        assert!(matches!(read(|row| row.blob(2).map(drop)), Error::Column { index: 2, .. }));
        assert!(matches!(read(|row| row.value(3).map(drop)), Error::Column { index: 3, .. }), "no floats");
    }

    #[test]
    fn a_constraint_is_told_from_other_failures() {
        let database = database();
        let c: &dyn Connection = &database;
        c.execute("INSERT INTO t (i) VALUES ($1)", &params![1]).unwrap();
        let twice = c.execute("INSERT INTO t (i) VALUES ($1)", &params![1]);
        assert!(matches!(twice, Err(Error::Constraint { .. })), "{twice:?}");
        assert!(matches!(c.execute("NONSENSE", &[]), Err(Error::Database(_))));
    }
}
