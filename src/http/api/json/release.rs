//! `Release` and `Attachment` on the wire, and what makes and changes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::null_is_default;
use super::{Timestamp, UserJson};

/// A release.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Release")]
pub struct ReleaseJson {
    /// Row id.
    pub id: i64,
    /// Name of the tag.
    pub tag_name: String,
    /// Where the tag was, or will be, made.
    pub target_commitish: String,
    /// Title.
    pub name: String,
    /// Notes, Markdown.
    pub body: String,
    /// API address.
    pub url: String,
    /// Web page.
    pub html_url: String,
    /// Archive of the tag.
    pub tarball_url: String,
    /// Archive of the tag.
    pub zipball_url: String,
    /// Where files are posted to.
    pub upload_url: String,
    /// Seen only by those who may write.
    pub draft: bool,
    /// Not the latest.
    pub prerelease: bool,
    /// Creation.
    pub created_at: Timestamp,
    /// Publication.
    pub published_at: Timestamp,
    /// Who made it.
    pub author: UserJson,
    /// Files.
    pub assets: Vec<AttachmentJson>,
}

/// An attached file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Attachment")]
pub struct AttachmentJson {
    /// Row id.
    pub id: i64,
    /// Name of the file.
    pub name: String,
    /// Length. Units: bytes.
    pub size: u64,
    /// How often it was fetched.
    pub download_count: u64,
    /// When it was attached.
    pub created_at: Timestamp,
    /// Name in addresses.
    pub uuid: String,
    /// Where it is fetched from.
    pub browser_download_url: String,
}

/// Body of `repoCreateRelease`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["tag_name"]))]
pub struct CreateReleaseOption {
    /// Name of the tag.
    #[serde(deserialize_with = "null_is_default")]
    pub tag_name: String,
    /// Message of an annotated tag; empty: a lightweight one.
    #[serde(deserialize_with = "null_is_default")]
    pub tag_message: String,
    /// Where to make the tag; empty: the default branch.
    #[serde(deserialize_with = "null_is_default")]
    pub target_commitish: String,
    /// Title.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Notes.
    #[serde(deserialize_with = "null_is_default")]
    pub body: String,
    /// Keep it hidden.
    #[serde(deserialize_with = "null_is_default")]
    pub draft: bool,
    /// Not the latest.
    #[serde(deserialize_with = "null_is_default")]
    pub prerelease: bool,
}

/// Body of `repoEditRelease`; an absent or empty text keeps its value, as in Gitea.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditReleaseOption {
    /// Name of the tag.
    pub tag_name: Option<String>,
    /// Where to make the tag.
    pub target_commitish: Option<String>,
    /// Title.
    pub name: Option<String>,
    /// Notes.
    pub body: Option<String>,
    /// Publish or hide.
    pub draft: Option<bool>,
    /// Pre-release or not.
    pub prerelease: Option<bool>,
}

/// Body of `repoEditReleaseAttachment`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditAttachmentOptions {
    /// Name of the file; empty keeps it.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
}
