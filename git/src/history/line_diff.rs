//! Owns the line diff behind blame, as one function. Refuses everything else about diffs. Called by [`super::blame()`].

use std::{ops::Range, sync::atomic::AtomicBool};

use crate::{
    diff::lines::{LineOptions, diff_texts, without_common_tail},
    error::Result,
};

/// Lines of an old text replaced by lines of a new one; one of the ranges may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hunk {
    /// Lines of the old text, counted from 0.
    pub(super) old: Range<u32>,
    /// Lines of the new text.
    pub(super) new: Range<u32>,
}

/// Compares two texts line by line, as git's blame does: with the indent heuristic, and without the end that both have in common.
///
/// Shape: hunks in order that do not touch.
/// Errors: `Interrupted`.
pub(super) fn diff_lines(old: &[u8], new: &[u8], interrupt: &AtomicBool) -> Result<Vec<Hunk>> {
    let (old, new) = without_common_tail(old, new);
    let hunks = diff_texts(old, new, &LineOptions::default(), interrupt)?;
    // Blame numbers lines in 32 bits, and refuses files that have more.
    let narrow = |range: Range<usize>| {
        let number = |line| u32::try_from(line).unwrap_or(u32::MAX);
        number(range.start)..number(range.end)
    };
    Ok(hunks.into_iter().map(|hunk| Hunk { old: narrow(hunk.before), new: narrow(hunk.after) }).collect())
}
