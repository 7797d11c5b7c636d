//! `Repository` on the wire, with `Permission`, `InternalTracker` and the search envelope.
//!
//! Called by `api/repositories.rs` and `api/search.rs`. A field whose feature this server does not have yet says so
//! (`has_wiki: false`) instead of promising an endpoint that answers 404.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Timestamp, UserJson, ZERO_TIME};

/// A repository as one caller sees it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Repository")]
pub struct RepositoryJson {
    /// Row id.
    pub id: i64,
    /// Owner, with what the caller may see.
    pub owner: UserJson,
    /// Name.
    pub name: String,
    /// `owner/name`.
    pub full_name: String,
    /// Free text.
    pub description: String,
    /// Has no branch.
    pub empty: bool,
    /// Hidden from those without a right.
    pub private: bool,
    /// Is a fork.
    pub fork: bool,
    /// May be used as a template.
    pub template: bool,
    /// What it was forked from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Box<RepositoryJson>>,
    /// Is a mirror.
    pub mirror: bool,
    /// Size on disk in KiB.
    pub size: i64,
    /// Main language.
    pub language: String,
    /// Address of language figures.
    pub languages_url: String,
    /// Web page.
    pub html_url: String,
    /// API address.
    pub url: String,
    /// Never filled by Gitea.
    pub link: String,
    /// Clone address over SSH.
    pub ssh_url: String,
    /// Clone address over HTTP.
    pub clone_url: String,
    /// Where it was migrated from.
    pub original_url: String,
    /// Home page.
    pub website: String,
    /// Stars.
    pub stars_count: i64,
    /// Forks.
    pub forks_count: i64,
    /// Watchers.
    pub watchers_count: i64,
    /// Branches.
    pub branch_count: i64,
    /// Open issues.
    pub open_issues_count: i64,
    /// Open pull requests.
    pub open_pr_counter: i64,
    /// Releases.
    pub release_counter: i64,
    /// Branch that HEAD names.
    pub default_branch: String,
    /// Branch new pull requests aim at.
    pub default_target_branch: String,
    /// Read-only.
    pub archived: bool,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Archiving, or the epoch.
    pub archived_at: Timestamp,
    /// What the caller may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionJson>,
    /// Unit switch.
    pub has_code: bool,
    /// Unit switch.
    pub has_issues: bool,
    /// Settings of the built-in tracker, when it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_tracker: Option<InternalTrackerJson>,
    /// Settings of an external tracker; never filled here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_tracker: Option<serde_json::Value>,
    /// Unit switch.
    pub has_wiki: bool,
    /// Settings of an external wiki; never filled here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_wiki: Option<serde_json::Value>,
    /// Unit switch.
    pub has_pull_requests: bool,
    /// Unit switch.
    pub has_projects: bool,
    /// Which projects are allowed.
    pub projects_mode: &'static str,
    /// Unit switch.
    pub has_releases: bool,
    /// Unit switch.
    pub has_packages: bool,
    /// Unit switch.
    pub has_actions: bool,
    /// Merge setting.
    pub ignore_whitespace_conflicts: bool,
    /// Merge setting.
    pub allow_merge_commits: bool,
    /// Merge setting.
    pub allow_rebase: bool,
    /// Merge setting.
    pub allow_rebase_explicit: bool,
    /// Merge setting.
    pub allow_squash_merge: bool,
    /// Merge setting.
    pub allow_fast_forward_only_merge: bool,
    /// Merge setting.
    pub allow_merge_update: bool,
    /// Merge setting.
    pub allow_rebase_update: bool,
    /// Merge setting.
    pub allow_manual_merge: bool,
    /// Merge setting.
    pub autodetect_manual_merge: bool,
    /// Merge setting.
    pub default_delete_branch_after_merge: bool,
    /// Merge setting.
    pub default_merge_style: &'static str,
    /// Merge setting.
    pub default_update_style: &'static str,
    /// Merge setting.
    pub default_allow_maintainer_edit: bool,
    /// Picture, or empty.
    pub avatar_url: String,
    /// Public inside a private organization.
    pub internal: bool,
    /// Mirror schedule, or empty.
    pub mirror_interval: String,
    /// `sha1` or `sha256`.
    pub object_format_name: &'static str,
    /// Last mirror run, or the zero time.
    pub mirror_updated: Timestamp,
    /// Last mirror run, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror_last_sync_at: Option<Timestamp>,
    /// Pending transfer; never filled here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo_transfer: Option<serde_json::Value>,
    /// Topics.
    pub topics: Vec<String>,
    /// Detected licences.
    pub licenses: Vec<String>,
}

impl RepositoryJson {
    /// Every field at the value Gitea shows for a new repository; features this server lacks are off.
    pub fn blank(owner: UserJson) -> Self {
        let never = Timestamp::from_ms(0);
        Self {
            id: 0,
            owner,
            name: String::new(),
            full_name: String::new(),
            description: String::new(),
            empty: true,
            private: false,
            fork: false,
            template: false,
            parent: None,
            mirror: false,
            size: 0,
            language: String::new(),
            languages_url: String::new(),
            html_url: String::new(),
            url: String::new(),
            link: String::new(),
            ssh_url: String::new(),
            clone_url: String::new(),
            original_url: String::new(),
            website: String::new(),
            stars_count: 0,
            forks_count: 0,
            watchers_count: 0,
            branch_count: 0,
            open_issues_count: 0,
            open_pr_counter: 0,
            release_counter: 0,
            default_branch: String::new(),
            default_target_branch: String::new(),
            archived: false,
            created_at: never,
            updated_at: never,
            archived_at: never,
            permissions: None,
            has_code: true,
            has_issues: false,
            internal_tracker: None,
            external_tracker: None,
            has_wiki: false,
            external_wiki: None,
            has_pull_requests: false,
            has_projects: false,
            projects_mode: "all",
            has_releases: true,
            has_packages: false,
            has_actions: false,
            ignore_whitespace_conflicts: false,
            allow_merge_commits: true,
            allow_rebase: true,
            allow_rebase_explicit: true,
            allow_squash_merge: true,
            allow_fast_forward_only_merge: true,
            allow_merge_update: true,
            allow_rebase_update: true,
            allow_manual_merge: false,
            autodetect_manual_merge: false,
            default_delete_branch_after_merge: false,
            default_merge_style: "merge",
            default_update_style: "merge",
            default_allow_maintainer_edit: false,
            avatar_url: String::new(),
            internal: false,
            mirror_interval: String::new(),
            object_format_name: "sha1",
            mirror_updated: ZERO_TIME,
            mirror_last_sync_at: None,
            repo_transfer: None,
            topics: Vec::new(),
            licenses: Vec::new(),
        }
    }
}

/// Three switches every client reads.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "Permission")]
pub struct PermissionJson {
    /// May change settings.
    pub admin: bool,
    /// May push.
    pub push: bool,
    /// May read.
    pub pull: bool,
}

/// Settings of the built-in issue tracker.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "InternalTracker")]
pub struct InternalTrackerJson {
    /// Time tracking is on.
    #[serde(default)]
    pub enable_time_tracker: bool,
    /// Only contributors may track time.
    #[serde(default)]
    pub allow_only_contributors_to_track_time: bool,
    /// Issues may depend on issues.
    #[serde(default)]
    pub enable_issue_dependencies: bool,
}

/// The envelope of `repoSearch`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SearchResults")]
pub struct SearchResultsJson {
    /// Always true: failures are error answers.
    pub ok: bool,
    /// This page.
    pub data: Vec<RepositoryJson>,
}

/// What became of a branch that was to follow its source.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "MergeUpstreamResponse")]
pub struct MergeUpstreamJson {
    /// `up-to-date`, `fast-forward` or `merge`.
    pub merge_type: &'static str,
}
