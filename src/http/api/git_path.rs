//! Paths and revisions as clients write them in addresses.
//!
//! Owns which paths can name anything at all: no `..`, no empty parts, no NUL, no backslash, no `.git`. Whatever cannot is `NotFound`, like what
//! does not exist, and nothing is looked up. Called by the handlers of files, trees and commits.

use std::sync::atomic::AtomicBool;

use atomicqms_git::View;
use atomicqms_git::revision::{Revision, find_revision};

use crate::error::{Error, Result};

/// Longest path that is looked up, as operating systems have it. Units: bytes.
const MAX_PATH_BYTES: usize = 4096;
/// Longest revision. Units: bytes.
const MAX_REVISION_BYTES: usize = 1024;

/// A path from the root of a repository; empty for the root, which `.` also names. Slashes around it do not count.
///
/// Errors: `NotFound`.
pub(super) fn clean_path(text: &str) -> Result<String> {
    let path = text.trim_matches('/');
    if path.is_empty() || path == "." {
        return Ok(String::new());
    }
    let is_good = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
    if path.len() > MAX_PATH_BYTES || path.contains(['\0', '\\']) || !path.split('/').all(is_good) {
        return Err(Error::not_found());
    }
    Ok(path.to_owned())
}

/// The commit that a revision names, or the tip of the default branch when it is empty.
///
/// Errors: `NotFound`.
pub(super) fn find_commit(view: &View, asked: &str, default_branch: &str, interrupt: &AtomicBool) -> Result<Revision> {
    let name = if asked.is_empty() { format!("refs/heads/{default_branch}") } else { asked.to_owned() };
    if name.len() > MAX_REVISION_BYTES || name.contains(['\0', '\n']) {
        return Err(Error::not_found());
    }
    find_revision(view, &name, interrupt)?.ok_or_else(Error::not_found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_can_exist_are_looked_up() {
        for (text, path) in
            [("", ""), ("/", ""), (".", ""), ("a", "a"), ("/a b/ü.md/", "a b/ü.md"), ("..a/b..", "..a/b..")]
        {
            assert_eq!(clean_path(text).unwrap(), path);
        }
        let long = "a/".repeat(3000);
        for text in [
            "..",
            "../a",
            "a/../b",
            "a/..",
            "./a",
            "a/./b",
            "a//b",
            "a\0b",
            "a\\b",
            ".git/config",
            "a/.GIT",
            long.as_str(),
        ] {
            assert!(clean_path(text).is_err(), "{text:?}");
        }
    }
}
