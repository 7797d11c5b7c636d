//! `Mirror`: how a mirror is kept, for who administers it.

use schemars::JsonSchema;
use serde::Serialize;

use super::Timestamp;

/// How a mirror is kept, and how it stands with its remote.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Mirror")]
pub struct MirrorJson {
    /// Where it comes from, without credentials.
    pub remote_url: String,
    /// Credentials are shown to the remote; which nobody is told.
    pub has_credentials: bool,
    /// It is taken over once, and a mirror until that is done.
    pub is_import: bool,
    /// Time between two looks, such as `8h0m0s`; `0s`: only when somebody asks.
    pub mirror_interval: String,
    /// It loses the branches and tags that its remote loses.
    pub enable_prune: bool,
    /// It is being synchronized.
    pub is_running: bool,
    /// When it was last in step with its remote, or null.
    pub last_success_at: Option<Timestamp>,
    /// Failures since then.
    pub failures: u32,
    /// When the first of them was, or null.
    pub failing_since: Option<Timestamp>,
    /// Why the last of them was; empty: there is none, or only the server's log says why.
    pub last_error: String,
    /// What rules refused the last time: name, new id (`-`: none) and reason of each change.
    pub refused: Vec<String>,
    /// When it is looked at next, or null: when somebody asks.
    pub next_at: Option<Timestamp>,
}
