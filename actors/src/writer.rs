//! The only place that writes to SQLite: an actor that owns one OS thread and its queue.
//!
//! Owns intake (bounded, overload is answered at once) and lifecycle; `thread` owns the connection and the group
//! commit. Refuses to know any statement: jobs are closures. Critical child of the supervisor, never restarted: when
//! the thread dies the state of the queue is unknown, so the process ends and recovers from the write-ahead log.
//!
//! A job whose caller went away still runs. An answer is given only after COMMIT has returned.

mod checkpoint;
mod job;
mod thread;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::ask::{Deadline, ask, reply};
use crate::error::BoxError;
use crate::gauges::{self, JobOutcome};
use crate::supervisor::{Child, EXIT_WRITER, ORDERLY, Policy, StartChild};
use crate::{Error, Supervisor, sql};
use job::{Job, QueuedJob};

/// A number in the database that the writer publishes: read after each commit, before that is answered, and now and then for what other
/// processes commit.
#[derive(Debug, Clone)]
pub struct Watched {
    /// A statement that answers the number.
    pub query: &'static str,
    /// Where it is published; -1 as long as it cannot be read.
    pub value: Arc<AtomicI64>,
}

/// So many jobs in one batch tell that many write at the same time.
pub const CROWD: usize = 4;

/// Bounds and pragmas of the writer.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Jobs that may wait; one more is refused with `Overloaded`.
    pub queue: usize,
    /// Jobs per transaction at most.
    pub max_batch: usize,
    /// A transaction stops taking further jobs once it has run this long.
    pub batch_budget_ms: u64,
    /// How long to wait for another process that holds the write lock.
    pub busy_timeout_ms: u64,
    /// Page cache.
    pub cache_kib: u32,
    /// Pages in the write-ahead log that make a checkpoint due, beside the commits.
    pub checkpoint_pages: u32,
    /// Longest wait for company of a batch, when the one before had at least [`CROWD`] jobs; none: batches take what waits already.
    pub commit_delay: Duration,
    /// The number to publish, if any.
    pub watched: Option<Watched>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            queue: 4096,
            max_batch: 256,
            batch_budget_ms: 50,
            busy_timeout_ms: 10_000,
            cache_kib: 16 * 1024,
            checkpoint_pages: 4000,
            commit_delay: Duration::from_micros(300),
            watched: None,
        }
    }
}

/// Handle of the writer; cheap to clone.
#[derive(Clone)]
pub struct Writer {
    queue: Sender<Command>,
    is_closed: Arc<AtomicBool>,
    actor: ActorRef<Msg>,
}

/// What travels to the thread.
enum Command {
    Run(QueuedJob),
    /// Everything queued before this has run; checkpoint, close and end.
    Stop,
}

/// Counters of a running writer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriterStatus {
    /// Jobs waiting now.
    pub queued: usize,
    /// Transactions committed since start.
    pub commits: u64,
    /// Jobs committed since start.
    pub jobs: u64,
}

impl Writer {
    /// Opens the database for writing (creating it if missing) and starts the writer under the supervisor.
    ///
    /// Errors: `Spawn` with the cause (cannot open, not a database, cannot switch to WAL).
    pub async fn start(path: &Path, options: WriterOptions, supervisor: &Supervisor) -> Result<Self, Error> {
        let (send_writer, receive_writer) = tokio::sync::oneshot::channel();
        let mut once = Some((send_writer, path.to_owned(), options));
        let start: StartChild = Box::new(move |parent| {
            let once = once.take();
            Box::pin(async move {
                let (send_writer, path, options) = once.ok_or("the writer is never restarted")?;
                let (sender, receiver) = crossbeam_channel::bounded(options.queue.max(1));
                let args = Args { path, options, queue: sender.clone(), receiver };
                let (actor, _join) =
                    Actor::spawn_linked(None, WriterActor, args, parent).await.map_err(unwrap_start)?;
                let cell = actor.get_cell();
                let writer = Writer { queue: sender, is_closed: Arc::new(AtomicBool::new(false)), actor };
                drop(send_writer.send(writer));
                Ok(cell)
            })
        });
        supervisor.adopt(Child { name: "writer", exit_code: EXIT_WRITER, policy: Policy::NEVER, start }).await?;
        receive_writer.await.map_err(|_| Error::Lost { what: "writer" })
    }

    /// Queues a job and answers its result once the transaction that carries it is durable.
    ///
    /// Shape: `label` names the job in logs. The job sees a savepoint of its own: if it answers `Err` or panics, only
    /// its own changes are undone. Dropping the future does not cancel the job.
    /// Errors: `E` of the job; `Overloaded` (queue full), `Stopped`, `Panicked`, `Transaction` (begin or commit
    /// failed), `Lost` (thread died, outcome unknown).
    pub async fn write<T, E>(
        &self,
        label: &'static str,
        job: impl FnOnce(&dyn sql::Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<sql::Error> + From<Error> + Send + 'static,
    {
        self.queue_job(label, None, job)?.await.map_err(|_| Error::Lost { what: label })?
    }

    /// Like [`Writer::write`], but the job is dropped unrun if the deadline passes while it is queued.
    ///
    /// Errors: as [`Writer::write`], and `Expired`. The deadline does not bound a job that has begun.
    pub async fn write_before<T, E>(
        &self,
        label: &'static str,
        deadline: Deadline,
        job: impl FnOnce(&dyn sql::Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<sql::Error> + From<Error> + Send + 'static,
    {
        self.queue_job(label, Some(deadline), job)?.await.map_err(|_| Error::Lost { what: label })?
    }

    /// Queues a job at once and answers where its result will come; `Lost` is a receiver that ends without one.
    pub(crate) fn queue_job<T, E>(
        &self,
        label: &'static str,
        deadline: Option<Deadline>,
        job: impl FnOnce(&dyn sql::Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<tokio::sync::oneshot::Receiver<Result<T, E>>, E>
    where
        T: Send + 'static,
        E: From<sql::Error> + From<Error> + Send + 'static,
    {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(E::from(Error::Stopped { what: "writer" }));
        }
        let (job, receiver) = Job::new(job);
        match self.queue.try_send(Command::Run(QueuedJob::new(label, deadline, Box::new(job)))) {
            Ok(()) => Ok(receiver),
            Err(TrySendError::Full(_)) => {
                gauges::writer_job(JobOutcome::Refused);
                Err(E::from(Error::Overloaded { what: "writer" }))
            }
            Err(TrySendError::Disconnected(_)) => Err(E::from(Error::Stopped { what: "writer" })),
        }
    }

    /// Answers counters of the running writer.
    ///
    /// Errors: `Stopped`, `Lost`, `TimedOut`.
    pub async fn inspect(&self, deadline: Deadline) -> Result<WriterStatus, Error> {
        ask(&self.actor, "inspect", deadline, |_, reply| Msg::Inspect { reply }).await
    }

    /// Refuses new jobs, runs everything queued, checkpoints, closes the database and waits for the end.
    ///
    /// Errors: `Lost` (the thread died instead of ending).
    pub async fn shutdown(&self) -> Result<(), Error> {
        if !self.is_closed.swap(true, Ordering::AcqRel) {
            let queue = self.queue.clone();
            // The queue may be full, and then sending waits for room: not on the runtime's threads.
            let sent = tokio::task::spawn_blocking(move || queue.send(Command::Stop)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return Err(Error::Lost { what: "writer" });
            }
        }
        self.actor.wait(None).await.map_err(|_| Error::Lost { what: "writer" })
    }

    /// Cell of the actor, for tests that kill it.
    #[cfg(test)]
    pub(crate) fn cell(&self) -> ractor::ActorCell {
        self.actor.get_cell()
    }
}

/// The cause inside ractor's start error, so that the operator reads it and not the wrapper.
pub(crate) fn unwrap_start(error: ractor::SpawnErr) -> BoxError {
    match error {
        ractor::SpawnErr::StartupFailed(cause) => cause,
        other => Box::new(other),
    }
}

enum Msg {
    /// Replied with the counters.
    Inspect { reply: RpcReplyPort<WriterStatus> },
    /// The thread has ended: as asked (`Ok`) or of a fault.
    ThreadEnded { outcome: Result<(), String> },
}

struct Args {
    path: PathBuf,
    options: WriterOptions,
    queue: Sender<Command>,
    receiver: crossbeam_channel::Receiver<Command>,
}

struct State {
    queue: Sender<Command>,
    counters: Arc<thread::Counters>,
}

struct WriterActor;

impl Actor for WriterActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let counters = Arc::new(thread::Counters::default());
        let (send_ready, receive_ready) = tokio::sync::oneshot::channel();
        let body = thread::Body {
            path: args.path,
            options: args.options,
            receiver: args.receiver,
            counters: Arc::clone(&counters),
        };
        std::thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || {
            let outcome = body.run(send_ready);
            // Without an actor nobody needs the news.
            drop(myself.send_message(Msg::ThreadEnded { outcome }));
        })?;
        receive_ready.await.map_err(|_| "the writer thread ended before it was ready")??;
        Ok(State { queue: args.queue, counters })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Inspect { reply: port } => {
                let (commits, jobs) = state.counters.read();
                reply(port, WriterStatus { queued: state.queue.len(), commits, jobs });
            }
            Msg::ThreadEnded { outcome: Ok(()) } => myself.stop(Some(ORDERLY.to_owned())),
            // Broken state on purpose: the supervisor must learn of it.
            Msg::ThreadEnded { outcome: Err(reason) } => return Err(reason.into()),
        }
        Ok(())
    }
}

/// Waits at most this long for other processes at start, beside the configured time-out.
const MIN_BUSY_TIMEOUT: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
