//! `WatchInfo`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Timestamp;

/// That somebody watches a repository.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "WatchInfo")]
pub struct WatchInfoJson {
    /// Always: who does not watch is answered 404.
    pub subscribed: bool,
    /// Nothing is ever ignored.
    pub ignored: bool,
    /// Gitea has none either.
    pub reason: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// API address of the watch.
    pub url: String,
    /// API address of the repository.
    pub repository_url: String,
}
