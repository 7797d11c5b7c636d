//! `Reference` and `GitObject` on the wire. Called by `api/refs.rs`.

use schemars::JsonSchema;
use serde::Serialize;

/// One ref.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Reference")]
pub struct ReferenceJson {
    /// Full name, `refs/...`.
    #[serde(rename = "ref")]
    pub name: String,
    /// Address of this ref.
    pub url: String,
    /// What it points at, tags not peeled.
    pub object: GitObjectJson,
}

/// The target of a ref.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "GitObject")]
pub struct GitObjectJson {
    /// `commit`, `tag`, `tree` or `blob`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Object id in hex.
    pub sha: String,
    /// Address of the object.
    pub url: String,
}
