//! Owns the numbers of a diff: lines added and deleted by file, their sum, and the graph that git draws of them. Refuses contents. Called by
//! pages, the API and mails.
//!
//! Source: git-diff(1), `--numstat`, `--shortstat`, `--stat`, `--summary`.

mod graph;
mod summary;

use std::{io::Write, sync::atomic::AtomicBool};

use super::{
    change::{Change, Status},
    compare::Comparison,
    content::Content,
    patch::PatchOptions,
    quote::quote_path,
};
use crate::{
    error::{Error, Result},
    odb::Snapshot,
    walk::check_interrupt,
};

pub use graph::write_graph;
pub use summary::write_summary;

/// The numbers of one changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// Its path as statistics print it: quoted if need be, and `dir/{old => new}` for renames.
    pub name: Vec<u8>,
    /// Lines added, or the size afterwards of a binary file. Units: lines, bytes.
    pub added: u64,
    /// Lines deleted, or the size before of a binary file. Units: lines, bytes.
    pub deleted: u64,
    /// Whether the file is binary, or too large to be compared.
    pub is_binary: bool,
}

/// Counts the lines of one change; nothing for a modification that white space options hide.
///
/// Errors: `Interrupted`, `Lost`, `Corrupt`.
pub fn file_stat(
    odb: &Snapshot,
    change: &Change,
    options: &PatchOptions,
    interrupt: &AtomicBool,
) -> Result<Option<FileStat>> {
    check_interrupt(interrupt)?;
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    let mut stat = FileStat { name: print_name(change), added: 0, deleted: 0, is_binary: false };
    let load = |file| Content::load(odb, file, options);
    let (old, new) = (load(before)?, load(after)?);
    let is_equal = before.map(|file| file.id) == after.map(|file| file.id);
    if old.is_binary || new.is_binary {
        stat.is_binary = true;
        if !is_equal {
            (stat.added, stat.deleted) = (new.size, old.size);
        }
    } else if !is_equal {
        let compared = Comparison::new(&old.data, &new.data, options, interrupt)?;
        for change in compared.shown.iter().flat_map(|hunk| compared.changes_of(hunk)) {
            stat.added += change.after.len() as u64;
            stat.deleted += change.before.len() as u64;
        }
    }
    let is_hidden = change.status == Status::Modified
        && stat.added == 0
        && stat.deleted == 0
        && before.map(|file| file.mode) == after.map(|file| file.mode);
    Ok(Some(stat).filter(|_| !is_hidden))
}

/// Counts the lines of all changes.
///
/// Errors: `Interrupted`, `Lost`, `Corrupt`.
pub fn file_stats(
    odb: &Snapshot,
    changes: &[Change],
    options: &PatchOptions,
    interrupt: &AtomicBool,
) -> Result<Vec<FileStat>> {
    changes.iter().filter_map(|change| file_stat(odb, change, options, interrupt).transpose()).collect()
}

/// Writes one line for each file as `git diff --numstat` does.
///
/// Errors: `PeerGone`.
pub fn write_numstat(stats: &[FileStat], out: &mut dyn Write) -> Result<()> {
    for stat in stats {
        let numbers = match stat.is_binary {
            true => "-\t-\t".to_owned(),
            false => format!("{}\t{}\t", stat.added, stat.deleted),
        };
        out.write_all(&[numbers.as_bytes(), &stat.name, b"\n"].concat()).map_err(Error::PeerGone)?;
    }
    Ok(())
}

/// Files changed, lines added and lines deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Changed files.
    pub files: u64,
    /// Lines added, without binary files.
    pub added: u64,
    /// Lines deleted, without binary files.
    pub deleted: u64,
}

impl Totals {
    /// Sums up.
    pub fn of(stats: &[FileStat]) -> Totals {
        let mut totals = Totals { files: stats.len() as u64, ..Totals::default() };
        for stat in stats.iter().filter(|stat| !stat.is_binary) {
            totals.added += stat.added;
            totals.deleted += stat.deleted;
        }
        totals
    }
}

/// Writes the line of `git diff --shortstat`; nothing when no file changed.
///
/// Errors: `PeerGone`.
pub fn write_shortstat(totals: &Totals, out: &mut dyn Write) -> Result<()> {
    if totals.files == 0 {
        return Ok(());
    }
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let mut line = format!(" {} file{} changed", totals.files, plural(totals.files));
    if totals.added > 0 || totals.deleted == 0 {
        line += &format!(", {} insertion{}(+)", totals.added, plural(totals.added));
    }
    if totals.deleted > 0 || totals.added == 0 {
        line += &format!(", {} deletion{}(-)", totals.deleted, plural(totals.deleted));
    }
    line.push('\n');
    out.write_all(line.as_bytes()).map_err(Error::PeerGone)
}

/// The path of a change, with the parts that both paths share written once.
fn print_name(change: &Change) -> Vec<u8> {
    let (old, new) = (change.old_path(), change.path());
    if old == new {
        return quote_path("", new);
    }
    let (quoted_old, quoted_new) = (quote_path("", old), quote_path("", new));
    if quoted_old != old || quoted_new != new {
        return [&quoted_old[..], b" => ", &quoted_new].concat();
    }
    let slashes = |path: &[u8], equal: usize| path.iter().take(equal).rposition(|byte| *byte == b'/');
    let equal = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let head = slashes(old, equal).map_or(0, |at| at + 1);
    // The shared end begins with a slash, which may be the one that ends the shared begin.
    let from = head.saturating_sub(1);
    let tails = (old.get(from..).unwrap_or_default(), new.get(from..).unwrap_or_default());
    let equal = tails.0.iter().rev().zip(tails.1.iter().rev()).take_while(|(a, b)| a == b).count();
    let tail = tails.0.get(tails.0.len() - equal..).unwrap_or_default();
    let tail = tail.iter().position(|byte| *byte == b'/').map_or(0, |at| tail.len() - at);
    let middle = |path: &'_ [u8]| path.get(head..(path.len() - tail).max(head)).unwrap_or_default().to_vec();
    let (open, close): (&[u8], &[u8]) = if head + tail > 0 { (b"{", b"}") } else { (b"", b"") };
    let start = old.get(..head).unwrap_or_default();
    let end = old.get(old.len() - tail..).unwrap_or_default();
    [start, open, &middle(old), b" => ", &middle(new), close, end].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diff::{File, FileMode},
        id::ObjectId,
    };

    #[test]
    fn renames_share_what_they_can() {
        let file = |path: &str| File { path: path.into(), mode: FileMode::SUBMODULE, id: ObjectId::from([1; 20]) };
        for (old, new, printed) in [
            ("a", "b", "a => b"),
            ("dir/a", "dir/b", "dir/{a => b}"),
            ("a/x/c", "a/y/c", "a/{x => y}/c"),
            ("a/c", "a/b/c", "a/{ => b}/c"),
            ("a/b/c", "a/c", "a/{b => }/c"),
            ("x/c", "c", "x/c => c"),
            ("x/y/c", "z/y/c", "{x => z}/y/c"),
            ("d/\u{e4}", "d/b", "\"d/\\303\\244\" => d/b"),
        ] {
            let change = Change { status: Status::Renamed(0), before: Some(file(old)), after: Some(file(new)) };
            assert_eq!(String::from_utf8(print_name(&change)).unwrap(), printed);
        }
    }
}
