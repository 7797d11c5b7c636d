//! Owns Myers' linear-space search with git's three ways of giving up early. Refuses to know lines: it sees numbers. Called by
//! [`super::diff_lines`].
//!
//! Two searches meet in the middle of a box, one from each corner; the meeting point cuts the box in two. In costly boxes a long common
//! run that lies far ahead, or the farthest point reached, is taken instead of the optimum.

use std::{ops::Range, sync::atomic::AtomicBool};

use super::{
    prune::{Kept, rough_root},
    slide::Side,
};
use crate::{error::Result, walk::check_interrupt};

/// A common run longer than this is taken for a landmark.
const LONG_RUN: isize = 20;
/// From this cost on a landmark may end the search.
const LANDMARK_COST: isize = 256;
/// How much farther than its cost a landmark must lie.
const LANDMARK_FACTOR: isize = 4;
/// The cost at which any search ends; longer texts allow more.
const LEAST_MAX_COST: u32 = 256;

/// A part of both texts that is to be compared.
struct Region {
    before: Range<isize>,
    after: Range<isize>,
    /// Whether only the optimum will do.
    minimal: bool,
}

/// Where a box is cut.
struct Split {
    before: isize,
    after: isize,
    minimal: (bool, bool),
}

/// Marks the lines that are not part of the common subsequence found.
pub(crate) fn mark_changes(left: &mut Side, right: &mut Side, kept: &Kept, interrupt: &AtomicBool) -> Result<()> {
    let (a, b) = (&kept.before, &kept.after);
    let mut search = Search::new(&a.numbers, &b.numbers, interrupt);
    // A stack of our own: unlucky cuts make the nesting as deep as the text is long.
    let mut pending =
        vec![Region { before: 0..a.numbers.len() as isize, after: 0..b.numbers.len() as isize, minimal: false }];
    while let Some(region) = pending.pop() {
        let region = search.shrink(region);
        if region.before.is_empty() {
            mark(right, &b.lines, region.after);
        } else if region.after.is_empty() {
            mark(left, &a.lines, region.before);
        } else {
            let split = search.split(&region)?;
            pending.push(Region {
                before: split.before..region.before.end,
                after: split.after..region.after.end,
                minimal: split.minimal.1,
            });
            pending.push(Region {
                before: region.before.start..split.before,
                after: region.after.start..split.after,
                minimal: split.minimal.0,
            });
        }
    }
    Ok(())
}

fn mark(side: &mut Side, lines: &[usize], range: Range<isize>) {
    for line in lines.get(range.start as usize..range.end as usize).unwrap_or_default() {
        side.mark(*line, true);
    }
}

/// The farthest points by diagonal; diagonals may be negative.
struct Frontier {
    points: Vec<isize>,
    offset: isize,
}

impl Frontier {
    fn new(before: usize, after: usize) -> Self {
        Frontier { points: vec![0; before + after + 5], offset: after as isize + 2 }
    }

    fn get(&self, diagonal: isize) -> isize {
        self.points.get((diagonal + self.offset) as usize).copied().unwrap_or_default()
    }

    fn set(&mut self, diagonal: isize, point: isize) {
        if let Some(slot) = self.points.get_mut((diagonal + self.offset) as usize) {
            *slot = point;
        }
    }
}

struct Search<'a> {
    a: &'a [u32],
    b: &'a [u32],
    forward: Frontier,
    backward: Frontier,
    max_cost: isize,
    interrupt: &'a AtomicBool,
}

/// Diagonals in use, from one end to the other, every second of them.
#[derive(Clone)]
struct Band {
    low: isize,
    high: isize,
    middle: isize,
}

impl Band {
    fn at(diagonal: isize) -> Self {
        Band { low: diagonal, high: diagonal, middle: diagonal }
    }

    /// Widens the band by one diagonal at each end inside of `bounds`, and narrows it where it is at the bound.
    fn grow(&mut self, bounds: &Range<isize>, frontier: &mut Frontier, outside: isize) {
        if self.low > bounds.start {
            self.low -= 1;
            frontier.set(self.low - 1, outside);
        } else {
            self.low += 1;
        }
        if self.high < bounds.end {
            self.high += 1;
            frontier.set(self.high + 1, outside);
        } else {
            self.high -= 1;
        }
    }

    /// From the highest diagonal down.
    fn down(&self) -> impl Iterator<Item = isize> + use<> {
        let (low, high) = (self.low, self.high);
        (0..).map(move |step| high - 2 * step).take_while(move |diagonal| *diagonal >= low)
    }

    fn contains(&self, diagonal: isize) -> bool {
        (self.low..=self.high).contains(&diagonal)
    }
}

impl<'a> Search<'a> {
    fn new(a: &'a [u32], b: &'a [u32], interrupt: &'a AtomicBool) -> Self {
        let max_cost = rough_root(a.len() + b.len() + 3).max(LEAST_MAX_COST) as isize;
        let frontier = || Frontier::new(a.len(), b.len());
        Search { a, b, forward: frontier(), backward: frontier(), max_cost, interrupt }
    }

    fn is_equal(&self, i: isize, j: isize) -> bool {
        let number = |side: &[u32], at: isize| usize::try_from(at).ok().and_then(|at| side.get(at).copied());
        let left = number(self.a, i);
        left.is_some() && left == number(self.b, j)
    }

    /// Takes the common lines off both ends.
    fn shrink(&self, mut region: Region) -> Region {
        let (a, b) = (&mut region.before, &mut region.after);
        while a.start < a.end && b.start < b.end && self.is_equal(a.start, b.start) {
            a.start += 1;
            b.start += 1;
        }
        while a.start < a.end && b.start < b.end && self.is_equal(a.end - 1, b.end - 1) {
            a.end -= 1;
            b.end -= 1;
        }
        region
    }

    /// Finds where to cut a box whose corners differ.
    fn split(&mut self, region: &Region) -> Result<Split> {
        let (a, b) = (&region.before, &region.after);
        let bounds = a.start - b.end..a.end - b.start;
        let mut ahead = Band::at(a.start - b.start);
        let mut back = Band::at(a.end - b.end);
        let odd = (ahead.middle - back.middle) & 1 != 0;
        self.forward.set(ahead.middle, a.start);
        self.backward.set(back.middle, a.end);
        for cost in 1.. {
            check_interrupt(self.interrupt)?;
            let mut has_long_run = false;
            ahead.grow(&bounds, &mut self.forward, -1);
            for diagonal in ahead.down() {
                let start = (self.forward.get(diagonal - 1) + 1).max(self.forward.get(diagonal + 1));
                let mut i = start;
                while i < a.end && i - diagonal < b.end && self.is_equal(i, i - diagonal) {
                    i += 1;
                }
                has_long_run |= i - start > LONG_RUN;
                self.forward.set(diagonal, i);
                if odd && back.contains(diagonal) && self.backward.get(diagonal) <= i {
                    return Ok(Split { before: i, after: i - diagonal, minimal: (true, true) });
                }
            }
            back.grow(&bounds, &mut self.backward, isize::MAX);
            for diagonal in back.down() {
                let start = self.backward.get(diagonal - 1).min(self.backward.get(diagonal + 1).saturating_sub(1));
                let mut i = start;
                while i > a.start && i - diagonal > b.start && self.is_equal(i - 1, i - diagonal - 1) {
                    i -= 1;
                }
                has_long_run |= start - i > LONG_RUN;
                self.backward.set(diagonal, i);
                if !odd && ahead.contains(diagonal) && i <= self.forward.get(diagonal) {
                    return Ok(Split { before: i, after: i - diagonal, minimal: (true, true) });
                }
            }
            if region.minimal {
                continue;
            }
            if has_long_run
                && cost > LANDMARK_COST
                && let Some(split) = self.landmark(region, &ahead, &back, cost)
            {
                return Ok(split);
            }
            if cost >= self.max_cost {
                return Ok(self.farthest(region, &ahead, &back));
            }
        }
        // Not reached: the searches meet at the latest when each has crossed the box.
        Ok(Split { before: a.end, after: b.start, minimal: (true, true) })
    }

    /// The end of a long common run that lies much farther ahead than its cost, the forward search first.
    fn landmark(&self, region: &Region, ahead: &Band, back: &Band, cost: isize) -> Option<Split> {
        let (a, b) = (&region.before, &region.after);
        let mut best = (0, None);
        for diagonal in ahead.down() {
            let i = self.forward.get(diagonal);
            let j = i - diagonal;
            let gain = (i - a.start) + (j - b.start) - (diagonal - ahead.middle).abs();
            let inside = a.start + LONG_RUN <= i && i < a.end && b.start + LONG_RUN <= j && j < b.end;
            if gain > LANDMARK_FACTOR * cost
                && gain > best.0
                && inside
                && (1..=LONG_RUN).all(|k| self.is_equal(i - k, j - k))
            {
                best = (gain, Some(Split { before: i, after: j, minimal: (true, false) }));
            }
        }
        if best.1.is_some() {
            return best.1;
        }
        for diagonal in back.down() {
            let i = self.backward.get(diagonal);
            let j = i.saturating_sub(diagonal);
            let gain = (a.end - i) + (b.end - j) - (diagonal - back.middle).abs();
            let inside = a.start < i && i <= a.end - LONG_RUN && b.start < j && j <= b.end - LONG_RUN;
            if gain > LANDMARK_FACTOR * cost
                && gain > best.0
                && inside
                && (0..LONG_RUN).all(|k| self.is_equal(i + k, j + k))
            {
                best = (gain, Some(Split { before: i, after: j, minimal: (false, true) }));
            }
        }
        best.1
    }

    /// The point of either search that is farthest from its corner.
    fn farthest(&self, region: &Region, ahead: &Band, back: &Band) -> Split {
        let (a, b) = (&region.before, &region.after);
        let mut first = (-1, -1);
        for diagonal in ahead.down() {
            let mut i = self.forward.get(diagonal).min(a.end);
            let mut j = i - diagonal;
            if b.end < j {
                (i, j) = (b.end + diagonal, b.end);
            }
            if first.0 < i + j {
                first = (i + j, i);
            }
        }
        let mut second = (isize::MAX, isize::MAX);
        for diagonal in back.down() {
            let mut i = self.backward.get(diagonal).max(a.start);
            let mut j = i.saturating_sub(diagonal);
            if j < b.start {
                (i, j) = (b.start + diagonal, b.start);
            }
            if i.saturating_add(j) < second.0 {
                second = (i.saturating_add(j), i);
            }
        }
        if (a.end + b.end).saturating_sub(second.0) < first.0 - (a.start + b.start) {
            Split { before: first.1, after: first.0 - first.1, minimal: (true, false) }
        } else {
            Split { before: second.1, after: second.0 - second.1, minimal: (false, true) }
        }
    }
}
