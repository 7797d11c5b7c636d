//! `APIError`: the body of every failure. It is written in `http/error.rs`; the specification describes it from here.

use schemars::JsonSchema;
use serde::Serialize;

/// Why a request failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "APIError")]
pub struct ErrorJson {
    /// What went wrong.
    pub message: String,
    /// Where the API is described.
    pub url: String,
    /// What cannot be a topic; only where topics are set.
    #[serde(rename = "invalidTopics", skip_serializing_if = "Option::is_none")]
    pub invalid_topics: Option<serde_json::Value>,
}
