//! Why a server did not start or had to end, with the process's exit code.
//!
//! Owns the words an operator reads on standard error. Exit code 2 means "change something and try again", 1 a fault
//! of the machine or of ours, and each critical actor has a code of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::Kind;

/// Why a server ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// A file or folder of the data directory cannot be used.
    #[error("cannot use {}", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Another server holds the data directory.
    #[error("data directory {} is in use by another atomicqms server ({holder}): stop it first, or choose another --data-dir", data_dir.display())]
    InUse {
        /// The directory.
        data_dir: PathBuf,
        /// What the lock file says about the holder.
        holder: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The database cannot be used by this version: written by a newer one, or not ours.
    #[error("database {}: {error}", path.display())]
    Schema {
        /// The database.
        path: PathBuf,
        /// Which versions, or whose.
        error: crate::error::Error,
    },
    /// An actor did not start or answer.
    #[error("cannot start the server")]
    Start(#[from] atomicqms_actors::Error),
    /// A step of the first start or a command failed.
    #[error("{0}")]
    Forge(#[source] crate::error::Error),
    /// The password given for the first administrator breaks the rule.
    #[error("ATOMICQMS_ADMIN_PASSWORD cannot be used: {0}")]
    AdminPassword(#[source] crate::error::Error),
    /// The metrics recorder cannot be installed.
    #[error("cannot install metrics: {0}")]
    Metrics(&'static str),
    /// A critical part died.
    #[error("{} died: {}", .0.child, .0.reason)]
    Died(atomicqms_actors::Escalation),
    /// The parts did not finish in time when stopping.
    #[error("the server did not finish in time; nothing answered is lost, the next start repairs the rest")]
    Drain,
}

impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        Self::Forge(error)
    }
}

impl Failure {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::InUse { .. } | Self::Listen { .. } | Self::AdminPassword(_) => 2,
            Self::Schema { error, .. } if error.kind() == Kind::Unavailable => 2,
            Self::Died(escalation) => escalation.exit_code,
            Self::Directory { .. }
            | Self::Schema { .. }
            | Self::Start(_)
            | Self::Forge(_)
            | Self::Metrics(_)
            | Self::Drain => 1,
        }
    }

    /// One line for standard error: the failure and its causes.
    pub fn line(&self) -> String {
        let mut line = match self {
            // Its public text says nothing; whoever sits at the machine may read the rest.
            Self::Forge(error) | Self::Schema { error, .. } if error.kind() == Kind::Internal => error.log_line(),
            _ => self.to_string(),
        };
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !line.contains(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            next = cause.source();
        }
        line.replace('\n', " ")
    }
}
