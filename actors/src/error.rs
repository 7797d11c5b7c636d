//! Why something concurrent did not happen, or may have happened without the caller learning of it.
//!
//! Owns the one error type of this crate. Knows no HTTP status; the server maps variants to its own kinds.

use std::sync::Arc;

use crate::sql;

/// A boxed error of code this crate runs but does not know.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request to an actor, the writer or the readers failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The intake of `what` is full; nothing was accepted and the caller may try again later.
    #[error("{what} has no room for another request")]
    Overloaded {
        /// Queue, gate or pool that is full.
        what: &'static str,
    },
    /// The deadline passed before the work began; nothing happened.
    #[error("{what} was dropped because its deadline had passed before it began")]
    Expired {
        /// The request that was dropped.
        what: &'static str,
    },
    /// The caller stopped waiting; the outcome is unknown to it.
    #[error("{what} did not answer in time")]
    TimedOut {
        /// The request that was waited for.
        what: &'static str,
    },
    /// The target is stopping or has stopped; nothing was accepted.
    #[error("{what} has stopped")]
    Stopped {
        /// The target.
        what: &'static str,
    },
    /// The target died while it held the request; the outcome is unknown.
    #[error("{what} died before it answered")]
    Lost {
        /// The request that was lost.
        what: &'static str,
    },
    /// The code of a request panicked; its effects were rolled back.
    #[error("{what} panicked: {message}")]
    Panicked {
        /// Label of the job.
        what: &'static str,
        /// The panic's text, for logs only.
        message: String,
    },
    /// The transaction that carried the request could not begin or commit; every request in it failed alike.
    #[error("transaction failed")]
    Transaction {
        /// The database's error, shared by the whole batch.
        source: Arc<sql::Error>,
    },
    /// A statement failed.
    #[error("statement failed")]
    Database(#[from] sql::Error),
    /// The pool could not make or hand out a connection.
    #[error("no database connection")]
    Connect {
        /// The pool's or the database's error.
        source: BoxError,
    },
    /// No such repository is stored.
    #[error("repository {repo} does not exist")]
    NotFound {
        /// Its id.
        repo: i64,
    },
    /// A repository's actor could not start; all who waited for it get the same cause.
    #[error("repository {repo} could not be opened")]
    Start {
        /// Its id.
        repo: i64,
        /// The shared cause.
        source: Arc<Error>,
    },
    /// The commit closure refused with an error of its own; nothing changed. Downcast to learn more.
    #[error("the commit was rejected")]
    Rejected(BoxError),
    /// The git engine failed.
    #[error("git storage failed")]
    Git(#[from] atomicqms_git::Error),
    /// A file operation of this crate failed.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// On which path.
        path: std::path::PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// An actor could not be spawned.
    #[error("{what} could not be started")]
    Spawn {
        /// The actor.
        what: &'static str,
        /// The runtime's or the actor's own error.
        source: BoxError,
    },
    /// Code that was handed in broke its contract; nothing changed.
    #[error("broken contract: {what}")]
    Contract {
        /// The rule that was broken.
        what: &'static str,
    },
}

impl Error {
    /// Tells whether a bounded queue was full somewhere on the way: nothing is broken, a later try may succeed.
    #[must_use]
    pub fn is_overload(&self) -> bool {
        match self {
            Self::Overloaded { .. } => true,
            Self::Start { source, .. } => source.is_overload(),
            _ => false,
        }
    }
}

/// The text of a caught panic.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
