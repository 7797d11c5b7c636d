//! What a rendering knows of the world. Plain data, found out by the caller.

use std::collections::{HashMap, HashSet};

/// What kind of text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Markdown alone: no references, no front matter.
    #[default]
    Raw,
    /// A comment: references, and each line break is one.
    Comment,
    /// A file or a wiki page: references and front matter.
    Document,
}

/// Where relative addresses lead.
///
/// Shape: absolute addresses without a last slash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Base {
    /// Root of links.
    pub links: String,
    /// Root of images.
    pub media: String,
    /// Directory of the text below either root, without slashes at its ends; empty: the root itself.
    pub directory: String,
}

/// Everything a rendering depends on beside the text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// Kind of text.
    pub mode: Mode,
    /// URL of this server, with its last slash.
    pub root_url: String,
    /// `owner/name` of the repository that `#12` and the like belong to.
    pub repository: Option<String>,
    /// Where relative addresses lead; none: they stay as they are.
    pub base: Option<Base>,
    /// Accounts that exist and that the caller may see: lower-case name to the name as it is written.
    pub users: HashMap<String, String>,
    /// Commit ids, whole or abbreviated as in the text, that exist in the repository.
    pub commits: HashSet<String>,
}
