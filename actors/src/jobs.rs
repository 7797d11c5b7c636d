//! Durable jobs: work that a transaction asked for and that is done after it, whatever happens in between.
//!
//! Owns the handle and the types that cross it; `actor` claims, runs and records. Rows are the truth: a job exists exactly if the transaction
//! that scheduled it was committed, and it runs again if the process dies before its end was recorded, so every job must be able to run twice.
//! Refuses to know statements ([`JobStore`]) and what jobs do ([`RunJob`]). Child of the supervisor; may be restarted. There may be several runners, each with rows
//! of its own, so that what is slow does not keep waiting what is not.

mod actor;

use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ractor::{Actor, ActorRef};
use tokio::time::Instant;

use crate::error::BoxError;
use crate::supervisor::{Child, EXIT_JOBS, Policy, StartChild};
use crate::writer::unwrap_start;
use crate::{Error, Supervisor, Writer, sql};
use actor::{Args, JobsActor, Msg};

/// A claimed job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Row of the job.
    pub id: i64,
    /// What to do.
    pub kind: String,
    /// What to do it to; of one key no two jobs run at once.
    pub key: String,
    /// Details, as JSON.
    pub payload: String,
    /// Runs so far, this one included.
    pub attempts: u32,
}

/// How a run ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// Nothing is left to do.
    Done,
    /// The time was not right; run again later. Does not count as an attempt.
    Later(Duration),
}

/// The error of a run that would meet it each time: the job is given up at once.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Hopeless(pub String);

/// What is recorded about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// The row goes.
    Done,
    /// The row waits again and the attempt does not count.
    Later(Duration),
    /// The row waits again.
    Retry {
        /// How long.
        after: Duration,
        /// Why.
        error: String,
    },
    /// The row stays as a witness and is not run again.
    Failed {
        /// Why.
        error: String,
    },
}

/// Rows behind the jobs.
pub trait JobStore: Send + Sync + 'static {
    /// Frees all claims: those of a process that is gone. Called once at start.
    fn release_all(&self, tx: &dyn sql::Connection) -> Result<u64, sql::Error>;

    /// Claims the job that has been due for longest and whose key is not claimed.
    fn claim(&self, tx: &dyn sql::Connection) -> Result<Option<Job>, sql::Error>;

    /// Records the end of a run.
    fn finish(&self, tx: &dyn sql::Connection, job: &Job, end: &JobEnd) -> Result<(), sql::Error>;
}

/// A run in progress.
pub type Running = Pin<Box<dyn Future<Output = Result<JobOutcome, BoxError>> + Send>>;

/// What jobs do.
pub trait RunJob: Send + Sync + 'static {
    /// Runs one job; must end soon after `stop` is raised.
    fn run(&self, job: Job, stop: Arc<AtomicBool>) -> Running;
}

/// What the runner of jobs works with.
pub struct JobsArgs {
    /// Its name among the children of the supervisor and in metrics.
    pub name: &'static str,
    /// Where claims and ends are committed.
    pub writer: Writer,
    /// The rows.
    pub store: Arc<dyn JobStore>,
    /// The work.
    pub run: Arc<dyn RunJob>,
    /// Bounds.
    pub options: JobsOptions,
}

/// Bounds of the runner.
#[derive(Debug, Clone)]
pub struct JobsOptions {
    /// Jobs that run at once.
    pub at_once: usize,
    /// How often due jobs are looked for when nobody wakes the runner.
    pub period: Duration,
    /// Runs of a failing job before it is given up.
    pub max_attempts: u32,
    /// Wait after the first failure; doubles with each one, up to [`JobsOptions::max_backoff`].
    pub backoff: Duration,
    /// Longest wait between two attempts.
    pub max_backoff: Duration,
}

impl Default for JobsOptions {
    fn default() -> Self {
        Self {
            at_once: 1,
            period: Duration::from_secs(30),
            max_attempts: 8,
            backoff: Duration::from_secs(30),
            max_backoff: Duration::from_secs(6 * 3600),
        }
    }
}

impl JobsOptions {
    /// Decides about a run that failed: plain data in and out.
    fn after_failure(&self, attempts: u32, error: String) -> JobEnd {
        if attempts >= self.max_attempts {
            return JobEnd::Failed { error };
        }
        let doublings = attempts.saturating_sub(1).min(24);
        JobEnd::Retry { after: self.backoff.saturating_mul(1 << doublings).min(self.max_backoff), error }
    }
}

/// Handle of the runner; cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    actor: Arc<arc_swap::ArcSwapOption<ActorRef<Msg>>>,
    /// The last instant for which a hint was asked, as long as one is under way.
    wake_at: Arc<Mutex<Option<Instant>>>,
}

impl Jobs {
    /// Starts the runner under the supervisor; jobs of a process that is gone run again.
    ///
    /// Errors: `Spawn`.
    pub async fn start(args: JobsArgs, supervisor: &Supervisor) -> Result<Self, Error> {
        let current: Arc<arc_swap::ArcSwapOption<ActorRef<Msg>>> = Arc::default();
        let name = args.name;
        let args = Args(Arc::new(args));
        let shared = Arc::clone(&current);
        let start: StartChild = Box::new(move |parent| {
            let (args, shared) = (args.clone(), Arc::clone(&shared));
            Box::pin(async move {
                let (actor, _join) = Actor::spawn_linked(None, JobsActor, args, parent).await.map_err(unwrap_start)?;
                let cell = actor.get_cell();
                shared.store(Some(Arc::new(actor)));
                Ok(cell)
            })
        });
        let policy = Policy { restarts: 5, within: Duration::from_secs(600), backoff: Duration::from_secs(1) };
        supervisor.adopt(Child { name, exit_code: EXIT_JOBS, policy, start }).await?;
        Ok(Self { actor: current, wake_at: Arc::default() })
    }

    /// Says that a job may be due. A hint: without it the job runs when the runner looks next.
    pub fn wake(&self) {
        if let Some(actor) = self.actor.load_full() {
            drop(actor.send_message(Msg::Wake));
        }
    }

    /// Says that a job will be due after a time. Hints that come close together are made one or two.
    pub fn wake_after(&self, after: Duration) {
        let now = Instant::now() + after;
        let mut wake_at = self.wake_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_under_way = wake_at.replace(now).is_some();
        drop(wake_at);
        if is_under_way {
            return;
        }
        let jobs = self.clone();
        tokio::spawn(async move {
            let mut next = now;
            loop {
                tokio::time::sleep_until(next).await;
                jobs.wake();
                let mut wake_at = jobs.wake_at.lock().unwrap_or_else(PoisonError::into_inner);
                match *wake_at {
                    // Somebody's job is due later than this.
                    Some(later) if later > next => next = later,
                    _ => {
                        *wake_at = None;
                        return;
                    }
                }
            }
        });
    }

    /// Tells running jobs to stop, waits for them and ends. What did not finish runs again at the next start.
    pub async fn shutdown(&self) {
        if let Some(actor) = self.actor.load_full()
            && actor.send_message(Msg::Shutdown).is_ok()
        {
            // Without a time-out: the caller bounds the whole stop.
            drop(actor.get_cell().wait(None).await);
        }
    }
}

#[cfg(test)]
mod tests;
