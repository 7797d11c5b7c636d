//! Owns cutting files into lines, numbering equal lines alike, and the one call of a line diff that merging makes. Refuses to know what a merge
//! is. Called by [`super::text`] only: another line diff is put here and nowhere else.

use std::{collections::HashMap, ops::Range};

use imara_diff::{Diff, Token};

/// How lines are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineDiff {
    /// Git's default for showing differences, and what `git merge-file` uses.
    Myers,
    /// What git's merge of trees uses.
    #[default]
    Histogram,
}

/// A run of lines of one file that stands for a run of lines of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) before: Range<usize>,
    pub(super) after: Range<usize>,
}

/// A file cut into lines, each with its newline if it has one.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) text: Vec<&'a [u8]>,
    /// One number per line; equal lines have equal numbers.
    pub(super) numbers: Vec<u32>,
}

/// Gives equal lines of several files equal numbers.
#[derive(Debug, Default)]
pub(super) struct Numbering<'a> {
    known: HashMap<&'a [u8], u32>,
}

impl<'a> Numbering<'a> {
    pub(super) fn cut(&mut self, content: &'a [u8]) -> Lines<'a> {
        let text: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
        let numbers = text.iter().map(|line| self.number(line)).collect();
        Lines { text, numbers }
    }

    /// How many different lines there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.known.len()).unwrap_or(u32::MAX)
    }

    fn number(&mut self, line: &'a [u8]) -> u32 {
        let next = self.count();
        *self.known.entry(line).or_insert(next)
    }
}

/// Finds the runs of lines that differ, in order, slid as git slides them without its indent heuristic.
///
/// Shape: numbers are below `count`.
pub(super) fn changes(before: &[u32], after: &[u32], count: u32, algorithm: LineDiff) -> Vec<Change> {
    let before: Vec<Token> = before.iter().copied().map(Token).collect();
    let after: Vec<Token> = after.iter().copied().map(Token).collect();
    let algorithm = match algorithm {
        LineDiff::Myers => imara_diff::Algorithm::Myers,
        LineDiff::Histogram => imara_diff::Algorithm::Histogram,
    };
    let mut diff = Diff::default();
    diff.compute_with(algorithm, &before, &after, count);
    diff.postprocess_with(&before, &after, |_: &[Token], hunk: Range<u32>, _: u32| hunk.end);
    let wide = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks().map(|hunk| Change { before: wide(hunk.before), after: wide(hunk.after) }).collect()
}
