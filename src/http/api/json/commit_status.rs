//! `CommitStatus`, `CombinedStatus` and what makes a status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::null_is_default;
use super::{RepositoryJson, Timestamp, UserJson};

/// Body of `repoCreateStatus`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateStatusOption {
    /// Which check it is; empty: `default`.
    #[serde(deserialize_with = "null_is_default")]
    pub context: String,
    /// What it says.
    #[serde(deserialize_with = "null_is_default")]
    pub state: String,
    /// Where to read more.
    #[serde(deserialize_with = "null_is_default")]
    pub target_url: String,
    /// What it says to people.
    #[serde(deserialize_with = "null_is_default")]
    pub description: String,
}

/// One status.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CommitStatus")]
pub struct CommitStatusJson {
    /// Row id.
    pub id: i64,
    /// What it says.
    pub status: &'static str,
    /// Where to read more.
    pub target_url: String,
    /// What it says to people.
    pub description: String,
    /// API address of the commit's statuses.
    pub url: String,
    /// Which check it is.
    pub context: String,
    /// Who told.
    pub creator: UserJson,
    /// When.
    pub created_at: Timestamp,
    /// The same: a status never changes.
    pub updated_at: Timestamp,
}

/// The newest status of each context, together.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CombinedStatus")]
pub struct CombinedStatusJson {
    /// What they say together.
    pub state: &'static str,
    /// The commit.
    pub sha: String,
    /// Contexts.
    pub total_count: u64,
    /// The page's statuses.
    pub statuses: Vec<CommitStatusJson>,
    /// The repository.
    pub repository: RepositoryJson,
    /// API address of the commit.
    pub commit_url: String,
    /// API address of this.
    pub url: String,
}
