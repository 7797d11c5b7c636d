//! Owns which lines of the three texts belong together: changes of one side, changes both sides made alike, conflicts. Refuses to write them.
//!
//! Positions are signed as in the arithmetic of overlapping changes, where a start may be moved before the other side's; results are never
//! negative.

use std::{collections::VecDeque, sync::atomic::AtomicBool};

use super::{ConflictStyle, Joining, TextOptions};
use crate::{
    diff::lines::Hunk,
    error::Result,
    merge::lines::{self, LineDiff, Lines},
};

/// Conflicts this near to each other are shown as one. Units: lines.
const NEAR: i64 = 3;

/// The three texts.
pub(super) struct Sides<'a> {
    pub(super) base: &'a Lines<'a>,
    pub(super) ours: &'a Lines<'a>,
    pub(super) theirs: &'a Lines<'a>,
    pub(super) diff: LineDiff,
    pub(super) interrupt: &'a AtomicBool,
}

/// What becomes of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Conflict,
    Ours,
    Theirs,
    /// Both sides say the same.
    Alike,
}

/// A run of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: i64,
    pub(super) len: i64,
}

impl Run {
    fn new(start: i64, len: i64) -> Run {
        Run { start, len }
    }

    fn between(start: i64, end: i64) -> Run {
        Run { start, len: end - start }
    }

    pub(super) fn end(self) -> i64 {
        self.start + self.len
    }

    /// The part of `all` that the run covers.
    pub(super) fn of<T>(self, all: &[T]) -> &[T] {
        let range = usize::try_from(self.start).ok().zip(usize::try_from(self.end()).ok());
        range.and_then(|(start, end)| all.get(start..end)).unwrap_or_default()
    }
}

impl From<&std::ops::Range<usize>> for Run {
    fn from(range: &std::ops::Range<usize>) -> Run {
        // Files are far smaller than an i64 can count.
        Run::between(range.start as i64, range.end as i64)
    }
}

/// Lines of the three texts that stand for each other, with something changed in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) outcome: Outcome,
    pub(super) base: Run,
    pub(super) ours: Run,
    pub(super) theirs: Run,
}

/// A change from the base to one side.
#[derive(Debug, Clone, Copy)]
struct Edit {
    base: Run,
    side: Run,
}

impl Edit {
    fn list(changes: &[Hunk]) -> VecDeque<Edit> {
        changes.iter().map(|c| Edit { base: Run::from(&c.before), side: Run::from(&c.after) }).collect()
    }

    /// How far lines after this change are shifted from the base to the side.
    fn shift(&self) -> i64 {
        self.side.end() - self.base.end()
    }
}

/// Finds the regions, in order; `None` if one side changed nothing.
pub(super) fn find(sides: &Sides<'_>, options: &TextOptions<'_>) -> Result<Option<Vec<Region>>> {
    let diff = |side: &Lines<'_>| lines::changes(&sides.base.numbers, &side.numbers, sides.diff, sides.interrupt);
    let (ours, theirs) = (diff(sides.ours)?, diff(sides.theirs)?);
    if ours.is_empty() || theirs.is_empty() {
        return Ok(None);
    }
    let regions = pair_up(sides, Edit::list(&ours), Edit::list(&theirs));
    // With the base shown, conflicts must stand as they are: parts of them have no base of their own.
    Ok(Some(match options.style {
        ConflictStyle::Diff3 => regions,
        ConflictStyle::Merge => join(sides, &refine(sides, &regions)?, options.joining),
    }))
}

/// Walks both lists of changes in the order of the base.
fn pair_up(sides: &Sides<'_>, mut ours: VecDeque<Edit>, mut theirs: VecDeque<Edit>) -> Vec<Region> {
    let mut regions = Regions::default();
    // The shift of lines behind the last change that was passed on each side.
    let (mut our_shift, mut their_shift) = (0, 0);
    loop {
        match (ours.front().copied(), theirs.front().copied()) {
            (None, None) => return regions.list,
            (Some(our), their) if their.is_none_or(|their| our.base.end() < their.base.start) => {
                let there = Run::new(our.base.start + their_shift, our.base.len);
                regions.add(Region { outcome: Outcome::Ours, base: our.base, ours: our.side, theirs: there });
                our_shift = our.shift();
                ours.pop_front();
            }
            (our, Some(their)) if our.is_none_or(|our| their.base.end() < our.base.start) => {
                let there = Run::new(their.base.start + our_shift, their.base.len);
                regions.add(Region { outcome: Outcome::Theirs, base: their.base, ours: there, theirs: their.side });
                their_shift = their.shift();
                theirs.pop_front();
            }
            (Some(our), Some(their)) => {
                if !is_alike(sides, &our, &their) {
                    regions.add(overlap(&our, &their));
                }
                if our.base.end() >= their.base.end() {
                    their_shift = their.shift();
                    theirs.pop_front();
                }
                if their.base.end() >= our.base.end() {
                    our_shift = our.shift();
                    ours.pop_front();
                }
            }
            // One of the arms above takes what one list alone still holds.
            (Some(_), None) | (None, Some(_)) => return regions.list,
        }
    }
}

/// Whether both sides made the same change.
fn is_alike(sides: &Sides<'_>, our: &Edit, their: &Edit) -> bool {
    our.base == their.base && our.side.of(&sides.ours.numbers) == their.side.of(&sides.theirs.numbers)
}

/// The conflict of two changes that touch: both grow to what they cover together.
fn overlap(our: &Edit, their: &Edit) -> Region {
    let start = our.base.start.min(their.base.start);
    let end = our.base.end().max(their.base.end());
    let grown = |edit: &Edit| {
        Run::between(edit.side.start - (edit.base.start - start), edit.side.end() + (end - edit.base.end()))
    };
    Region { outcome: Outcome::Conflict, base: Run::between(start, end), ours: grown(our), theirs: grown(their) }
}

#[derive(Default)]
struct Regions {
    list: Vec<Region>,
}

impl Regions {
    /// Appends a region; one that touches the last becomes part of it.
    fn add(&mut self, next: Region) {
        match self.list.last_mut() {
            Some(last) if next.ours.start <= last.ours.end() || next.theirs.start <= last.theirs.end() => {
                if last.outcome != next.outcome {
                    last.outcome = Outcome::Conflict;
                }
                last.base = Run::between(last.base.start, next.base.end());
                last.ours = Run::between(last.ours.start, next.ours.end());
                last.theirs = Run::between(last.theirs.start, next.theirs.end());
            }
            _ => self.list.push(next),
        }
    }
}

/// Splits conflicts at lines that both sides have in common.
fn refine(sides: &Sides<'_>, regions: &[Region]) -> Result<Vec<Region>> {
    let mut refined = Vec::with_capacity(regions.len());
    for region in regions {
        if region.outcome != Outcome::Conflict || region.ours.len == 0 || region.theirs.len == 0 {
            refined.push(*region);
            continue;
        }
        let ours = region.ours.of(&sides.ours.numbers);
        let theirs = region.theirs.of(&sides.theirs.numbers);
        let differing = lines::changes(ours, theirs, sides.diff, sides.interrupt)?;
        if differing.is_empty() {
            refined.push(Region { outcome: Outcome::Alike, ..*region });
        }
        refined.extend(differing.iter().map(|change| {
            let (ours, theirs) = (Run::from(&change.before), Run::from(&change.after));
            Region {
                ours: Run::new(region.ours.start + ours.start, ours.len),
                theirs: Run::new(region.theirs.start + theirs.start, theirs.len),
                ..*region
            }
        }));
    }
    Ok(refined)
}

/// Makes one conflict of those that stand close to each other.
fn join(sides: &Sides<'_>, regions: &[Region], joining: Joining) -> Vec<Region> {
    let mut joined: Vec<Region> = Vec::with_capacity(regions.len());
    for next in regions {
        match joined.last_mut() {
            Some(last)
                if last.outcome == Outcome::Conflict
                    && next.outcome == Outcome::Conflict
                    && is_near(sides, Run::between(last.ours.end(), next.ours.start), joining) =>
            {
                last.ours = Run::between(last.ours.start, next.ours.end());
                last.theirs = Run::between(last.theirs.start, next.theirs.end());
            }
            _ => joined.push(*next),
        }
    }
    joined
}

fn is_near(sides: &Sides<'_>, gap: Run, joining: Joining) -> bool {
    let has_letters = || gap.of(&sides.ours.text).iter().any(|line| line.iter().any(u8::is_ascii_alphanumeric));
    gap.len <= NEAR || (joining == Joining::NearOrBlank && !has_letters())
}
