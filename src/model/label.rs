//! Labels of issues and pull requests: whose they are, what they look like.
//!
//! Owns what a color is and when labels exclude each other.

use super::{RepoId, UserId};

/// Most labels of one repository or organization.
pub const MAX_OF_OWNER: u64 = 1000;

/// Where a label can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LabelOwner {
    /// In one repository.
    Repository(RepoId),
    /// In all repositories of an organization.
    Organization(UserId),
}

/// A color, as six lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColor(String);

impl LabelColor {
    /// Reads six or three digits, with or without a number sign before them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim();
        let digits = digits.strip_prefix('#').unwrap_or(digits);
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let digits = digits.to_ascii_lowercase();
        match digits.len() {
            6 => Some(Self(digits)),
            3 => Some(Self(digits.chars().flat_map(|digit| [digit, digit]).collect())),
            _ => None,
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a color back from a row.
    pub(crate) fn from_row(digits: String) -> Self {
        Self(digits)
    }
}

/// One label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Row id.
    pub id: i64,
    /// Where it can be used.
    pub owner: LabelOwner,
    /// Name; unique for its owner without regard to case.
    pub name: String,
    /// Color.
    pub color: LabelColor,
    /// What it is for.
    pub description: String,
    /// An issue has at most one of those with the same text before the last slash.
    pub is_exclusive: bool,
    /// Not offered any more, and kept where it is used.
    pub is_archived: bool,
}

/// What makes a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLabel {
    /// See [`Label::name`].
    pub name: String,
    /// See [`Label::color`].
    pub color: LabelColor,
    /// See [`Label::description`].
    pub description: String,
    /// See [`Label::is_exclusive`].
    pub is_exclusive: bool,
    /// See [`Label::is_archived`].
    pub is_archived: bool,
}

impl From<Label> for NewLabel {
    fn from(label: Label) -> Self {
        let Label { name, color, description, is_exclusive, is_archived, .. } = label;
        Self { name, color, description, is_exclusive, is_archived }
    }
}

/// Changes to a label; `None` keeps a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelPatch {
    /// New name.
    pub name: Option<String>,
    /// New color.
    pub color: Option<LabelColor>,
    /// New description.
    pub description: Option<String>,
    /// Exclusive or not.
    pub is_exclusive: Option<bool>,
    /// Archived or not.
    pub is_archived: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_six_digits_in_the_end() {
        for (text, expected) in [
            ("#00AABB", Some("00aabb")),
            ("00aabb", Some("00aabb")),
            ("#abc", Some("aabbcc")),
            (" fff ", Some("ffffff")),
            ("", None),
            ("#", None),
            ("red", None),
            ("##00aabb", None),
            ("00aab", None),
            ("00aabg", None),
            ("é00aab", None),
        ] {
            assert_eq!(LabelColor::parse(text).as_ref().map(LabelColor::as_str), expected, "{text:?}");
        }
    }
}
