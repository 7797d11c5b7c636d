//! Owns the merge of three texts line by line, with the results of git's `xdl_merge`: what is merged, where conflicts begin and end, how they are
//! marked. Refuses to know objects, paths and attributes. Called by the merge of trees and wherever one file is merged.
//!
//! Source: git-merge-file(1) and the behaviour of git 2.39, with which the tests compare.

mod output;
mod regions;

use std::sync::atomic::AtomicBool;

use super::lines::{LineDiff, Numbering};
use crate::error::Result;

/// How conflicts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConflictStyle {
    /// Both sides.
    #[default]
    Merge,
    /// Both sides and what they came from.
    Diff3,
}

/// How close conflicts are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Joining {
    /// Conflicts with at most three lines between them become one; what git does when it merges trees.
    #[default]
    Near,
    /// So do conflicts between which no letter or digit stands; what `git merge-file` does.
    NearOrBlank,
}

/// The names behind the conflict markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels<'a> {
    /// Of the common version, shown by [`ConflictStyle::Diff3`].
    pub base: &'a [u8],
    /// Of our side.
    pub ours: &'a [u8],
    /// Of their side.
    pub theirs: &'a [u8],
}

/// How to merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions<'a> {
    /// How lines are matched.
    pub diff: LineDiff,
    /// How conflicts are written.
    pub style: ConflictStyle,
    /// How close conflicts are treated.
    pub joining: Joining,
    /// Length of the conflict markers, 7 in git. Units: characters.
    pub marker_size: usize,
    /// The names behind the markers.
    pub labels: Labels<'a>,
}

/// A merged text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextMerge {
    /// The text, with conflict markers where sides disagree.
    pub content: Vec<u8>,
    /// How many places disagree.
    pub conflicts: usize,
}

/// Merges the changes from `base` to `ours` and from `base` to `theirs`.
///
/// Shape: bytes are kept as they are, whatever the encoding or line ends; the caller bounds the sizes and keeps binary files away.
/// Errors: `Interrupted`.
pub fn merge_text(
    base: &[u8],
    ours: &[u8],
    theirs: &[u8],
    options: &TextOptions<'_>,
    interrupt: &AtomicBool,
) -> Result<TextMerge> {
    let mut numbering = Numbering::default();
    let base_lines = numbering.cut(base, interrupt)?;
    let our_lines = numbering.cut(ours, interrupt)?;
    let their_lines = numbering.cut(theirs, interrupt)?;
    let sides =
        regions::Sides { base: &base_lines, ours: &our_lines, theirs: &their_lines, diff: options.diff, interrupt };
    let Some(regions) = regions::find(&sides, options)? else {
        // One side did not change anything.
        let content = if base_lines.numbers == our_lines.numbers { theirs } else { ours };
        return Ok(TextMerge { content: content.to_vec(), conflicts: 0 });
    };
    Ok(output::write(&sides, &regions, options))
}

#[cfg(test)]
pub(in crate::merge) mod tests;
