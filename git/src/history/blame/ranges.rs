//! Owns arithmetic on ranges of lines. Pure; called by [`super`].

use crate::history::line_diff::Hunk;

/// Lines that follow each other in the file asked for and in the version looked at. Lines are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lines {
    /// First line in the file asked for.
    pub(super) line: u32,
    /// First line in the version looked at.
    pub(super) original: u32,
    pub(super) len: u32,
}

impl Lines {
    fn end(&self) -> u32 {
        self.original.saturating_add(self.len)
    }

    /// The part from `start` to `end` of the version looked at.
    fn part(&self, start: u32, end: u32) -> Option<Lines> {
        let (start, end) = (start.max(self.original), end.min(self.end()));
        let line = self.line.saturating_add(start.saturating_sub(self.original));
        let len = end.checked_sub(start).filter(|len| *len > 0)?;
        Some(Lines { line, original: start, len })
    }
}

/// The number of lines of a text; a last one without its end counts.
pub(super) fn count_lines(text: &[u8]) -> u32 {
    let ends = text.iter().filter(|byte| **byte == b'\n').count();
    let has_open_end = text.last().is_some_and(|byte| *byte != b'\n');
    u32::try_from(ends).unwrap_or(u32::MAX).saturating_add(u32::from(has_open_end))
}

/// Splits lines of a new version, in order, into those that an old version has too, with their numbers there, and the others.
///
/// Shape: ranges may overlap in the version looked at, since both sides of a merge may have passed the same line.
pub(super) fn split(lines: &[Lines], hunks: &[Hunk]) -> (Vec<Lines>, Vec<Lines>) {
    let (mut passed, mut kept) = (Vec::new(), Vec::new());
    for range in lines {
        let mut at = range.original;
        let mut next = hunks.partition_point(|hunk| hunk.new.end <= at);
        while at < range.end() {
            // Where the common lines before the next hunk start in both versions.
            let (old, new) = match next.checked_sub(1).and_then(|before| hunks.get(before)) {
                Some(before) => (before.old.end, before.new.end),
                None => (0, 0),
            };
            let (common_end, hunk_end) =
                hunks.get(next).map_or((u32::MAX, u32::MAX), |hunk| (hunk.new.start, hunk.new.end));
            if let Some(part) = range.part(at, common_end) {
                let original = old.saturating_add(part.original.saturating_sub(new));
                passed.push(Lines { original, ..part });
            }
            kept.extend(range.part(at.max(common_end), hunk_end));
            at = hunk_end;
            next = next.saturating_add(1);
        }
    }
    passed.sort_by_key(|range| (range.original, range.line));
    (passed, kept)
}

/// Adds ranges to others of the same version, in order.
pub(super) fn merge(lines: &mut Vec<Lines>, more: Vec<Lines>) {
    lines.extend(more);
    lines.sort_by_key(|range| (range.original, range.line));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line: u32, original: u32, len: u32) -> Lines {
        Lines { line, original, len }
    }

    #[test]
    fn lines_are_counted_as_git_counts() {
        for (text, count) in [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(count_lines(text.as_bytes()), count, "{text:?}");
        }
    }

    #[test]
    fn ranges_are_split_at_hunks() {
        // Old lines 0..10 become: 0 1 [new 2 3] 2 3 4 (5 6 removed) 7 8 9.
        let hunks = [Hunk { old: 2..2, new: 2..4 }, Hunk { old: 5..7, new: 7..7 }];
        let (passed, kept) = split(&[lines(0, 0, 10)], &hunks);
        assert_eq!(passed, [lines(0, 0, 2), lines(4, 2, 3), lines(7, 7, 3)]);
        assert_eq!(kept, [lines(2, 2, 2)]);
        let (passed, kept) = split(&[lines(100, 3, 2), lines(200, 8, 1)], &hunks);
        assert_eq!(passed, [lines(101, 2, 1), lines(200, 8, 1)]);
        assert_eq!(kept, [lines(100, 3, 1)]);
        assert_eq!(split(&[lines(5, 1, 2)], &[]), (vec![lines(5, 1, 2)], vec![]));
        let (passed, kept) = split(&[lines(0, 0, 10), lines(50, 0, 3), lines(60, 6, 2)], &hunks);
        let common =
            [lines(0, 0, 2), lines(50, 0, 2), lines(4, 2, 3), lines(60, 4, 1), lines(7, 7, 3), lines(61, 7, 1)];
        assert_eq!((passed.as_slice(), kept), (&common[..], vec![lines(2, 2, 2), lines(52, 2, 1)]));
    }
}
