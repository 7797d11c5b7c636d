//! Templates that come with the server, on the wire. Called by `api/bundled.rs`.

use schemars::JsonSchema;
use serde::Serialize;

/// A template of `.gitignore`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GitignoreTemplateInfo")]
pub struct GitignoreTemplateJson {
    /// Name.
    pub name: String,
    /// Text.
    pub source: &'static str,
}

/// A licence in the list of all.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "LicensesTemplateListEntry")]
pub struct LicenseTemplateEntryJson {
    /// SPDX identifier.
    pub key: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// The licence in the API.
    pub url: String,
}

/// A licence.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "LicenseTemplateInfo")]
pub struct LicenseTemplateJson {
    /// SPDX identifier.
    pub key: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// The licence in the API.
    pub url: String,
    /// How it is applied.
    pub implementation: &'static str,
    /// Text; `{year}` and `{owner}` stand where it leaves them open.
    pub body: &'static str,
}
