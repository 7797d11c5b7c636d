//! `BranchProtection`, `TagProtection` and the bodies that make and change them. Called by `api/branch_protections.rs` and
//! `api/tag_protections.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::model::protection::FlagsPatch;
use crate::model::{BranchRule, RuleSettings, TagRule, WhiteList};

/// A rule of branches.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "BranchProtection")]
pub struct BranchProtectionJson {
    /// Deprecated name of `rule_name`.
    pub branch_name: String,
    /// A branch's name or a glob.
    pub rule_name: String,
    /// Priority, switches, checks and patterns.
    #[serde(flatten)]
    pub settings: RuleSettings,
    /// Who may push.
    pub push_whitelist_usernames: Vec<String>,
    /// Teams on the same list.
    pub push_whitelist_teams: Vec<String>,
    /// Who may force.
    pub force_push_allowlist_usernames: Vec<String>,
    /// Teams on the same list.
    pub force_push_allowlist_teams: Vec<String>,
    /// Who may merge.
    pub merge_whitelist_usernames: Vec<String>,
    /// Teams on the same list.
    pub merge_whitelist_teams: Vec<String>,
    /// Whose approvals count.
    pub approvals_whitelist_username: Vec<String>,
    /// Teams on the same list.
    pub approvals_whitelist_teams: Vec<String>,
    /// Who may pass by the rule when merging.
    pub bypass_allowlist_usernames: Vec<String>,
    /// Teams on the same list.
    pub bypass_allowlist_teams: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

impl From<&BranchRule> for BranchProtectionJson {
    fn from(rule: &BranchRule) -> Self {
        Self {
            // Gitea leaves the deprecated name empty for globs.
            branch_name: if crate::model::Glob::is_plain(&rule.name) { rule.name.clone() } else { String::new() },
            rule_name: rule.name.clone(),
            settings: rule.settings.clone(),
            push_whitelist_usernames: rule.logins(WhiteList::Push),
            push_whitelist_teams: rule.team_names(WhiteList::Push),
            force_push_allowlist_usernames: rule.logins(WhiteList::ForcePush),
            force_push_allowlist_teams: rule.team_names(WhiteList::ForcePush),
            merge_whitelist_usernames: rule.logins(WhiteList::Merge),
            merge_whitelist_teams: rule.team_names(WhiteList::Merge),
            approvals_whitelist_username: rule.logins(WhiteList::Approvals),
            approvals_whitelist_teams: rule.team_names(WhiteList::Approvals),
            bypass_allowlist_usernames: rule.logins(WhiteList::Bypass),
            bypass_allowlist_teams: rule.team_names(WhiteList::Bypass),
            created_at: Timestamp::from_ms(rule.created_ms.get()),
            updated_at: Timestamp::from_ms(rule.updated_ms.get()),
        }
    }
}

/// Body of `repoCreateBranchProtection` and `repoEditBranchProtection`; the names count only in the first.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CreateBranchProtectionOption")]
pub struct BranchProtectionOption {
    /// Deprecated name of `rule_name`.
    pub branch_name: Option<String>,
    /// A branch's name or a glob.
    pub rule_name: Option<String>,
    /// Place among the rules.
    pub priority: Option<i64>,
    /// Switches.
    #[serde(flatten)]
    pub flags: FlagsPatch,
    /// Approvals a merge needs.
    pub required_approvals: Option<i64>,
    /// Status checks that must pass.
    pub status_check_contexts: Option<Vec<String>>,
    /// Globs with semicolons.
    pub protected_file_patterns: Option<String>,
    /// Globs with semicolons.
    pub unprotected_file_patterns: Option<String>,
    /// Who may push.
    pub push_whitelist_usernames: Option<Vec<String>>,
    /// Teams on the same list, by name.
    pub push_whitelist_teams: Option<Vec<String>>,
    /// Who may force.
    pub force_push_allowlist_usernames: Option<Vec<String>>,
    /// Teams on the same list, by name.
    pub force_push_allowlist_teams: Option<Vec<String>>,
    /// Who may merge.
    pub merge_whitelist_usernames: Option<Vec<String>>,
    /// Teams on the same list, by name.
    pub merge_whitelist_teams: Option<Vec<String>>,
    /// Whose approvals count.
    pub approvals_whitelist_username: Option<Vec<String>>,
    /// Teams on the same list, by name.
    pub approvals_whitelist_teams: Option<Vec<String>>,
    /// Who may pass by the rule when merging.
    pub bypass_allowlist_usernames: Option<Vec<String>>,
    /// Teams on the same list, by name.
    pub bypass_allowlist_teams: Option<Vec<String>>,
}

/// Body of `repoUpdateBranchProtectionPriories`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "UpdateBranchProtectionPriories")]
pub struct BranchProtectionPrioritiesOption {
    /// Ids of rules in their new order.
    pub ids: Option<Vec<i64>>,
}

/// A rule of tags.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TagProtection")]
pub struct TagProtectionJson {
    /// Row id.
    pub id: i64,
    /// A glob, or a regular expression between slashes.
    pub name_pattern: String,
    /// Who may make and delete such tags.
    pub whitelist_usernames: Vec<String>,
    /// Teams on the same list.
    pub whitelist_teams: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

impl From<&TagRule> for TagProtectionJson {
    fn from(rule: &TagRule) -> Self {
        Self {
            id: rule.id.get(),
            name_pattern: rule.pattern.clone(),
            whitelist_usernames: rule.users.iter().map(|(_, name)| name.to_string()).collect(),
            whitelist_teams: rule.teams.iter().map(|(_, name)| name.clone()).collect(),
            created_at: Timestamp::from_ms(rule.created_ms.get()),
            updated_at: Timestamp::from_ms(rule.updated_ms.get()),
        }
    }
}

/// Body of `repoCreateTagProtection` and `repoEditTagProtection`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CreateTagProtectionOption")]
pub struct TagProtectionOption {
    /// A glob, or a regular expression between slashes.
    pub name_pattern: Option<String>,
    /// Who may make and delete such tags.
    pub whitelist_usernames: Option<Vec<String>>,
    /// Teams on the same list, by name.
    pub whitelist_teams: Option<Vec<String>>,
}
