//! `Organization`, `Team`, their options and `OrganizationPermissions` on the wire. Called by `api/organizations.rs`, `api/teams.rs` and theirs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::null_is_default;

/// An organization.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Organization")]
pub struct OrganizationJson {
    /// Row id; also the id of its account.
    pub id: i64,
    /// The name in URLs.
    pub name: String,
    /// Display name, may be empty.
    pub full_name: String,
    /// Address, may be empty.
    pub email: String,
    /// Picture.
    pub avatar_url: String,
    /// Free text.
    pub description: String,
    /// Link.
    pub website: String,
    /// Free text.
    pub location: String,
    /// `public`, `limited` or `private`.
    pub visibility: &'static str,
    /// Administrators of a repository may give teams access to it.
    pub repo_admin_change_team_access: bool,
    /// Same as `name`; for old clients.
    pub username: String,
}

/// A team.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Team")]
pub struct TeamJson {
    /// Row id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its organization, where the list does not say it.
    pub organization: Option<OrganizationJson>,
    /// Holds for every repository.
    pub includes_all_repositories: bool,
    /// `none`, `read`, `write`, `admin` or `owner`.
    pub permission: &'static str,
    /// Units in which it gives something.
    pub units: Vec<&'static str>,
    /// What it gives in each of them.
    pub units_map: BTreeMap<&'static str, &'static str>,
    /// Its members may make repositories.
    pub can_create_org_repo: bool,
    /// Who may see it.
    pub visibility: &'static str,
}

/// The envelope of `teamSearch`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "TeamSearchResults")]
pub struct TeamSearchJson {
    /// Always true: failures are error answers.
    pub ok: bool,
    /// This page.
    pub data: Vec<TeamJson>,
}

/// What a user may do in an organization.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "Gitea's shape")]
#[schemars(rename = "OrganizationPermissions")]
pub struct OrganizationPermissionsJson {
    /// Belongs to the owners.
    pub is_owner: bool,
    /// Is in a team of administrators.
    pub is_admin: bool,
    /// May write somewhere.
    pub can_write: bool,
    /// May read.
    pub can_read: bool,
    /// May make repositories.
    pub can_create_repository: bool,
}

/// Body of `orgCreate` and `adminCreateOrg`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["username"]))]
pub struct CreateOrgOption {
    /// The name in URLs.
    #[serde(deserialize_with = "null_is_default")]
    pub username: String,
    /// Display name.
    #[serde(deserialize_with = "null_is_default")]
    pub full_name: String,
    /// Address.
    #[serde(deserialize_with = "null_is_default")]
    pub email: String,
    /// Free text.
    #[serde(deserialize_with = "null_is_default")]
    pub description: String,
    /// Link.
    #[serde(deserialize_with = "null_is_default")]
    pub website: String,
    /// Free text.
    #[serde(deserialize_with = "null_is_default")]
    pub location: String,
    /// `public` (when empty), `limited` or `private`.
    #[serde(deserialize_with = "null_is_default")]
    pub visibility: String,
    /// Administrators of a repository may give teams access to it.
    #[serde(deserialize_with = "null_is_default")]
    pub repo_admin_change_team_access: bool,
}

/// Body of `orgEdit`; an absent field keeps its value.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditOrgOption {
    /// Display name.
    pub full_name: Option<String>,
    /// Address; empty takes it away.
    pub email: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Link.
    pub website: Option<String>,
    /// Free text.
    pub location: Option<String>,
    /// `public`, `limited` or `private`.
    pub visibility: Option<String>,
    /// Administrators of a repository may give teams access to it.
    pub repo_admin_change_team_access: Option<bool>,
}

/// Body of `orgCreateTeam` and `orgEditTeam`; when a team is edited an absent field keeps its value.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CreateTeamOption")]
#[schemars(extend("required" = ["name"]))]
pub struct TeamOption {
    /// Name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Holds for every repository.
    pub includes_all_repositories: Option<bool>,
    /// `read`, `write` or `admin`.
    #[serde(deserialize_with = "null_is_default")]
    pub permission: String,
    /// Units that get `permission`; `units_map` wins.
    pub units: Option<Vec<String>>,
    /// A level for each unit.
    pub units_map: Option<BTreeMap<String, String>>,
    /// Its members may make repositories.
    pub can_create_org_repo: Option<bool>,
    /// Who may see it.
    pub visibility: Option<String>,
}
