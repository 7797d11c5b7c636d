//! What a search in code finds on the wire. The operation is our own, so the shape is, too.

use schemars::JsonSchema;
use serde::Serialize;

/// The envelope of `searchCode`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CodeSearchResults")]
pub struct CodeSearchJson {
    /// Always true: failures are error answers.
    pub ok: bool,
    /// There may be more than was found: a limit was reached.
    pub incomplete: bool,
    /// This page.
    pub data: Vec<CodeFileJson>,
}

/// A file with lines that match.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CodeSearchFile")]
pub struct CodeFileJson {
    /// Where it is.
    pub repository: CodeRepositoryJson,
    /// Its path.
    pub path: String,
    /// Its blob.
    pub sha: String,
    /// The tip of the default branch, in which it was read.
    pub commit: String,
    /// Its language; empty: unknown.
    pub language: String,
    /// Its page, at that commit.
    pub html_url: String,
    /// The file in the API, at that commit.
    pub url: String,
    /// The first lines that match.
    pub matches: Vec<CodeLineJson>,
}

/// The repository of a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CodeSearchRepository")]
pub struct CodeRepositoryJson {
    /// Row id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// `owner/name`.
    pub full_name: String,
    /// Web page.
    pub html_url: String,
}

/// A line that matches.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "CodeSearchLine")]
pub struct CodeLineJson {
    /// Number, from 1.
    pub line: u64,
    /// The line, or of a long one the piece around the first match.
    pub text: String,
    /// Where the matches are in `text`: first character and the one behind the last, in Unicode characters from 0.
    pub ranges: Vec<[u64; 2]>,
}
