//! An invitation to a team on the wire, and the body that makes one. The operations are our own, so the shape is, too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::options::null_is_default;

/// An invitation to a team that waits for its answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TeamInvitation")]
pub struct InvitationJson {
    /// Row id.
    pub id: i64,
    /// The address it went to.
    pub email: String,
    /// Login name of the organization.
    pub organization: String,
    /// Row id of the team.
    pub team_id: i64,
    /// Name of the team.
    pub team: String,
    /// Login name of whoever invited.
    pub inviter: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it lapses.
    pub expires_at: Timestamp,
}

/// Body of `orgCreateTeamInvitation`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CreateTeamInvitationOption", extend("required" = ["email"]))]
pub struct InvitationOption {
    /// The address to invite.
    #[serde(deserialize_with = "null_is_default")]
    pub email: String,
}
