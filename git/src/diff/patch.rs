//! Owns patch text: headers, hunks, what stands for binary files. Refuses to choose what is compared. Called by pages, the API and mails.
//!
//! One file is in memory at a time; what is larger than allowed is shown as binary.
//!
//! Source: git-diff(1), "Generating patch text with -p".

pub(crate) mod base85;
mod binary;
mod delta;
mod header;
mod hunk;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use delta::create as create_delta;

use std::{
    io::{BufWriter, Write},
    sync::atomic::AtomicBool,
};

use super::{
    abbrev::{IdLength, IdPrinter},
    change::{Change, File},
    compare::Comparison,
    content::Content,
    lines::LineOptions,
};
use crate::{
    error::{Error, Result},
    odb::Snapshot,
    walk::check_interrupt,
};
use header::Header;

/// How patches are written.
///
/// Units: lines for `context` and `between`, bytes for `max_blob_bytes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchOptions {
    /// Lines shown around each change.
    pub context: usize,
    /// How many more lines two changes may lie apart and share a hunk.
    pub between: usize,
    /// How lines are compared.
    pub lines: LineOptions,
    /// Whether changes of blank lines only are left out.
    pub ignore_blank_lines: bool,
    /// How ids are printed.
    pub ids: IdLength,
    /// Whether binary files are written so that they can be applied (`--binary`).
    pub binary: bool,
    /// Larger files are not compared and stand as binary.
    pub max_blob_bytes: u64,
    /// Files with more lines are not compared either; lines cost up to a hundred bytes of memory each.
    pub max_lines: usize,
}

impl Default for PatchOptions {
    fn default() -> Self {
        PatchOptions {
            context: 3,
            between: 0,
            lines: LineOptions::default(),
            ignore_blank_lines: false,
            ids: IdLength::Unique,
            binary: false,
            max_blob_bytes: 32 << 20,
            max_lines: 1_000_000,
        }
    }
}

/// Writes patches of one repository.
pub struct PatchWriter<'a> {
    odb: &'a Snapshot,
    ids: IdPrinter<'a>,
    options: &'a PatchOptions,
    interrupt: &'a AtomicBool,
}

impl std::fmt::Debug for PatchWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PatchWriter").field("options", self.options).finish_non_exhaustive()
    }
}

/// Writes the patch of several changes as `git diff` does.
///
/// Errors: `PeerGone` when `out` fails, `Interrupted`, `Lost`, `Corrupt`.
pub fn write_patch(
    odb: &Snapshot,
    changes: &[Change],
    options: &PatchOptions,
    out: &mut dyn Write,
    interrupt: &AtomicBool,
) -> Result<()> {
    let writer = PatchWriter::new(odb, options, interrupt);
    changes.iter().try_for_each(|change| writer.write(change, out))
}

impl<'a> PatchWriter<'a> {
    /// A writer for files of `odb`; it fails once `interrupt` is set.
    pub fn new(odb: &'a Snapshot, options: &'a PatchOptions, interrupt: &'a AtomicBool) -> Self {
        PatchWriter { odb, ids: IdPrinter::new(odb, options.ids), options, interrupt }
    }

    /// Writes the patch of one change; nothing when white space that is ignored is all that differs.
    ///
    /// Errors: `PeerGone` when `out` fails, `Interrupted`, `Lost`, `Corrupt`.
    pub fn write(&self, change: &Change, out: &mut dyn Write) -> Result<()> {
        check_interrupt(self.interrupt)?;
        let mut out = BufWriter::with_capacity(32 << 10, out);
        match (&change.before, &change.after) {
            // What became something else is shown as one file deleted and another created.
            (Some(before), Some(after)) if !before.mode.is_same_type(after.mode) => {
                self.write_pair(change, Some(before), None, &mut out)?;
                self.write_pair(change, None, Some(after), &mut out)?;
            }
            (before, after) => self.write_pair(change, before.as_ref(), after.as_ref(), &mut out)?,
        }
        out.flush().map_err(Error::PeerGone)
    }

    fn write_pair(
        &self,
        change: &Change,
        before: Option<&File>,
        after: Option<&File>,
        out: &mut dyn Write,
    ) -> Result<()> {
        let mut header = Header::new(change, before, after);
        if before.map(|file| file.id) == after.map(|file| file.id) {
            return if header.is_news() { emit(out, &header.text()) } else { Ok(()) };
        }
        let load = |file| Content::load(self.odb, file, self.options);
        let (old, new) = (load(before)?, load(after)?);
        let is_binary = old.is_binary || new.is_binary;
        header.add_ids(if is_binary && self.options.binary { self.ids.full() } else { self.ids.clone() });
        if is_binary {
            emit(out, &header.text())?;
            return if self.options.binary && old.is_complete && new.is_complete {
                binary::write(&old.data, &new.data, self.interrupt, out)
            } else {
                emit(out, &header.binary_line())
            };
        }
        let compared = Comparison::new(&old.data, &new.data, self.options, self.interrupt)?;
        if header.is_news() || !compared.shown.is_empty() {
            emit(out, &header.text())?;
        }
        if !compared.shown.is_empty() {
            emit(out, &header.name_lines())?;
            hunk::write(&compared, self.interrupt, out)?;
        }
        Ok(())
    }
}

fn emit(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(Error::PeerGone)
}
