//! Rules that protect branches and tags, as stored.
//!
//! Owns the list of settings, once, in the words of Gitea's API; rows, bodies and ledger events are made from it. What a rule forbids is decided
//! in `forge/pushes/policy.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RepoId, RuleId, TeamId, UserId, UserName, UtcMs};

macro_rules! flags {
    ($( $(#[$doc:meta])* $name:ident, )+) => {
        /// The switches of a rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
        pub struct Flags {
            $( $(#[$doc])* pub $name: bool, )+
        }

        /// New values of some switches.
        #[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
        #[serde(default)]
        pub struct FlagsPatch {
            $( $(#[$doc])* pub $name: Option<bool>, )+
        }

        impl Flags {
            /// Their names, which are those of the columns.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// Their values, in the order of the names.
            pub fn values(&self) -> Vec<bool> {
                vec![$(self.$name),+]
            }

            /// Reads them one by one, in the order of the names.
            pub fn read<E>(mut next: impl FnMut() -> Result<bool, E>) -> Result<Self, E> {
                Ok(Self { $($name: next()?),+ })
            }

            /// Sets what a patch names.
            pub fn apply(&mut self, patch: &FlagsPatch) {
                $( self.$name = patch.$name.unwrap_or(self.$name); )+
            }
        }
    };
}

flags! {
    /// Pushing is allowed at all.
    enable_push,
    /// Only those on the list may push.
    enable_push_whitelist,
    /// Deploy keys count as on that list.
    push_whitelist_deploy_keys,
    /// Forced pushes are allowed to those who may push.
    enable_force_push,
    /// Only those on the list may force.
    enable_force_push_allowlist,
    /// Deploy keys count as on that list.
    force_push_allowlist_deploy_keys,
    /// Only those on the list may merge.
    enable_merge_whitelist,
    /// Those on the list may pass by the rule when merging.
    enable_bypass_allowlist,
    /// Merging waits for status checks.
    enable_status_check,
    /// Only approvals of those on the list count.
    enable_approvals_whitelist,
    /// A rejection stops a merge.
    block_on_rejected_reviews,
    /// A review that was asked for officially stops a merge until it is given.
    block_on_official_review_requests,
    /// A branch that is behind is not merged.
    block_on_outdated_branch,
    /// New commits take approvals back.
    dismiss_stale_approvals,
    /// Approvals of earlier commits do not count.
    ignore_stale_approvals,
    /// Every new commit must carry a signature that verifies.
    require_signed_commits,
    /// Administrators are bound when merging, too.
    block_admin_merge_override,
}

/// Which list of a rule a user is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhiteList {
    /// May push.
    Push,
    /// May force.
    ForcePush,
    /// May merge.
    Merge,
    /// Approvals count.
    Approvals,
    /// May pass by the rule.
    Bypass,
}

impl WhiteList {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Push, Self::ForcePush, Self::Merge, Self::Approvals, Self::Bypass];

    /// The word in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::ForcePush => "force_push",
            Self::Merge => "merge",
            Self::Approvals => "approvals",
            Self::Bypass => "bypass",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.as_str() == word)
    }
}

/// What a rule of branches says, without the people it names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct RuleSettings {
    /// Smaller numbers are asked first.
    pub priority: i64,
    /// The switches.
    #[serde(flatten)]
    pub flags: Flags,
    /// Approvals a merge needs.
    pub required_approvals: i64,
    /// Status checks that must pass.
    pub status_check_contexts: Vec<String>,
    /// Files that no push may change; globs with semicolons between them.
    pub protected_file_patterns: String,
    /// Files that everybody who may push elsewhere may change.
    pub unprotected_file_patterns: String,
}

/// Whom the lists of a rule of branches name, as rows refer to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// Accounts.
    pub users: Vec<(WhiteList, UserId)>,
    /// Teams of the organization that owns the repository.
    pub teams: Vec<(WhiteList, TeamId)>,
}

/// A rule of branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRule {
    /// Row id.
    pub id: RuleId,
    /// Where it holds.
    pub repo_id: RepoId,
    /// A branch's name or a glob.
    pub name: String,
    /// What it says.
    pub settings: RuleSettings,
    /// Whom its lists name.
    pub users: Vec<(WhiteList, UserId, UserName)>,
    /// Teams that its lists name; whoever is in one is on the list.
    pub teams: Vec<(WhiteList, TeamId, String)>,
    /// When it was made.
    pub created_ms: UtcMs,
    /// When it was changed.
    pub updated_ms: UtcMs,
}

impl BranchRule {
    /// Whether a user, who is in these teams, is on a list.
    pub fn names(&self, list: WhiteList, user: UserId, teams: &[TeamId]) -> bool {
        self.users.iter().any(|(on, id, _)| *on == list && *id == user)
            || self.teams.iter().any(|(on, id, _)| *on == list && teams.contains(id))
    }

    /// The names of teams on a list.
    pub fn team_names(&self, list: WhiteList) -> Vec<String> {
        self.teams.iter().filter(|(on, _, _)| *on == list).map(|(_, _, name)| name.clone()).collect()
    }

    /// The login names on a list.
    pub fn logins(&self, list: WhiteList) -> Vec<String> {
        self.users.iter().filter(|(on, _, _)| *on == list).map(|(_, _, name)| name.to_string()).collect()
    }
}

/// A rule of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRule {
    /// Row id.
    pub id: RuleId,
    /// Where it holds.
    pub repo_id: RepoId,
    /// A glob, or a regular expression between slashes.
    pub pattern: String,
    /// Who may make, move and delete tags of such names; nobody else may.
    pub users: Vec<(UserId, UserName)>,
    /// Teams whose members may as well.
    pub teams: Vec<(TeamId, String)>,
    /// When it was made.
    pub created_ms: UtcMs,
    /// When it was changed.
    pub updated_ms: UtcMs,
}
