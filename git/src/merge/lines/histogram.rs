//! Owns the histogram search: the longest common run around the rarest common lines is kept, what lies before and behind it is searched in turn.
//! Refuses very repetitive parts: those are left to Myers' search. Called by [`super::changes`].

use std::{ops::Range, sync::atomic::AtomicBool};

use super::mark_with_myers;
use crate::diff::lines::slide::Side;
use crate::{error::Result, walk::check_interrupt};

/// Lines that occur more often are no landmarks.
const MAX_OCCURRENCES: u32 = 64;

/// A part of both texts that is to be compared.
struct Region {
    before: Range<usize>,
    after: Range<usize>,
}

/// A run of lines that both texts have.
struct Common {
    before: usize,
    after: usize,
    len: usize,
}

/// What the search for a common run came to.
enum Found {
    Run(Common),
    /// The texts have no line in common.
    Nothing,
    /// Common lines are all too frequent.
    TooFrequent,
}

/// Marks the lines that are not part of common runs; line numbers are below `count`.
pub(super) fn mark_changes(left: &mut Side, right: &mut Side, count: usize, interrupt: &AtomicBool) -> Result<()> {
    let mut index =
        Index { occurrences: vec![Occurrences::default(); count], following: vec![0; left.len().saturating_add(1)] };
    let mut pending = vec![Region { before: 0..left.len(), after: 0..right.len() }];
    while let Some(region) = pending.pop() {
        check_interrupt(interrupt)?;
        let (a, b) = (&region.before, &region.after);
        let found = if a.is_empty() || b.is_empty() {
            Found::Nothing
        } else {
            index.find(&left.numbers, &right.numbers, &region, interrupt)?
        };
        match found {
            Found::Run(run) => {
                pending.push(Region { before: run.before + run.len..a.end, after: run.after + run.len..b.end });
                pending.push(Region { before: a.start..run.before, after: b.start..run.after });
            }
            Found::Nothing => {
                region.before.for_each(|line| left.mark(line, true));
                region.after.for_each(|line| right.mark(line, true));
            }
            Found::TooFrequent => by_myers(left, right, &region, count, interrupt)?,
        }
    }
    Ok(())
}

fn by_myers(left: &mut Side, right: &mut Side, region: &Region, count: usize, interrupt: &AtomicBool) -> Result<()> {
    let part =
        |side: &Side, range: &Range<usize>| Side::new(side.numbers.get(range.clone()).unwrap_or_default().to_vec());
    let (mut before, mut after) = (part(left, &region.before), part(right, &region.after));
    mark_with_myers(&mut before, &mut after, count, interrupt)?;
    for (side, part, start) in [(left, before, region.before.start), (right, after, region.after.start)] {
        for line in 0..part.len() {
            side.mark(start + line, part.is_changed(line));
        }
    }
    Ok(())
}

/// Where a line occurs in the text before. Places count from one; zero is none.
#[derive(Clone, Copy, Default)]
struct Occurrences {
    first: usize,
    count: u32,
}

struct Index {
    /// By line number.
    occurrences: Vec<Occurrences>,
    /// By place: the next place of the same line.
    following: Vec<usize>,
}

impl Index {
    fn find(&mut self, a: &[u32], b: &[u32], region: &Region, interrupt: &AtomicBool) -> Result<Found> {
        for place in region.before.clone().rev() {
            let Some(slot) = a.get(place).and_then(|number| self.occurrences.get_mut(*number as usize)) else {
                continue;
            };
            if let Some(following) = self.following.get_mut(place + 1) {
                *following = slot.first;
            }
            *slot = Occurrences { first: place + 1, count: slot.count.saturating_add(1) };
        }
        let mut search = Search {
            index: self,
            a,
            b,
            region,
            best: Common { before: 0, after: 0, len: 0 },
            rarest: MAX_OCCURRENCES + 1,
            has_common: false,
        };
        let mut at = region.after.start;
        while at < region.after.end {
            check_interrupt(interrupt)?;
            at = search.try_line(at);
        }
        let Search { best, rarest, has_common, .. } = search;
        for place in region.before.clone() {
            if let Some(slot) = a.get(place).and_then(|number| self.occurrences.get_mut(*number as usize)) {
                *slot = Occurrences::default();
            }
        }
        Ok(if !has_common {
            Found::Nothing
        } else if rarest > MAX_OCCURRENCES {
            Found::TooFrequent
        } else {
            Found::Run(best)
        })
    }

    fn occurrences_of(&self, numbers: &[u32], place: usize) -> Occurrences {
        let slot = numbers.get(place).and_then(|number| self.occurrences.get(*number as usize));
        slot.copied().unwrap_or_default()
    }
}

struct Search<'a> {
    index: &'a Index,
    a: &'a [u32],
    b: &'a [u32],
    region: &'a Region,
    best: Common,
    /// How often the rarest line of the best run occurs.
    rarest: u32,
    has_common: bool,
}

impl Search<'_> {
    fn is_equal(&self, before: usize, after: usize) -> bool {
        let left = self.a.get(before);
        left.is_some() && left == self.b.get(after)
    }

    /// Tries the runs around each place of one line of the text after, and answers the next line to try.
    fn try_line(&mut self, at: usize) -> usize {
        let mut next_line = at + 1;
        let found = self.index.occurrences_of(self.b, at);
        if found.count == 0 {
            return next_line;
        }
        self.has_common = true;
        if found.count > self.rarest {
            return next_line;
        }
        let mut place = found.first;
        while let Some(before) = place.checked_sub(1) {
            let (mut start, mut end) = ((before, at), (before + 1, at + 1));
            let mut rarest = found.count;
            let (a, b) = (&self.region.before, &self.region.after);
            while start.0 > a.start && start.1 > b.start && self.is_equal(start.0 - 1, start.1 - 1) {
                start = (start.0 - 1, start.1 - 1);
                rarest = rarest.min(self.index.occurrences_of(self.a, start.0).count);
            }
            while end.0 < a.end && end.1 < b.end && self.is_equal(end.0, end.1) {
                rarest = rarest.min(self.index.occurrences_of(self.a, end.0).count);
                end = (end.0 + 1, end.1 + 1);
            }
            next_line = next_line.max(end.1);
            let len = end.0 - start.0;
            // A first run of one line counts by its rareness alone.
            if self.best.len.max(1) < len || rarest < self.rarest {
                self.best = Common { before: start.0, after: start.1, len };
                self.rarest = rarest;
            }
            let following = |place: usize| self.index.following.get(place).copied().unwrap_or(0);
            place = following(place);
            while place != 0 && place <= end.0 {
                place = following(place);
            }
        }
        next_line
    }
}
