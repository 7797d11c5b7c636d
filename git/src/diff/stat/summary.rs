//! Owns the lines of `git diff --summary`: files created, deleted, renamed, modes changed. Refuses to count lines. Called by mails.

use std::io::Write;

use super::print_name;
use crate::{
    diff::{
        change::{Change, Status},
        quote::quote_path,
    },
    error::{Error, Result},
};

/// Writes one line for each change that is more than a change of content.
///
/// Errors: `PeerGone`.
pub fn write_summary(changes: &[Change], out: &mut dyn Write) -> Result<()> {
    changes.iter().try_for_each(|change| out.write_all(&lines(change))).map_err(Error::PeerGone)
}

fn lines(change: &Change) -> Vec<u8> {
    let modes = change.before.as_ref().zip(change.after.as_ref()).filter(|(a, b)| a.mode != b.mode);
    let modes = modes.map(|(a, b)| format!(" mode change {:06o} => {:06o}", a.mode.bits(), b.mode.bits()));
    let of_file = |text: String| [text.as_bytes(), b" ", &quote_path("", change.path()), b"\n"].concat();
    match (change.status, &change.before, &change.after) {
        (Status::Added, _, Some(file)) => of_file(format!(" create mode {:06o}", file.mode.bits())),
        (Status::Deleted, Some(file), _) => of_file(format!(" delete mode {:06o}", file.mode.bits())),
        (status @ (Status::Renamed(_) | Status::Copied(_)), ..) => {
            let verb = if matches!(status, Status::Renamed(_)) { " rename " } else { " copy " };
            let similarity = format!(" ({}%)\n", status.similarity().unwrap_or(0));
            let modes = modes.map(|modes| modes + "\n").unwrap_or_default();
            [verb.as_bytes(), &print_name(change), similarity.as_bytes(), modes.as_bytes()].concat()
        }
        _ => modes.map(of_file).unwrap_or_default(),
    }
}
