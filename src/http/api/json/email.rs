//! `Email` on the wire, and the body that names some. Called by `api/emails.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::null_is_default;

/// An address of the caller.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Email")]
pub struct EmailJson {
    /// The address.
    pub email: String,
    /// It was confirmed, or set by an administrator.
    pub verified: bool,
    /// It is the account's own.
    pub primary: bool,
    /// Row id of the account.
    pub user_id: i64,
    /// Login name of the account.
    pub username: String,
}

/// Body of `userAddEmail` and `userDeleteEmail`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CreateEmailOption")]
pub struct EmailsOption {
    /// Addresses.
    #[serde(deserialize_with = "null_is_default")]
    pub emails: Vec<String>,
}
