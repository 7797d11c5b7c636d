//! One turn: everything between an accepted request and its answer.
//!
//! Owns the order that makes a push safe: stale ones dropped, checked against the view, pack installed, committed,
//! view published, files written. Up to the commit nothing that anybody can see has changed; after it nothing may
//! fail the push any more.

use std::sync::Arc;

use atomicqms_git as git;
use git::{RefEdit, RefTable, View};

use super::actor::{State, blocking};
use super::edits::{plan, refuse_all, refused};
use super::{EditOutcome, Outcome, Request, SetHead, UpdateRefs};
use crate::error::BoxError;
use crate::{Deadline, Error, sql};

/// Takes one turn.
pub(super) async fn take(state: &mut State, request: Request) -> Outcome {
    if request.deadline().has_passed() {
        return Err(Error::Expired { what: request.what() });
    }
    match request {
        Request::UpdateRefs(update) => update_refs(state, *update).await,
        Request::SetHead(set_head) => set_head_branch(state, *set_head).await,
        Request::Work(work) => work_on_files(state, *work).await,
    }
}

async fn update_refs(state: &mut State, update: UpdateRefs) -> Outcome {
    let UpdateRefs { edits, atomic, ingested, commit, deadline } = update;
    let view = state.live.view.load_full();
    let mut plan = plan(&view.refs, edits, atomic);
    if plan.edits.is_empty() {
        // Dropping a quarantine removes files.
        blocking("drop quarantine", move || {
            drop(ingested);
            Ok::<_, Error>(())
        })
        .await?;
        return Ok(plan.finish(Vec::new()));
    }
    install(state, ingested, &plan.edits).await?;

    let job = Commit {
        repo: state.live.id,
        base: view.refs.clone(),
        next: std::mem::take(&mut plan.refs),
        edits: std::mem::take(&mut plan.edits),
        is_atomic: atomic,
        commit,
        store: Arc::clone(&state.tools.store),
    };
    let committed = match state.tools.writer.write_before("update refs", deadline, move |tx| job.run(tx)).await {
        Ok(committed) => committed,
        Err(NotCommitted::Refused(outcomes)) => return Ok(plan.finish(outcomes)),
        Err(NotCommitted::Failed(error)) => return Err(error),
    };

    if !committed.applied.is_empty() {
        publish(state, &view, committed.refs.clone(), view.head.clone());
        state.project(committed.applied, committed.refs, committed.journal_seq).await;
    }
    Ok(plan.finish(committed.outcomes))
}

/// Makes the new objects part of the repository and makes sure that no ref will point at nothing.
async fn install(state: &State, ingested: Option<git::Ingested>, edits: &[RefEdit]) -> Result<(), Error> {
    let tips: Vec<_> = edits.iter().filter_map(|edit| edit.new).collect();
    if ingested.is_none() && tips.is_empty() {
        return Ok(());
    }
    let git = state.live.git.clone();
    blocking("install pack", move || {
        if let Some(ingested) = ingested {
            ingested.install_into(&git)?;
        }
        let mut odb = git.odb();
        if lacks(&odb, &tips)?.is_some() {
            // The quarantine may belong to an earlier opening of this directory, which published to itself.
            odb = git.refresh()?;
        }
        match lacks(&odb, &tips)? {
            None => Ok(()),
            Some(id) => Err(git::Error::MissingObject { id, kind: "object", referenced_by: None }),
        }
    })
    .await
}

fn lacks(odb: &git::odb::Snapshot, tips: &[git::ObjectId]) -> Result<Option<git::ObjectId>, git::Error> {
    for tip in tips {
        if !odb.contains(tip)? {
            return Ok(Some(*tip));
        }
    }
    Ok(None)
}

fn publish(state: &State, before: &View, refs: RefTable, head: git::RefName) {
    let next = View { refs, head, odb: state.live.git.odb(), version: before.version + 1 };
    state.live.view.store(Arc::new(next));
}

/// The job that runs on the writer's thread.
struct Commit {
    repo: i64,
    base: RefTable,
    next: RefTable,
    edits: Vec<RefEdit>,
    is_atomic: bool,
    commit: Box<dyn super::CommitRefs>,
    store: Arc<dyn crate::RefStore>,
}

struct Committed {
    outcomes: Vec<EditOutcome>,
    applied: Vec<RefEdit>,
    refs: RefTable,
    journal_seq: i64,
}

/// Why the transaction was rolled back.
enum NotCommitted {
    Refused(Vec<EditOutcome>),
    Failed(Error),
}

impl From<Error> for NotCommitted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<sql::Error> for NotCommitted {
    fn from(error: sql::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Commit {
    fn run(self, tx: &dyn sql::Connection) -> Result<Committed, NotCommitted> {
        let outcomes = self.commit.commit(tx, self.repo, &self.edits).map_err(Error::Rejected)?;
        if outcomes.len() != self.edits.len() {
            return Err(Error::Contract { what: "a commit answers one outcome per edit" }.into());
        }
        let is_complete = outcomes.iter().all(EditOutcome::is_applied);
        if self.is_atomic && !is_complete {
            return Err(NotCommitted::Refused(refuse_all(outcomes)));
        }
        let (applied, refs) = if is_complete {
            (self.edits, self.next)
        } else {
            let landed = self.edits.into_iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_applied());
            let applied: Vec<_> = landed.map(|(edit, _)| edit).collect();
            match self.base.apply(&applied) {
                Ok(refs) => (applied, refs),
                // `a` was to make way for `a/b`, but policy kept it: then neither moves.
                Err(conflict) => return Err(NotCommitted::Refused(conflict_for_all(outcomes, &conflict))),
            }
        };
        let journal_seq = self.store.journal_seq(tx, self.repo)?;
        Ok(Committed { outcomes, applied, refs, journal_seq })
    }
}

fn conflict_for_all(outcomes: Vec<EditOutcome>, conflict: &git::RefConflict) -> Vec<EditOutcome> {
    outcomes.into_iter().map(|outcome| if outcome.is_applied() { refused(conflict) } else { outcome }).collect()
}

async fn set_head_branch(state: &mut State, set_head: SetHead) -> Outcome {
    let SetHead { head, commit, deadline } = set_head;
    commit_head(state, commit, deadline).await?;
    let view = state.live.view.load_full();
    publish(state, &view, view.refs.clone(), head.clone());
    let git = state.live.git.clone();
    if let Err(error) = blocking("write HEAD", move || git.write_head(&head)).await {
        state.projection_failed(&error);
    }
    Ok(Vec::new())
}

async fn work_on_files(state: &State, work: super::Work) -> Outcome {
    let view = state.live.view.load_full();
    let (git, seen) = (state.live.git.clone(), Arc::clone(&view));
    let outcome = blocking("work on files", move || (work.run)(&git, &seen)).await;
    // Also after a failure: what was published before it is there.
    if !Arc::ptr_eq(&view.odb, &state.live.git.odb()) {
        publish(state, &view, view.refs.clone(), view.head.clone());
    }
    outcome.map(|()| Vec::new())
}

async fn commit_head(state: &State, commit: super::CommitHead, deadline: Deadline) -> Result<(), Error> {
    let rejected = |error: BoxError| Error::Rejected(error);
    state.tools.writer.write_before("set head", deadline, move |tx| commit(tx).map_err(rejected)).await
}
