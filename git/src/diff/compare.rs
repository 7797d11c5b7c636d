//! Owns comparing the two contents of one change, once for patches and statistics alike. Refuses to print. Called by [`super::patch`] and
//! [`super::stat`].

use std::sync::atomic::AtomicBool;

use super::{
    context::{self, PatchHunk},
    lines::{self, Hunk, Lines},
    patch::PatchOptions,
};
use crate::error::Result;

/// Two texts, what differs and how a patch would show it.
pub(super) struct Comparison<'a> {
    pub(super) before: Lines<'a>,
    pub(super) after: Lines<'a>,
    pub(super) hunks: Vec<Hunk>,
    pub(super) shown: Vec<PatchHunk>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(
        before: &'a [u8],
        after: &'a [u8],
        options: &PatchOptions,
        interrupt: &AtomicBool,
    ) -> Result<Comparison<'a>> {
        // Without context git leaves the common end out before it searches, and its heuristics may then choose other hunks.
        let (before, after) =
            if options.context == 0 { lines::without_common_tail(before, after) } else { (before, after) };
        let (before, after) = (Lines::new(before), Lines::new(after));
        let hunks = lines::diff_lines(&before, &after, &options.lines, interrupt)?;
        let blank = if options.ignore_blank_lines {
            context::blank_changes(&hunks, &before, &after, &options.lines)
        } else {
            Vec::new()
        };
        let lengths = (before.len(), after.len());
        let shown = context::gather(&hunks, &blank, lengths, options.context, options.between);
        Ok(Comparison { before, after, hunks, shown })
    }

    /// The changes that a hunk of the patch shows.
    pub(super) fn changes_of(&self, hunk: &PatchHunk) -> &[Hunk] {
        self.hunks.get(hunk.changes.clone()).unwrap_or_default()
    }
}
