//! Line diff of two texts, hunk for hunk what stock git shows by default.
//!
//! Owns the pipeline: equal lines become equal numbers, lines that cannot match are set aside, Myers' search runs over the rest, and
//! each hunk slides to where people read it best. Refuses to know files, patches or context lines. Called by patch text and statistics;
//! made for blame and merge as well.
//!
//! Bounds: memory is a small multiple of the number of lines; time is held by git's own heuristics, and the interrupt flag is looked at
//! in every round. Which texts are too large to be compared is the caller's decision.
//!
//! Source: behaviour of git's xdiff as seen from outside and in gitdiffcore(7), git-diff(1); the algorithm is Myers' "An O(ND) Difference
//! Algorithm and Its Variations".

mod indent;
pub(in crate::diff) mod intern;
pub(crate) mod myers;
pub(crate) mod prune;
pub(crate) mod slide;

use std::{ops::Range, sync::atomic::AtomicBool};

use crate::error::Result;
use slide::Side;

/// Which white space makes no difference between two lines.
///
/// Shape: white space is what git takes for it: space, tab, newline, carriage return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whitespace {
    /// Lines are equal when their bytes are.
    #[default]
    Exact,
    /// `--ignore-space-at-eol`: white space at the end of a line.
    IgnoreAtEnd,
    /// `-b`: also the amount of white space where there is some.
    IgnoreAmount,
    /// `-w`: all of it.
    IgnoreAll,
}

/// How texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOptions {
    /// Which white space is ignored.
    pub whitespace: Whitespace,
    /// Whether hunks that may lie in several places are put where indentation suggests; git's default.
    pub indent_heuristic: bool,
}

impl Default for LineOptions {
    fn default() -> Self {
        LineOptions { whitespace: Whitespace::Exact, indent_heuristic: true }
    }
}

/// A text as lines; each line keeps its newline, and only the last may lack it.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    text: &'a [u8],
    /// End of each line in `text`.
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Splits a text at its newlines.
    pub fn new(text: &'a [u8]) -> Self {
        let mut ends: Vec<usize> =
            text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
        if ends.last().copied().unwrap_or(0) < text.len() {
            ends.push(text.len());
        }
        Lines { text, ends }
    }

    /// The number of lines.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Says whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A line with its newline; empty beyond the last line.
    pub fn get(&self, index: usize) -> &'a [u8] {
        let start = index.checked_sub(1).map_or(Some(0), |previous| self.ends.get(previous).copied());
        let range = start.zip(self.ends.get(index).copied());
        range.and_then(|(start, end)| self.text.get(start..end)).unwrap_or_default()
    }

    /// The lines in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// Lines of the text before that were replaced by lines of the text after.
///
/// Shape: line numbers from zero; at most one of the ranges is empty; between hunks both texts have the same number of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Removed lines.
    pub before: Range<usize>,
    /// Added lines.
    pub after: Range<usize>,
}

/// Compares two texts and answers the hunks in order.
///
/// Errors: `Interrupted`.
pub fn diff_lines(
    before: &Lines<'_>,
    after: &Lines<'_>,
    options: &LineOptions,
    interrupt: &AtomicBool,
) -> Result<Vec<Hunk>> {
    let interned = intern::intern(before, after, options.whitespace, interrupt)?;
    let mut sides = [Side::new(interned.before), Side::new(interned.after)];
    let [left, right] = &mut sides;
    let kept = prune::set_aside(left, right, &interned.counts, interrupt)?;
    myers::mark_changes(left, right, &kept, interrupt)?;
    slide::compact(left, right, options.indent_heuristic.then_some(before), interrupt)?;
    slide::compact(right, left, options.indent_heuristic.then_some(after), interrupt)?;
    Ok(collect(left, right))
}

/// The same for whole texts.
///
/// Errors: `Interrupted`.
pub fn diff_texts(before: &[u8], after: &[u8], options: &LineOptions, interrupt: &AtomicBool) -> Result<Vec<Hunk>> {
    diff_lines(&Lines::new(before), &Lines::new(after), options, interrupt)
}

/// Cuts what both texts end in, down to a line that is kept, as git does before it compares without context lines.
///
/// Blame and merges of git compare such shortened texts, and the heuristics may then choose other hunks than in a patch: whoever must
/// agree with git's blame calls this first. Line numbers stay what they are, because only the end is cut.
pub fn without_common_tail<'a>(before: &'a [u8], after: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    const BLOCK: usize = 1024;
    let equal = before.rchunks_exact(BLOCK).zip(after.rchunks_exact(BLOCK)).take_while(|(a, b)| a == b).count();
    let mut cut = equal * BLOCK;
    let tail = before.get(before.len().saturating_sub(cut)..).unwrap_or_default();
    cut -= tail.iter().position(|byte| *byte == b'\n').map_or(tail.len(), |at| at + 1);
    let keep = |text: &'a [u8]| text.get(..text.len().saturating_sub(cut)).unwrap_or(text);
    (keep(before), keep(after))
}

/// Reads the marks of both sides as hunks.
pub(crate) fn collect(left: &Side, right: &Side) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        let (from_i, from_j) = (i, j);
        while left.is_changed(i) {
            i += 1;
        }
        while right.is_changed(j) {
            j += 1;
        }
        if i > from_i || j > from_j {
            hunks.push(Hunk { before: from_i..i, after: from_j..j });
        } else {
            i += 1;
            j += 1;
        }
    }
    hunks
}

#[cfg(test)]
mod tests;
