//! The actor that claims due jobs and watches them run.
//!
//! Owns which jobs run now. Claims go through the writer, runs are tasks that report back; nothing here waits for a run. A runner that dies takes its
//! tasks with it and raises their flag; its successor frees the claims.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinSet;

use super::{Hopeless, Job, JobEnd, JobOutcome, JobsArgs};
use crate::error::BoxError;
use crate::supervisor::{ORDERLY, error_chain};
use crate::{Error, gauges};

/// Messages to the runner.
pub(super) enum Msg {
    /// A hint: something may be due. Not replied.
    Wake,
    /// A run has ended.
    Ended { job: Job, began: Instant, outcome: Result<JobOutcome, BoxError> },
    /// Stop what runs, then stop.
    Shutdown,
}

#[derive(Clone)]
pub(super) struct Args(pub(super) Arc<JobsArgs>);

pub(super) struct State {
    args: Arc<JobsArgs>,
    /// Dropped with the state, which aborts the tasks.
    tasks: JoinSet<()>,
    running: usize,
    stop: Arc<AtomicBool>,
    is_stopping: bool,
}

impl Drop for State {
    fn drop(&mut self) {
        // Aborting a task does not end what it started on the blocking pool.
        self.stop.store(true, Ordering::Relaxed);
    }
}

pub(super) struct JobsActor;

impl Actor for JobsActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, Args(args): Args) -> Result<State, ActorProcessingErr> {
        let store = Arc::clone(&args.store);
        let freed = args.writer.write("release jobs", move |tx| Ok::<_, Error>(store.release_all(tx)?)).await?;
        if freed > 0 {
            tracing::info!(count = freed, "jobs that did not finish will run again");
        }
        drop(myself.send_interval(args.options.period, || Msg::Wake));
        drop(myself.send_message(Msg::Wake));
        gauges::jobs_running(args.name, 0);
        Ok(State {
            args,
            tasks: JoinSet::new(),
            running: 0,
            stop: Arc::new(AtomicBool::new(false)),
            is_stopping: false,
        })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Wake => {}
            Msg::Ended { job, began, outcome } => state.note_end(job, began, outcome).await?,
            Msg::Shutdown => {
                state.is_stopping = true;
                state.stop.store(true, Ordering::Relaxed);
            }
        }
        while state.tasks.try_join_next().is_some() {}
        if state.is_stopping {
            if state.running == 0 {
                myself.stop(Some(ORDERLY.to_owned()));
            }
            return Ok(());
        }
        state.claim(&myself).await;
        Ok(())
    }
}

impl State {
    /// Starts due jobs as long as there is room.
    async fn claim(&mut self, myself: &ActorRef<Msg>) {
        while self.running < self.args.options.at_once {
            let store = Arc::clone(&self.args.store);
            let claimed = self.args.writer.write("claim job", move |tx| Ok::<_, Error>(store.claim(tx)?)).await;
            match claimed {
                Ok(Some(job)) => self.start(myself, job),
                Ok(None) => return,
                Err(error) => {
                    // The next tick tries again.
                    tracing::warn!(error = error_chain(&error), "cannot look for due jobs");
                    return;
                }
            }
        }
    }

    fn start(&mut self, myself: &ActorRef<Msg>, job: Job) {
        tracing::debug!(job.kind = job.kind, job.key = job.key, job.attempts = job.attempts, "job starts");
        let (began, myself) = (Instant::now(), myself.clone());
        let run = self.args.run.run(job.clone(), Arc::clone(&self.stop));
        self.running += 1;
        gauges::jobs_running(self.args.name, self.running);
        self.tasks.spawn(async move {
            // In a task of its own, so that a panic is an outcome like others.
            let outcome = match tokio::spawn(run).await {
                Ok(outcome) => outcome,
                Err(error) => Err(Box::new(error) as BoxError),
            };
            drop(myself.send_message(Msg::Ended { job, began, outcome }));
        });
    }

    async fn note_end(
        &mut self,
        job: Job,
        began: Instant,
        outcome: Result<JobOutcome, BoxError>,
    ) -> Result<(), ActorProcessingErr> {
        self.running = self.running.saturating_sub(1);
        gauges::jobs_running(self.args.name, self.running);
        let is_hopeless = outcome.as_ref().err().is_some_and(|error| error.is::<Hopeless>());
        let end = match outcome {
            Ok(JobOutcome::Done) => JobEnd::Done,
            Ok(JobOutcome::Later(after)) => JobEnd::Later(after),
            Err(error) if is_hopeless => JobEnd::Failed { error: error_chain(error.as_ref()) },
            // Told to stop: no fault of the job.
            Err(_) if self.stop.load(Ordering::Relaxed) => JobEnd::Later(std::time::Duration::ZERO),
            Err(error) => self.args.options.after_failure(job.attempts, error_chain(error.as_ref())),
        };
        let label = match &end {
            JobEnd::Done => "done",
            JobEnd::Later(_) => "later",
            JobEnd::Retry { after, error } => {
                tracing::warn!(
                    job.kind = job.kind,
                    job.key = job.key,
                    job.attempts = job.attempts,
                    error,
                    ?after,
                    "job failed and will run again"
                );
                "retry"
            }
            JobEnd::Failed { error } if is_hopeless => {
                tracing::warn!(job.kind = job.kind, job.key = job.key, error, "job cannot succeed and is given up");
                "failed"
            }
            JobEnd::Failed { error } => {
                tracing::error!(
                    job.kind = job.kind,
                    job.key = job.key,
                    job.attempts = job.attempts,
                    error,
                    "job failed too often and is given up"
                );
                "failed"
            }
        };
        gauges::job_ended(&job.kind, label, began.elapsed());
        let store = Arc::clone(&self.args.store);
        // Without this record the row stays claimed: dying lets the successor free it.
        self.args.writer.write("finish job", move |tx| Ok::<_, Error>(store.finish(tx, &job, &end)?)).await?;
        Ok(())
    }
}
