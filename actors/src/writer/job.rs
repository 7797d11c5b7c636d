//! One write job: a closure, its result between run and commit, and the way back to its caller.
//!
//! Owns the rule that a result reaches the caller only with the fate of the transaction. Called by the writer thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::error::panic_message;
use crate::{Deadline, Error, sql};

/// A job in the queue.
pub(super) struct QueuedJob {
    pub(super) label: &'static str,
    pub(super) deadline: Option<Deadline>,
    pub(super) queued_at: Instant,
    pub(super) task: Box<dyn Task>,
}

impl QueuedJob {
    pub(super) fn new(label: &'static str, deadline: Option<Deadline>, task: Box<dyn Task>) -> Self {
        Self { label, deadline, queued_at: Instant::now(), task }
    }
}

/// How a job's code ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    /// Keep its changes.
    Done,
    /// Undo its changes; its own error is the answer.
    Failed,
    /// Undo its changes; the panic is the answer.
    Panicked,
}

/// What became of a job that must not answer its own result.
pub(super) enum Fate {
    Expired,
    Stopped,
    /// Another process held the write lock for too long.
    Busy,
    Transaction(Arc<sql::Error>),
}

/// A job without its types.
pub(super) trait Task: Send {
    /// Runs the closure and keeps its result.
    fn run(&mut self, label: &'static str, connection: &dyn sql::Connection) -> Ran;
    /// Gives the caller the kept result.
    fn answer(self: Box<Self>);
    /// Gives the caller an error instead of any result.
    fn fail(self: Box<Self>, label: &'static str, fate: Fate);
}

/// A job with its types.
pub(super) struct Job<F, T, E> {
    code: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job<F, T, E> {
    pub(super) fn new(code: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, receiver) = oneshot::channel();
        (Self { code: Some(code), result: None, reply }, receiver)
    }
}

impl<F, T, E> Task for Job<F, T, E>
where
    F: FnOnce(&dyn sql::Connection) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, label: &'static str, connection: &dyn sql::Connection) -> Ran {
        let Some(code) = self.code.take() else { return Ran::Failed };
        // The closure is consumed and its changes are undone, so nothing half-changed survives the unwinding.
        let (result, ran) = match catch_unwind(AssertUnwindSafe(|| code(connection))) {
            Ok(Ok(value)) => (Ok(value), Ran::Done),
            Ok(Err(error)) => (Err(error), Ran::Failed),
            Err(payload) => {
                let message = panic_message(payload.as_ref());
                tracing::error!(job.label = label, message, "a write job panicked and was rolled back");
                (Err(E::from(Error::Panicked { what: label, message })), Ran::Panicked)
            }
        };
        self.result = Some(result);
        ran
    }

    fn answer(self: Box<Self>) {
        // A caller that went away does not mind; without a result (never run) dropping the port answers `Lost`.
        if let Some(result) = self.result {
            drop(self.reply.send(result));
        }
    }

    fn fail(self: Box<Self>, label: &'static str, fate: Fate) {
        let error = match fate {
            Fate::Expired => Error::Expired { what: label },
            Fate::Stopped => Error::Stopped { what: "writer" },
            Fate::Busy => Error::Overloaded { what: "database" },
            Fate::Transaction(source) => Error::Transaction { source },
        };
        drop(self.reply.send(Err(E::from(error))));
    }
}
