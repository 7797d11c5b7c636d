//! Owns setting lines aside before the search: what both texts begin and end with, and lines that have no partner or far too many.
//! Refuses to search. Called by [`super::diff_lines`].
//!
//! A line that occurs on one side only is certainly changed. A line that occurs very often on the other side, like an empty one, is taken
//! for changed, too, when it lies in the middle of lines without partner: matching it would only cut one hunk in two.

use std::sync::atomic::AtomicBool;

use super::slide::Side;
use crate::{error::Result, walk::check_interrupt};

/// From this many partners on a line is a frequent one; below it the square root of the text's length decides.
const MAX_FREQUENT: u32 = 1024;
/// How many lines around a frequent line are looked at.
const WINDOW: usize = 100;
/// A frequent line goes when lines without partner outnumber the other frequent ones around it by more than this, less one.
const RUN_FACTOR: usize = 4;

/// The lines that take part in the search, with their places.
pub(crate) struct Kept {
    pub(crate) before: KeptSide,
    pub(crate) after: KeptSide,
}

/// One side of [`Kept`].
#[derive(Default)]
pub(crate) struct KeptSide {
    /// The numbers of the lines.
    pub(crate) numbers: Vec<u32>,
    /// Where each of them lies in the text.
    pub(crate) lines: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Partners {
    None,
    Some,
    Many,
}

/// Marks what is certainly changed and answers the rest.
///
/// Errors: `Interrupted`.
pub(crate) fn set_aside(
    left: &mut Side,
    right: &mut Side,
    counts: &[[u32; 2]],
    interrupt: &AtomicBool,
) -> Result<Kept> {
    let numbers = left.numbers.iter().zip(&right.numbers);
    let head = numbers.take_while(|(a, b)| a == b).count();
    let tail = left.numbers.iter().skip(head).rev().zip(right.numbers.iter().skip(head).rev());
    let tail = tail.take_while(|(a, b)| a == b).count();
    Ok(Kept {
        before: side(left, head, tail, counts, 1, interrupt)?,
        after: side(right, head, tail, counts, 0, interrupt)?,
    })
}

fn side(
    side: &mut Side,
    head: usize,
    tail: usize,
    counts: &[[u32; 2]],
    other: usize,
    interrupt: &AtomicBool,
) -> Result<KeptSide> {
    let frequent = rough_root(side.len()).min(MAX_FREQUENT);
    let end = side.len().saturating_sub(tail);
    let middle = side.numbers.get(head..end).unwrap_or_default();
    let partners: Vec<Partners> = middle
        .iter()
        .map(|number| match counts.get(*number as usize).and_then(|both| both.get(other)) {
            None | Some(0) => Partners::None,
            Some(count) if *count >= frequent => Partners::Many,
            Some(_) => Partners::Some,
        })
        .collect();
    let mut kept = KeptSide::default();
    let mut changed = Vec::new();
    for (at, (number, found)) in middle.iter().zip(&partners).enumerate() {
        if at % 4096 == 0 {
            check_interrupt(interrupt)?;
        }
        let keep = match found {
            Partners::None => false,
            Partners::Some => true,
            Partners::Many => !is_lost_in_changes(&partners, at),
        };
        if keep {
            kept.numbers.push(*number);
            kept.lines.push(head + at);
        } else {
            changed.push(head + at);
        }
    }
    for line in changed {
        side.mark(line, true);
    }
    Ok(kept)
}

/// Whether the frequent line at `at` lies between lines without partner, on both sides, and mostly among such.
fn is_lost_in_changes(partners: &[Partners], at: usize) -> bool {
    let count = |around: &mut dyn Iterator<Item = &Partners>| {
        let (mut without, mut frequent) = (0usize, 1usize);
        for found in around.take(WINDOW) {
            match found {
                Partners::None => without += 1,
                Partners::Many => frequent += 1,
                Partners::Some => break,
            }
        }
        (without, frequent)
    };
    let above = count(&mut partners.get(..at).unwrap_or_default().iter().rev());
    if above.0 == 0 {
        return false;
    }
    let below = count(&mut partners.get(at + 1..).unwrap_or_default().iter());
    if below.0 == 0 {
        return false;
    }
    let (without, frequent) = (above.0 + below.0, above.1 + below.1);
    frequent * RUN_FACTOR < frequent + without
}

/// A power of two near the square root.
pub(crate) fn rough_root(mut n: usize) -> u32 {
    let mut root = 1u32;
    while n > 0 {
        root = root.saturating_mul(2);
        n >>= 2;
    }
    root
}
