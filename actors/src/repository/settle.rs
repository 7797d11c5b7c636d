//! Bringing the files of a repository up to what is committed: first the packs of small pushes, then the refs that need them, then the mark in the
//! database that all of it is flushed.
//!
//! Owns the order. What takes long, joining packs and flushing, runs beside the turns, so that no push waits for it; a round works on the packs and refs
//! of the moment it began. One round at a time, and none while maintenance has a turn. Every step may be repeated after a crash: packs whose rows are still
//! there are written again, and what is not marked is compared again. Few repositories do this at the same time, however many were pushed to at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_git as git;
use git::{RefEdit, RefName, RefTable};
use ractor::ActorRef;
use tokio::task::JoinHandle;

use super::actor::{Msg, State, Tools, blocking};
use super::{reconcile, turn};
use crate::{Error, gauges, sql};

/// Steps of all repositories that run at once: pushes wait for the same disk.
pub(crate) const STEPS_AT_ONCE: usize = 2;

/// One round of work.
pub(super) struct Running {
    step: Step,
    task: JoinHandle<Result<(), Error>>,
    round: Round,
}

/// What runs beside the turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Packs become a file.
    WritePacks,
    /// Refs are flushed, and all of it is marked.
    Flush,
}

/// What was committed when the round began.
struct Round {
    /// So many packs, the oldest.
    packs: usize,
    refs: RefTable,
    head: RefName,
    /// Refs that waited.
    edits: Vec<RefEdit>,
    journal_seq: i64,
}

impl State {
    /// Begins a round, if there is anything to do and none runs.
    pub(super) fn begin_settling(&mut self, myself: &ActorRef<Msg>) {
        self.disk.is_scheduled = false;
        self.disk.is_urgent = false;
        if self.disk.is_settled() || self.disk.running.is_some() {
            return;
        }
        let view = self.live.view.load_full();
        let packs = self.disk.waiting.packs();
        let round = Round {
            packs: packs.len(),
            refs: view.refs.clone(),
            head: view.head.clone(),
            edits: std::mem::take(&mut self.disk.unprojected),
            journal_seq: self.disk.journal_seq,
        };
        let git = self.live.git.clone();
        self.run_beside(myself, Step::WritePacks, round, write_packs(git, packs));
    }

    fn run_beside(
        &mut self,
        myself: &ActorRef<Msg>,
        step: Step,
        round: Round,
        work: impl Future<Output = Result<(), Error>> + Send + 'static,
    ) {
        let (myself, steps) = (myself.clone(), Arc::clone(&self.tools.steps));
        let task = tokio::spawn(async move {
            // Nobody closes it; if somebody did, the work would still have to be done.
            let turn = steps.acquire().await;
            let outcome = work.await;
            drop(turn);
            // Without an actor nobody needs the news.
            drop(myself.send_message(Msg::StepEnded));
            outcome
        });
        self.disk.running = Some(Running { step, task, round });
    }

    /// Takes note of the step that has ended, and begins the next one.
    pub(super) async fn advance(&mut self, myself: &ActorRef<Msg>) {
        let Some(Running { step, task, round }) = self.disk.running.take() else { return };
        let ended = match task.await {
            Ok(ended) => ended,
            Err(error) => Err(Error::Panicked { what: "settle", message: error.to_string() }),
        };
        let outcome = match (step, ended) {
            (_, Err(error)) => Err(error),
            (Step::WritePacks, Ok(())) => self.project_round(myself, round).await,
            (Step::Flush, Ok(())) => {
                self.note_flushed(round.journal_seq);
                Ok(())
            }
        };
        if let Err(error) = outcome {
            self.projection_failed(&error);
        }
    }

    /// Brings everything into the files that is committed, now.
    pub(super) async fn settle_now(&mut self, myself: &ActorRef<Msg>) {
        self.end_round(myself).await;
        self.begin_settling(myself);
        self.end_round(myself).await;
    }

    /// Waits until no round runs.
    pub(super) async fn end_round(&mut self, myself: &ActorRef<Msg>) {
        while self.disk.running.is_some() {
            self.advance(myself).await;
        }
    }

    /// The packs of a round are files: the refs may follow.
    async fn project_round(&mut self, myself: &ActorRef<Msg>, mut round: Round) -> Result<(), Error> {
        self.note_packs_written(round.packs);
        if self.disk.is_behind {
            let (live, since) = (Arc::clone(&self.live), self.disk.projected_seq);
            let edits = reconcile::reconcile(&self.tools, live.id, &live.git, &round.refs, &round.head, since).await?;
            self.disk.note_start(edits, &round.refs);
            self.disk.is_behind = false;
        }
        let (path, refs) = (self.live.git.path().to_owned(), round.refs.clone());
        let edits = std::mem::take(&mut round.edits);
        let mut flushed = std::mem::take(&mut self.disk.unsynced);
        // On failure `is_behind` makes the next attempt compare everything and flush every ref not marked yet.
        if !edits.is_empty() {
            let path = path.clone();
            let edits = blocking("project refs", move || {
                git::refs::disk::project(&path, &edits, &refs)?;
                Ok::<_, git::Error>(edits)
            })
            .await?;
            flushed.extend(edits);
        }
        let mark = Mark {
            repo: self.live.id,
            up_to: self.disk.waiting.written(),
            seq: (self.disk.projected_seq < round.journal_seq).then_some(round.journal_seq),
        };
        let tools = self.tools.clone();
        let flush = async move {
            blocking("flush refs", move || git::refs::disk::sync(&path, &flushed)).await?;
            mark.write(&tools).await
        };
        self.run_beside(myself, Step::Flush, round, flush);
        Ok(())
    }

    fn note_flushed(&mut self, journal_seq: i64) {
        // Nothing else writes packs while a round runs, so these are the rows that the round forgot.
        if let Some(up_to) = self.disk.waiting.written() {
            self.disk.waiting.note_forgotten(up_to);
        }
        self.disk.projected_seq = self.disk.projected_seq.max(journal_seq);
        self.disk.failures = 0;
    }

    /// Makes files of all packs that wait, flushed, and publishes them; forgets their rows. No round may run.
    ///
    /// Errors: `Git`; then they stay in memory and are served from there. Those of the writer.
    pub(super) async fn write_packs_now(&mut self) -> Result<(), Error> {
        let packs = self.disk.waiting.packs();
        let count = packs.len();
        write_packs(self.live.git.clone(), packs).await?;
        self.note_packs_written(count);
        let Some(up_to) = self.disk.waiting.written() else { return Ok(()) };
        Mark { repo: self.live.id, up_to: Some(up_to), seq: None }.write(&self.tools).await?;
        self.disk.waiting.note_forgotten(up_to);
        Ok(())
    }

    fn note_packs_written(&mut self, count: usize) {
        self.disk.waiting.note_written(count);
        let view = self.live.view.load_full();
        if !Arc::ptr_eq(&view.odb, &self.live.git.odb()) {
            turn::publish(self, &view, view.refs.clone(), view.head.clone());
        }
    }
}

async fn write_packs(git: git::Repository, packs: Vec<Arc<git::pack::Pack>>) -> Result<(), Error> {
    if packs.is_empty() {
        return Ok(());
    }
    let written = blocking("write packs", move || git.write_out(&packs, &AtomicBool::new(false))).await;
    gauges::packs_written_out(written.is_ok());
    written.map(drop)
}

/// What the database is told: packs up to a row are files, refs up to a row of the journal, too.
struct Mark {
    repo: i64,
    up_to: Option<i64>,
    seq: Option<i64>,
}

impl Mark {
    async fn write(self, tools: &Tools) -> Result<(), Error> {
        let Mark { repo, up_to, seq } = self;
        if up_to.is_none() && seq.is_none() {
            return Ok(());
        }
        let store = Arc::clone(&tools.store);
        let mark = move |tx: &dyn sql::Connection| {
            if let Some(up_to) = up_to {
                store.forget_packs(tx, repo, up_to)?;
            }
            if let Some(seq) = seq {
                store.mark_projected(tx, repo, seq)?;
            }
            Ok::<_, Error>(())
        };
        tools.writer.write("mark projected", mark).await
    }
}
