//! User and repository names: which are allowed, which are reserved, and when two are the same.
//!
//! Owns the rules (Gitea's, so that its clients and links keep working). Two names that differ only in ASCII case are
//! the same name: comparison, hashing and the database key use the lower-case form, display keeps what was typed.
//! Names also become directory names, so nothing here may ever let `/`, `\`, NUL, `.` or `..` through.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::error::Error;

/// Longest user name. Units: bytes.
pub const USER_NAME_MAX_BYTES: usize = 40;
/// Longest repository name. Units: bytes.
pub const REPO_NAME_MAX_BYTES: usize = 100;

/// User names that are routes, files at the root or reserved for the server itself.
///
/// `admin` is not among them: it is the account a first start creates, and administration pages live under `/-/`.
const RESERVED_USER_NAMES: &[&str] = &[
    "-",
    ".",
    "..",
    ".well-known",
    "api",
    "assets",
    "attachments",
    "avatar",
    "avatars",
    "captcha",
    "devtest",
    "error",
    "explore",
    "favicon.ico",
    "ghost",
    "git",
    "gitea-actions",
    "healthz",
    "issues",
    "livez",
    "login",
    "logout",
    "manifest.json",
    "metrics",
    "milestones",
    "new",
    "notifications",
    "org",
    "pulls",
    "raw",
    "readyz",
    "repo",
    "repo-avatars",
    "robots.txt",
    "search",
    "serviceworker.js",
    "sitemap.xml",
    "ssh_info",
    "static",
    "swagger.v1.json",
    "system",
    "user",
    "v2",
];
const RESERVED_USER_ENDINGS: &[&str] = &[".keys", ".gpg", ".rss", ".atom", ".png", ".git", ".wiki"];
const RESERVED_REPO_NAMES: &[&str] = &[".", "..", "-"];
const RESERVED_REPO_ENDINGS: &[&str] = &[".git", ".wiki", ".rss", ".atom"];

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            shown: Arc<str>,
            key: Arc<str>,
        }

        impl $name {
            fn from_valid(name: &str) -> Self {
                let shown: Arc<str> = Arc::from(name);
                let key = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    Arc::from(name.to_ascii_lowercase())
                } else {
                    shown.clone()
                };
                Self { shown, key }
            }

            /// The name as it was typed when it was created.
            pub fn as_str(&self) -> &str {
                &self.shown
            }

            /// The lower-case form under which the name is unique.
            pub fn key(&self) -> &str {
                &self.key
            }

            /// Takes a name back from a row; rows hold only names that were checked when they were written.
            pub(crate) fn from_row(name: &str) -> Self {
                Self::from_valid(name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.shown)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.shown, f)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.key == other.key
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.key.hash(state);
            }
        }
    };
}

name_type! {
    /// A user's login name.
    UserName
}
name_type! {
    /// A repository's name under its owner.
    RepoName
}

impl UserName {
    /// Checks a name for a new user, reserved names included.
    ///
    /// Errors: `Invalid` naming the rule.
    pub fn new(name: &str) -> Result<Self, Error> {
        let parsed = Self::parse(name)?;
        if RESERVED_USER_NAMES.contains(&parsed.key()) {
            return Err(Error::invalid("username", format!("name is reserved [name: {name}]")));
        }
        if let Some(ending) = RESERVED_USER_ENDINGS.iter().find(|ending| parsed.key().ends_with(**ending)) {
            return Err(Error::invalid("username", format!("name pattern is not allowed [pattern: *{ending}]")));
        }
        Ok(parsed)
    }

    /// Checks the form of a name that is about to be looked up; a reserved name is simply never found.
    ///
    /// Errors: `Invalid` naming the rule.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let bytes = name.as_bytes();
        let special = |byte: u8| matches!(byte, b'-' | b'.' | b'_');
        let valid = !bytes.is_empty()
            && bytes.len() <= USER_NAME_MAX_BYTES
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || special(*byte))
            && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
            && !bytes.windows(2).any(|pair| pair.iter().all(|byte| special(*byte)));
        if !valid {
            return Err(Error::invalid(
                "username",
                "user name may hold 1 to 40 ASCII letters, digits, '-', '_' and '.', begins and ends with a letter or \
                 digit, and has no two of '-', '_', '.' in a row",
            ));
        }
        Ok(Self::from_valid(name))
    }
}

impl RepoName {
    /// Checks a name for a new repository, reserved names included.
    ///
    /// Errors: `Invalid` naming the rule.
    pub fn new(name: &str) -> Result<Self, Error> {
        let parsed = Self::parse(name)?;
        if let Some(ending) = RESERVED_REPO_ENDINGS.iter().find(|ending| parsed.key().ends_with(**ending)) {
            return Err(Error::invalid("name", format!("name pattern is not allowed [pattern: *{ending}]")));
        }
        Ok(parsed)
    }

    /// Checks the form of a name that is about to be looked up.
    ///
    /// Errors: `Invalid` naming the rule.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let valid = !name.is_empty()
            && name.len() <= REPO_NAME_MAX_BYTES
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        if !valid {
            return Err(Error::invalid(
                "name",
                "repository name may hold 1 to 100 ASCII letters, digits, '-', '_' and '.'",
            ));
        }
        if RESERVED_REPO_NAMES.contains(&name) {
            return Err(Error::invalid("name", format!("name is reserved [name: {name}]")));
        }
        Ok(Self::from_valid(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_follow_giteas_rules() {
        for good in ["a", "Ada", "ada.lovelace", "a-b_c", "0day", "admin", &"x".repeat(40)] {
            assert!(UserName::new(good).is_ok(), "{good}");
        }
        let long = "x".repeat(41);
        for bad in [
            "", ".", "..", "-", "a..b", "a.-b", "-a", "a-", "a.", "_a", "a b", "a/b", "a\\b", "ä", "a\0", "a\n",
            "user", "USER", "Api", "metrics", "livez", "readyz", "assets", "me.keys", "x.PNG", "x.git", "ghost", &long,
        ] {
            assert!(UserName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn repository_names_follow_giteas_rules() {
        for good in ["a", ".github", "-x", "a..b", "A_b-c.d", "sop", "git", "x.gitt", &"x".repeat(100)] {
            assert!(RepoName::new(good).is_ok(), "{good}");
        }
        let long = "x".repeat(101);
        for bad in ["", ".", "..", "-", "a.git", "A.GIT", "a.wiki", "a.rss", "a/b", "a b", "a\\b", "é", "a\0b", &long]
        {
            assert!(RepoName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_differ_in_case_are_one_name() {
        let (one, two) = (UserName::new("Ada").unwrap(), UserName::new("ADA").unwrap());
        assert_eq!(one, two);
        assert_eq!(one.key(), "ada");
        assert_eq!(one.as_str(), "Ada");
        assert_eq!(RepoName::new("Sop").unwrap(), RepoName::new("sOP").unwrap());
    }

    proptest::proptest! {
        #[test]
        fn no_accepted_name_escapes_a_directory(name in ".{0,12}") {
            for accepted in [
                UserName::parse(&name).ok().map(|name| name.as_str().to_owned()),
                RepoName::parse(&name).ok().map(|name| name.as_str().to_owned()),
            ].into_iter().flatten() {
                let path = std::path::Path::new(&accepted);
                proptest::prop_assert_eq!(path.components().count(), 1);
                proptest::prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
            }
        }
    }
}
