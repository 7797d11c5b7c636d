//! `ContentsResponse`, and what the operations that write files answer. Called by `api/contents_write.rs`.

use serde::Serialize;

use super::{CommitMetaJson, Timestamp, VerificationJson};

/// A file, as it is at one commit.
#[derive(Debug, Clone, Serialize)]
pub struct ContentsJson {
    /// Name of the file.
    pub name: String,
    /// Whole path.
    pub path: String,
    /// Id of the blob.
    pub sha: String,
    /// The commit that last changed it.
    pub last_commit_sha: Option<String>,
    /// Committer's date of that commit.
    pub last_committer_date: Option<Timestamp>,
    /// Author's date of that commit.
    pub last_author_date: Option<Timestamp>,
    /// `file`, `dir`, `symlink` or `submodule`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Size. Units: bytes.
    pub size: u64,
    /// `base64`, for files that are shown.
    pub encoding: Option<&'static str>,
    /// The content in that encoding.
    pub content: Option<String>,
    /// Where a symbolic link points.
    pub target: Option<String>,
    /// The file in the API.
    pub url: Option<String>,
    /// Its page.
    pub html_url: Option<String>,
    /// The blob in the API.
    pub git_url: Option<String>,
    /// Where its bytes are.
    pub download_url: Option<String>,
    /// Where a submodule comes from.
    pub submodule_git_url: Option<String>,
    /// The same addresses again.
    #[serde(rename = "_links")]
    pub links: FileLinksJson,
}

/// Addresses of a file.
#[derive(Debug, Clone, Serialize)]
pub struct FileLinksJson {
    /// The file in the API.
    #[serde(rename = "self")]
    pub own: Option<String>,
    /// The blob in the API.
    pub git: Option<String>,
    /// Its page.
    pub html: Option<String>,
}

/// A person in a commit, with the date.
#[derive(Debug, Clone, Serialize)]
pub struct CommitUserJson {
    /// Recorded name.
    pub name: String,
    /// Recorded address.
    pub email: String,
    /// Recorded date.
    pub date: Timestamp,
}

/// The commit that an operation made.
#[derive(Debug, Clone, Serialize)]
pub struct FileCommitJson {
    /// The commit in the API.
    pub url: String,
    /// Its id.
    pub sha: String,
    /// Committer's date.
    pub created: Timestamp,
    /// Its page.
    pub html_url: String,
    /// Who wrote it.
    pub author: CommitUserJson,
    /// Who committed it.
    pub committer: CommitUserJson,
    /// Its parents.
    pub parents: Vec<CommitMetaJson>,
    /// Its message.
    pub message: String,
    /// Its tree.
    pub tree: CommitMetaJson,
}

/// The answer of `repoCreateFile`, `repoUpdateFile` and `repoDeleteFile`; the last has no content.
#[derive(Debug, Clone, Serialize)]
pub struct FileJson {
    /// The file afterwards.
    pub content: Option<ContentsJson>,
    /// The commit.
    pub commit: FileCommitJson,
    /// What is known of its signature.
    pub verification: VerificationJson,
}

/// The answer of `repoChangeFiles`.
#[derive(Debug, Clone, Serialize)]
pub struct FilesJson {
    /// The files afterwards, in the order of the request; null for one that is gone.
    pub files: Vec<Option<ContentsJson>>,
    /// The commit.
    pub commit: FileCommitJson,
    /// What is known of its signature.
    pub verification: VerificationJson,
}
