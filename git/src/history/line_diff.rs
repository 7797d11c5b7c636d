//! Owns the line diff behind blame, as one function. Refuses everything else about diffs. Called by [`super::blame`].

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, sources::byte_lines};

/// Lines of an old text replaced by lines of a new one; one of the ranges may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Lines of the old text, counted from 0.
    pub old: Range<u32>,
    /// Lines of the new text.
    pub new: Range<u32>,
}

/// Compares two texts line by line, with Myers' algorithm and git's indent heuristic.
///
/// Shape: hunks in order that do not touch.
pub fn diff_lines(old: &[u8], new: &[u8]) -> Vec<Hunk> {
    let input = InternedInput::new(byte_lines(old), byte_lines(new));
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_lines(&input);
    diff.hunks().map(|hunk| Hunk { old: hunk.before, new: hunk.after }).collect()
}
