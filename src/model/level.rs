//! What a user may do with one repository, as an ordered ladder.
//!
//! Owns the ladder and its names. Who stands on which rung is decided in `access`.

use std::fmt;

/// A rung of the ladder `None < Read < Write < Admin < Owner`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessLevel {
    /// May not even know that the repository exists.
    None,
    /// May clone and read.
    Read,
    /// May push.
    Write,
    /// May change settings and collaborators.
    Admin,
    /// May rename, transfer and delete.
    Owner,
}

impl AccessLevel {
    /// Every rung from the lowest.
    pub const ALL: [Self; 5] = [Self::None, Self::Read, Self::Write, Self::Admin, Self::Owner];

    /// The name Gitea gives this rung.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads a name given by [`Self::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// Reads a level that may be granted to a collaborator; an empty string is `write`, as in Gitea.
    pub fn parse_grant(name: &str) -> Option<Self> {
        match name {
            "" => Some(Self::Write),
            "read" | "write" | "admin" => Self::parse(name),
            _ => None,
        }
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_is_ordered_and_named() {
        assert!(AccessLevel::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        for level in AccessLevel::ALL {
            assert_eq!(AccessLevel::parse(level.as_str()), Some(level));
        }
    }

    #[test]
    fn owner_and_none_cannot_be_granted() {
        assert_eq!(AccessLevel::parse_grant(""), Some(AccessLevel::Write));
        assert_eq!(AccessLevel::parse_grant("admin"), Some(AccessLevel::Admin));
        for name in ["owner", "none", "Write", "root"] {
            assert_eq!(AccessLevel::parse_grant(name), None, "{name}");
        }
    }
}
