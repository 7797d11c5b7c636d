//! When the write-ahead log is folded into the database, off the committing path.
//!
//! Owns a thread with a connection of its own that copies pages beside the writer (PASSIVE: it waits for nobody and nobody waits for it), and the decision
//! when. It never catches up with a writer that goes on meanwhile, so the writer itself copies the few pages that are left, between two transactions: then
//! the log begins anew and stays bounded. Called by the writer's thread alone.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;

use crate::gauges;
use crate::supervisor::error_chain;

thread_local! {
    /// Pages in the log after the last commit of this thread.
    static PAGES: Cell<u32> = const { Cell::new(0) };
}

/// Lets commits of a connection, which are all made on one thread, note the length of the log.
pub(super) fn watch(connection: &Connection) {
    connection.wal_hook(Some(|_, pages| {
        PAGES.set(u32::try_from(pages).unwrap_or(0));
        Ok(())
    }));
}

/// What to do about the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    /// Let the thread copy.
    Copy,
    /// Copy the rest, which is short.
    Finish,
}

/// When what is due: plain data in and out.
#[derive(Debug)]
struct Plan {
    /// Pages in the log that make copying due.
    period: u32,
    /// Copying begins when the log has so many.
    next_at: u32,
    is_copying: bool,
}

impl Plan {
    fn new(period: u32) -> Self {
        Self { period: period.max(1), next_at: period.max(1), is_copying: false }
    }

    fn step(&mut self, pages: u32, is_copied: bool) -> Step {
        if self.is_copying {
            if !is_copied {
                return Step::Nothing;
            }
            self.is_copying = false;
            // If the log does not begin anew, because somebody still reads its beginning, it is tried again only when it has grown.
            self.next_at = pages.saturating_add(self.period);
            return Step::Finish;
        }
        if pages.saturating_add(self.period) < self.next_at {
            self.next_at = self.period;
        }
        if pages < self.next_at {
            return Step::Nothing;
        }
        self.is_copying = true;
        Step::Copy
    }
}

/// The thread and the plan.
pub(super) struct Checkpoints {
    path: PathBuf,
    busy_timeout: Duration,
    plan: Plan,
    is_copied: Arc<AtomicBool>,
    thread: Option<(Sender<()>, std::thread::JoinHandle<()>)>,
}

impl Checkpoints {
    /// Starts nothing yet. Units: `period` in pages.
    pub(super) fn new(path: &Path, period: u32, busy_timeout: Duration) -> Self {
        let is_copied = Arc::new(AtomicBool::new(false));
        Self { path: path.to_owned(), busy_timeout, plan: Plan::new(period), is_copied, thread: None }
    }

    /// Looks at the log after a commit.
    pub(super) fn look(&mut self, connection: &Connection) {
        match self.plan.step(PAGES.get(), self.is_copied.load(Ordering::Acquire)) {
            Step::Nothing => {}
            Step::Copy => {
                self.is_copied.store(false, Ordering::Release);
                if !self.ask() {
                    // Without the thread the writer does all of it: slower, and the log stays bounded.
                    self.is_copied.store(true, Ordering::Release);
                }
            }
            Step::Finish => copy(connection),
        }
    }

    /// Asks the thread to copy, starting it at the first time; answers false when there is none.
    fn ask(&mut self) -> bool {
        if self.thread.is_none() {
            let (sender, receiver) = crossbeam_channel::bounded(1);
            let (path, busy_timeout, is_copied) = (self.path.clone(), self.busy_timeout, Arc::clone(&self.is_copied));
            let body = move || serve(&path, busy_timeout, &receiver, &is_copied);
            match std::thread::Builder::new().name("sqlite-checkpoint".to_owned()).spawn(body) {
                Ok(thread) => self.thread = Some((sender, thread)),
                Err(error) => {
                    tracing::warn!(%error, "no thread for checkpoints");
                    return false;
                }
            }
        }
        self.thread.as_ref().is_some_and(|(sender, _)| sender.try_send(()).is_ok())
    }

    /// Ends the thread.
    pub(super) fn end(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            if thread.join().is_err() {
                tracing::error!("the thread for checkpoints panicked");
            }
        }
    }
}

fn serve(path: &Path, busy_timeout: Duration, asked: &Receiver<()>, is_copied: &AtomicBool) {
    #[expect(clippy::disallowed_methods, reason = "it folds the log and writes nothing of its own")]
    let opened = Connection::open(path).and_then(|connection| {
        connection.busy_timeout(busy_timeout)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(connection)
    });
    if let Err(error) = &opened {
        tracing::warn!(error = error_chain(error), "checkpoints are made by the writer: no connection");
    }
    while asked.recv().is_ok() {
        if let Ok(connection) = &opened {
            copy(connection);
        }
        is_copied.store(true, Ordering::Release);
    }
}

/// Copies what nobody needs in the log any more into the database.
fn copy(connection: &Connection) {
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(0)) {
        Ok(_) => gauges::database_flushed(2),
        Err(error) => tracing::warn!(error = error_chain(&error), "a checkpoint failed; the next one makes up for it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_copied_when_it_has_grown_and_the_rest_once_that_is_done() {
        let mut plan = Plan::new(100);
        assert_eq!(plan.step(99, false), Step::Nothing);
        assert_eq!(plan.step(100, false), Step::Copy);
        assert_eq!(plan.step(150, false), Step::Nothing, "copying goes on");
        assert_eq!(plan.step(180, true), Step::Finish);
        assert_eq!(plan.step(5, true), Step::Nothing, "begun anew");
        assert_eq!(plan.step(100, true), Step::Copy);
    }

    #[test]
    fn a_log_that_somebody_reads_is_not_copied_at_every_commit() {
        let mut plan = Plan::new(100);
        assert_eq!(plan.step(100, false), Step::Copy);
        assert_eq!(plan.step(120, true), Step::Finish);
        assert_eq!(plan.step(130, true), Step::Nothing);
        assert_eq!(plan.step(219, true), Step::Nothing);
        assert_eq!(plan.step(220, true), Step::Copy);
    }
}
