//! The projection of committed refs to the files of the repository, and its flush.
//!
//! Owns what is written but not yet flushed, and the retry when the disk refuses. A failure here never fails a push:
//! the push is committed, the files follow. The flush is lazy so that many pushes share it; until it is marked in the
//! database, a restart compares everything again.

use std::sync::Arc;
use std::time::Duration;

use atomicqms_git as git;
use git::{RefEdit, RefTable};
use ractor::ActorRef;

use super::actor::{Msg, State, blocking};
use super::reconcile;
use crate::supervisor::error_chain;
use crate::{Error, gauges};

/// Longest wait between two attempts at a projection that fails.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// What the files of one repository lack.
pub(super) struct Disk {
    /// Last journal row that is committed.
    pub(super) journal_seq: i64,
    /// Last journal row that is flushed and marked.
    pub(super) projected_seq: i64,
    /// A projection failed: only a full comparison brings the files in line.
    pub(super) is_behind: bool,
    unsynced: Vec<RefEdit>,
    is_scheduled: bool,
    settle_after: Duration,
    failures: u32,
}

impl Disk {
    pub(super) fn new(settle_after: Duration, journal_seq: i64, projected_seq: i64) -> Self {
        Self {
            journal_seq,
            projected_seq,
            is_behind: false,
            unsynced: Vec::new(),
            is_scheduled: false,
            settle_after,
            failures: 0,
        }
    }

    /// Notes what the comparison at start wrote. A predecessor may have written more than it flushed, and nobody
    /// knows what: then everything is flushed.
    pub(super) fn note_start(&mut self, edits: Vec<RefEdit>, refs: &RefTable) {
        self.unsynced = edits;
        if self.projected_seq < self.journal_seq {
            self.unsynced.extend(refs.iter().map(|r| RefEdit {
                name: r.name.clone(),
                old: None,
                new: Some(r.target),
                peeled: r.peeled,
            }));
        }
    }

    pub(super) fn note_failure(&mut self) {
        self.is_behind = true;
        self.failures = self.failures.saturating_add(1);
    }

    fn is_settled(&self) -> bool {
        !self.is_behind && self.unsynced.is_empty() && self.projected_seq >= self.journal_seq
    }

    /// Makes sure that a flush comes if one is needed.
    pub(super) fn schedule_settle(&mut self, myself: &ActorRef<Msg>) {
        if self.is_scheduled || self.is_settled() {
            return;
        }
        self.is_scheduled = true;
        let backoff = self.settle_after.saturating_mul(1 << self.failures.min(16));
        drop(myself.send_after(backoff.min(MAX_BACKOFF.max(self.settle_after)), || Msg::Settle));
    }
}

impl State {
    /// Writes committed edits to the files; `refs` is the table they lead to.
    pub(super) async fn project(&mut self, applied: Vec<RefEdit>, refs: RefTable, journal_seq: i64) {
        self.disk.journal_seq = journal_seq;
        if self.disk.is_behind {
            // The pending comparison covers these too.
            return;
        }
        let path = self.live.git.path().to_owned();
        let projected = blocking("project refs", move || {
            git::refs::disk::project(&path, &applied, &refs)?;
            Ok::<_, git::Error>(applied)
        })
        .await;
        match projected {
            Ok(applied) => self.disk.unsynced.extend(applied),
            Err(error) => self.projection_failed(&error),
        }
    }

    pub(super) fn projection_failed(&mut self, error: &Error) {
        gauges::projection_failed();
        self.disk.note_failure();
        tracing::error!(
            repo.id = self.live.id,
            error = error_chain(error),
            "cannot write refs to disk; they are committed and the files will follow"
        );
    }

    /// Brings the files in line, flushes them and marks that in the database.
    pub(super) async fn settle(&mut self) {
        self.disk.is_scheduled = false;
        if self.disk.is_settled() {
            return;
        }
        if let Err(error) = Box::pin(self.try_settle()).await {
            self.projection_failed(&error);
        }
    }

    async fn try_settle(&mut self) -> Result<(), Error> {
        let id = self.live.id;
        if self.disk.is_behind {
            let view = self.live.view.load_full();
            let since = self.disk.projected_seq;
            let edits = reconcile::reconcile(&self.tools, id, &self.live.git, &view.refs, &view.head, since).await?;
            self.disk.note_start(edits, &view.refs);
            self.disk.is_behind = false;
        }
        let path = self.live.git.path().to_owned();
        let unsynced = std::mem::take(&mut self.disk.unsynced);
        // On failure `is_behind` makes the next attempt compare everything and flush every ref not marked yet.
        blocking("flush refs", move || git::refs::disk::sync(&path, &unsynced)).await?;
        let (store, seq) = (Arc::clone(&self.tools.store), self.disk.journal_seq);
        if self.disk.projected_seq < seq {
            let mark = move |tx: &dyn crate::sql::Connection| Ok::<_, Error>(store.mark_projected(tx, id, seq)?);
            self.tools.writer.write("mark projected", mark).await?;
        }
        self.disk.projected_seq = seq;
        self.disk.failures = 0;
        Ok(())
    }
}
