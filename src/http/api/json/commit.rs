//! `Branch`, `Tag`, `PayloadCommit` and their parts on the wire. Called by `api/branches.rs` and `api/tags.rs`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Timestamp;

/// A branch with the commit at its tip and what the caller may do to it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Branch")]
pub struct BranchJson {
    /// Name without `refs/heads/`.
    pub name: String,
    /// The tip.
    pub commit: PayloadCommitJson,
    /// A protection rule matches.
    pub protected: bool,
    /// Approvals a merge needs.
    pub required_approvals: i64,
    /// Status checks gate merges.
    pub enable_status_check: bool,
    /// Contexts that must pass.
    pub status_check_contexts: Vec<String>,
    /// The caller may push here.
    pub user_can_push: bool,
    /// The caller may merge into it.
    pub user_can_merge: bool,
    /// Rule in force, for repository administrators.
    pub effective_branch_protection_name: String,
}

impl BranchJson {
    /// A branch that no rule covers and the caller may only look at.
    pub fn unprotected(name: String, commit: PayloadCommitJson) -> Self {
        Self {
            name,
            commit,
            protected: false,
            required_approvals: 0,
            enable_status_check: false,
            status_check_contexts: Vec::new(),
            user_can_push: false,
            user_can_merge: false,
            effective_branch_protection_name: String::new(),
        }
    }
}

/// A commit in the short form that branches and webhooks use; it names no parents.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PayloadCommit")]
pub struct PayloadCommitJson {
    /// Commit id in hex.
    pub id: String,
    /// Whole message.
    pub message: String,
    /// Web page of the commit.
    pub url: String,
    /// Who wrote it.
    pub author: PayloadUserJson,
    /// Who committed it.
    pub committer: PayloadUserJson,
    /// Signature facts.
    pub verification: VerificationJson,
    /// Author date in the author's own offset.
    pub timestamp: Timestamp,
    /// Only webhooks fill this.
    pub added: Option<Vec<String>>,
    /// Only webhooks fill this.
    pub removed: Option<Vec<String>>,
    /// Only webhooks fill this.
    pub modified: Option<Vec<String>>,
}

/// A person as recorded in a commit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PayloadUser")]
pub struct PayloadUserJson {
    /// Recorded name.
    pub name: String,
    /// Recorded address.
    pub email: String,
    /// Account with that address, or empty.
    pub username: String,
}

/// What is known of a commit's signature.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PayloadCommitVerification")]
pub struct VerificationJson {
    /// Signature checked and good.
    pub verified: bool,
    /// By whose key, or why not as a Gitea message key.
    pub reason: String,
    /// Armored signature, or empty.
    pub signature: String,
    /// Who signed, when known.
    pub signer: Option<PayloadUserJson>,
    /// The bytes that were signed, or empty.
    pub payload: String,
}

/// A tag.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Tag")]
pub struct TagJson {
    /// Name without `refs/tags/`.
    pub name: String,
    /// Message of the tag object, or of the commit for a lightweight tag.
    pub message: String,
    /// Id of the tag object, or of the commit for a lightweight tag.
    pub id: String,
    /// The tagged commit.
    pub commit: CommitMetaJson,
    /// Archive address.
    pub zipball_url: String,
    /// Archive address.
    pub tarball_url: String,
}

/// A commit named by id and date.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CommitMeta")]
pub struct CommitMetaJson {
    /// API address of the commit.
    pub url: String,
    /// Commit id in hex.
    pub sha: String,
    /// Tagger's date, or the commit's author date.
    pub created: Timestamp,
}
