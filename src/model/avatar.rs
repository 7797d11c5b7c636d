//! Pictures of accounts, organizations and repositories: whose they are and the content they need.
//!
//! Owns plain data; how a picture is made is in `pictures`, the content itself in the blob store.

use super::{BlobId, RepoId, UserId};

/// A picture that somebody set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avatar {
    /// Its content, always a PNG that the server made.
    pub blob: BlobId,
    /// Length of that. Units: bytes.
    pub size_bytes: u64,
}

/// Whose picture it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AvatarHolder {
    /// An account or an organization.
    Account(UserId),
    /// A repository.
    Repository(RepoId),
}
