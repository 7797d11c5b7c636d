//! Owns giving equal lines equal numbers. Refuses to compare further: all later steps see numbers only. Called by [`super::diff_lines`].

use std::{borrow::Cow, collections::HashMap, sync::atomic::AtomicBool};

use super::{Lines, Whitespace};
use crate::{error::Result, walk::check_interrupt};

/// Both texts as numbers of equal lines.
pub(super) struct Interned {
    pub(super) before: Vec<u32>,
    pub(super) after: Vec<u32>,
    /// How often each number occurs before and after.
    pub(super) counts: Vec<[u32; 2]>,
}

/// Numbers the lines of both texts.
pub(super) fn intern<'a>(
    before: &Lines<'a>,
    after: &Lines<'a>,
    whitespace: Whitespace,
    interrupt: &AtomicBool,
) -> Result<Interned> {
    // The standard hasher on purpose: the lines come from whoever may push.
    let mut numbers: HashMap<Cow<'a, [u8]>, u32> = HashMap::new();
    let mut counts: Vec<[u32; 2]> = Vec::new();
    let mut number = |lines: &Lines<'a>, side: usize| -> Result<Vec<u32>> {
        let mut out = Vec::with_capacity(lines.len());
        for (at, line) in (0..lines.len()).map(|at| (at, lines.get(at))) {
            if at % 4096 == 0 {
                check_interrupt(interrupt)?;
            }
            let next = counts.len() as u32;
            let number = *numbers.entry(canonical(line, whitespace)).or_insert(next);
            if number == next {
                counts.push([0; 2]);
            }
            if let Some(count) = counts.get_mut(number as usize).and_then(|both| both.get_mut(side)) {
                *count = count.saturating_add(1);
            }
            out.push(number);
        }
        Ok(out)
    };
    let (before, after) = (number(before, 0)?, number(after, 1)?);
    Ok(Interned { before, after, counts })
}

/// White space as git understands it: no vertical tab, no form feed.
pub(in crate::diff) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The bytes by which a line is compared.
fn canonical(line: &[u8], whitespace: Whitespace) -> Cow<'_, [u8]> {
    let trimmed = || {
        let end = line.iter().rposition(|byte| !is_space(*byte)).map_or(0, |at| at + 1);
        line.get(..end).unwrap_or_default()
    };
    match whitespace {
        Whitespace::Exact => Cow::Borrowed(line),
        Whitespace::IgnoreAtEnd => Cow::Borrowed(trimmed()),
        Whitespace::IgnoreAll => Cow::Owned(line.iter().copied().filter(|byte| !is_space(*byte)).collect()),
        Whitespace::IgnoreAmount => {
            let mut out = Vec::with_capacity(line.len());
            for byte in trimmed() {
                match (is_space(*byte), out.last()) {
                    (true, Some(b' ')) => {}
                    (true, _) => out.push(b' '),
                    (false, _) => out.push(*byte),
                }
            }
            Cow::Owned(out)
        }
    }
}
