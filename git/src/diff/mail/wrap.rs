//! Owns folding a long header at white space. Refuses to cut words. Called by [`super::header`].

use crate::diff::lines::intern::is_space;

/// Appends `text` to the last line of `out`; further lines begin with a space.
pub(super) fn wrap(out: &mut Vec<u8>, text: &[u8], width: usize) {
    let mut column = out.len() - out.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut rest = text;
    let mut gap: &[u8] = &[];
    while !rest.is_empty() || !gap.is_empty() {
        let end = rest.iter().position(|byte| is_space(*byte)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        if column + gap.len() + word.len() > width {
            out.extend_from_slice(b"\n ");
            column = 1;
        } else {
            out.extend_from_slice(gap);
            column += gap.len();
        }
        out.extend_from_slice(word);
        column += word.len();
        let (space, tail) = tail.split_at(tail.len().min(1));
        (gap, rest) = (space, tail);
    }
}
