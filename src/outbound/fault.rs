//! Why a request of ours came to nothing.

use std::fmt;

/// What sort of failure it was; the words may be shown to whoever asked, and tell nothing of what answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The address is not one that may be called.
    #[error("the address is not allowed, or its host cannot be found")]
    Refused,
    /// The name has no address. In the same words, so that nobody learns which names there are inside; the log tells them apart.
    #[error("the address is not allowed, or its host cannot be found")]
    Unknown,
    /// Nobody answers there.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The server cannot prove who it is, or speaks no TLS.
    #[error("the server could not prove who it is")]
    Insecure,
    /// Something took too long.
    #[error("the server took too long")]
    Late,
    /// It redirects in a way that is not followed.
    #[error("the server redirects to where it is not followed")]
    Redirected,
    /// The answer is larger than it may be.
    #[error("the server's answer is too large")]
    TooLarge,
    /// It speaks no HTTP, or broke off.
    #[error("the server did not answer properly")]
    Broken,
}

impl FaultKind {
    /// Adds what the log should say.
    pub(super) fn because(self, detail: impl Into<String>) -> Fault {
        Fault { kind: self, detail: detail.into() }
    }
}

/// A failure, with what the log should say of it. `Display` says no more than the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What sort.
    pub kind: FaultKind,
    /// For the log.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Fault {}
