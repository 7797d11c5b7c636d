//! Differences between trees and between texts, and every form in which git shows them.
//!
//! Owns finding changed files with renames and copies ([`diff_trees`]), comparing lines ([`lines`]), and the outputs: raw lists ([`list`]),
//! statistics ([`stat`]), patches ([`patch`]) and mails ([`mail`]). Refuses merges, working trees, attributes and who may see what.
//! Called by the pages and the API of the server, on a blocking thread.
//!
//! What comes out equals stock git's output byte for byte but for compressed bytes of binary patches. Everything is bounded by
//! [`TreeOptions`] and [`patch::PatchOptions`] and ends when the interrupt flag is raised; patches are streamed file by file.

mod abbrev;
mod change;
mod compare;
mod content;
pub mod context;
pub mod lines;
pub mod list;
pub mod mail;
pub mod patch;
mod quote;
pub(crate) mod rename;
pub mod stat;
mod tree;

use std::sync::atomic::AtomicBool;

pub use abbrev::IdLength;
pub(crate) use abbrev::IdPrinter;
pub use change::{Change, File, FileMode, MAX_SCORE, Status};
pub use content::{Content, is_binary};
pub use quote::quote_path;
pub use rename::Renames;

use crate::{error::Result, id::ObjectId, odb::Snapshot};

/// What is compared, and how much of it.
///
/// Units: bytes where the name says so, scores in parts of [`MAX_SCORE`], otherwise counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeOptions {
    /// How far renames are followed.
    pub renames: Renames,
    /// From which similarity on a file counts as the same; git's default is half.
    pub min_score: u32,
    /// Renames by similarity are searched while sources times new files do not pass the square of this. Git's default is 1000.
    pub rename_limit: u32,
    /// Files and directories to be compared, applied before renames are searched; empty for everything.
    pub paths: Vec<Vec<u8>>,
    /// Most changed files together with the directories they are in; more is an error. Each 256 bytes of a path count as one more.
    pub max_files: usize,
    /// Larger files are similar to no other.
    pub max_blob_bytes: u64,
    /// Whether similarity counts the piece after the last newline or 64-byte step. Git does since 2.44; earlier ones left it out.
    pub counts_last_piece: bool,
}

impl Default for TreeOptions {
    fn default() -> Self {
        TreeOptions {
            renames: Renames::Renames,
            min_score: MAX_SCORE / 2,
            rename_limit: 1000,
            paths: Vec::new(),
            max_files: 200_000,
            max_blob_bytes: 32 << 20,
            counts_last_piece: true,
        }
    }
}

/// Lists the files that differ between two trees, in the order of `git diff`.
///
/// Shape: `before` and `after` are trees; `None` is the empty tree, as before a first commit.
/// Errors: `TooLarge` for more changes than allowed, `Interrupted`, `WrongKind`, `Lost`, `Corrupt`.
pub fn diff_trees(
    odb: &Snapshot,
    before: Option<&ObjectId>,
    after: Option<&ObjectId>,
    options: &TreeOptions,
    interrupt: &AtomicBool,
) -> Result<Vec<Change>> {
    let scope = tree::Scope {
        paths: &options.paths,
        with_unmodified: options.renames == Renames::CopiesOfAny,
        only_new: None,
        max_files: options.max_files,
    };
    let changes = tree::changes(odb, before, after, &scope, interrupt)?;
    match options.renames {
        Renames::Off => Ok(changes),
        _ => rename::find(odb, changes, options, interrupt),
    }
}

/// Where a walk over two trees came.
#[derive(Debug)]
pub enum Visit {
    /// A file that differs.
    File(Change),
    /// A directory of this path, which was read; it need not have any file. The top has no path.
    Directory(Vec<u8>),
}

impl Visit {
    /// What [`Changes::new`] wants to be told to go on behind it.
    pub fn passed(self) -> Vec<u8> {
        match self {
            Visit::File(change) => change.after.or(change.before).map(|file| file.path).unwrap_or_default(),
            Visit::Directory(path) if path.is_empty() => path,
            // Everything in a directory comes after this.
            Visit::Directory(path) => [&path, &b"/"[..]].concat(),
        }
    }
}

/// The files that differ between two trees, one at a time and without renames, in the order of their paths as bytes: for who goes through all
/// files of a repository with bounded memory, and goes on later from where it was.
#[derive(Debug)]
pub struct Changes<'a> {
    odb: &'a Snapshot,
    walk: tree::Walk,
}

impl<'a> Changes<'a> {
    /// Compares two trees; `None` is the empty tree. Paths up to `passed`, itself included, are passed over; empty: none.
    pub fn new(odb: &'a Snapshot, before: Option<&ObjectId>, after: Option<&ObjectId>, passed: Vec<u8>) -> Self {
        Changes { odb, walk: tree::Walk::new(before, after, None).after(passed) }
    }

    /// The next file or directory. Whoever pushed the trees decides how many there are: directories that name each other take few bytes and are
    /// more than anybody can go through, so the caller counts.
    ///
    /// Errors: `Interrupted`, `WrongKind`, `Lost`, `Corrupt`.
    pub fn next(&mut self, interrupt: &AtomicBool) -> Result<Option<Visit>> {
        let scope = tree::Scope { paths: &[], with_unmodified: false, only_new: None, max_files: usize::MAX };
        self.walk.step(self.odb, &scope, interrupt)
    }
}

#[cfg(test)]
pub(crate) mod tests;
