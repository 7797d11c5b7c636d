//! A user's granted level in somebody's repository.

use super::{AccessLevel, User};

/// One collaborator of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collaborator {
    /// Who.
    pub user: User,
    /// Granted level: read, write or admin.
    pub level: AccessLevel,
}
