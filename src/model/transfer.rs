//! A repository offered to another owner: plain data.

use super::{RepoId, TeamId, User, UserId, UtcMs};

/// An offer that was neither accepted nor rejected yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// What is offered.
    pub repo_id: RepoId,
    /// Who offered it.
    pub doer_id: UserId,
    /// To whom: a person or an organization.
    pub recipient: User,
    /// Teams of the recipient that get access.
    pub teams: Vec<TeamId>,
    /// Since when.
    pub created_ms: UtcMs,
}
