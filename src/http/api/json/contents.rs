//! `ContentsResponse`, `ContentsExtResponse`, `GitTreeResponse` and `GitBlobResponse` on the wire. Called by the handlers of files, trees and blobs, and
//! by those that write files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommitMetaJson, CommitUserJson, Timestamp, VerificationJson};

/// A file, directory, link or submodule.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ContentsResponse")]
pub struct ContentsJson {
    /// Name within its directory.
    pub name: String,
    /// Path from the root.
    pub path: String,
    /// Object id.
    pub sha: String,
    /// Commit that last changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_commit_sha: Option<String>,
    /// Its committer date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_committer_date: Option<Timestamp>,
    /// Its author date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_author_date: Option<Timestamp>,
    /// Its message, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_commit_message: Option<String>,
    /// `file`, `dir`, `symlink` or `submodule`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Bytes of a file or link.
    pub size: u64,
    /// `base64` where there is content.
    pub encoding: Option<&'static str>,
    /// Content of a single file that is not too large.
    pub content: Option<String>,
    /// Where a link points.
    pub target: Option<String>,
    /// API address.
    pub url: String,
    /// Web page.
    pub html_url: Option<String>,
    /// API address of the object.
    pub git_url: Option<String>,
    /// Download address.
    pub download_url: Option<String>,
    /// Where a submodule is fetched from.
    pub submodule_git_url: Option<String>,
    /// The same addresses once more.
    #[serde(rename = "_links")]
    pub links: FileLinksJson,
    /// Object id of LFS, where the file is a pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lfs_oid: Option<String>,
    /// Size of the LFS object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lfs_size: Option<i64>,
}

/// Addresses of an entry.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "FileLinksResponse")]
pub struct FileLinksJson {
    /// API address.
    #[serde(rename = "self")]
    pub this: String,
    /// API address of the object.
    pub git: Option<String>,
    /// Web page.
    pub html: Option<String>,
}

/// The answer of `repoGetContentsExt`: one of both.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ContentsExtResponse")]
pub struct ContentsExtJson {
    /// A single entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_contents: Option<ContentsJson>,
    /// What is in a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir_contents: Option<Vec<ContentsJson>>,
}

/// The body of `repoGetFileContentsPost`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct GetFilesOptions {
    /// Paths.
    #[serde(default)]
    pub files: Option<Vec<String>>,
}

/// A tree, or a page of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GitTreeResponse")]
pub struct GitTreeJson {
    /// The id that was meant: of the commit where one was named.
    pub sha: String,
    /// API address.
    pub url: String,
    /// The entries; null past the end, as in Gitea.
    pub tree: Option<Vec<GitEntryJson>>,
    /// There is more after this page.
    pub truncated: bool,
    /// Page number, from 1.
    pub page: u64,
    /// Entries on all pages.
    pub total_count: u64,
}

/// An entry of a tree.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GitEntry")]
pub struct GitEntryJson {
    /// Path from the tree that was asked for.
    pub path: String,
    /// Six octal digits.
    pub mode: String,
    /// `blob`, `tree` or `commit`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Bytes of a blob.
    pub size: u64,
    /// Object id.
    pub sha: String,
    /// API address; empty for a submodule.
    pub url: String,
}

/// A blob.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GitBlobResponse")]
pub struct GitBlobJson {
    /// `base64`, or null when it is too large to be shown.
    pub encoding: Option<&'static str>,
    /// Content.
    pub content: Option<String>,
    /// API address.
    pub url: String,
    /// Object id.
    pub sha: String,
    /// Bytes.
    pub size: u64,
    /// Object id of LFS, where the blob is a pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lfs_oid: Option<String>,
    /// Size of the LFS object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lfs_size: Option<i64>,
}

/// The commit that an operation made.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "FileCommitResponse")]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "FileResponse")]
pub struct FileJson {
    /// The file afterwards.
    pub content: Option<ContentsJson>,
    /// The commit.
    pub commit: FileCommitJson,
    /// What is known of its signature.
    pub verification: VerificationJson,
}

/// The answer of `repoChangeFiles`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "FilesResponse")]
pub struct FilesJson {
    /// The files afterwards, in the order of the request; null for one that is gone.
    pub files: Vec<Option<ContentsJson>>,
    /// The commit.
    pub commit: FileCommitJson,
    /// What is known of its signature.
    pub verification: VerificationJson,
}
