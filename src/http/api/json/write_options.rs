//! Bodies of the operations that write files, branches and tags. JSON null means "not given". Called by the handlers.

use schemars::JsonSchema;
use serde::Deserialize;

/// A name and an address.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "Identity")]
pub struct IdentityOption {
    /// Printed name.
    pub name: Option<String>,
    /// Address.
    pub email: Option<String>,
}

/// Dates of a commit, RFC 3339.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CommitDateOptions")]
pub struct CommitDateOption {
    /// When it was written.
    #[schemars(extend("format" = "date-time"))]
    pub author: Option<String>,
    /// When it is committed.
    #[schemars(extend("format" = "date-time"))]
    pub committer: Option<String>,
}

/// Body of every operation that writes files: those of one file have `content`, `sha` and `from_path`, that of many has `files`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "ChangeFilesOptions")]
#[schemars(extend("required" = ["files"]))]
pub struct FileOption {
    /// Branch to start from.
    pub branch: Option<String>,
    /// Branch to land on.
    pub new_branch: Option<String>,
    /// The new branch may exist.
    pub force_push: Option<bool>,
    /// Message.
    pub message: Option<String>,
    /// Who wrote the change.
    pub author: Option<IdentityOption>,
    /// Who commits it.
    pub committer: Option<IdentityOption>,
    /// Dates.
    pub dates: Option<CommitDateOption>,
    /// Ends the message with the committer's name.
    pub signoff: Option<bool>,
    /// Content in base64.
    pub content: Option<String>,
    /// Id of the file as it is.
    pub sha: Option<String>,
    /// Where the file is now.
    pub from_path: Option<String>,
    /// Changes of many files.
    pub files: Option<Vec<FileOperationOption>>,
}

/// One change of many.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "ChangeFileOperation")]
#[schemars(extend("required" = ["operation", "path"]))]
pub struct FileOperationOption {
    /// `create`, `update`, `upload`, `rename` or `delete`.
    pub operation: Option<String>,
    /// Where.
    pub path: Option<String>,
    /// Content in base64.
    pub content: Option<String>,
    /// Id of the file as it is.
    pub sha: Option<String>,
    /// Where the file is now.
    pub from_path: Option<String>,
}

/// Body of `repoCreateBranch`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CreateBranchRepoOption")]
#[schemars(extend("required" = ["new_branch_name"]))]
pub struct CreateBranchOption {
    /// Name.
    pub new_branch_name: Option<String>,
    /// Deprecated name of `old_ref_name`.
    pub old_branch_name: Option<String>,
    /// Branch, tag or commit to start from.
    pub old_ref_name: Option<String>,
}

/// Body of `repoUpdateBranch`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "UpdateBranchRepoOption")]
#[schemars(extend("required" = ["new_commit_id"]))]
pub struct UpdateBranchOption {
    /// What the branch is to point at.
    pub new_commit_id: Option<String>,
    /// What it must point at now.
    pub old_commit_id: Option<String>,
    /// Also where that is no fast-forward.
    pub force: Option<bool>,
}

/// Body of `repoRenameBranch`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "RenameBranchRepoOption")]
#[schemars(extend("required" = ["name"]))]
pub struct RenameBranchOption {
    /// New name.
    pub name: Option<String>,
}

/// Body of `repoCreateTag`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["tag_name"]))]
pub struct CreateTagOption {
    /// Name.
    pub tag_name: Option<String>,
    /// Message; without one the tag is lightweight.
    pub message: Option<String>,
    /// Branch, tag or commit to name.
    pub target: Option<String>,
}
