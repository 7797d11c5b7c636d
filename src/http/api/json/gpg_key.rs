//! `GPGKey` on the wire, and the bodies that make and prove one. Called by `api/gpg_keys.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::options::null_is_default;

/// An OpenPGP key of an account, or a subkey of one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GPGKey")]
pub struct GpgKeyJson {
    /// Row id.
    pub id: i64,
    /// Key id of the primary key; empty for a primary key.
    pub primary_key_id: String,
    /// Key id, 16 upper-case hex digits.
    pub key_id: String,
    /// The key packet in base64, as in Gitea.
    pub public_key: String,
    /// Addresses in its user ids; null for a subkey.
    pub emails: Option<Vec<GpgKeyEmailJson>>,
    /// Subkeys; null for a subkey.
    pub subkeys: Option<Vec<GpgKeyJson>>,
    /// It may sign.
    pub can_sign: bool,
    /// It may encrypt messages.
    pub can_encrypt_comms: bool,
    /// It may encrypt what is stored.
    pub can_encrypt_storage: bool,
    /// It may certify keys.
    pub can_certify: bool,
    /// When the key was made.
    pub created_at: Timestamp,
    /// When it ends; the zero time: never.
    pub expires_at: Timestamp,
    /// It speaks for the account.
    pub verified: bool,
}

/// An address in a user id of a key.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GPGKeyEmail")]
pub struct GpgKeyEmailJson {
    /// The address, in lower case.
    pub email: String,
    /// The account has verified it.
    pub verified: bool,
}

/// Body of `userCurrentPostGPGKey`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CreateGPGKeyOption", extend("required" = ["armored_public_key"]))]
pub struct CreateGpgKeyOption {
    /// The key in ASCII armor.
    #[serde(deserialize_with = "null_is_default")]
    pub armored_public_key: String,
    /// A signature over the token, in ASCII armor.
    #[serde(deserialize_with = "null_is_default")]
    pub armored_signature: String,
}

/// Body of `userVerifyGPGKey`, which the specification does not describe.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "VerifyGPGKeyOption")]
pub struct VerifyGpgKeyOption {
    /// Key id.
    #[serde(deserialize_with = "null_is_default")]
    pub key_id: String,
    /// A signature over the token, in ASCII armor.
    #[serde(deserialize_with = "null_is_default")]
    pub armored_signature: String,
}
