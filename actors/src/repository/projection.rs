//! What the files of a repository lack of what is committed, and the projection of refs that need no pack which waits.
//!
//! Owns the account of what is not yet written or not yet flushed, and when the next attempt comes; `settle` makes it. A failure here never fails a push:
//! the push is committed, the files follow. The flush is lazy so that many pushes share it; until it is marked in the
//! database, a restart compares everything again.

use std::time::Duration;

use atomicqms_git as git;
use git::{RefEdit, RefTable};
use ractor::ActorRef;

use super::actor::{Msg, State, blocking};
use super::settle::Running;
use super::waiting::Waiting;
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
    /// Packs that are no files yet.
    pub(super) waiting: Waiting,
    /// Refs that wait for those packs, or for others that do.
    pub(super) unprojected: Vec<RefEdit>,
    pub(super) unsynced: Vec<RefEdit>,
    /// What is being written now, outside of turns.
    pub(super) running: Option<Running>,
    pub(super) is_scheduled: bool,
    /// A flush is on its way without delay, because much waits.
    pub(super) is_urgent: bool,
    settle_after: Duration,
    /// So many packs or refs that wait make it urgent.
    most_waiting: usize,
    pub(super) failures: u32,
}

impl Disk {
    pub(super) fn new(settle_after: Duration, most_waiting: usize, journal_seq: i64, projected_seq: i64) -> Self {
        Self {
            journal_seq,
            projected_seq,
            is_behind: false,
            waiting: Waiting::default(),
            unprojected: Vec::new(),
            unsynced: Vec::new(),
            running: None,
            is_scheduled: false,
            is_urgent: false,
            settle_after,
            most_waiting,
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
        // The comparison that follows covers them.
        self.unprojected.clear();
        self.failures = self.failures.saturating_add(1);
    }

    pub(super) fn is_settled(&self) -> bool {
        !self.is_behind
            && self.waiting.is_empty()
            && self.waiting.written().is_none()
            && self.unprojected.is_empty()
            && self.unsynced.is_empty()
            && self.projected_seq >= self.journal_seq
    }

    /// Makes sure that a flush comes if one is needed.
    pub(super) fn schedule_settle(&mut self, myself: &ActorRef<Msg>) {
        if self.running.is_some() {
            // Asked again when that has ended.
            return;
        }
        let waits = self.waiting.len().max(self.unprojected.len());
        // After a failure its delay counts: room for more waiting packs ends before memory does.
        if waits >= self.most_waiting && self.failures == 0 && !self.is_urgent {
            self.is_urgent = true;
            drop(myself.send_message(Msg::Settle));
        }
        if self.is_scheduled || self.is_settled() {
            return;
        }
        self.is_scheduled = true;
        let backoff = self.settle_after.saturating_mul(1 << self.failures.min(16));
        drop(myself.send_after(backoff.min(MAX_BACKOFF.max(self.settle_after)), || Msg::Settle));
    }
}

impl State {
    /// Writes committed edits to the files, unless they have to wait for packs; `refs` is the table they lead to.
    pub(super) async fn project(&mut self, applied: Vec<RefEdit>, refs: RefTable, journal_seq: i64) {
        self.disk.journal_seq = journal_seq;
        let is_running = self.disk.running.is_some();
        if self.disk.is_behind && !is_running {
            // The pending comparison covers these too.
            return;
        }
        if is_running || !self.disk.waiting.is_empty() || !self.disk.unprojected.is_empty() {
            self.disk.unprojected.extend(applied);
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
            "cannot write what was pushed to disk; it is committed and the files will follow"
        );
    }
}
