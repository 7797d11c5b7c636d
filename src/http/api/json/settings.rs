//! The answers under `/settings`: what this server allows, for clients that adapt to it.

use schemars::JsonSchema;
use serde::Serialize;

/// `GeneralAPISettings`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GeneralAPISettings")]
pub struct ApiSettingsJson {
    /// Most rows of a page.
    pub max_response_items: u64,
    /// Rows of a page when the caller does not say.
    pub default_paging_num: u64,
    /// Entries of a tree on a page.
    pub default_git_trees_per_page: u64,
    /// Largest blob whose content is put into an answer. Units: bytes.
    pub default_max_blob_size: u64,
    /// Largest answer with contents of files. Units: bytes.
    pub default_max_response_size: u64,
}

/// `GeneralAttachmentSettings`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GeneralAttachmentSettings")]
pub struct AttachmentSettingsJson {
    /// Files can be attached.
    pub enabled: bool,
    /// Endings and media types, separated by commas; empty: all.
    pub allowed_types: String,
    /// Largest file. Units: MiB.
    pub max_size: u64,
    /// Files at once.
    pub max_files: u64,
}

/// `GeneralRepoSettings`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GeneralRepoSettings")]
pub struct RepoSettingsJson {
    /// No mirrors.
    pub mirrors_disabled: bool,
    /// No git over HTTP.
    pub http_git_disabled: bool,
    /// No imports from elsewhere.
    pub migrations_disabled: bool,
    /// No stars.
    pub stars_disabled: bool,
    /// No tracked times.
    pub time_tracking_disabled: bool,
    /// No LFS.
    pub lfs_disabled: bool,
}

/// `GeneralUISettings`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GeneralUISettings")]
pub struct UiSettingsJson {
    /// Theme of the web pages.
    pub default_theme: &'static str,
    /// Reactions by their shortcodes.
    pub allowed_reactions: &'static [&'static str],
    /// Emoji that only this server has.
    pub custom_emojis: &'static [&'static str],
}
