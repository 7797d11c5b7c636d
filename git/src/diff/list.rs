//! Owns the lists of changed files: `--name-status` and `--raw`. Refuses contents. Called by pages and the API.
//!
//! Source: git-diff(1), "Raw output format".

use std::io::Write;

use super::{
    abbrev::{IdLength, IdPrinter},
    change::Change,
    quote::quote_path,
};
use crate::{
    error::{Error, Result},
    id::{HASH_KIND, ObjectId},
    odb::Snapshot,
};

/// Writes one line for each change as `git diff --name-status` does.
///
/// Errors: `PeerGone`.
pub fn write_name_status(changes: &[Change], out: &mut dyn Write) -> Result<()> {
    changes.iter().try_for_each(|change| out.write_all(&status_and_paths(change))).map_err(Error::PeerGone)
}

/// Writes one line for each change as `git diff --raw` does, with full ids or unique abbreviations.
///
/// Errors: `PeerGone`.
pub fn write_raw(odb: &Snapshot, changes: &[Change], ids: IdLength, out: &mut dyn Write) -> Result<()> {
    let ids = IdPrinter::new(odb, ids);
    let null = ObjectId::null(HASH_KIND);
    for change in changes {
        let side = |file: &Option<super::File>| file.as_ref().map_or((0, null), |file| (file.mode.bits(), file.id));
        let ((old_mode, old), (new_mode, new)) = (side(&change.before), side(&change.after));
        write!(out, ":{old_mode:06o} {new_mode:06o} {} {} ", ids.print(&old), ids.print(&new))
            .and_then(|()| out.write_all(&status_and_paths(change)))
            .map_err(Error::PeerGone)?;
    }
    Ok(())
}

fn status_and_paths(change: &Change) -> Vec<u8> {
    let mut line = change.status.letter().to_string().into_bytes();
    if let Some(similarity) = change.status.similarity() {
        line.extend_from_slice(format!("{similarity:03}\t").as_bytes());
        line.extend_from_slice(&quote_path("", change.old_path()));
    }
    line.push(b'\t');
    line.extend_from_slice(&quote_path("", change.path()));
    line.push(b'\n');
    line
}
