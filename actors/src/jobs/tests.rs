//! Jobs over a real database: run once, again after failures, given up at last, and never lost.

use std::sync::Mutex;

use super::*;
use crate::testkit::{Database, until, until_async};
use crate::{WriterOptions, params};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    is_claimed INTEGER NOT NULL DEFAULT 0, end TEXT
) STRICT;";

struct Rows;

impl JobStore for Rows {
    fn release_all(&self, tx: &dyn sql::Connection) -> Result<u64, sql::Error> {
        tx.execute("UPDATE job SET is_claimed = 0 WHERE is_claimed = 1", &[])
    }

    fn claim(&self, tx: &dyn sql::Connection) -> Result<Option<Job>, sql::Error> {
        let due = "UPDATE job SET is_claimed = 1, attempts = attempts + 1 WHERE id = (SELECT MIN(id) FROM job AS j WHERE end IS NULL
            AND is_claimed = 0 AND NOT EXISTS (SELECT 1 FROM job AS o WHERE o.key = j.key AND o.is_claimed = 1)) RETURNING id, kind, key, attempts";
        tx.first(due, &[], |row| {
            let attempts = u32::try_from(row.int(3)?).unwrap();
            Ok(Job { id: row.int(0)?, kind: row.text(1)?, key: row.text(2)?, payload: "{}".to_owned(), attempts })
        })
    }

    fn finish(&self, tx: &dyn sql::Connection, job: &Job, end: &JobEnd) -> Result<(), sql::Error> {
        let (end, again) = match end {
            JobEnd::Done => (Some("done"), 0),
            JobEnd::Later(_) => (None, 1),
            JobEnd::Retry { .. } => (None, 0),
            JobEnd::Failed { .. } => (Some("failed"), 0),
        };
        tx.execute(
            "UPDATE job SET is_claimed = 0, end = $1, attempts = attempts - $2 WHERE id = $3",
            &params![end, again, job.id],
        )
        .map(drop)
    }
}

/// Fails as often as the kind says, and knows what ran at once.
struct Script {
    log: Mutex<Vec<String>>,
    now: Mutex<Vec<String>>,
    /// Jobs that only end when two of them run at once.
    meeting: tokio::sync::Barrier,
}

impl Script {
    fn new() -> Arc<Self> {
        Arc::new(Self { log: Mutex::default(), now: Mutex::default(), meeting: tokio::sync::Barrier::new(2) })
    }
}

impl RunJob for Arc<Script> {
    fn run(&self, job: Job, stop: Arc<AtomicBool>) -> Running {
        let script = Arc::clone(self);
        Box::pin(async move {
            {
                let mut now = script.now.lock().unwrap();
                assert!(!now.contains(&job.key), "two jobs of {}", job.key);
                now.push(job.key.clone());
            }
            script.log.lock().unwrap().push(format!("{} {} {}", job.kind, job.key, job.attempts));
            if job.kind == "meet" {
                script.meeting.wait().await;
            }
            if job.kind == "hang" {
                until("told to stop", || stop.load(std::sync::atomic::Ordering::Relaxed).then_some(())).await;
            }
            script.now.lock().unwrap().retain(|key| *key != job.key);
            match job.kind.as_str() {
                "hang" => Err("stopped".into()),
                "panic" => panic!("as told"),
                "flaky" if job.attempts < 3 => Err("not yet".into()),
                "broken" => Err("never".into()),
                "hopeless" => Err(Box::new(Hopeless("never".to_owned())) as BoxError),
                _ => Ok(JobOutcome::Done),
            }
        })
    }
}

async fn start(database: &Database, script: &Arc<Script>, at_once: usize) -> Jobs {
    let options = JobsOptions { at_once, period: Duration::from_millis(5), max_attempts: 4, ..JobsOptions::default() };
    let args = JobsArgs {
        name: "jobs",
        writer: database.writer.clone(),
        store: Arc::new(Rows),
        run: Arc::new(Arc::clone(script)),
        options,
    };
    Jobs::start(args, &database.supervisor).await.unwrap()
}

async fn rows(database: &Database) -> Vec<String> {
    let read = |c: &dyn sql::Connection| {
        Ok::<_, Error>(c.all(
            "SELECT kind || ' ' || COALESCE(end, 'waits') || ' ' || attempts FROM job ORDER BY id",
            &[],
            |row| row.text(0),
        )?)
    };
    database.readers.read("rows", read).await.unwrap()
}

async fn add(database: &Database, jobs: &'static [(&'static str, &'static str)]) {
    let insert = move |tx: &dyn sql::Connection| {
        for (kind, key) in jobs {
            tx.execute("INSERT INTO job (kind, key) VALUES ($1, $2)", &params![*kind, *key])?;
        }
        Ok::<_, Error>(())
    };
    database.writer.write("add", insert).await.unwrap();
}

#[tokio::test]
async fn jobs_run_again_until_they_succeed_or_are_given_up() {
    let home = tempfile::tempdir().unwrap();
    let database = Database::start(&home.path().join("j.db"), SCHEMA, WriterOptions::default()).await.unwrap();
    let script = Script::new();
    let jobs = start(&database, &script, 2).await;
    add(
        &database,
        &[
            ("plain", "a"),
            ("flaky", "a"),
            ("broken", "b"),
            ("panic", "c"),
            ("hopeless", "g"),
            ("plain", "a"),
            ("plain", "d"),
            ("meet", "e"),
            ("meet", "f"),
        ],
    )
    .await;
    jobs.wake();
    let expected = [
        "plain done 1",
        "flaky done 3",
        "broken failed 4",
        "panic failed 4",
        "hopeless failed 1",
        "plain done 1",
        "plain done 1",
        "meet done 1",
        "meet done 1",
    ];
    until_async("all ended", || async { (rows(&database).await == expected).then_some(()) }).await;
    jobs.shutdown().await;
    database.finish().await.unwrap();
}

#[tokio::test]
async fn a_job_that_is_stopped_or_dies_with_its_process_runs_again() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("j.db");
    let database = Database::start(&path, SCHEMA, WriterOptions::default()).await.unwrap();
    let script = Script::new();
    let jobs = start(&database, &script, 1).await;
    add(&database, &[("hang", "a"), ("plain", "b")]).await;
    jobs.wake();
    until("the first runs", || (!script.log.lock().unwrap().is_empty()).then_some(())).await;
    jobs.shutdown().await;
    assert_eq!(rows(&database).await, ["hang waits 0", "plain waits 0"], "stopping is no attempt");
    // As a crash would leave it.
    let claim =
        |tx: &dyn sql::Connection| Ok::<_, Error>(tx.execute_batch("UPDATE job SET is_claimed = 1, kind = 'plain'")?);
    database.writer.write("crash", claim).await.unwrap();
    let jobs = start(&database, &script, 1).await;
    until_async("both ended", || async { (rows(&database).await == ["plain done 1", "plain done 1"]).then_some(()) })
        .await;
    jobs.shutdown().await;
    database.finish().await.unwrap();
}

#[test]
fn waits_double_up_to_a_bound() {
    let options = JobsOptions { max_attempts: 12, ..JobsOptions::default() };
    let after = |attempts| match options.after_failure(attempts, String::new()) {
        JobEnd::Retry { after, .. } => after.as_secs(),
        end => panic!("{end:?}"),
    };
    assert_eq!([after(1), after(2), after(3), after(11)], [30, 60, 120, 21_600]);
    assert!(matches!(options.after_failure(12, "x".to_owned()), JobEnd::Failed { error } if error == "x"));
}
