//! Owns cutting files into lines, numbering equal lines alike, and the one call of a line diff that merging makes. Refuses to know what a merge
//! is. Called by [`super::text`] only: another line diff is put here and nowhere else.
//!
//! The search by Myers, the lines set aside for it and the sliding of groups are those of the line diff that patches are made with.

mod histogram;

use std::{collections::HashMap, sync::atomic::AtomicBool};

use crate::{
    diff::lines::{
        Hunk, collect, myers, prune,
        slide::{self, Side},
    },
    error::Result,
    walk::check_interrupt,
};

/// Between two looks at the interrupt flag.
const LINES_AT_ONCE: usize = 4096;

/// How lines are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineDiff {
    /// Git's default for showing differences, and what `git merge-file` uses.
    Myers,
    /// What git's merge of trees uses.
    #[default]
    Histogram,
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
    /// Errors: `Interrupted`.
    pub(super) fn cut(&mut self, content: &'a [u8], interrupt: &AtomicBool) -> Result<Lines<'a>> {
        let text: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
        let mut numbers = Vec::with_capacity(text.len());
        for some in text.chunks(LINES_AT_ONCE) {
            check_interrupt(interrupt)?;
            numbers.extend(some.iter().map(|line| self.number(line)));
        }
        Ok(Lines { text, numbers })
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
/// Errors: `Interrupted`.
pub(super) fn changes(before: &[u32], after: &[u32], algorithm: LineDiff, interrupt: &AtomicBool) -> Result<Vec<Hunk>> {
    // Parts of files are compared, too: their cost must not grow with the whole.
    let mut dense: HashMap<u32, u32> = HashMap::new();
    let mut renumber = |numbers: &[u32]| -> Result<Vec<u32>> {
        let mut number = |old: &u32| {
            let next = u32::try_from(dense.len()).unwrap_or(u32::MAX);
            *dense.entry(*old).or_insert(next)
        };
        let mut out = Vec::with_capacity(numbers.len());
        for some in numbers.chunks(LINES_AT_ONCE) {
            check_interrupt(interrupt)?;
            out.extend(some.iter().map(&mut number));
        }
        Ok(out)
    };
    let (mut left, mut right) = (Side::new(renumber(before)?), Side::new(renumber(after)?));
    match algorithm {
        LineDiff::Myers => mark_with_myers(&mut left, &mut right, dense.len(), interrupt)?,
        LineDiff::Histogram => histogram::mark_changes(&mut left, &mut right, dense.len(), interrupt)?,
    }
    slide::compact(&mut left, &right, None, interrupt)?;
    slide::compact(&mut right, &left, None, interrupt)?;
    Ok(collect(&left, &right))
}

/// Runs git's default search; line numbers are below `count`.
fn mark_with_myers(left: &mut Side, right: &mut Side, count: usize, interrupt: &AtomicBool) -> Result<()> {
    let mut counts = vec![[0u32; 2]; count];
    for (at, side) in [&*left, &*right].into_iter().enumerate() {
        for number in &side.numbers {
            if let Some(slot) = counts.get_mut(*number as usize).and_then(|both| both.get_mut(at)) {
                *slot = slot.saturating_add(1);
            }
        }
    }
    let kept = prune::set_aside(left, right, &counts, interrupt)?;
    myers::mark_changes(left, right, &kept, interrupt)
}
