//! `Label` on the wire, and the bodies that make and change one. Called by `api/labels.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::null_is_default;

/// A label.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Label")]
pub struct LabelJson {
    /// Row id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// It excludes others with the same text before the last slash.
    pub exclusive: bool,
    /// It is not offered any more.
    pub is_archived: bool,
    /// Six hexadecimal digits.
    pub color: String,
    /// What it is for.
    pub description: String,
    /// The label in the API.
    pub url: String,
}

/// Body of `orgCreateLabel` and `issueCreateLabel`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["name", "color"]))]
pub struct CreateLabelOption {
    /// Name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// `#00aabb`, `00aabb` or `#0ab`.
    #[serde(deserialize_with = "null_is_default")]
    pub color: String,
    /// What it is for.
    #[serde(deserialize_with = "null_is_default")]
    pub description: String,
    /// It excludes others with the same text before the last slash.
    #[serde(deserialize_with = "null_is_default")]
    pub exclusive: bool,
    /// It is not offered any more.
    #[serde(deserialize_with = "null_is_default")]
    pub is_archived: bool,
}

/// Body of `orgEditLabel` and `issueEditLabel`; an absent field keeps its value.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditLabelOption {
    /// Name.
    pub name: Option<String>,
    /// `#00aabb`, `00aabb` or `#0ab`.
    pub color: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// It excludes others with the same text before the last slash.
    pub exclusive: Option<bool>,
    /// It is not offered any more.
    pub is_archived: Option<bool>,
}

/// A label of a set that comes with the server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "LabelTemplate")]
pub struct LabelTemplateJson {
    /// Name.
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
    /// What it is for.
    pub description: String,
    /// It excludes others with the same text before the last slash.
    pub exclusive: bool,
}
