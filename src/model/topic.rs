//! Topics of repositories and the rule for their names.

use std::fmt;

use super::UtcMs;

/// Most topics a repository has.
pub const TOPICS_MAX: usize = 25;

/// Longest name. Units: bytes, which are characters here.
const NAME_MAX: usize = 35;

/// The name of a topic: lower-case letters, digits, `-` and `.`, beginning with a letter or digit, at most 35.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(String);

impl TopicName {
    /// Reads a name; case and space around it do not matter. None: no topic can be called so.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim().to_ascii_lowercase();
        let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let first = name.as_bytes().first()?;
        let is_valid = is_word(first) && name.bytes().all(|byte| is_word(&byte) || matches!(byte, b'-' | b'.'));
        (is_valid && name.len() <= NAME_MAX).then_some(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A topic in a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Row id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// First use.
    pub created_ms: UtcMs,
    /// Last time a repository took it.
    pub updated_ms: UtcMs,
    /// Repositories that have it and that the caller may see.
    pub repo_count: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_gitea_takes() {
        let long = "a".repeat(35);
        let kept =
            [("sop", "sop"), (" GxP ", "gxp"), ("21-cfr.11", "21-cfr.11"), ("0", "0"), (long.as_str(), long.as_str())];
        for (text, name) in kept {
            assert_eq!(TopicName::parse(text).as_ref().map(TopicName::as_str), Some(name), "{text:?}");
        }
        let too_long = "a".repeat(36);
        for text in ["", " ", "-a", ".a", "a_b", "a b", "a/b", "größe", "a\0", "%", &too_long] {
            assert_eq!(TopicName::parse(text), None, "{text:?}");
        }
    }
}
