//! Owns gathering changes that lie near each other into the hunks of a patch, with their lines of context. Refuses to print. Called by
//! patch text and by statistics, which count what a patch would show.

use std::ops::Range;

use super::lines::{Hunk, LineOptions, Lines, Whitespace, intern::is_space};

/// A hunk of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchHunk {
    /// Which of the changes it shows.
    pub changes: Range<usize>,
    /// Its lines of the text before, context included.
    pub before: Range<usize>,
    /// Its lines of the text after, context included.
    pub after: Range<usize>,
}

/// Gathers changes into hunks.
///
/// Shape: `is_blank` says of each change whether it may be left out (see [`blank_changes`]); empty when none may.
/// Units: `context` and `between` count lines: shown around each change, and what two hunks may lie apart beyond their context and still
/// be joined.
pub fn gather(
    hunks: &[Hunk],
    is_blank: &[bool],
    lengths: (usize, usize),
    context: usize,
    between: usize,
) -> Vec<PatchHunk> {
    let mut out = Vec::new();
    let mut next = 0;
    while let Some((first, last)) = next_group(hunks, is_blank, next, context, between) {
        if let Some((top, bottom)) = hunks.get(first).zip(hunks.get(last)) {
            let left = lengths.0.saturating_sub(bottom.before.end).min(lengths.1.saturating_sub(bottom.after.end));
            let below = context.min(left);
            out.push(PatchHunk {
                changes: first..last + 1,
                before: top.before.start.saturating_sub(context)..bottom.before.end + below,
                after: top.after.start.saturating_sub(context)..bottom.after.end + below,
            });
        }
        next = last + 1;
    }
    out
}

/// Finds the first and the last change of the next hunk.
fn next_group(
    hunks: &[Hunk],
    is_blank: &[bool],
    from: usize,
    context: usize,
    between: usize,
) -> Option<(usize, usize)> {
    let blank = |at: usize| is_blank.get(at).copied().unwrap_or(false);
    let gap = |a: usize, b: usize| {
        hunks.get(a).zip(hunks.get(b)).map_or(0, |(a, b)| b.before.start.saturating_sub(a.before.end))
    };
    // Blank changes in front of it count only when they are near to what follows.
    let mut first = from;
    let mut at = from;
    while at < hunks.len() && blank(at) {
        if at + 1 >= hunks.len() || gap(at, at + 1) >= context {
            first = at + 1;
        }
        at += 1;
    }
    if first >= hunks.len() {
        return None;
    }
    let farthest = context.saturating_mul(2).saturating_add(between);
    let mut last = first;
    let mut left_out = 0;
    for at in first + 1..hunks.len() {
        let distance = gap(at - 1, at);
        if distance > farthest {
            break;
        }
        if distance < context && (!blank(at) || last == at - 1) {
            last = at;
            left_out = 0;
        } else if distance < context {
            left_out += hunks.get(at).map_or(0, |hunk| hunk.after.len());
        } else if last != at - 1 && gap(last, at) + left_out > farthest {
            break;
        } else if !blank(at) {
            last = at;
            left_out = 0;
        } else {
            left_out += hunks.get(at).map_or(0, |hunk| hunk.after.len());
        }
    }
    Some((first, last))
}

/// Says of each change whether it adds and removes blank lines only (`--ignore-blank-lines`).
pub fn blank_changes(hunks: &[Hunk], before: &Lines<'_>, after: &Lines<'_>, options: &LineOptions) -> Vec<bool> {
    let is_blank = |line: &[u8]| match options.whitespace {
        Whitespace::Exact => line.len() <= 1,
        _ => line.iter().all(|byte| is_space(*byte)),
    };
    let all = |lines: &Lines<'_>, range: &Range<usize>| range.clone().all(|at| is_blank(lines.get(at)));
    hunks.iter().map(|hunk| all(before, &hunk.before) && all(after, &hunk.after)).collect()
}
