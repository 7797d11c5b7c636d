//! `Commit`, `AnnotatedTag`, `Compare` and `Note` on the wire. Called by the handlers of commits, tags and comparisons.

use schemars::JsonSchema;
use serde::Serialize;

use super::{CommitMetaJson, Timestamp, UserJson, VerificationJson};
use crate::http::api::commit_text::Signature;

/// A commit with its context.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Commit")]
pub struct CommitJson {
    /// API address.
    pub url: String,
    /// Commit id.
    pub sha: String,
    /// Committer date.
    pub created: Timestamp,
    /// Web page.
    pub html_url: String,
    /// What is recorded in it.
    pub commit: RepoCommitJson,
    /// The account with the author's address.
    pub author: Option<UserJson>,
    /// The account with the committer's address.
    pub committer: Option<UserJson>,
    /// Parents, in their order.
    pub parents: Vec<CommitMetaJson>,
    /// Files that differ from the first parent; null when not asked for.
    pub files: Option<Vec<AffectedFileJson>>,
    /// Lines that differ from the first parent; null when not asked for.
    pub stats: Option<CommitStatsJson>,
}

/// What is recorded in a commit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "RepoCommit")]
pub struct RepoCommitJson {
    /// API address.
    pub url: String,
    /// Who wrote it.
    pub author: CommitUserJson,
    /// Who committed it.
    pub committer: CommitUserJson,
    /// Whole message.
    pub message: String,
    /// Its tree.
    pub tree: CommitMetaJson,
    /// Signature facts; null when not asked for.
    pub verification: Option<VerificationJson>,
}

/// A person as recorded.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CommitUser")]
pub struct CommitUserJson {
    /// Recorded name.
    pub name: String,
    /// Recorded address.
    pub email: String,
    /// When.
    pub date: Timestamp,
}

impl CommitUserJson {
    /// A signature line.
    pub fn of(who: &Signature) -> Self {
        Self { name: who.name.clone(), email: who.email.clone(), date: Timestamp::of(who) }
    }
}

/// Lines changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "CommitStats")]
pub struct CommitStatsJson {
    /// Both together.
    pub total: u64,
    /// Added.
    pub additions: u64,
    /// Deleted.
    pub deletions: u64,
}

/// A file that a commit changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "CommitAffectedFiles")]
pub struct AffectedFileJson {
    /// Its path.
    pub filename: String,
    /// `added`, `removed` or `modified`.
    pub status: &'static str,
}

/// An annotated tag.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AnnotatedTag")]
pub struct AnnotatedTagJson {
    /// Name it gives itself.
    pub tag: String,
    /// Id of the tag object.
    pub sha: String,
    /// API address.
    pub url: String,
    /// Message without signature.
    pub message: String,
    /// Who tagged.
    pub tagger: CommitUserJson,
    /// What it points at.
    pub object: AnnotatedTagObjectJson,
    /// Signature facts of the tagged commit.
    pub verification: Option<VerificationJson>,
}

/// What a tag points at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AnnotatedTagObject")]
pub struct AnnotatedTagObjectJson {
    /// Kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// API address.
    pub url: String,
    /// Object id.
    pub sha: String,
}

/// The commits of one side of a comparison.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Compare")]
pub struct CompareJson {
    /// How many there are.
    pub total_commits: u64,
    /// They, newest first.
    pub commits: Vec<CommitJson>,
}

/// A note on a commit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Note")]
pub struct NoteJson {
    /// Its text.
    pub message: String,
    /// The commit that wrote it.
    pub commit: CommitJson,
}
