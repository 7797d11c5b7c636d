//! Request bodies of the Gitea API. Every field may be missing: `api/validate.rs` names what is required, so that the
//! caller reads `[Name]: Required` and not a parser's message. Unknown fields are ignored, as Gitea does.
//!
//! JSON null means "not given" everywhere. Called by the handlers.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// Reads `null` as the default value, as Go's decoder does.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Body of `adminCreateUser`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["username", "email"]))]
pub struct CreateUserOption {
    /// External login source; only 0 exists here.
    #[serde(deserialize_with = "null_is_default")]
    pub source_id: i64,
    /// Name at the external source.
    #[serde(deserialize_with = "null_is_default")]
    pub login_name: String,
    /// The name in URLs.
    #[serde(deserialize_with = "null_is_default")]
    pub username: String,
    /// Display name.
    #[serde(deserialize_with = "null_is_default")]
    pub full_name: String,
    /// Address.
    #[serde(deserialize_with = "null_is_default")]
    pub email: String,
    /// First password.
    #[serde(deserialize_with = "null_is_default")]
    pub password: String,
    /// Must choose a new password at first sign-in; true when not given.
    pub must_change_password: Option<bool>,
    /// Mail the user; ignored until mail exists.
    #[serde(deserialize_with = "null_is_default")]
    pub send_notify: bool,
    /// Sees only explicit grants.
    pub restricted: Option<bool>,
    /// `public`, `limited` or `private`.
    #[serde(deserialize_with = "null_is_default")]
    pub visibility: String,
    /// Backdated creation, RFC 3339; refused: the ledger dates accounts.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: Option<String>,
}

/// Body of `adminEditUser`; an absent field keeps its value.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["source_id", "login_name"]))]
pub struct EditUserOption {
    /// External login source; only 0 exists here.
    pub source_id: Option<i64>,
    /// Name at the external source.
    pub login_name: Option<String>,
    /// Display name.
    pub full_name: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// New password.
    pub password: Option<String>,
    /// Must choose a new password at next sign-in.
    pub must_change_password: Option<bool>,
    /// Free text.
    pub website: Option<String>,
    /// Free text.
    pub location: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Account is in use.
    pub active: Option<bool>,
    /// Site administrator.
    pub admin: Option<bool>,
    /// Sign-in is refused.
    pub prohibit_login: Option<bool>,
    /// Sees only explicit grants.
    pub restricted: Option<bool>,
    /// `public`, `limited` or `private`.
    pub visibility: Option<String>,
    /// Most repositories that the account may own; -1: any number.
    pub max_repo_creation: Option<i64>,
    /// Accepted and ignored: this server has no git hooks.
    pub allow_git_hook: Option<bool>,
    /// Accepted and ignored: this server imports nothing from its own disk.
    pub allow_import_local: Option<bool>,
    /// Whether it may make organizations, where not only administrators may.
    pub allow_create_organization: Option<bool>,
}

/// Body of `userCreateToken`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["name"]))]
pub struct CreateAccessTokenOption {
    /// Name, unique for the user.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Scopes; at least one.
    #[serde(deserialize_with = "null_is_default")]
    pub scopes: Vec<String>,
    /// When the token stops working, RFC 3339; absent: never. Gitea has no such field.
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    /// The only repositories the token reaches, as `owner/name`; absent: all that its owner does. Gitea has no such field.
    pub repositories: Option<Vec<String>>,
}

/// Body of `userCurrentPostKey`, `adminCreatePublicKey` and `repoCreateKey`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["title", "key"]))]
pub struct CreateKeyOption {
    /// Name, for people.
    #[serde(deserialize_with = "null_is_default")]
    pub title: String,
    /// One line in OpenSSH's format.
    #[serde(deserialize_with = "null_is_default")]
    pub key: String,
    /// For deploy keys: it may not push; ignored for keys of an account, as in Gitea.
    #[serde(deserialize_with = "null_is_default")]
    pub read_only: bool,
}

/// Body of `createCurrentUserRepo` and `adminCreateRepo`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["name"]))]
pub struct CreateRepoOption {
    /// Name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Free text.
    #[serde(deserialize_with = "null_is_default")]
    pub description: String,
    /// Hidden from those without a right.
    #[serde(deserialize_with = "null_is_default")]
    pub private: bool,
    /// Label set; only the empty one exists.
    #[serde(deserialize_with = "null_is_default")]
    pub issue_labels: String,
    /// Make a first commit.
    #[serde(deserialize_with = "null_is_default")]
    pub auto_init: bool,
    /// May be used as a template.
    #[serde(deserialize_with = "null_is_default")]
    pub template: bool,
    /// Comma-separated ignore templates.
    #[serde(deserialize_with = "null_is_default")]
    pub gitignores: String,
    /// Licence template.
    #[serde(deserialize_with = "null_is_default")]
    pub license: String,
    /// README template; `Default` is the only one.
    #[serde(deserialize_with = "null_is_default")]
    pub readme: String,
    /// Branch HEAD names; `main` when empty.
    #[serde(deserialize_with = "null_is_default")]
    pub default_branch: String,
    /// Signature trust model; accepted and ignored.
    #[serde(deserialize_with = "null_is_default")]
    pub trust_model: String,
    /// `sha1`, or empty for it.
    #[serde(deserialize_with = "null_is_default")]
    pub object_format_name: String,
}

/// Body of `repoEdit`; an absent field keeps its value. Settings of features that do not exist yet are ignored.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditRepoOption {
    /// New name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Home page.
    pub website: Option<String>,
    /// Hidden from those without a right.
    pub private: Option<bool>,
    /// May be used as a template.
    pub template: Option<bool>,
    /// Branch HEAD names.
    pub default_branch: Option<String>,
    /// Read-only.
    pub archived: Option<bool>,
    /// Unit switch.
    pub has_code: Option<bool>,
    /// Unit switch.
    pub has_issues: Option<bool>,
    /// Unit switch.
    pub has_pull_requests: Option<bool>,
    /// Unit switch.
    pub has_releases: Option<bool>,
    /// Unit switch.
    pub has_wiki: Option<bool>,
    /// Unit switch.
    pub has_projects: Option<bool>,
    /// Unit switch.
    pub has_packages: Option<bool>,
    /// Unit switch.
    pub has_actions: Option<bool>,
    /// Time between two looks at the remote of a mirror, such as `8h`; `0` for none.
    pub mirror_interval: Option<String>,
    /// Whether a mirror loses the branches and tags that its remote loses.
    pub enable_prune: Option<bool>,
    /// New user name at the remote of a mirror.
    pub mirror_username: Option<String>,
    /// New password there.
    pub mirror_password: Option<String>,
    /// New access token there, instead of a password.
    pub mirror_token: Option<String>,
}

/// Body of `repoMigrate`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "MigrateRepoOptions")]
#[expect(clippy::struct_excessive_bools, reason = "Gitea's shape")]
#[schemars(extend("required" = ["clone_addr", "repo_name"]))]
pub struct MigrateRepoOption {
    /// Address of the repository, without credentials.
    #[serde(deserialize_with = "null_is_default")]
    pub clone_addr: String,
    /// Name here.
    #[serde(deserialize_with = "null_is_default")]
    pub repo_name: String,
    /// Who will own it; the caller when empty.
    #[serde(deserialize_with = "null_is_default")]
    pub repo_owner: String,
    /// The same by id, as older clients say it.
    #[serde(deserialize_with = "null_is_default")]
    pub uid: i64,
    /// What the other server is; each is asked for its git data alone.
    #[serde(deserialize_with = "null_is_default")]
    pub service: String,
    /// User name there.
    #[serde(deserialize_with = "null_is_default")]
    pub auth_username: String,
    /// Password there.
    #[serde(deserialize_with = "null_is_default")]
    pub auth_password: String,
    /// Access token there, instead of a password.
    #[serde(deserialize_with = "null_is_default")]
    pub auth_token: String,
    /// It goes on following the other server.
    #[serde(deserialize_with = "null_is_default")]
    pub mirror: bool,
    /// Time between two looks, such as `8h`; `0` for none.
    #[serde(deserialize_with = "null_is_default")]
    pub mirror_interval: String,
    /// Hidden from those without a right.
    #[serde(deserialize_with = "null_is_default")]
    pub private: bool,
    /// Free text.
    #[serde(deserialize_with = "null_is_default")]
    pub description: String,
    /// Refused: large files do not come over.
    #[serde(deserialize_with = "null_is_default")]
    pub lfs: bool,
    /// Refused with `lfs`, without meaning otherwise.
    #[serde(deserialize_with = "null_is_default")]
    pub lfs_endpoint: String,
    /// Refused: wikis do not come over.
    #[serde(deserialize_with = "null_is_default")]
    pub wiki: bool,
    /// Refused where Gitea would bring them: only git data comes over.
    #[serde(deserialize_with = "null_is_default")]
    pub issues: bool,
    /// As `issues`.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: bool,
    /// As `issues`.
    #[serde(deserialize_with = "null_is_default")]
    pub milestones: bool,
    /// As `issues`.
    #[serde(deserialize_with = "null_is_default")]
    pub pull_requests: bool,
    /// As `issues`.
    #[serde(deserialize_with = "null_is_default")]
    pub releases: bool,
    /// Refused: credentials of a cloud are not used.
    #[serde(deserialize_with = "null_is_default")]
    pub aws_access_key_id: String,
    /// As `aws_access_key_id`.
    #[serde(deserialize_with = "null_is_default")]
    pub aws_secret_access_key: String,
}

/// Body of `generateRepo`: what is taken over from the template is said item by item.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "Gitea's shape")]
#[schemars(extend("required" = ["owner", "name"]))]
pub struct GenerateRepoOption {
    /// Who will own it: the caller or an organization.
    #[serde(deserialize_with = "null_is_default")]
    pub owner: String,
    /// Name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// Free text.
    #[serde(deserialize_with = "null_is_default")]
    pub description: String,
    /// Branch HEAD names; the template's when empty.
    #[serde(deserialize_with = "null_is_default")]
    pub default_branch: String,
    /// Hidden from those without a right.
    #[serde(deserialize_with = "null_is_default")]
    pub private: bool,
    /// The files of the default branch.
    #[serde(deserialize_with = "null_is_default")]
    pub git_content: bool,
    /// Topics.
    #[serde(deserialize_with = "null_is_default")]
    pub topics: bool,
    /// Refused: this server has no git hooks.
    #[serde(deserialize_with = "null_is_default")]
    pub git_hooks: bool,
    /// Webhooks.
    #[serde(deserialize_with = "null_is_default")]
    pub webhooks: bool,
    /// Picture.
    #[serde(deserialize_with = "null_is_default")]
    pub avatar: bool,
    /// Labels.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: bool,
    /// Rules of branch protection.
    #[serde(deserialize_with = "null_is_default")]
    pub protected_branch: bool,
}

/// Body of `createFork`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateForkOption {
    /// Name of the fork; the source's when not given.
    pub name: Option<String>,
    /// The organization that will own it; the caller when not given.
    pub organization: Option<String>,
}

/// Body of `repoMergeUpstream`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "MergeUpstreamRequest")]
pub struct MergeUpstreamOption {
    /// The branch of the fork; its default branch when not given.
    pub branch: Option<String>,
    /// Whether a merge commit is out of the question.
    pub ff_only: bool,
}

/// Body of `repoTransfer`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["new_owner"]))]
pub struct TransferRepoOption {
    /// Name of the new owner.
    #[serde(deserialize_with = "null_is_default")]
    pub new_owner: String,
    /// Teams of the new owner that get access.
    #[serde(deserialize_with = "null_is_default")]
    pub team_ids: Vec<i64>,
}

/// Body of `repoAddCollaborator`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AddCollaboratorOption {
    /// `read`, `write` (when not given) or `admin`.
    pub permission: Option<String>,
}

/// Body of `userUpdateAvatar`, `orgUpdateAvatar` and `repoUpdateAvatar`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "UpdateUserAvatarOption")]
pub struct UpdateAvatarOption {
    /// The picture in base64.
    #[serde(deserialize_with = "null_is_default")]
    pub image: String,
}

/// Body of `adminRenameUser`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["new_username"]))]
pub struct RenameUserOption {
    /// The new name.
    #[serde(deserialize_with = "null_is_default")]
    pub new_username: String,
}

/// Body of `renameOrg`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["new_name"]))]
pub struct RenameOrgOption {
    /// The new name.
    #[serde(deserialize_with = "null_is_default")]
    pub new_name: String,
}
