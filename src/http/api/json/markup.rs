//! `MarkdownOption` and `MarkupOption` on the wire. The published names begin with capitals; Go takes them in any case, and so are small ones
//! taken here.

use schemars::JsonSchema;
use serde::Deserialize;

use super::options::null_is_default;

/// Body of `renderMarkdown`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MarkdownOption {
    /// The text.
    #[serde(rename = "Text", alias = "text", deserialize_with = "null_is_default")]
    pub text: String,
    /// `markdown`, `gfm`, `comment`, `wiki` or `file`; empty: `markdown`.
    #[serde(rename = "Mode", alias = "mode", deserialize_with = "null_is_default")]
    pub mode: String,
    /// Path of the page that the text is for: `/owner/repo` or `/owner/repo/src/branch/NAME/DIRECTORY`.
    #[serde(rename = "Context", alias = "context", deserialize_with = "null_is_default")]
    pub context: String,
    /// Older way to say `wiki`.
    #[serde(rename = "Wiki", alias = "wiki", deserialize_with = "null_is_default")]
    pub is_wiki: bool,
}

/// Body of `renderMarkup`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MarkupOption {
    /// As in [`MarkdownOption`].
    #[serde(flatten)]
    pub markdown: MarkdownOption,
    /// Path of the file, whose ending says what the text is.
    #[serde(rename = "FilePath", alias = "file_path", alias = "filepath", deserialize_with = "null_is_default")]
    pub file_path: String,
}
