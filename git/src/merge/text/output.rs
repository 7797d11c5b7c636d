//! Owns the bytes of a merged text: regions in order, conflict markers, line ends. Refuses to decide what conflicts.

use super::{
    ConflictStyle, TextMerge, TextOptions,
    regions::{Outcome, Region, Run, Sides},
};

/// Writes the merged text.
pub(super) fn write(sides: &Sides<'_>, regions: &[Region], options: &TextOptions<'_>) -> TextMerge {
    let mut writer = Writer { sides, options, out: Vec::new(), written: 0 };
    let mut conflicts = 0;
    for region in regions {
        match region.outcome {
            // Our lines are theirs: they follow with whatever is unchanged.
            Outcome::Alike => {}
            Outcome::Ours => {
                writer.unchanged_until(region.ours.end());
                writer.written = region.ours.end();
            }
            Outcome::Theirs => {
                writer.unchanged_until(region.ours.start);
                writer.copy(region.theirs.of(&sides.theirs.text));
                writer.written = region.ours.end();
            }
            Outcome::Conflict => {
                conflicts += 1;
                writer.unchanged_until(region.ours.start);
                writer.conflict(region);
                writer.written = region.ours.end();
            }
        }
    }
    writer.unchanged_until(sides.ours.text.len() as i64);
    TextMerge { content: writer.out, conflicts }
}

struct Writer<'a> {
    sides: &'a Sides<'a>,
    options: &'a TextOptions<'a>,
    out: Vec<u8>,
    /// Lines of our side that are done.
    written: i64,
}

impl Writer<'_> {
    fn unchanged_until(&mut self, end: i64) {
        let run = Run { start: self.written, len: end - self.written };
        self.copy(run.of(&self.sides.ours.text));
    }

    fn copy(&mut self, lines: &[&[u8]]) {
        for line in lines {
            self.out.extend_from_slice(line);
        }
    }

    fn conflict(&mut self, region: &Region) {
        let sides = self.sides;
        let end: &[u8] = if has_crlf(sides, region) { b"\r\n" } else { b"\n" };
        let labels = self.options.labels;
        self.marker(b'<', Some(labels.ours), end);
        self.side(region.ours.of(&sides.ours.text), end);
        if self.options.style == ConflictStyle::Diff3 {
            self.marker(b'|', Some(labels.base), end);
            self.side(region.base.of(&sides.base.text), end);
        }
        self.marker(b'=', None, end);
        self.side(region.theirs.of(&sides.theirs.text), end);
        self.marker(b'>', Some(labels.theirs), end);
    }

    fn marker(&mut self, byte: u8, label: Option<&[u8]>, end: &[u8]) {
        self.out.extend(std::iter::repeat_n(byte, self.options.marker_size));
        if let Some(label) = label {
            self.out.push(b' ');
            self.out.extend_from_slice(label);
        }
        self.out.extend_from_slice(end);
    }

    /// Lines between markers; the last gets an end if it has none.
    fn side(&mut self, lines: &[&[u8]], end: &[u8]) {
        self.copy(lines);
        if lines.last().is_some_and(|line| line.last() != Some(&b'\n')) {
            self.out.extend_from_slice(end);
        }
    }
}

/// Whether markers end in CR LF: when the lines around them do.
fn has_crlf(sides: &Sides<'_>, region: &Region) -> bool {
    let before = |start: i64| usize::try_from(start.saturating_sub(1)).unwrap_or(0);
    let ours = line_end(&sides.ours.text, before(region.ours.start));
    if ours == Some(false) {
        return false;
    }
    match line_end(&sides.theirs.text, before(region.theirs.start)) {
        Some(false) => false,
        Some(true) | None => line_end(&sides.base.text, 0).unwrap_or(false),
    }
}

/// Whether the line at `at` ends in CR LF; `None` if there is no line end to go by.
fn line_end(lines: &[&[u8]], at: usize) -> Option<bool> {
    let is_crlf = |line: &[u8]| line.ends_with(b"\r\n");
    match lines.get(at) {
        Some(line) if line.ends_with(b"\n") => Some(is_crlf(line)),
        // The last line without an end: the one before it tells.
        Some(_) => at.checked_sub(1).and_then(|before| lines.get(before)).map(|line| is_crlf(line)),
        None => None,
    }
}
