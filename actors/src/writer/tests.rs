//! Group commit, neighbours that fail, overload, drain, durability order, and a second process at the same database.

use std::sync::Mutex;
use std::sync::mpsc;

use super::*;
use crate::testkit::{Database, until};
use crate::{Readers, ReadersOptions, params};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT;";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn insert(tx: &dyn sql::Connection, id: i64) -> Result<u64, Error> {
    Ok(tx.execute("INSERT INTO t (id, v) VALUES ($1, $2)", &params![id, "x"])?)
}

fn count(connection: &dyn sql::Connection) -> Result<i64, Error> {
    Ok(connection.first("SELECT COUNT(*) FROM t", &[], |row| row.int(0))?.unwrap())
}

/// Holds the writer thread inside a job until `release` is sent or dropped, so that others queue up behind it.
struct Held {
    release: mpsc::SyncSender<()>,
    job: tokio::task::JoinHandle<Result<(), Error>>,
}

async fn hold(writer: &Writer) -> Held {
    let (release, held) = mpsc::sync_channel::<()>(1);
    let (is_running, running) = tokio::sync::oneshot::channel();
    let job = tokio::spawn({
        let writer = writer.clone();
        async move {
            writer
                .write("hold", move |_| {
                    is_running.send(()).unwrap();
                    held.recv().unwrap();
                    Ok::<_, Error>(())
                })
                .await
        }
    });
    running.await.unwrap();
    Held { release, job }
}

impl Held {
    async fn release(self) {
        self.release.send(()).unwrap();
        self.job.await.unwrap().unwrap();
    }
}

fn spawn_insert(writer: &Writer, id: i64) -> tokio::task::JoinHandle<Result<u64, Error>> {
    let writer = writer.clone();
    tokio::spawn(async move { writer.write("insert", move |tx| insert(tx, id)).await })
}

async fn queued(writer: &Writer, jobs: usize) {
    until("jobs are queued", || (writer.queue.len() == jobs).then_some(())).await;
}

async fn start(directory: &Path, options: WriterOptions) -> Database {
    Database::start(&directory.join("w.db"), SCHEMA, options).await.unwrap()
}

#[tokio::test]
async fn what_waits_together_commits_together() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    let before = database.writer.inspect(soon()).await.unwrap();
    let held = hold(&database.writer).await;
    let jobs: Vec<_> = (0..100).map(|id| spawn_insert(&database.writer, id)).collect();
    queued(&database.writer, 100).await;
    held.release().await;
    for job in jobs {
        assert_eq!(job.await.unwrap().unwrap(), 1);
    }
    let after = database.writer.inspect(soon()).await.unwrap();
    assert_eq!(after.commits - before.commits, 2, "one for the job that held the thread, one for all the rest");
    assert_eq!(after.jobs - before.jobs, 101);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn where_many_write_a_commit_waits_for_company_and_whoever_writes_alone_for_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let options = WriterOptions { commit_delay: Duration::from_secs(4), ..WriterOptions::default() };
    let database = start(directory.path(), options).await;
    spawn_insert(&database.writer, 0).await.unwrap().unwrap();
    let held = hold(&database.writer).await;
    let crowd: Vec<_> = (1..=4).map(|id| spawn_insert(&database.writer, id)).collect();
    queued(&database.writer, 4).await;
    held.release().await;
    for job in crowd {
        job.await.unwrap().unwrap();
    }
    let before = database.writer.inspect(soon()).await.unwrap();
    let mut late = Vec::new();
    for id in 5..13 {
        late.push(spawn_insert(&database.writer, id));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for job in late {
        job.await.unwrap().unwrap();
    }
    let after = database.writer.inspect(soon()).await.unwrap();
    assert_eq!(after.commits - before.commits, 1, "one for all who came within the wait");
    database.finish().await.unwrap();
}

#[tokio::test]
async fn max_batch_bounds_a_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions { max_batch: 10, ..WriterOptions::default() }).await;
    let held = hold(&database.writer).await;
    let jobs: Vec<_> = (0..30).map(|id| spawn_insert(&database.writer, id)).collect();
    queued(&database.writer, 30).await;
    let before = database.writer.inspect(soon()).await.unwrap();
    held.release().await;
    for job in jobs {
        job.await.unwrap().unwrap();
    }
    assert_eq!(database.writer.inspect(soon()).await.unwrap().commits - before.commits, 4);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn failing_and_panicking_jobs_leave_their_neighbours_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    let writer = &database.writer;
    let held = hold(writer).await;
    let first = spawn_insert(writer, 1);
    queued(writer, 1).await;
    let failing = tokio::spawn({
        let writer = writer.clone();
        async move {
            writer
                .write("fail", |tx| {
                    insert(tx, 2)?;
                    Err::<(), _>(Error::Contract { what: "as told" })
                })
                .await
        }
    });
    queued(writer, 2).await;
    let panicking = tokio::spawn({
        let writer = writer.clone();
        async move {
            writer
                .write::<(), Error>("panic", |tx| {
                    insert(tx, 3)?;
                    panic!("as told")
                })
                .await
        }
    });
    queued(writer, 3).await;
    let duplicate = spawn_insert(writer, 1);
    queued(writer, 4).await;
    let last = spawn_insert(writer, 4);
    queued(writer, 5).await;
    held.release().await;

    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert!(matches!(failing.await.unwrap(), Err(Error::Contract { what: "as told" })));
    assert!(matches!(panicking.await.unwrap(), Err(Error::Panicked { what: "panic", .. })));
    assert!(matches!(duplicate.await.unwrap(), Err(Error::Database(sql::Error::Constraint { .. }))));
    assert_eq!(last.await.unwrap().unwrap(), 1);
    let ids = database
        .readers
        .read("ids", |c| Ok::<_, Error>(c.all("SELECT id FROM t ORDER BY id", &[], |row| row.int(0))?))
        .await
        .unwrap();
    assert_eq!(ids, [1, 4]);
    assert_eq!(database.escalation_count(), 0);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn a_lone_failing_job_is_rolled_back() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    let failed = database
        .writer
        .write("fail", |tx| {
            insert(tx, 1)?;
            Err::<(), _>(Error::Contract { what: "as told" })
        })
        .await;
    assert!(matches!(failed, Err(Error::Contract { .. })));
    assert_eq!(database.readers.read("count", count).await.unwrap(), 0);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn a_job_that_ends_the_transaction_fails_those_it_took_along() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    let writer = &database.writer;
    let held = hold(writer).await;
    let before = spawn_insert(writer, 1);
    queued(writer, 1).await;
    let rude = tokio::spawn({
        let writer = writer.clone();
        async move {
            writer
                .write("rude", |tx| {
                    tx.execute_batch("ROLLBACK")?;
                    Err::<(), _>(Error::Contract { what: "rude" })
                })
                .await
        }
    });
    queued(writer, 2).await;
    let after = spawn_insert(writer, 2);
    queued(writer, 3).await;
    held.release().await;
    assert!(matches!(before.await.unwrap(), Err(Error::Transaction { .. })));
    assert!(matches!(rude.await.unwrap(), Err(Error::Contract { what: "rude" })));
    assert_eq!(after.await.unwrap().unwrap(), 1, "later jobs run in a transaction of their own");
    assert_eq!(database.readers.read("count", count).await.unwrap(), 1);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_a_stale_job_is_dropped_unrun() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions { queue: 2, ..WriterOptions::default() }).await;
    let writer = &database.writer;
    let held = hold(writer).await;
    let stale = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write_before("stale", Deadline::after(Duration::ZERO), |tx| insert(tx, 1)).await }
    });
    queued(writer, 1).await;
    let queued_job = spawn_insert(writer, 2);
    queued(writer, 2).await;
    let refused = writer.write("refused", |tx| insert(tx, 3)).await;
    assert!(matches!(refused, Err(Error::Overloaded { what: "writer" })), "{refused:?}");
    held.release().await;
    assert!(matches!(stale.await.unwrap(), Err(Error::Expired { what: "stale" })));
    queued_job.await.unwrap().unwrap();
    assert_eq!(database.readers.read("count", count).await.unwrap(), 1);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn a_job_whose_caller_went_away_still_runs() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    let held = hold(&database.writer).await;
    let abandoned = spawn_insert(&database.writer, 1);
    queued(&database.writer, 1).await;
    abandoned.abort();
    held.release().await;
    // The queue is first in, first out: once this one has run, so has the abandoned one.
    database.writer.write("barrier", |_| Ok::<_, Error>(())).await.unwrap();
    assert_eq!(database.readers.read("count", count).await.unwrap(), 1);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn an_answer_comes_only_after_the_commit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("w.db");
    let database = start(directory.path(), WriterOptions::default()).await;
    // A second reader of the file, outside the pool and the process state of the first.
    let outside = Readers::open(&path, ReadersOptions { connections: 1, ..ReadersOptions::default() }).unwrap();
    for id in 0..50 {
        database.writer.write("insert", move |tx| insert(tx, id)).await.unwrap();
        assert_eq!(outside.read("count", count).await.unwrap(), id + 1);
    }
    outside.close();
    database.finish().await.unwrap();
}

#[tokio::test]
async fn shutdown_runs_what_is_queued_then_refuses_and_folds_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    let writer = database.writer.clone();
    let held = hold(&writer).await;
    let jobs: Vec<_> = (0..20).map(|id| spawn_insert(&writer, id)).collect();
    queued(&writer, 20).await;
    let finishing = tokio::spawn(database.finish());
    until("closed", || writer.is_closed.load(Ordering::Acquire).then_some(())).await;
    let refused = writer.write("late", |tx| insert(tx, 99)).await;
    assert!(matches!(refused, Err(Error::Stopped { what: "writer" })), "{refused:?}");
    held.release().await;
    finishing.await.unwrap().unwrap();
    for job in jobs {
        job.await.unwrap().unwrap();
    }
    assert!(!directory.path().join("w.db-wal").exists(), "the last connection folded the log into the database");
    writer.shutdown().await.unwrap();
}

#[tokio::test]
async fn two_writers_at_one_database_wait_for_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), WriterOptions::default()).await;
    let admin = Database::start(&directory.path().join("w.db"), "SELECT 1", WriterOptions::default()).await.unwrap();
    let jobs: Vec<_> =
        (0..200).map(|id| spawn_insert(if id % 2 == 0 { &server.writer } else { &admin.writer }, id)).collect();
    for job in jobs {
        job.await.unwrap().unwrap();
    }
    assert_eq!(server.readers.read("count", count).await.unwrap(), 200);
    admin.finish().await.unwrap();
    server.finish().await.unwrap();
}

#[tokio::test]
async fn a_lock_that_outlasts_the_time_out_fails_the_batch_and_the_writer_lives() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), WriterOptions { busy_timeout_ms: 100, ..WriterOptions::default() }).await;
    let other = Database::start(&directory.path().join("w.db"), "SELECT 1", WriterOptions::default()).await.unwrap();
    let held = hold(&other.writer).await;
    let refused = server.writer.write("insert", |tx| insert(tx, 1)).await;
    assert!(matches!(refused, Err(Error::Overloaded { what: "database" })), "{refused:?}");
    held.release().await;
    server.writer.write("insert", |tx| insert(tx, 1)).await.unwrap();
    other.finish().await.unwrap();
    server.finish().await.unwrap();
}

#[tokio::test]
async fn a_full_database_fails_the_job_and_the_writer_lives() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    let writer = &database.writer;
    writer
        .write("limit", |tx| Ok::<_, Error>(tx.query("PRAGMA max_page_count = 8", &[], &mut |_| Ok(()))?))
        .await
        .unwrap();
    let big = "x".repeat(100_000);
    let full = writer
        .write("big", move |tx| Ok::<_, Error>(tx.execute("INSERT INTO t (id, v) VALUES ($1, $2)", &params![1, big])?))
        .await;
    assert!(matches!(full, Err(Error::Database(sql::Error::Full))), "{full:?}");
    writer.write("insert", |tx| insert(tx, 1)).await.unwrap();
    assert_eq!(database.readers.read("count", count).await.unwrap(), 1);
    database.finish().await.unwrap();
}

#[tokio::test]
async fn pragmas_are_those_that_survive_a_power_cut() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    let seen = database
        .writer
        .write("pragmas", |c| {
            let mut seen = Vec::new();
            for pragma in ["synchronous", "foreign_keys", "trusted_schema"] {
                seen.push(c.first(&format!("PRAGMA {pragma}"), &[], |row| row.int(0))?.unwrap());
            }
            Ok::<_, Error>(seen)
        })
        .await
        .unwrap();
    assert_eq!(seen, [2, 1, 0], "FULL, on, off");
    database.finish().await.unwrap();
}

#[tokio::test]
async fn a_path_that_is_no_database_refuses_the_start_and_names_the_cause() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("w.db");
    std::fs::write(&path, "this is not a database, whatever its name says; it is long enough for a header".repeat(20))
        .unwrap();
    let supervisor = Supervisor::start(Arc::new(|_| {})).await.unwrap();
    let Err(error) = Writer::start(&path, WriterOptions::default(), &supervisor).await else { panic!("started") };
    let text = crate::supervisor::error_chain(&error);
    assert!(text.contains("not a database"), "{text}");
    supervisor.stop().await;
}

#[tokio::test]
async fn the_death_of_the_writer_escalates() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    database.writer.cell().kill();
    let seen = until("escalation", || {
        database.escalations.lock().unwrap_or_else(std::sync::PoisonError::into_inner).first().cloned()
    })
    .await;
    assert_eq!((seen.child, seen.exit_code), ("writer", EXIT_WRITER));
}

#[tokio::test]
async fn jobs_see_the_effects_of_earlier_jobs_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let database = start(directory.path(), WriterOptions::default()).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let held = hold(&database.writer).await;
    let mut jobs = Vec::new();
    for id in 0..20_i64 {
        let (writer, order) = (database.writer.clone(), Arc::clone(&order));
        jobs.push(tokio::spawn(async move {
            writer
                .write("ordered", move |tx| {
                    order.lock().unwrap().push(id);
                    assert_eq!(count(tx)?, id);
                    insert(tx, id)
                })
                .await
        }));
        queued(&database.writer, jobs.len()).await;
    }
    held.release().await;
    for job in jobs {
        job.await.unwrap().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    database.finish().await.unwrap();
}

#[tokio::test]
async fn the_watched_number_is_there_before_the_answer_and_follows_others_though_every_job_fails() {
    let directory = tempfile::tempdir().unwrap();
    let value = Arc::new(AtomicI64::new(0));
    let watched = Watched { query: "SELECT COUNT(*) FROM t", value: Arc::clone(&value) };
    let options = WriterOptions { watched: Some(watched), ..WriterOptions::default() };
    let database = start(directory.path(), options).await;
    for id in 1..=20 {
        database.writer.write("insert", move |tx| insert(tx, id)).await.unwrap();
        assert_eq!(value.load(Ordering::Acquire), id);
    }
    #[expect(clippy::disallowed_methods, reason = "stands for another process")]
    let other = rusqlite::Connection::open(directory.path().join("w.db")).unwrap();
    other.busy_timeout(Duration::from_secs(20)).unwrap();
    other.execute("INSERT INTO t (id, v) VALUES (100, 'x')", []).unwrap();
    let began = std::time::Instant::now();
    // Never idle long enough for a pause, and nothing is ever committed.
    while value.load(Ordering::Acquire) != 21 {
        assert!(began.elapsed() < Duration::from_secs(20), "the change was never noticed");
        database.writer.write("fail", |_| Err::<(), _>(Error::Lost { what: "on purpose" })).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    database.finish().await.unwrap();
}
