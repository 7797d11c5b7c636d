//! Which paths the API may write.
//!
//! Owns what is refused before git is asked: what is no relative path in normal form, and what some file systems take for a path of its own. The names git
//! itself refuses (`.git` in all its disguises) are refused by the check of every new tree, as in a push.

use crate::error::{Error, Kind, Result};

/// Longest path. Units: bytes.
const PATH_MAX: usize = 4000;
/// Longest name: what file systems take. Units: bytes.
const NAME_MAX: usize = 255;

/// Refuses a path that cannot be written.
///
/// Errors: `Invalid`.
pub(super) fn check(path: &str) -> Result<()> {
    let fault = if path.is_empty() {
        Some("is empty")
    } else if path.len() > PATH_MAX || path.split('/').any(|name| name.len() > NAME_MAX) {
        Some("is too long")
    } else if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
        Some("is not a path in normal form")
    } else if path.contains('\\') || path.chars().any(char::is_control) {
        Some("holds a character that not every system can store")
    } else if path.split('/').any(|name| name.ends_with(['.', ' '])) {
        Some("has a name that not every system can store: it ends with a dot or a blank")
    } else {
        None
    };
    match fault {
        None => Ok(()),
        Some(fault) => {
            let shown: String = path.chars().filter(|one| !one.is_control()).take(200).collect();
            Err(Error::new(Kind::Invalid, format!("path contains a malformed path component [path: {shown}]: {fault}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_by_table() {
        let long = "x".repeat(256);
        let deep = "d/".repeat(2001) + "f";
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "./x", "a/../x", "a/./x", "a\\b", "a\0b", "a\nb", "a.", "a. /b",
            "...", "a ", &long, &deep,
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a/b.c", "..a", "a b", ".gitignore", "ü/é", &"x".repeat(255)] {
            assert!(check(good).is_ok(), "{good:?}");
        }
    }
}
