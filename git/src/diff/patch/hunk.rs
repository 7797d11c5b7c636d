//! Owns the text of hunks. Refuses to decide what they hold. Called by [`super::PatchWriter`].

use std::{io::Write, ops::Range, sync::atomic::AtomicBool};

use super::emit;
use crate::{
    diff::{compare::Comparison, lines::intern::is_space},
    error::Result,
    walk::check_interrupt,
};

/// Longest text of a function's line after `@@`.
const MAX_HEADING_BYTES: usize = 80;

/// Writes all hunks.
pub(super) fn write(compared: &Comparison<'_>, interrupt: &AtomicBool, out: &mut dyn Write) -> Result<()> {
    let mut heading: &[u8] = &[];
    let mut searched = 0;
    for hunk in &compared.shown {
        check_interrupt(interrupt)?;
        let above = (searched..hunk.before.start).rev();
        heading = above.map(|line| compared.before.get(line)).find_map(function_line).unwrap_or(heading);
        searched = hunk.before.start;
        let space = if heading.is_empty() { "" } else { " " };
        let (old, new) = (place(&hunk.before), place(&hunk.after));
        emit(out, format!("@@ -{old} +{new} @@{space}").as_bytes())?;
        emit(out, heading)?;
        emit(out, b"\n")?;
        let mut next = hunk.after.start;
        for change in compared.changes_of(hunk) {
            for line in next..change.after.start {
                write_line(b" ", compared.after.get(line), out)?;
            }
            for line in change.before.clone() {
                write_line(b"-", compared.before.get(line), out)?;
            }
            for line in change.after.clone() {
                write_line(b"+", compared.after.get(line), out)?;
            }
            next = change.after.end;
        }
        for line in next..hunk.after.end {
            write_line(b" ", compared.after.get(line), out)?;
        }
    }
    Ok(())
}

/// First line and number of lines as they stand in a hunk header; an empty range names the line before it.
fn place(range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => (range.start + 1).to_string(),
        count => format!("{},{count}", range.start + 1),
    }
}

fn write_line(sign: &[u8], line: &[u8], out: &mut dyn Write) -> Result<()> {
    emit(out, sign)?;
    emit(out, line)?;
    if line.last() == Some(&b'\n') { Ok(()) } else { emit(out, b"\n\\ No newline at end of file\n") }
}

/// The text of a line that looks like the begin of a function or a section: it starts with a letter, `_` or `$`.
fn function_line(line: &[u8]) -> Option<&[u8]> {
    line.first().filter(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$'))?;
    let line = line.get(..line.len().min(MAX_HEADING_BYTES))?;
    let end = line.iter().rposition(|byte| !is_space(*byte)).map_or(0, |at| at + 1);
    line.get(..end)
}
