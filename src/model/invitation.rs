//! People who were invited to a team by an address and have not answered yet.
//!
//! Owns plain data. The code in the link of the mail is no part of it: it is made when the mail is sent.

use super::{Email, TeamId, UserId, UtcMs};

/// What makes an invitation.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// To which team.
    pub team: TeamId,
    /// By whom.
    pub inviter: UserId,
    /// To which address.
    pub email: Email,
    /// 256 random bits, in hexadecimal; the code is made from them and the installation's secret.
    pub seed: String,
    /// SHA-256 of the code, in hexadecimal.
    pub token_hash: String,
    /// When it lapses.
    pub expires_ms: UtcMs,
}

/// An invitation that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Row id; never used twice.
    pub id: i64,
    /// To which team.
    pub team_id: TeamId,
    /// The name of the team now.
    pub team: String,
    /// The organization of the team.
    pub org_id: UserId,
    /// Its login name now.
    pub organization: String,
    /// By whom.
    pub inviter_id: UserId,
    /// Their login name now.
    pub inviter: String,
    /// Whether they administrate the site now.
    pub is_by_administrator: bool,
    /// To which address.
    pub email: Email,
    /// What the code is made from.
    pub seed: String,
    /// When it was made.
    pub created_ms: UtcMs,
    /// When it lapses.
    pub expires_ms: UtcMs,
}
