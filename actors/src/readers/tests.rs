//! Snapshots, read-only enforcement, time-outs and panics of the reader pool.

use super::*;
use crate::testkit::Database;
use crate::{WriterOptions, params};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT; INSERT INTO t VALUES (1, 'a');";

async fn database(directory: &Path) -> Database {
    Database::start(&directory.join("odd name %41?.db"), SCHEMA, WriterOptions::default()).await.unwrap()
}

fn count(connection: &dyn sql::Connection) -> Result<i64, Error> {
    Ok(connection.first("SELECT COUNT(*) FROM t", &[], |row| row.int(0))?.unwrap())
}

async fn insert(database: &Database, id: i64) {
    let insert = move |tx: &dyn sql::Connection| {
        Ok::<_, Error>(tx.execute("INSERT INTO t (id, v) VALUES ($1, $2)", &params![id, "x"])?)
    };
    assert_eq!(database.writer.write("insert", insert).await.unwrap(), 1);
}

#[tokio::test]
async fn one_read_sees_one_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let database = database(directory.path()).await;
    let (go_on, told) = std::sync::mpsc::sync_channel::<()>(0);
    let reading = tokio::spawn({
        let readers = database.readers.clone();
        async move {
            readers
                .read("twice", move |connection| {
                    let before = count(connection)?;
                    told.recv().unwrap();
                    told.recv().unwrap();
                    Ok::<_, Error>((before, count(connection)?))
                })
                .await
        }
    });
    tokio::task::spawn_blocking({
        let go_on = go_on.clone();
        move || go_on.send(()).unwrap()
    })
    .await
    .unwrap();
    insert(&database, 2).await;
    tokio::task::spawn_blocking(move || go_on.send(()).unwrap()).await.unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (1, 1));
    assert_eq!(database.readers.read("after", count).await.unwrap(), 2);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn readers_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let database = database(directory.path()).await;
    for statement in ["DELETE FROM t", "PRAGMA query_only = 0; DELETE FROM t", "CREATE TABLE u (a)"] {
        let attempt = database.readers.read("attempt", move |c| Ok::<_, Error>(c.execute_batch(statement)?)).await;
        assert!(matches!(attempt, Err(Error::Database(_))), "{statement}");
    }
    assert_eq!(database.readers.read("count", count).await.unwrap(), 1);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn a_panicking_read_is_an_error_and_the_pool_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let database = database(directory.path()).await;
    for _ in 0..4 {
        let panicked: Result<(), Error> = database.readers.read("boom", |_| panic!("as told")).await;
        assert!(matches!(panicked, Err(Error::Panicked { what: "boom", .. })));
    }
    assert_eq!(database.readers.read("count", count).await.unwrap(), 1);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn a_pool_in_full_use_answers_overloaded() {
    let directory = tempfile::tempdir().unwrap();
    let database = database(directory.path()).await;
    let readers = Readers::open(
        &directory.path().join("odd name %41?.db"),
        ReadersOptions { connections: 1, wait_ms: 20, ..ReadersOptions::default() },
    )
    .unwrap();
    let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
    let (is_held, seen) = tokio::sync::oneshot::channel();
    let holder = tokio::spawn({
        let readers = readers.clone();
        async move {
            readers
                .read("hold", move |_| {
                    is_held.send(()).unwrap();
                    held.recv().unwrap();
                    Ok::<_, Error>(())
                })
                .await
        }
    });
    seen.await.unwrap();
    let refused = readers.read("second", count).await;
    assert!(matches!(refused, Err(Error::Overloaded { what: "readers" })), "{refused:?}");
    tokio::task::spawn_blocking(move || release.send(()).unwrap()).await.unwrap();
    holder.await.unwrap().unwrap();
    database.finish().await.unwrap();
}
