//! Owns matching a path against the pattern of one line. Refuses negative patterns, as git does here. Called by [`super::Rules`].
//!
//! A pattern is turned into steps, and all places that a step may reach are followed at once: the cost is the product of both lengths, and
//! no pattern makes it worse.
//!
//! Source: gitignore(5), "Pattern format".

use std::sync::atomic::AtomicBool;

use crate::{error::Result, walk::check_interrupt};

const SLASH: u8 = b'/';

/// A pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The directory it is written in, with a slash at the end, or nothing.
    directory: Vec<u8>,
    steps: Vec<Step>,
    /// Whether it speaks of names, wherever they are, and not of paths.
    is_name: bool,
    only_directories: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Byte(u8),
    /// `?`
    Any,
    /// `[...]`
    OneOf(ByteSet),
    /// `*`
    Run,
    /// `**/`: nothing, or whole directories.
    Directories,
    /// `**` at the end: anything.
    Rest,
}

impl Pattern {
    /// Reads a pattern; nothing for one that can match no path.
    pub(super) fn parse(directory: &[u8], pattern: &[u8]) -> Option<Pattern> {
        if pattern.starts_with(b"!") {
            return None;
        }
        let stripped = pattern.strip_suffix(b"/");
        let only_directories = stripped.is_some();
        let pattern = stripped.unwrap_or(pattern);
        let is_name = !pattern.contains(&SLASH);
        let steps = steps(pattern.strip_prefix(b"/").unwrap_or(pattern))?;
        Some(Pattern { directory: directory.to_vec(), steps, is_name, only_directories })
    }

    /// How many steps it has.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it holds for a path; directories end in a slash.
    ///
    /// Errors: `Interrupted`: nesting may make a path of megabytes.
    pub(super) fn matches(&self, path: &[u8], interrupt: &AtomicBool) -> Result<bool> {
        let stripped = path.strip_suffix(b"/");
        if self.only_directories && stripped.is_none() {
            return Ok(false);
        }
        let Some(text) = stripped.unwrap_or(path).strip_prefix(&self.directory[..]) else { return Ok(false) };
        let name = text.rsplit(|byte| *byte == SLASH).next().unwrap_or(text);
        is_match(&self.steps, if self.is_name { name } else { text }, interrupt)
    }
}

fn steps(pattern: &[u8]) -> Option<Vec<Step>> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'?' => out.push(Step::Any),
            b'\\' => {
                let (byte, tail) = rest.split_first()?;
                rest = tail;
                out.push(Step::Byte(*byte));
            }
            b'[' => {
                let (set, tail) = bracket(rest)?;
                rest = tail;
                out.push(Step::OneOf(set));
            }
            b'*' => {
                let stars = 1 + rest.iter().take_while(|byte| **byte == b'*').count();
                rest = rest.get(stars - 1..).unwrap_or_default();
                let is_first = matches!(out.last(), None | Some(Step::Byte(SLASH) | Step::Directories));
                match rest.split_first() {
                    Some((&SLASH, tail)) if stars == 2 && is_first => {
                        rest = tail;
                        out.push(Step::Directories);
                    }
                    None if stars == 2 && is_first => out.push(Step::Rest),
                    _ => out.push(Step::Run),
                }
            }
            byte => out.push(Step::Byte(*byte)),
        }
    }
    Some(out)
}

/// Which bytes a bracket means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct ByteSet([u128; 2]);

impl ByteSet {
    fn insert(&mut self, byte: u8) {
        let half = &mut self.0[usize::from(byte >> 7)];
        *half |= 1 << (byte & 0x7f);
    }

    fn contains(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 7)] >> (byte & 0x7f) & 1 != 0
    }
}

/// Reads what follows `[` up to and with `]`.
fn bracket(pattern: &[u8]) -> Option<(ByteSet, &[u8])> {
    let mut set = ByteSet::default();
    let negated = pattern.strip_prefix(b"!").or(pattern.strip_prefix(b"^"));
    let mut rest = negated.unwrap_or(pattern);
    let mut is_first = true;
    loop {
        let (low, tail) = take(rest)?;
        if rest.first() == Some(&b']') && !is_first {
            rest = tail;
            break;
        }
        is_first = false;
        if let Some(class) = rest.strip_prefix(b"[:") {
            let end = class.windows(2).position(|pair| pair == b":]")?;
            let is_in = class_of(class.get(..end)?)?;
            (0..=u8::MAX).filter(is_in).for_each(|byte| set.insert(byte));
            rest = class.get(end + 2..)?;
            continue;
        }
        rest = tail;
        let mut high = low;
        if let [b'-', end, ..] = rest
            && *end != b']'
        {
            (high, rest) = take(rest.get(1..)?)?;
        }
        (low..=high).for_each(|byte| set.insert(byte));
    }
    if negated.is_some() {
        set = ByteSet(set.0.map(|half| !half));
    }
    // No set matches a slash.
    set.0[0] &= !(1 << SLASH);
    Some((set, rest))
}

/// The next byte, escaped or not.
fn take(rest: &[u8]) -> Option<(u8, &[u8])> {
    match rest {
        [b'\\', byte, tail @ ..] | [byte, tail @ ..] => Some((*byte, tail)),
        [] => None,
    }
}

fn class_of(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => u8::is_ascii_whitespace,
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

fn is_match(steps: &[Step], text: &[u8], interrupt: &AtomicBool) -> Result<bool> {
    // `places[i]`: the steps so far may have taken the first `i` bytes.
    let mut places = vec![false; text.len() + 1];
    if let Some(first) = places.first_mut() {
        *first = true;
    }
    for step in steps {
        check_interrupt(interrupt)?;
        let mut next = vec![false; places.len()];
        let mut carried = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let here = places.get(at).copied().unwrap_or(false);
            let last = at.checked_sub(1).and_then(|last| Some((places.get(last).copied()?, *text.get(last)?)));
            let (before, byte) = last.map_or((false, None), |(before, byte)| (before, Some(byte)));
            *slot = match step {
                Step::Byte(wanted) => before && byte == Some(*wanted),
                Step::Any => before && byte != Some(SLASH),
                Step::OneOf(set) => before && byte.is_some_and(|byte| set.contains(byte)),
                Step::Run => {
                    carried = here || (carried && byte != Some(SLASH));
                    carried
                }
                Step::Directories => {
                    let reached = here || (carried && byte == Some(SLASH));
                    carried |= here;
                    reached
                }
                Step::Rest => {
                    carried |= here;
                    carried
                }
            };
        }
        places = next;
    }
    Ok(places.last().copied().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &Pattern, path: &[u8]) -> bool {
        pattern.matches(path, &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn patterns_match_as_in_git() {
        for (pattern, path, expected) in [
            ("*.c", "dir/a.c", true),
            ("*.c", "a.ch", false),
            ("/*.c", "a.c", true),
            ("/*.c", "dir/a.c", false),
            ("dir/*", "dir/a", true),
            ("dir/*", "dir/a/b", false),
            ("dir/**", "dir/a/b", true),
            ("dir/**", "dir", false),
            ("**/b", "b", true),
            ("**/b", "a/x/b", true),
            ("**/b", "ab", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("a**b", "axxb", true),
            ("x/a**b", "x/a/b", false),
            ("dir/", "dir/", true),
            ("dir/", "x/dir/", true),
            ("dir/", "dir", false),
            ("x/dir/", "x/dir/", true),
            ("[a-c]?", "bz", true),
            ("[!a-c]?", "bz", false),
            ("[]x]", "]", true),
            ("[[:digit:]_]", "7", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[a", "[a", false),
            ("a", "A", false),
        ] {
            let found = Pattern::parse(b"", pattern.as_bytes()).is_some_and(|found| matches(&found, path.as_bytes()));
            assert_eq!(found, expected, "{pattern} {path}");
        }
        let inner = Pattern::parse(b"in/", b"/a").unwrap();
        assert!(matches(&inner, b"in/a") && !matches(&inner, b"a") && !matches(&inner, b"in/x/a"));
    }

    #[test]
    fn many_stars_cost_no_more() {
        let pattern = Pattern::parse(b"", &b"*a".repeat(900)).unwrap();
        assert!(!matches(&pattern, &[b'a'; 899]));
        assert!(matches(&pattern, &[b'a'; 2000]));
        assert!(pattern.matches(&[b'a'; 2000], &AtomicBool::new(true)).is_err());
    }
}
