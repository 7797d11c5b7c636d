//! Owns line ends of files with the attribute `eol=crlf`, which git writes into archives as into working trees. Refuses other conversions:
//! `ident`, encodings and filters. Called by the walk.
//!
//! Source: gitattributes(5), "End-of-line conversion".

use std::borrow::Cow;

use super::attributes::Found;

/// The content as a working tree would have it.
pub(super) fn to_working_tree<'a>(data: &'a [u8], attributes: &Found) -> Cow<'a, [u8]> {
    if !attributes.has_value(b"eol", b"crlf") || attributes.is_unset(b"text") {
        return Cow::Borrowed(data);
    }
    let stats = Stats::of(data);
    let is_doubtful = attributes.has_value(b"text", b"auto") && (stats.has_return || stats.is_binary());
    if !stats.has_bare_newline || is_doubtful {
        return Cow::Borrowed(data);
    }
    let mut out = Vec::with_capacity(data.len() + data.len() / 16);
    for byte in data {
        if *byte == b'\n' && out.last() != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    Cow::Owned(out)
}

/// What decides whether content is text.
#[derive(Default)]
struct Stats {
    has_bare_newline: bool,
    has_return: bool,
    has_nul: bool,
    printable: usize,
    other: usize,
}

impl Stats {
    fn of(data: &[u8]) -> Stats {
        let mut stats = Stats::default();
        let mut previous = 0;
        for byte in data {
            match byte {
                b'\r' => stats.has_return = true,
                b'\n' => stats.has_bare_newline |= previous != b'\r',
                8 | b'\t' | 12 | 27 | 32..=126 | 128.. => stats.printable += 1,
                0 => {
                    stats.has_nul = true;
                    stats.other += 1;
                }
                _ => stats.other += 1,
            }
            previous = *byte;
        }
        // Old systems end text with this.
        if previous == 0x1a {
            stats.other -= 1;
        }
        stats
    }

    fn is_binary(&self) -> bool {
        self.has_nul || self.printable >> 7 < self.other
    }
}
