//! How many durable changes a second does the one writer commit, when 1, 16 or 128 jobs wait?
//!
//! Data: what one push writes, less its pack: a ref upsert, a journal row and a ledger event of 600 bytes, each job in
//! its savepoint, WAL, synchronous=FULL. The database lies on the disk of the build directory; on a tmpfs the figures
//! say nothing. Read off: elements are jobs answered after their commit, so elements/s is durable pushes/s, and
//! time/iteration is what each of the waiting callers waits at most.
//!
//! Machine of the figures in `docs/benchmarks.md`: named there.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up its data has nothing to measure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use atomicqms_actors::{Error, Supervisor, Writer, WriterOptions, params, sql};
use criterion::{Criterion, Throughput};
use tempfile::TempDir;

const SCHEMA: &str = "
    CREATE TABLE refs (repo_id INTEGER NOT NULL, name TEXT NOT NULL, target BLOB NOT NULL, PRIMARY KEY (repo_id, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE ref_journal (seq INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, name TEXT NOT NULL, new BLOB NOT NULL) STRICT;
    CREATE INDEX ref_journal_by_repo ON ref_journal (repo_id, seq);
    CREATE TABLE audit_event (seq INTEGER PRIMARY KEY, event BLOB NOT NULL, leaf BLOB NOT NULL) STRICT;
";

/// What a job of the bench can fail of.
#[derive(Debug)]
struct Failed(#[expect(dead_code, reason = "shown by the panic that ends the bench")] String);

impl From<sql::Error> for Failed {
    fn from(error: sql::Error) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(format!("{error:?}"))
    }
}

async fn push(writer: &Writer, number: i64) -> Result<(), Failed> {
    let job = move |tx: &dyn sql::Connection| {
        let target = [number.to_le_bytes().as_slice(), &[0; 12]].concat();
        let upsert = "INSERT INTO refs (repo_id, name, target) VALUES ($1, $2, $3) ON CONFLICT (repo_id, name) DO UPDATE SET target = excluded.target";
        tx.execute(upsert, &params![number % 1000, "refs/heads/main", target.clone()])?;
        let journal = "INSERT INTO ref_journal (repo_id, name, new) VALUES ($1, $2, $3)";
        tx.execute(journal, &params![number % 1000, "refs/heads/main", target])?;
        tx.execute("INSERT INTO audit_event (event, leaf) VALUES ($1, $2)", &params![vec![b'e'; 600], vec![1_u8; 32]])?;
        Ok::<_, Failed>(())
    };
    writer.write("bench", job).await
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = directory.path().join("bench.db");
    let (supervisor, writer) = runtime.block_on(async {
        let supervisor = Supervisor::start(Arc::new(|_| panic!("the writer died"))).await.unwrap();
        let writer = Writer::start(&path, WriterOptions::default(), &supervisor).await.unwrap();
        writer.write("schema", |tx| tx.execute_batch(SCHEMA).map_err(Failed::from)).await.unwrap();
        (supervisor, writer)
    });
    let next = Arc::new(AtomicI64::new(0));
    let mut group = criterion.benchmark_group("group-commit");
    group.measurement_time(Duration::from_secs(8));
    for waiting in [1_u64, 16, 128] {
        group.throughput(Throughput::Elements(waiting));
        group.bench_function(format!("{waiting}-waiting"), |bench| {
            bench.iter_custom(|rounds| {
                let (writer, next) = (writer.clone(), Arc::clone(&next));
                runtime.block_on(async move {
                    let start = Instant::now();
                    // `waiting` callers, each with its next job queued as soon as the last one is answered.
                    let callers = (0..waiting).map(|_| {
                        let (writer, next) = (writer.clone(), Arc::clone(&next));
                        tokio::spawn(async move {
                            for _ in 0..rounds {
                                push(&writer, next.fetch_add(1, Ordering::Relaxed)).await.unwrap();
                            }
                        })
                    });
                    for caller in callers.collect::<Vec<_>>() {
                        caller.await.unwrap();
                    }
                    start.elapsed()
                })
            });
        });
    }
    group.finish();
    runtime.block_on(async {
        writer.shutdown().await.unwrap();
        supervisor.stop().await;
    });
    criterion.final_summary();
}
