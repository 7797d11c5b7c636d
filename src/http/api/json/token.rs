//! `AccessToken` on the wire. Called by `api/tokens.rs`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Timestamp;

/// A token; `sha1` holds the value in the answer that created it and is empty ever after.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AccessToken")]
pub struct AccessTokenJson {
    /// Row id.
    pub id: i64,
    /// Name the user chose.
    pub name: String,
    /// The token itself, once; otherwise empty.
    pub sha1: String,
    /// Tail for recognition.
    pub token_last_eight: String,
    /// Granted scopes.
    pub scopes: Vec<String>,
    /// Creation.
    pub created_at: Timestamp,
    /// Last use; the epoch when never used.
    pub last_used_at: Timestamp,
    /// When it stops working; null: never. Gitea has no such field.
    pub expires_at: Option<Timestamp>,
    /// The repositories it reaches; null: all that its owner does. Gitea has no such field.
    pub repositories: Option<Vec<String>>,
}

/// The token that a request used, as it sees itself.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CurrentAccessToken")]
pub struct CurrentAccessTokenJson {
    /// Row id.
    pub id: i64,
    /// Name the user chose.
    pub name: String,
    /// Granted scopes.
    pub scopes: Vec<String>,
    /// Creation.
    pub created_at: Timestamp,
    /// Last use; the epoch when never used.
    pub last_used_at: Timestamp,
    /// Whose it is.
    pub user: UserMetaJson,
}

/// An account, in two words.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "UserMeta")]
pub struct UserMetaJson {
    /// Row id.
    pub id: i64,
    /// Login name.
    pub login: String,
}
