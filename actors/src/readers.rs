//! Read-only connections: a pool, one consistent snapshot per read.
//!
//! Owns pool size, time-outs and pragmas. Refuses to write: the file is opened read-only and `query_only` is set.
//! Called by everything that reads rows; reads never pass through an actor.

use std::path::Path;
use std::time::{Duration, Instant};

use deadpool_sqlite::{Hook, HookError, InteractError, Manager, Pool, PoolError, QueueMode, Runtime, TimeoutType};

use crate::error::panic_message;
use crate::{Error, gauges, sql};

/// Size and patience of the pool.
#[derive(Debug, Clone)]
pub struct ReadersOptions {
    /// Connections at most.
    pub connections: usize,
    /// How long a read waits for a connection before it is `Overloaded`.
    pub wait_ms: u64,
    /// Page cache of each connection.
    pub cache_kib: u32,
    /// How much of the file each connection may map.
    pub mmap_bytes: u64,
}

impl Default for ReadersOptions {
    fn default() -> Self {
        Self { connections: 8, wait_ms: 5_000, cache_kib: 4 * 1024, mmap_bytes: 256 * 1024 * 1024 }
    }
}

/// Handle of the pool; cheap to clone.
#[derive(Clone)]
pub struct Readers {
    pool: Pool,
}

impl Readers {
    /// Prepares a pool over an existing database; connections open on first use.
    ///
    /// Errors: `Connect`: the path is not text, or the pool refuses its settings.
    pub fn open(path: &Path, options: ReadersOptions) -> Result<Self, Error> {
        let uri = read_only_uri(path).ok_or_else(|| Error::Connect {
            source: format!("the database path {} is not valid text", path.display()).into(),
        })?;
        let manager = Manager::from_config(&deadpool_sqlite::Config::new(uri), Runtime::Tokio1);
        let wait = Some(Duration::from_millis(options.wait_ms));
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(wait)
            .create_timeout(wait)
            .recycle_timeout(wait)
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |connection, _| {
                let options = options.clone();
                Box::pin(async move {
                    connection
                        .interact(move |connection| prepare(connection, &options))
                        .await
                        .map_err(|error| HookError::message(error.to_string()))?
                        .map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(|error| Error::Connect { source: Box::new(error) })?;
        Ok(Self { pool })
    }

    /// Runs a closure on a blocking thread inside one read transaction and answers its result.
    ///
    /// Shape: every statement of the closure sees the same snapshot of the database. `label` names the read in logs.
    /// Errors: `E` of the closure; `Overloaded` (no connection in time), `Connect`, `Panicked`, `Database`.
    pub async fn read<T, E>(
        &self,
        label: &'static str,
        read: impl FnOnce(&dyn sql::Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<sql::Error> + From<Error> + Send + 'static,
    {
        let asked = Instant::now();
        let connection = self.pool.get().await.map_err(|error| E::from(pool_error(error)))?;
        gauges::reader_waited(asked.elapsed());
        connection
            .interact(move |connection| {
                run(connection, "BEGIN DEFERRED").map_err(E::from)?;
                let result = read(connection);
                // Nothing was written; ending the transaction frees the snapshot.
                let ended = run(connection, "COMMIT").map_err(E::from);
                result.and_then(|value| ended.map(|()| value))
            })
            .await
            .unwrap_or_else(|error| Err(E::from(interact_error(label, error))))
    }

    /// Closes every idle connection and refuses further reads.
    pub fn close(&self) {
        self.pool.close();
    }
}

/// `file:` URI that opens read-only; deadpool opens with SQLite's default flags, which honour URIs.
fn read_only_uri(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let mut uri = "file:".to_owned();
    for byte in path.to_str()?.bytes() {
        match byte {
            b'/' | b'.' | b'_' | b'-' | b'~' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?mode=ro");
    Some(uri)
}

fn prepare(connection: &mut rusqlite::Connection, options: &ReadersOptions) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::from_millis(options.wait_ms))?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
    let mmap_bytes = i64::try_from(options.mmap_bytes).unwrap_or(i64::MAX);
    connection.pragma_update_and_check(None, "mmap_size", mmap_bytes, |_| Ok(()))
}

fn run(connection: &rusqlite::Connection, sql: &str) -> Result<(), sql::Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

fn pool_error(error: PoolError) -> Error {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => Error::Overloaded { what: "readers" },
        PoolError::Closed => Error::Stopped { what: "readers" },
        other => Error::Connect { source: Box::new(other) },
    }
}

fn interact_error(label: &'static str, error: InteractError) -> Error {
    match error {
        InteractError::Panic(payload) => {
            // The pool throws the poisoned connection away.
            let message = panic_message(payload.as_ref());
            tracing::error!(job.label = label, message, "a read panicked");
            Error::Panicked { what: label, message }
        }
        InteractError::Cancelled => Error::Lost { what: label },
    }
}

#[cfg(test)]
mod tests;
