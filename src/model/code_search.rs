//! Searching the files of repositories: what is asked and how an index and a text answer it.
//!
//! Owns the query and, in its parts, patterns, trigrams and lines. Refuses to read anything.

pub mod lines;
pub mod pattern;
pub mod trigram;

use super::{Glob, RepoName, UserName};
use pattern::Pattern;

/// What is searched for, and where.
#[derive(Debug, Clone)]
pub struct CodeQuery {
    /// In the lines of files.
    pub pattern: Pattern,
    /// Only in this repository.
    pub repository: Option<(UserName, RepoName)>,
    /// Only in repositories of this owner.
    pub owner: Option<UserName>,
    /// Only in files with such a path.
    pub path: Option<Glob>,
    /// Only in files of this language.
    pub language: Option<String>,
}
