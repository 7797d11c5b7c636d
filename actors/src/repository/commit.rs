//! The job of one push on the writer's thread: policy and rows, and the pack that must be durable with them.

use std::sync::Arc;

use atomicqms_git as git;
use git::maintenance::PackRow;
use git::{RefEdit, RefTable};

use super::EditOutcome;
use super::edits::{refuse_all, refused};
use crate::{Error, sql};

/// What the job works on.
pub(super) struct Commit {
    pub(super) repo: i64,
    pub(super) base: RefTable,
    pub(super) next: RefTable,
    pub(super) edits: Vec<RefEdit>,
    pub(super) is_atomic: bool,
    pub(super) commit: Box<dyn super::CommitRefs>,
    /// The pack, if it is to be durable with the refs.
    pub(super) row: Option<PackRow>,
    pub(super) store: Arc<dyn crate::RefStore>,
}

/// What was committed.
pub(super) struct Committed {
    pub(super) outcomes: Vec<EditOutcome>,
    pub(super) applied: Vec<RefEdit>,
    pub(super) refs: RefTable,
    pub(super) journal_seq: i64,
    /// The row of the pack, if anything needs it.
    pub(super) row: Option<i64>,
}

/// Why the transaction was rolled back.
pub(super) enum NotCommitted {
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
    pub(super) fn run(self, tx: &dyn sql::Connection) -> Result<Committed, NotCommitted> {
        let outcomes = self.commit.commit(tx, self.repo, &self.edits).map_err(Error::Rejected)?;
        if outcomes.len() != self.edits.len() {
            return Err(Error::Contract { what: "a commit answers one outcome per edit" }.into());
        }
        let is_complete = outcomes.iter().all(EditOutcome::is_applied);
        // A commit that applied nothing may have something to say all the same: what it wrote about its refusals stays.
        if self.is_atomic && !is_complete && outcomes.iter().any(EditOutcome::is_applied) {
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
        let row = match self.row.filter(|_| !applied.is_empty()) {
            Some(row) => Some(self.store.keep_pack(tx, self.repo, row)?),
            None => None,
        };
        let journal_seq = self.store.journal_seq(tx, self.repo)?;
        Ok(Committed { outcomes, applied, refs, journal_seq, row })
    }
}

fn conflict_for_all(outcomes: Vec<EditOutcome>, conflict: &git::RefConflict) -> Vec<EditOutcome> {
    outcomes.into_iter().map(|outcome| if outcome.is_applied() { refused(conflict) } else { outcome }).collect()
}
