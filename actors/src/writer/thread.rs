//! The thread behind the writer: one connection, many jobs per transaction, one durable flush.
//!
//! Owns the connection and its pragmas, the order begin - savepoints - commit - answers, and the drain at the end.
//! Called by the actor alone. Everything here blocks, which is why it is a thread of its own.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::{Connection, ErrorCode};

use super::checkpoint::{self, Checkpoints};
use super::job::{Fate, QueuedJob, Ran};
use super::{CROWD, Command, MIN_BUSY_TIMEOUT, WriterOptions};
use crate::error::{BoxError, panic_message};
use crate::gauges::{self, JobOutcome};
use crate::sql;
use crate::supervisor::error_chain;

/// How long other processes' changes of the watched number may go unnoticed.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it is looked for company within the longest wait; asleep in between, because each one who comes would wake the thread.
const GATHER_LOOKS: u32 = 4;
/// The watched number while it cannot be read.
const UNREADABLE: i64 = -1;

/// What the thread has done so far.
#[derive(Default)]
pub(super) struct Counters {
    commits: AtomicU64,
    jobs: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> (u64, u64) {
        (self.commits.load(Ordering::Relaxed), self.jobs.load(Ordering::Relaxed))
    }
}

/// Everything the thread starts from.
pub(super) struct Body {
    pub(super) path: PathBuf,
    pub(super) options: WriterOptions,
    pub(super) receiver: Receiver<Command>,
    pub(super) counters: Arc<Counters>,
}

type Ready = tokio::sync::oneshot::Sender<Result<(), BoxError>>;

impl Body {
    /// Opens, reports readiness, serves until told to stop; `Err` names the fault that ended it.
    pub(super) fn run(self, ready: Ready) -> Result<(), String> {
        let connection = match open(&self.path, &self.options) {
            Ok(connection) => connection,
            Err(error) => {
                drop(ready.send(Err(Box::new(error))));
                return Ok(());
            }
        };
        drop(ready.send(Ok(())));
        let period = self.options.checkpoint_pages;
        let mut checkpoints = Checkpoints::new(&self.path, period, busy_timeout(&self.options));
        let serve = || self.serve(&connection, &mut checkpoints);
        let served = std::panic::catch_unwind(std::panic::AssertUnwindSafe(serve))
            .unwrap_or_else(|payload| Err(format!("panicked: {}", panic_message(payload.as_ref()))));
        for command in self.receiver.try_iter() {
            if let Command::Run(job) = command {
                finish(job, Some(Fate::Stopped), JobOutcome::Lost);
            }
        }
        checkpoints.end();
        if served.is_ok() {
            close(connection);
        }
        served
    }

    fn serve(&self, connection: &Connection, checkpoints: &mut Checkpoints) -> Result<(), String> {
        let mut waiting = VecDeque::new();
        let mut is_stopping = false;
        let mut looked_at = Instant::now();
        let mut last_batch = 0;
        loop {
            // By time, not by commits: a writer whose jobs all fail has to notice others' changes, too.
            if looked_at.elapsed() >= LOOK_EVERY {
                self.publish_watched(connection);
                looked_at = Instant::now();
            }
            if waiting.is_empty() {
                if is_stopping {
                    return Ok(());
                }
                match self.receiver.recv_timeout(LOOK_EVERY) {
                    Ok(Command::Run(job)) => waiting.push_back(job),
                    Err(RecvTimeoutError::Timeout) => {
                        // The crowd has gone.
                        last_batch = 0;
                        continue;
                    }
                    // Without any handle left nothing can come any more.
                    Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
            }
            if !is_stopping {
                self.gather(last_batch, waiting.len());
            }
            while !is_stopping && waiting.len() < self.options.max_batch.max(1) {
                match self.receiver.try_recv() {
                    Ok(Command::Run(job)) => waiting.push_back(job),
                    Ok(Command::Stop) => is_stopping = true,
                    Err(_) => break,
                }
            }
            gauges::writer_queue(self.receiver.len());
            last_batch = waiting.len();
            self.run_batch(connection, &mut waiting)?;
            checkpoints.look(connection);
        }
    }

    /// Waits a moment for company where many write, so that they share a flush: those who were answered just now are about to come back.
    /// Whoever writes alone waits for nobody.
    fn gather(&self, last_batch: usize, waiting: usize) {
        let longest = self.options.commit_delay;
        if last_batch < CROWD || longest.is_zero() {
            return;
        }
        let began = Instant::now();
        // Room to grow: the last batch ended its own wait early, too.
        let wanted = last_batch.saturating_mul(2).min(self.options.max_batch);
        while waiting.saturating_add(self.receiver.len()) < wanted && began.elapsed() < longest {
            #[expect(clippy::disallowed_methods, reason = "this thread is the writer's own")]
            std::thread::sleep(longest / GATHER_LOOKS);
        }
    }

    /// Runs jobs from the front of `waiting` in one transaction; what the time budget leaves over stays there.
    fn run_batch(&self, connection: &Connection, waiting: &mut VecDeque<QueuedJob>) -> Result<(), String> {
        drop_stale(waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
            return fail_all(waiting.drain(..).map(|job| (job, Ran::Done)).collect(), error);
        }
        let began = Instant::now();
        let budget = Duration::from_millis(self.options.batch_budget_ms);
        let is_alone = waiting.len() == 1;
        let mut ran = Vec::with_capacity(waiting.len());
        while let Some(mut job) = waiting.pop_front() {
            gauges::writer_waited(job.queued_at.elapsed());
            let outcome = run_in_savepoint(connection, &mut job, is_alone);
            match outcome {
                Ok(outcome) => ran.push((job, outcome)),
                Err(error) => {
                    ran.push((job, Ran::Done));
                    rollback(connection);
                    return fail_all(ran, error);
                }
            }
            if connection.is_autocommit() {
                return lost_transaction(ran);
            }
            if began.elapsed() >= budget {
                break;
            }
        }
        self.commit(connection, ran)
    }

    /// Publishes the watched number as it is now, by whomever it was changed.
    fn publish_watched(&self, connection: &Connection) {
        let Some(watched) = &self.options.watched else { return };
        let read = connection.prepare_cached(watched.query).and_then(|mut query| query.query_row([], |row| row.get(0)));
        let value = read.unwrap_or_else(|error| {
            // Before the schema is there, too.
            tracing::debug!(error = error_chain(&error), "the watched number cannot be read");
            UNREADABLE
        });
        watched.value.store(value, Ordering::Release);
    }

    fn commit(&self, connection: &Connection, ran: Vec<(QueuedJob, Ran)>) -> Result<(), String> {
        if ran.iter().all(|(_, outcome)| *outcome != Ran::Done) {
            rollback(connection);
            answer_all(ran);
            return Ok(());
        }
        let began = Instant::now();
        let committed = execute(connection, "COMMIT");
        if committed.is_err() {
            rollback(connection);
        }
        // Also after a failure, whatever became of the commit, and before anybody is answered.
        self.publish_watched(connection);
        if let Err(error) = committed {
            return fail_all(ran, error);
        }
        gauges::writer_batch(ran.len(), began.elapsed());
        gauges::database_flushed(1);
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.counters.jobs.fetch_add(ran.len() as u64, Ordering::Relaxed);
        answer_all(ran);
        Ok(())
    }
}

/// Runs one job so that its failure leaves no trace; `Err` means that the transaction itself is beyond use.
fn run_in_savepoint(connection: &Connection, job: &mut QueuedJob, is_alone: bool) -> Result<Ran, rusqlite::Error> {
    // A job that is alone needs no savepoint: `commit` rolls back when nobody succeeded.
    if !is_alone {
        execute(connection, "SAVEPOINT job")?;
    }
    let outcome = job.task.run(job.label, connection);
    if is_alone || connection.is_autocommit() {
        return Ok(outcome);
    }
    if outcome != Ran::Done {
        execute(connection, "ROLLBACK TO job")?;
    }
    execute(connection, "RELEASE job")?;
    Ok(outcome)
}

/// SQLite ends a transaction by itself on faults such as a full disk, taking earlier neighbours along.
fn lost_transaction(mut ran: Vec<(QueuedJob, Ran)>) -> Result<(), String> {
    let last = ran.pop();
    let cause = sql::Error::Database("a neighbour's fault ended the transaction".into());
    let cause = Arc::new(cause);
    for (job, outcome) in ran {
        match outcome {
            Ran::Done => finish(job, Some(Fate::Transaction(Arc::clone(&cause))), JobOutcome::Lost),
            Ran::Failed | Ran::Panicked => finish(job, None, JobOutcome::Failed),
        }
    }
    match last {
        Some((job, Ran::Failed | Ran::Panicked)) => finish(job, None, JobOutcome::Failed),
        Some((job, Ran::Done)) => {
            tracing::error!(job.label = job.label, "a write job ended the transaction by itself");
            finish(job, Some(Fate::Transaction(cause)), JobOutcome::Lost);
        }
        None => {}
    }
    Ok(())
}

fn drop_stale(waiting: &mut VecDeque<QueuedJob>) {
    if !waiting.iter().any(is_stale) {
        return;
    }
    for job in std::mem::take(waiting) {
        if is_stale(&job) {
            finish(job, Some(Fate::Expired), JobOutcome::Expired);
        } else {
            waiting.push_back(job);
        }
    }
}

fn is_stale(job: &QueuedJob) -> bool {
    job.deadline.is_some_and(crate::Deadline::has_passed)
}

fn answer_all(ran: Vec<(QueuedJob, Ran)>) {
    for (job, outcome) in ran {
        let counted = match outcome {
            Ran::Done => JobOutcome::Committed,
            Ran::Failed => JobOutcome::Failed,
            Ran::Panicked => JobOutcome::Panicked,
        };
        finish(job, None, counted);
    }
}

/// Fails every job of a transaction that could not begin or commit. A damaged database ends the thread.
fn fail_all(ran: Vec<(QueuedJob, Ran)>, error: rusqlite::Error) -> Result<(), String> {
    let is_fatal = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
    let is_busy = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    let text = error_chain(&error);
    tracing::error!(jobs = ran.len(), error = text, "a write transaction failed; nothing of it is stored");
    let cause = Arc::new(sql::Error::from(error));
    for (job, outcome) in ran {
        match outcome {
            Ran::Done if is_busy => finish(job, Some(Fate::Busy), JobOutcome::Refused),
            Ran::Done => finish(job, Some(Fate::Transaction(Arc::clone(&cause))), JobOutcome::Lost),
            Ran::Failed | Ran::Panicked => finish(job, None, JobOutcome::Failed),
        }
    }
    if is_fatal { Err(format!("the database is damaged: {text}")) } else { Ok(()) }
}

fn finish(job: QueuedJob, fate: Option<Fate>, outcome: JobOutcome) {
    gauges::writer_job(outcome);
    match fate {
        None => job.task.answer(),
        Some(fate) => job.task.fail(job.label, fate),
    }
}

fn execute(connection: &Connection, sql: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

fn rollback(connection: &Connection) {
    if connection.is_autocommit() {
        return;
    }
    if let Err(error) = execute(connection, "ROLLBACK") {
        // The next BEGIN fails in its turn and says so to its callers.
        tracing::error!(error = error_chain(&error), "cannot roll back");
    }
}

/// Opens the database with the writer's pragmas.
fn open(path: &std::path::Path, options: &WriterOptions) -> Result<Connection, rusqlite::Error> {
    #[expect(clippy::disallowed_methods, reason = "this is the one writer")]
    let connection = Connection::open(path)?;
    connection.busy_timeout(busy_timeout(options))?;
    connection.set_prepared_statement_cache_capacity(512);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)).and_then(
        |mode| {
            if mode.eq_ignore_ascii_case("wal") { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
        },
    )?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    checkpoint::watch(&connection);
    connection.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))?;
    Ok(connection)
}

fn busy_timeout(options: &WriterOptions) -> Duration {
    Duration::from_millis(options.busy_timeout_ms).max(MIN_BUSY_TIMEOUT)
}

/// Folds the log into the database, so that a copy of the one file is complete, and closes.
fn close(connection: Connection) {
    let folded = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    match folded {
        Ok(0) => {}
        Ok(_) => {
            tracing::warn!("readers still held the write-ahead log at shutdown; it is folded in at the next start")
        }
        Err(error) => tracing::warn!(error = error_chain(&error), "cannot checkpoint at shutdown"),
    }
    connection.flush_prepared_statement_cache();
    if let Err((_, error)) = connection.close() {
        tracing::warn!(error = error_chain(&error), "cannot close the database");
    }
}
