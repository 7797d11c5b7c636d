//! `PublicKey` and `DeployKey` on the wire. Called by `api/keys.rs`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{RepositoryJson, Timestamp, UserJson};

/// A key of an account.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PublicKey")]
pub struct PublicKeyJson {
    /// Row id.
    pub id: i64,
    /// The line as in the `.pub` file, without comment.
    pub key: String,
    /// The key in the API.
    pub url: String,
    /// Name the user chose.
    pub title: String,
    /// As OpenSSH prints it.
    pub fingerprint: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// Last use; the epoch when never used.
    pub last_used_at: Timestamp,
    /// Whose it is; absent for those who may not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserJson>,
    /// Always false: a key of an account may do what the account may.
    pub read_only: bool,
    /// Gitea's word for a key of an account.
    pub key_type: &'static str,
}

/// A key of a repository.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "DeployKey")]
pub struct DeployKeyJson {
    /// Row id.
    pub id: i64,
    /// Row id of the key; here the same.
    pub key_id: i64,
    /// The line as in the `.pub` file, without comment.
    pub key: String,
    /// The key in the API.
    pub url: String,
    /// Name for people.
    pub title: String,
    /// As OpenSSH prints it.
    pub fingerprint: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// It may not push.
    pub read_only: bool,
    /// The repository; absent in lists, as in Gitea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<Box<RepositoryJson>>,
}
