//! `UserSettings` on the wire. Called by `api/user_settings.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the caller has set.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "UserSettings")]
pub struct UserSettingsJson {
    /// Display name.
    pub full_name: String,
    /// Link.
    pub website: String,
    /// Free text.
    pub description: String,
    /// Free text.
    pub location: String,
    /// Language of pages; empty when never chosen.
    pub language: String,
    /// Theme of pages; empty when never chosen.
    pub theme: String,
    /// `unified` or `split`; empty when never chosen.
    pub diff_view_style: &'static str,
    /// Others see a placeholder instead of the address.
    pub hide_email: bool,
    /// Others are not shown what the account does.
    pub hide_activity: bool,
}

/// Body of `updateUserSettings`; an absent field keeps its value.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "UserSettingsOptions")]
pub struct UserSettingsOption {
    /// Display name.
    pub full_name: Option<String>,
    /// Link.
    pub website: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Free text.
    pub location: Option<String>,
    /// Language of pages.
    pub language: Option<String>,
    /// Theme of pages.
    pub theme: Option<String>,
    /// `unified` or `split`.
    pub diff_view_style: Option<String>,
    /// Show others a placeholder instead of the address.
    pub hide_email: Option<bool>,
    /// Do not show others what the account does.
    pub hide_activity: Option<bool>,
}
