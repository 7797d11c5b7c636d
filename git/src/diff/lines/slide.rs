//! Owns moving groups of changed lines: a group whose neighbour equals its far end may lie in several places. Refuses to change what is
//! removed or added in sum. Called by [`super::diff_lines`].
//!
//! Order of preference, as in git: join other groups; lie opposite a group of the other text; where indentation suggests; as low as
//! possible.

use std::sync::atomic::AtomicBool;

use super::{
    Lines,
    indent::{Score, score},
};
use crate::{error::Result, walk::check_interrupt};

/// How far a group is moved by indentation, in lines.
const MAX_SLIDING: usize = 100;

/// One text as numbers, with the marks of its changed lines.
pub(crate) struct Side {
    pub(crate) numbers: Vec<u32>,
    changed: Vec<bool>,
}

/// Changed lines in a row; may be empty, between two unchanged lines.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
}

impl Group {
    fn is_empty(self) -> bool {
        self.start == self.end
    }

    fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

impl Side {
    pub(crate) fn new(numbers: Vec<u32>) -> Self {
        let changed = vec![false; numbers.len()];
        Side { numbers, changed }
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn is_changed(&self, line: usize) -> bool {
        self.changed.get(line).copied().unwrap_or(false)
    }

    pub(crate) fn mark(&mut self, line: usize, changed: bool) {
        if let Some(mark) = self.changed.get_mut(line) {
            *mark = changed;
        }
    }

    fn is_equal(&self, a: usize, b: usize) -> bool {
        let left = self.numbers.get(a);
        left.is_some() && left == self.numbers.get(b)
    }

    fn end_of_group(&self, start: usize) -> usize {
        start + self.changed.get(start..).unwrap_or_default().iter().take_while(|mark| **mark).count()
    }

    fn start_of_group(&self, end: usize) -> usize {
        end - self.changed.get(..end).unwrap_or_default().iter().rev().take_while(|mark| **mark).count()
    }

    fn first(&self) -> Group {
        Group { start: 0, end: self.end_of_group(0) }
    }

    /// Goes to the next group, past one unchanged line.
    fn next(&self, group: &mut Group) -> bool {
        if group.end >= self.len() {
            return false;
        }
        group.start = group.end + 1;
        group.end = self.end_of_group(group.start);
        true
    }

    fn previous(&self, group: &mut Group) -> bool {
        let Some(end) = group.start.checked_sub(1) else { return false };
        *group = Group { start: self.start_of_group(end), end };
        true
    }

    /// Moves a group up by a line if the text allows; it swallows a group it then touches.
    fn slide_up(&mut self, group: &mut Group) -> bool {
        let Some((start, end)) = group.start.checked_sub(1).zip(group.end.checked_sub(1)) else { return false };
        if !self.is_equal(start, end) {
            return false;
        }
        self.mark(start, true);
        self.mark(end, false);
        *group = Group { start: self.start_of_group(start), end };
        true
    }

    fn slide_down(&mut self, group: &mut Group) -> bool {
        if group.end >= self.len() || !self.is_equal(group.start, group.end) {
            return false;
        }
        self.mark(group.start, false);
        self.mark(group.end, true);
        *group = Group { start: group.start + 1, end: self.end_of_group(group.end) };
        true
    }
}

/// Moves every group of `side` to its best place; `other` is walked along and not changed.
///
/// Shape: `text` are the lines of `side` when the indent heuristic is wanted.
pub(crate) fn compact(side: &mut Side, other: &Side, text: Option<&Lines<'_>>, interrupt: &AtomicBool) -> Result<()> {
    let mut group = side.first();
    let mut opposite = other.first();
    loop {
        if !group.is_empty() {
            check_interrupt(interrupt)?;
            let place = settle(side, other, &mut group, &mut opposite, interrupt)?;
            let size = group.len();
            if place.highest_end == group.end {
                // It lies fast.
            } else if place.has_opposite {
                while opposite.is_empty() && side.slide_up(&mut group) && other.previous(&mut opposite) {}
            } else if let Some(text) = text {
                let end = best_end(text, group, size, place.highest_end);
                while group.end > end && side.slide_up(&mut group) && other.previous(&mut opposite) {}
            }
        }
        if !side.next(&mut group) || !other.next(&mut opposite) {
            return Ok(());
        }
    }
}

/// What sliding a group as far as it goes has shown.
struct Place {
    /// The end of the group at its highest place.
    highest_end: usize,
    /// Whether it lay opposite to a group of the other text somewhere.
    has_opposite: bool,
}

/// Slides a group all the way up and then all the way down, again while it joins others on the way.
fn settle(
    side: &mut Side,
    other: &Side,
    group: &mut Group,
    opposite: &mut Group,
    interrupt: &AtomicBool,
) -> Result<Place> {
    loop {
        check_interrupt(interrupt)?;
        let size = group.len();
        while side.slide_up(group) {
            other.previous(opposite);
        }
        let highest_end = group.end;
        let mut has_opposite = !opposite.is_empty();
        while side.slide_down(group) {
            other.next(opposite);
            has_opposite |= !opposite.is_empty();
        }
        if group.len() == size {
            return Ok(Place { highest_end, has_opposite });
        }
    }
}

/// The end at which indentation speaks most for the group's upper and lower edge; the lowest of equals.
fn best_end(text: &Lines<'_>, group: Group, size: usize, highest_end: usize) -> usize {
    let first = highest_end.max(group.end.saturating_sub(size + 1)).max(group.end.saturating_sub(MAX_SLIDING));
    let mut best: Option<(Score, usize)> = None;
    for end in first..=group.end {
        let found = score(text, end) + score(text, end.saturating_sub(size));
        if best.as_ref().is_none_or(|(score, _)| found.is_no_worse_than(score)) {
            best = Some((found, end));
        }
    }
    best.map_or(group.end, |(_, end)| end)
}
