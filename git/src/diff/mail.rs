//! Owns a commit as a mail that `git am` applies: what `git format-patch --stdout` writes and forges serve as `.patch`. Refuses series,
//! cover letters and sending. Called by pages and the API.
//!
//! Source: git-format-patch(1), RFC 2047, RFC 5322.

mod header;
mod wrap;

use std::{io::Write, sync::atomic::AtomicBool};

use super::{
    TreeOptions, diff_trees,
    patch::{PatchOptions, PatchWriter},
    stat::{Totals, file_stats, write_graph, write_shortstat, write_summary},
};
use crate::{
    commit_text::{CommitText, date::DateForm},
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
};

/// Columns of the statistics in a mail.
const STAT_WIDTH: usize = 72;

/// How a mail is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailOptions {
    /// What is compared.
    pub tree: TreeOptions,
    /// How the patch is written; binary files have to be in it, or it cannot be applied.
    pub patch: PatchOptions,
    /// What stands below the line `-- ` at the end; git puts its version there.
    pub signature: String,
}

impl Default for MailOptions {
    fn default() -> Self {
        MailOptions {
            tree: TreeOptions::default(),
            patch: PatchOptions { binary: true, ..PatchOptions::default() },
            signature: concat!("AtomicQMS ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Writes a commit, compared with its first parent, as a mail.
///
/// Errors: `WrongKind` if `commit` is none, `PeerGone` when `out` fails, `TooLarge`, `Interrupted`, `Lost`, `Corrupt`.
pub fn write_mail(
    odb: &Snapshot,
    commit: &ObjectId,
    options: &MailOptions,
    out: &mut dyn Write,
    interrupt: &AtomicBool,
) -> Result<()> {
    let commit = CommitText::read(odb, commit)?;
    let parent = commit.parents.first().map(|parent| CommitText::read(odb, parent)).transpose()?;
    let changes =
        diff_trees(odb, parent.map(|parent| parent.tree).as_ref(), Some(&commit.tree), &options.tree, interrupt)?;
    let mut emit = |bytes: &[u8]| out.write_all(bytes).map_err(Error::PeerGone);
    // A constant date tells `file` and mail readers that this was written by git's rules.
    emit(format!("From {} Mon Sep 17 00:00:00 2001\n", commit.id).as_bytes())?;
    emit(&header::from(&commit.author))?;
    emit(format!("Date: {}\n", commit.author.time.print(DateForm::Mail)).as_bytes())?;
    emit(&header::subject(&commit.subject()))?;
    if !header::is_ascii(&commit.message) {
        emit(b"MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n")?;
    }
    let body = commit.body();
    emit(b"\n")?;
    if !body.is_empty() {
        emit(&body)?;
        emit(b"\n")?;
    }
    if !changes.is_empty() {
        emit(b"---\n")?;
        let stats = file_stats(odb, &changes, &options.patch, interrupt)?;
        write_graph(&stats, STAT_WIDTH, out)?;
        write_shortstat(&Totals::of(&stats), out)?;
        write_summary(&changes, out)?;
        out.write_all(b"\n").map_err(Error::PeerGone)?;
        let writer = PatchWriter::new(odb, &options.patch, interrupt);
        changes.iter().try_for_each(|change| writer.write(change, out))?;
    }
    out.write_all(format!("-- \n{}\n\n", options.signature).as_bytes()).map_err(Error::PeerGone)
}
