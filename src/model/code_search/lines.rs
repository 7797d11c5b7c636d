//! The lines of a text that match, as they are shown.
//!
//! Owns what of a line is shown and where in it the matches are. Called with the present content of a file.

use super::pattern::Pattern;

/// Longest piece of a line that is shown. Units: characters.
const SHOWN_CHARS: usize = 400;
/// So much of it stands before the first match, if the line is longer. Units: characters.
const BEFORE_CHARS: usize = 80;
/// Of a longer line a regular expression sees only the beginning. Units: bytes.
const SEARCHED_LINE_BYTES: usize = 4 << 10;
/// Most matches that are shown of one line.
const RANGES: usize = 32;

/// A line with a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineMatch {
    /// Number, from 1.
    pub line: u64,
    /// The line without its end, or the piece of it around the first match.
    pub text: String,
    /// Where the matches are in `text`: first character and the one behind the last. Units: characters.
    pub ranges: Vec<(u64, u64)>,
}

/// There was no time left.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfTime;

/// Finds the first lines that match; `has_time` is asked before each line, and each match in it, that is looked for.
///
/// Shape: nothing is a match that has no characters. With `most` of 0 nothing is shown, and the answer is whether there is any.
/// Errors: `OutOfTime`.
pub fn find_lines(
    text: &str,
    pattern: &Pattern,
    most: usize,
    has_time: &dyn Fn() -> bool,
) -> Result<(bool, Vec<LineMatch>), OutOfTime> {
    let mut found = Vec::new();
    let (mut from, mut number) = (0, 1);
    while from < text.len() {
        if !has_time() {
            return Err(OutOfTime);
        }
        // Of a phrase the next match tells which line comes next.
        if pattern.is_phrase() {
            let Some(next) = pattern.regex().find_at(text, from) else { break };
            let skipped = text.get(from..next.start()).unwrap_or_default();
            if let Some(last) = skipped.rfind('\n') {
                number += skipped.bytes().filter(|byte| *byte == b'\n').count() as u64;
                from += last + 1;
            }
        }
        let rest = text.get(from..).unwrap_or_default();
        let end = rest.find('\n').unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let ranges = ranges_in(line, pattern, has_time)?;
        if !ranges.is_empty() {
            if most == 0 {
                return Ok((true, found));
            }
            found.push(show(number, line, &ranges));
            if found.len() == most {
                break;
            }
        }
        from += end + 1;
        number += 1;
    }
    Ok((!found.is_empty(), found))
}

/// Where the matches are that have characters. An expression that also matches nothing may look through the whole line at every place, so time is asked for each time.
fn ranges_in(line: &str, pattern: &Pattern, has_time: &dyn Fn() -> bool) -> Result<Vec<(usize, usize)>, OutOfTime> {
    let line = match pattern.is_phrase() {
        true => line,
        false => head(line, SEARCHED_LINE_BYTES),
    };
    let (mut ranges, mut from) = (Vec::new(), 0);
    while ranges.len() < RANGES
        && let Some(found) = pattern.regex().find_at(line, from)
    {
        from = found.end();
        if !found.is_empty() {
            ranges.push((found.start(), found.end()));
            continue;
        }
        let Some(next) = line.get(from..).and_then(|rest| rest.chars().next()) else { break };
        from += next.len_utf8();
        if !has_time() {
            return Err(OutOfTime);
        }
    }
    Ok(ranges)
}

/// The longest beginning of at most so many bytes.
fn head(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn show(number: u64, line: &str, ranges: &[(usize, usize)]) -> LineMatch {
    let count = |end: usize| line.get(..end).unwrap_or_default().chars().count();
    let is_long = line.chars().nth(SHOWN_CHARS).is_some();
    let first = ranges.first().map_or(0, |range| count(range.0));
    let skipped = if is_long { first.saturating_sub(BEFORE_CHARS) } else { 0 };
    let text: String = line.chars().skip(skipped).take(SHOWN_CHARS).collect();
    let shown = text.chars().count();
    let within = |at: usize| count(at).saturating_sub(skipped).min(shown) as u64;
    let ranges = ranges.iter().map(|(start, end)| (within(*start), within(*end))).filter(|(start, end)| start < end);
    LineMatch { line: number, ranges: ranges.collect(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number and text of a line, and where the matches are in it.
    type Line = (u64, String, Vec<(u64, u64)>);

    fn all(text: &str, pattern: &Pattern) -> Vec<Line> {
        let (is_match, found) = find_lines(text, pattern, 100, &|| true).unwrap();
        assert_eq!(is_match, !found.is_empty());
        assert_eq!(find_lines(text, pattern, 0, &|| true).unwrap(), (is_match, Vec::new()));
        found.into_iter().map(|found| (found.line, found.text, found.ranges)).collect()
    }

    #[test]
    fn lines_are_numbered_and_ranges_count_characters() {
        let text = "first Ä x\r\n\nno\nä and Ä\nlast ä";
        let expected = vec![
            (1, "first Ä x".to_owned(), vec![(6, 7)]),
            (4, "ä and Ä".to_owned(), vec![(0, 1), (6, 7)]),
            (5, "last ä".to_owned(), vec![(5, 6)]),
        ];
        assert_eq!(all(text, &Pattern::phrase("ä", false).unwrap()), expected);
        assert_eq!(all(text, &Pattern::regular("ä", false).unwrap()), expected);
        assert_eq!(all(text, &Pattern::phrase("ä", true).unwrap()).len(), 2);
        assert_eq!(all(text, &Pattern::regular("x$", false).unwrap())[0].0, 1);
        assert_eq!(all("", &Pattern::phrase("ä", true).unwrap()), []);
    }

    #[test]
    fn expressions_stay_within_a_line_and_match_something() {
        let find = |pattern: &str| all("ab\ncd\n\nef\n", &Pattern::regular(pattern, false).unwrap());
        assert_eq!(find("b\\sc"), []);
        assert_eq!(find("b[^x]c"), []);
        assert_eq!(find("x*"), []);
        assert_eq!(find("^"), []);
        assert_eq!(find("^cd$"), [(2, "cd".to_owned(), vec![(0, 2)])]);
        assert_eq!(find("[a-f]+").len(), 3);
    }

    #[test]
    fn long_lines_are_cut_around_the_first_match() {
        let line = "é".repeat(1000) + "needle" + &"é".repeat(1000) + "needle";
        for pattern in [Pattern::phrase("needle", false).unwrap(), Pattern::regular("needle", false).unwrap()] {
            let found = all(&line, &pattern);
            assert_eq!(found[0].2, [(80, 86)]);
            assert_eq!(found[0].1.chars().count(), SHOWN_CHARS);
        }
        let late = "x".repeat(SEARCHED_LINE_BYTES) + "needle";
        assert_eq!(all(&late, &Pattern::regular("needle", false).unwrap()), []);
        assert_eq!(all(&late, &Pattern::phrase("needle", false).unwrap()).len(), 1);
    }

    #[test]
    fn expressions_that_match_nothing_at_every_place_end_in_time() {
        let pattern = Pattern::regular("(?:.*a.{100}Z)?", false).unwrap();
        let line: String = (0..20_000_u32).map(|at| if (at * at / 7) % 3 == 0 { 'a' } else { 'b' }).collect();
        let looks = std::cell::Cell::new(0);
        let has_time = || {
            looks.set(looks.get() + 1);
            looks.get() < 5
        };
        assert_eq!(find_lines(&line, &pattern, 1, &has_time), Err(OutOfTime));
        let find = |pattern: &str| all("xaa äa\nö", &Pattern::regular(pattern, false).unwrap());
        assert_eq!(find("a*"), [(1, "xaa äa".to_owned(), vec![(1, 3), (5, 6)])]);
        assert_eq!(find("ö?").len(), 1);
    }

    #[test]
    fn time_is_asked_for_and_only_so_many_are_shown() {
        let pattern = Pattern::regular("a", false).unwrap();
        assert_eq!(find_lines("b\na", &pattern, 1, &|| false), Err(OutOfTime));
        assert_eq!(find_lines(&"a\n".repeat(50), &pattern, 3, &|| true).unwrap().1.len(), 3);
        assert_eq!(all(&"a".repeat(100), &pattern)[0].2.len(), RANGES);
    }
}
