//! `IssueConfigValidation` on the wire; templates and the configuration itself are serialized by the model. Called by `api/issue_templates.rs`.

use schemars::JsonSchema;
use serde::Serialize;

/// What is wrong with the configuration of the page for new issues.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "IssueConfigValidation")]
pub struct IssueConfigValidationJson {
    /// Nothing is.
    pub valid: bool,
    /// What is, in words.
    pub message: String,
}
