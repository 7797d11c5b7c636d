//! Scopes of access tokens, with Gitea's names.
//!
//! Owns parsing, normal form and implication (`write:x` implies `read:x`, `all` implies every category). Which scope an
//! action needs is said in `access::action`.

use std::fmt;

use crate::error::Error;

/// An area of the API that a scope opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Category {
    /// Federation.
    ActivityPub,
    /// Site administration.
    Admin,
    /// Rendering and server information.
    Misc,
    /// Notifications.
    Notification,
    /// Organizations and teams.
    Organization,
    /// Package registries.
    Package,
    /// Issues, labels and milestones.
    Issue,
    /// Repositories, files, pull requests and git itself.
    Repository,
    /// The account and its profile.
    User,
}

impl Category {
    /// Every category in the order of the normal form.
    pub const ALL: [Self; 9] = [
        Self::ActivityPub,
        Self::Admin,
        Self::Misc,
        Self::Notification,
        Self::Organization,
        Self::Package,
        Self::Issue,
        Self::Repository,
        Self::User,
    ];

    /// The name inside a scope.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActivityPub => "activitypub",
            Self::Admin => "admin",
            Self::Misc => "misc",
            Self::Notification => "notification",
            Self::Organization => "organization",
            Self::Package => "package",
            Self::Issue => "issue",
            Self::Repository => "repository",
            Self::User => "user",
        }
    }

    const fn read_bit(self) -> u32 {
        1 << (2 * self as u8)
    }

    const fn write_bits(self) -> u32 {
        3 << (2 * self as u8)
    }
}

const PUBLIC_ONLY: u32 = 1 << 31;
const ALL: u32 = (1 << (2 * Category::ALL.len())) - 1;

/// The scopes of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TokenScopes(u32);

impl TokenScopes {
    /// Every category, read and write.
    pub const EVERYTHING: Self = Self(ALL);

    /// Reads scope names; empty ones are skipped.
    ///
    /// Errors: `Invalid` naming the unknown scope.
    pub fn parse<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let mut bits = 0;
        for name in names {
            let name = name.as_ref().trim();
            bits |= match name.split_once(':') {
                _ if name.is_empty() => 0,
                None if name == "all" => ALL,
                None if name == "public-only" => PUBLIC_ONLY,
                Some((verb @ ("read" | "write"), area)) => {
                    let category = Category::ALL
                        .into_iter()
                        .find(|category| category.as_str() == area)
                        .ok_or_else(|| Self::unknown(name))?;
                    if verb == "read" { category.read_bit() } else { category.write_bits() }
                }
                _ => return Err(Self::unknown(name)),
            };
        }
        Ok(Self(bits))
    }

    /// Reads the comma-separated form, as stored and as the command line takes it.
    ///
    /// Errors: `Invalid` naming the unknown scope.
    pub fn parse_list(list: &str) -> Result<Self, Error> {
        Self::parse(list.split(','))
    }

    /// Whether no category is open; such a token would be useless.
    pub const fn is_empty(self) -> bool {
        self.0 & ALL == 0
    }

    /// Whether the token may touch only what anonymous callers may see.
    pub const fn is_public_only(self) -> bool {
        self.0 & PUBLIC_ONLY != 0
    }

    /// Whether the category is open for reading.
    pub const fn may_read(self, category: Category) -> bool {
        self.0 & category.read_bit() != 0
    }

    /// Whether the category is open for writing.
    pub const fn may_write(self, category: Category) -> bool {
        self.0 & category.write_bits() == category.write_bits()
    }

    /// Whether every scope of `other` is included, and a public-only restriction is not lost.
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 & ALL == other.0 & ALL && (!self.is_public_only() || other.is_public_only())
    }

    /// The normal form: no scope that another implies, `all` when nothing is missing.
    pub fn names(self) -> Vec<String> {
        let mut names = Vec::new();
        if self.is_public_only() {
            names.push("public-only".to_owned());
        }
        if self.0 & ALL == ALL {
            names.push("all".to_owned());
            return names;
        }
        for category in Category::ALL {
            if self.may_write(category) {
                names.push(format!("write:{}", category.as_str()));
            } else if self.may_read(category) {
                names.push(format!("read:{}", category.as_str()));
            }
        }
        names
    }

    fn unknown(name: &str) -> Error {
        Error::invalid("scopes", format!("unknown access token scope: {name}"))
    }
}

impl fmt::Display for TokenScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsing_normalises() {
        let table = [
            ("all", "all"),
            ("read:user,write:user", "write:user"),
            ("write:user,read:repository,,", "read:repository,write:user"),
            ("public-only,all", "public-only,all"),
            ("read:repository,public-only", "public-only,read:repository"),
            ("", ""),
        ];
        for (given, normal) in table {
            assert_eq!(TokenScopes::parse_list(given).unwrap().to_string(), normal, "{given}");
        }
        let every: Vec<String> = Category::ALL.iter().map(|category| format!("write:{}", category.as_str())).collect();
        assert_eq!(TokenScopes::parse(every).unwrap(), TokenScopes::EVERYTHING);
    }

    #[test]
    fn unknown_names_are_refused() {
        for bad in ["repo", "sudo", "ALL", "write:", "read:repo", "admin:user", "write:repository:x", "write"] {
            assert!(TokenScopes::parse_list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn write_implies_read_and_not_the_other_way() {
        let write = TokenScopes::parse_list("write:repository").unwrap();
        let read = TokenScopes::parse_list("read:repository").unwrap();
        assert!(write.includes(read) && !read.includes(write));
        assert!(write.may_read(Category::Repository) && !read.may_write(Category::Repository));
        assert!(!write.may_read(Category::User));
    }

    #[test]
    fn public_only_is_a_restriction_not_a_right() {
        let limited = TokenScopes::parse_list("all,public-only").unwrap();
        assert!(TokenScopes::EVERYTHING.includes(limited));
        assert!(!limited.includes(TokenScopes::EVERYTHING));
        assert!(TokenScopes::parse_list("public-only").unwrap().is_empty());
    }
}
