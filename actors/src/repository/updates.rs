//! Pushes to one repository that wait at the same time: checked one after the other, committed together, published as one view.
//!
//! Owns which of them may share a turn: those whose outcomes cannot depend on each other. Each has a job of its own at the writer, so that one that fails
//! takes no other along. Up to the commit nothing that anybody can see has changed; after it nothing may fail a push any more.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use atomicqms_git as git;
use git::pack::Pack;
use git::{RefEdit, RefName, RefTable};

use super::actor::{Queued, State, Tools, blocking};
use super::commit::{Commit, Committed, NotCommitted};
use super::edits::{Plan, plan};
use super::waiting::{Place, WaitingPack};
use super::{Live, Outcome, UpdateRefs, turn};
use crate::Error;
use crate::supervisor::error_chain;

/// One push in the queue.
pub(super) struct Update {
    pub(super) update: Box<UpdateRefs>,
    pub(super) queued: Queued,
}

/// Decides which pushes may share a turn: plain data in and out.
///
/// Two pushes do not depend on each other if they name different refs, and if each fits the refs as they are and as they are when all others have landed:
/// then it fits whichever of the others fail.
struct Fitting {
    base: RefTable,
    all: RefTable,
    names: HashSet<RefName>,
}

impl Fitting {
    fn new(base: &RefTable) -> Self {
        Self { base: base.clone(), all: base.clone(), names: HashSet::new() }
    }

    /// Tells whether a push may join those before it, and takes it in.
    fn admits(&mut self, edits: &[RefEdit]) -> bool {
        if edits.iter().any(|edit| self.names.contains(&edit.name)) || self.base.apply(edits).is_err() {
            return false;
        }
        let Ok(all) = self.all.apply(edits) else { return false };
        self.all = all;
        self.names.extend(edits.iter().map(|edit| edit.name.clone()));
        true
    }
}

/// A push that is checked, while the writer has it.
struct Pending {
    queued: Queued,
    plan: Plan,
    pack: Option<(Arc<Pack>, Place)>,
    committed: tokio::sync::oneshot::Receiver<Result<Committed, NotCommitted>>,
}

/// Takes pushes from the front of the queue, as many as may share a turn, and answers them. Answers false when the outcome of one is unknown.
pub(super) async fn take(state: &mut State, waiting: &mut VecDeque<Update>) -> bool {
    let view = state.live.view.load_full();
    let mut fitting = Fitting::new(&view.refs);
    let mut pending = Vec::new();
    while let Some(next) = waiting.pop_front() {
        let is_first = pending.is_empty();
        // One that does not fit alone either is told so, in a turn of its own.
        let admitted = fitting.admits(&next.update.edits);
        if !admitted && !is_first {
            waiting.push_front(next);
            break;
        }
        let Update { update, queued } = next;
        match begin(&state.live, &state.tools, &view.refs, *update).await {
            Ok(Begun::Pending { plan, pack, committed }) => {
                pending.push(Pending { queued, plan, pack, committed });
            }
            Ok(Begun::Decided(outcomes)) => queued.answer(Ok(outcomes)),
            Err(error) => queued.answer(Err(error)),
        }
        if !admitted {
            break;
        }
    }
    finish(state, &view, pending).await
}

enum Begun {
    /// Nothing is left to commit.
    Decided(Vec<super::EditOutcome>),
    Pending {
        plan: Plan,
        pack: Option<(Arc<Pack>, Place)>,
        committed: tokio::sync::oneshot::Receiver<Result<Committed, NotCommitted>>,
    },
}

/// Checks one push and hands it to the writer.
async fn begin(live: &Live, tools: &Tools, refs: &RefTable, update: UpdateRefs) -> Result<Begun, Error> {
    let UpdateRefs { edits, atomic, ingested, commit, deadline } = update;
    if deadline.has_passed() {
        discard(ingested).await?;
        return Err(Error::Expired { what: "update refs" });
    }
    let mut plan = plan(refs, edits, atomic);
    if plan.edits.is_empty() {
        discard(ingested).await?;
        return Ok(Begun::Decided(plan.finish(Vec::new())));
    }
    let pack = install(live, tools, ingested, &plan.edits).await?;
    let row = match &pack {
        Some((pack, _)) => Some(git::maintenance::PackRow::of(pack)?),
        None => None,
    };
    let job = Commit {
        repo: live.id,
        base: refs.clone(),
        next: std::mem::take(&mut plan.refs),
        edits: std::mem::take(&mut plan.edits),
        is_atomic: atomic,
        commit,
        row,
        store: Arc::clone(&tools.store),
    };
    let queued: Result<_, NotCommitted> = tools.writer.queue_job("update refs", Some(deadline), move |tx| job.run(tx));
    match queued {
        Ok(committed) => Ok(Begun::Pending { plan, pack, committed }),
        Err(NotCommitted::Refused(outcomes)) => Ok(Begun::Decided(plan.finish(outcomes))),
        Err(NotCommitted::Failed(error)) => Err(error),
    }
}

/// Drops a pack that is not needed; of a large one that removes files.
async fn discard(ingested: Option<git::Ingested>) -> Result<(), Error> {
    match ingested {
        Some(ingested) if !ingested.is_in_memory() => {
            blocking("drop quarantine", move || {
                drop(ingested);
                Ok::<_, Error>(())
            })
            .await
        }
        _ => Ok(()),
    }
}

/// Makes sure that no ref will point at nothing. A small pack is answered, to be published once its row is committed; everything else is a file, and
/// part of the repository, when this returns.
async fn install(
    live: &Live,
    tools: &Tools,
    ingested: Option<git::Ingested>,
    edits: &[RefEdit],
) -> Result<Option<(Arc<Pack>, Place)>, Error> {
    let tips: Vec<_> = edits.iter().filter_map(|edit| edit.new).collect();
    let git = &live.git;
    let in_memory = ingested.as_ref().filter(|ingested| ingested.is_in_memory()).and_then(git::Ingested::pack);
    let place = in_memory.and_then(|pack| tools.room.take(pack));
    match (ingested, place) {
        (Some(ingested), Some(place)) => {
            let pack = ingested.check_for(git)?;
            let odb = git.odb();
            // The very pack may be here already; its objects are durable then.
            let pack = pack.filter(|pack| !odb.holds(pack));
            let here = |tip: &git::ObjectId| match &pack {
                Some(pack) if pack.lookup(tip).is_some() => Ok(true),
                _ => odb.contains(tip),
            };
            for id in tips {
                if !here(&id)? {
                    return Err(git::Error::MissingObject { id, kind: "object", referenced_by: None }.into());
                }
            }
            Ok(pack.map(|pack| (pack, place)))
        }
        (None, _) if tips.is_empty() => Ok(None),
        (ingested, _) => {
            let git = git.clone();
            blocking("install pack", move || turn::install(&git, ingested, &tips)).await.map(|()| None)
        }
    }
}

/// Waits for the commits, publishes what landed, and answers.
async fn finish(state: &mut State, before: &git::View, pending: Vec<Pending>) -> bool {
    let (mut refs, mut applied, mut packs) = (before.refs.clone(), Vec::new(), Vec::new());
    let (mut answers, mut journal_seq, mut is_known) = (Vec::with_capacity(pending.len()), None, true);
    let is_alone = pending.len() == 1;
    for Pending { queued, plan, pack, committed } in pending {
        let outcome: Outcome = match committed.await {
            Ok(Ok(committed)) => {
                if !committed.applied.is_empty() {
                    match if is_alone { Ok(committed.refs) } else { refs.apply(&committed.applied) } {
                        Ok(next) => refs = next,
                        // Only a fresh look at the database tells what the refs are.
                        Err(_) => is_known = false,
                    }
                    journal_seq = journal_seq.max(Some(committed.journal_seq));
                    applied.extend(committed.applied);
                    if let Some(((pack, place), row)) = pack.zip(committed.row) {
                        packs.push(WaitingPack { row, pack, _place: place });
                    }
                }
                Ok(plan.finish(committed.outcomes))
            }
            Ok(Err(NotCommitted::Refused(outcomes))) => Ok(plan.finish(outcomes)),
            Ok(Err(NotCommitted::Failed(error))) => Err(error),
            Err(_) => Err(Error::Lost { what: "update refs" }),
        };
        is_known = is_known && !matches!(outcome, Err(Error::Lost { .. }));
        answers.push((queued, outcome));
    }
    if let Some(journal_seq) = journal_seq.filter(|_| is_known) {
        let new: Vec<_> = packs.iter().map(|waiting| Arc::clone(&waiting.pack)).collect();
        match state.live.git.adopt(&new) {
            Ok(_) => {
                turn::publish(state, before, refs.clone(), before.head.clone());
                for pack in packs {
                    state.disk.waiting.push(pack);
                }
                state.project(applied, refs, journal_seq).await;
            }
            // Refs without their objects are shown to nobody: the next start takes both from the database.
            Err(error) => {
                tracing::error!(repo.id = state.live.id, error = error_chain(&error), "committed packs cannot be read");
                is_known = false;
            }
        }
    }
    for (queued, outcome) in answers {
        queued.answer(outcome);
    }
    is_known
}

#[cfg(test)]
mod tests;
