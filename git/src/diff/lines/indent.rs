//! Owns how well a hunk may begin or end before a line, judged by indentation and blank lines. Refuses to move anything. Called by
//! [`super::slide`].
//!
//! The weights are those that were found by training on hand-rated hunks; any other would give other hunks than git shows.
//! Source: <https://github.com/mhagger/diff-slider-tools>, "indent heuristic".

use std::ops::Add;

use super::{Lines, intern::is_space};

/// Deeper indentation counts as this.
const MAX_INDENT: i32 = 200;
/// So many blank lines are looked past.
const MAX_BLANKS: i32 = 20;

const START_OF_FILE: i32 = 1;
const END_OF_FILE: i32 = 21;
const EACH_BLANK: i32 = -30;
const EACH_BLANK_AFTER: i32 = 6;
/// What an edge costs that is indented more than the line before, without and with blank lines around.
const INDENT: [i32; 2] = [-4, 10];
/// Less than the line before, and less than the line after.
const OUTDENT: [i32; 2] = [24, 17];
/// Less than the line before only.
const DEDENT: [i32; 2] = [23, 17];
/// What a difference of indentation weighs against penalties.
const INDENT_WEIGHT: i32 = 60;

/// How bad the edges of a hunk lie; less is better.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Score {
    indent: i32,
    penalty: i32,
}

impl Add for Score {
    type Output = Score;

    fn add(self, other: Score) -> Score {
        Score { indent: self.indent + other.indent, penalty: self.penalty + other.penalty }
    }
}

impl Score {
    pub(super) fn is_no_worse_than(&self, other: &Score) -> bool {
        let indent = self.indent.cmp(&other.indent) as i32;
        INDENT_WEIGHT * indent + self.penalty - other.penalty <= 0
    }
}

/// Judges an edge before line `at`.
pub(super) fn score(text: &Lines<'_>, at: usize) -> Score {
    let is_end = at >= text.len();
    let own = if is_end { None } else { indent(text.get(at)) };
    let (before, blanks_before) = neighbour(&mut (0..at.min(text.len())).rev().map(|line| text.get(line)));
    let (after, blanks_after) = neighbour(&mut (at.saturating_add(1)..text.len()).map(|line| text.get(line)));
    let mut penalty = 0;
    if before.is_none() && blanks_before == 0 {
        penalty += START_OF_FILE;
    }
    if is_end {
        penalty += END_OF_FILE;
    }
    let blanks_after = if own.is_none() { 1 + blanks_after } else { 0 };
    let blanks = blanks_before + blanks_after;
    penalty += EACH_BLANK * blanks + EACH_BLANK_AFTER * blanks_after;
    let indent = own.or(after);
    if let (Some(here), Some(before)) = (indent, before) {
        let [dense, spaced] = match here.cmp(&before) {
            std::cmp::Ordering::Greater => INDENT,
            std::cmp::Ordering::Equal => [0, 0],
            std::cmp::Ordering::Less if after.is_some_and(|after| after > here) => OUTDENT,
            std::cmp::Ordering::Less => DEDENT,
        };
        penalty += if blanks == 0 { dense } else { spaced };
    }
    Score { indent: indent.unwrap_or(-1), penalty }
}

/// The indentation of the first line that is not blank, and how many blank ones lie before it.
fn neighbour(lines: &mut dyn Iterator<Item = &[u8]>) -> (Option<i32>, i32) {
    let mut blanks = 0;
    for line in lines {
        if let Some(indent) = indent(line) {
            return (Some(indent), blanks);
        }
        blanks += 1;
        if blanks == MAX_BLANKS {
            return (Some(0), blanks);
        }
    }
    (None, blanks)
}

/// The column where the text of a line begins; `None` for a blank line.
fn indent(line: &[u8]) -> Option<i32> {
    let mut column = 0;
    for byte in line {
        match byte {
            b' ' => column += 1,
            b'\t' => column += 8 - column % 8,
            byte if is_space(*byte) => {}
            _ => return Some(column),
        }
        if column >= MAX_INDENT {
            return Some(MAX_INDENT);
        }
    }
    None
}
