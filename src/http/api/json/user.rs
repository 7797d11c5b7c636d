//! Users on the wire: `User`, the user search envelope and `RepoCollaboratorPermission`.
//!
//! Called by `api/users.rs`, `api/admin.rs`, `api/collaborators.rs` and by every type that names an owner.

use schemars::JsonSchema;
use serde::Serialize;

use super::Timestamp;

/// A user, with the duplicate `username` that clients need and the specification forgets.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub struct UserJson {
    /// Row id.
    pub id: i64,
    /// The name in URLs.
    pub login: String,
    /// Name at an external login source; empty for local accounts and for callers who may not see it.
    pub login_name: String,
    /// External login source, 0 for local accounts.
    pub source_id: i64,
    /// Display name, may be empty.
    pub full_name: String,
    /// Address, or a placeholder for anonymous callers.
    pub email: String,
    /// Picture.
    pub avatar_url: String,
    /// Profile page.
    pub html_url: String,
    /// Interface language, empty when never chosen.
    pub language: String,
    /// Site administrator; shown to the user and to administrators only.
    pub is_admin: bool,
    /// Last sign-in, the epoch when never or hidden.
    pub last_login: Timestamp,
    /// Account creation.
    pub created: Timestamp,
    /// Sees only what was granted explicitly.
    pub restricted: bool,
    /// Account is in use; shown to the user and to administrators only.
    pub active: bool,
    /// Sign-in is refused.
    pub prohibit_login: bool,
    /// Free text.
    pub location: String,
    /// Free text.
    pub website: String,
    /// Free text.
    pub description: String,
    /// `public`, `limited` or `private`.
    pub visibility: String,
    /// Followers.
    pub followers_count: i64,
    /// Followed users.
    pub following_count: i64,
    /// Starred repositories.
    pub starred_repos_count: i64,
    /// Same as `login`.
    pub username: String,
}

/// The envelope of `userSearch`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "UserSearchResults")]
pub struct UserSearchJson {
    /// Always true: failures are error answers.
    pub ok: bool,
    /// This page.
    pub data: Vec<UserJson>,
}

/// What one user may do in one repository.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "RepoCollaboratorPermission")]
pub struct CollaboratorPermissionJson {
    /// `none`, `read`, `write`, `admin` or `owner`.
    pub permission: &'static str,
    /// Same as `permission` until custom roles exist.
    pub role_name: &'static str,
    /// Whose right this is.
    pub user: UserJson,
}
