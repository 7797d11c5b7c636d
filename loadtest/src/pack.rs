//! Objects and packs as a client needs them: naming, building small packs, checking and reading received ones.
//!
//! Owns the formats only, for SHA-1 repositories. Called by `wire` and the scenarios.
//! Source: gitformat-pack(5).

pub(crate) mod build;
pub(crate) mod commits;
pub(crate) mod verify;

use std::fmt;

/// The name of an object: 20 bytes of SHA-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectId(pub(crate) [u8; 20]);

impl ObjectId {
    /// What stands for "no object" in a push.
    pub(crate) const ZERO: Self = Self([0; 20]);

    /// Reads 40 hex digits.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut id = [0; 20];
        if text.len() != 40 || !text.is_ascii() {
            return None;
        }
        for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(id))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an object is; the numbers are those of pack entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A commit.
    Commit = 1,
    /// A directory.
    Tree = 2,
    /// A file's content.
    Blob = 3,
}

impl Kind {
    /// The word in an object's header.
    fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }
}
