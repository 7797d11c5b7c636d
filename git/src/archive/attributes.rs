//! Owns `.gitattributes` of the archived tree: its grammar, macros, and which line wins for a path. Refuses to know what attributes mean.
//! Called by the walk.
//!
//! Source: gitattributes(5).

mod pattern;

use std::{collections::HashMap, sync::atomic::AtomicBool};

use crate::error::{Error, Result};
use pattern::Pattern;

/// Larger files are not read.
pub(super) const MAX_FILE_BYTES: u64 = 256 << 10;
/// Longer lines are skipped, as git does.
const MAX_LINE_BYTES: usize = 2048;
/// More lines of one file are not read.
const MAX_RULES: usize = 10_000;
/// Files on the way to one directory may have so many steps of patterns and settings together: every path is matched against all.
const MAX_WEIGHT: usize = 100_000;
/// More macros are not defined; they may name each other.
const MAX_MACROS: usize = 100;

/// What is said of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Set,
    Unset,
    Unspecified,
    Value(Vec<u8>),
}

type Settings = Vec<(Vec<u8>, State)>;

/// The lines of one file.
#[derive(Debug, Default)]
pub(super) struct Rules {
    lines: Vec<(Pattern, Settings)>,
    macros: Vec<(Vec<u8>, Settings)>,
    weight: usize,
}

/// The files on the way to the current directory, and the macros of the outermost.
#[derive(Debug)]
pub(super) struct Attributes {
    files: Vec<Rules>,
    macros: HashMap<Vec<u8>, Settings>,
}

/// What holds for one path.
#[derive(Debug, Default)]
pub(super) struct Found(HashMap<Vec<u8>, State>);

impl Found {
    pub(super) fn is_set(&self, name: &[u8]) -> bool {
        self.0.get(name) == Some(&State::Set)
    }

    pub(super) fn is_unset(&self, name: &[u8]) -> bool {
        self.0.get(name) == Some(&State::Unset)
    }

    pub(super) fn has_value(&self, name: &[u8], value: &[u8]) -> bool {
        matches!(self.0.get(name), Some(State::Value(found)) if found == value)
    }
}

impl Default for Attributes {
    fn default() -> Self {
        let unset = |name: &[u8]| (name.to_vec(), State::Unset);
        let binary = vec![unset(b"diff"), unset(b"merge"), unset(b"text")];
        Attributes { files: Vec::new(), macros: HashMap::from([(b"binary".to_vec(), binary)]) }
    }
}

impl Attributes {
    /// Adds the file of a directory that is entered; one without a file has empty rules.
    ///
    /// Errors: `TooLarge`.
    pub(super) fn enter(&mut self, mut rules: Rules) -> Result<()> {
        // Only the outermost file may define macros.
        if self.files.is_empty() {
            self.macros.extend(rules.macros.drain(..));
        }
        self.files.push(rules);
        let weight: usize = self.files.iter().map(|rules| rules.weight).sum();
        if weight > MAX_WEIGHT {
            return Err(Error::TooLarge { what: "the .gitattributes files", limit: MAX_WEIGHT as u64 });
        }
        Ok(())
    }

    /// Forgets the innermost file.
    pub(super) fn leave(&mut self) {
        self.files.pop();
    }

    /// Looks a path up; directories end in a slash. Later lines win, and files farther in.
    ///
    /// Errors: `Interrupted`.
    pub(super) fn of(&self, path: &[u8], interrupt: &AtomicBool) -> Result<Found> {
        let mut found = Found::default();
        for (pattern, settings) in self.files.iter().rev().flat_map(|rules| rules.lines.iter().rev()) {
            if pattern.matches(path, interrupt)? {
                self.apply(settings, &mut found);
            }
        }
        Ok(found)
    }

    /// Takes over what is not decided yet; a macro that is set brings what it stands for.
    fn apply(&self, settings: &Settings, found: &mut Found) {
        for (name, state) in settings.iter().rev() {
            if found.0.contains_key(name) {
                continue;
            }
            found.0.insert(name.clone(), state.clone());
            if *state == State::Set
                && let Some(settings) = self.macros.get(name)
            {
                // As deep as there are macros at most: each is decided once.
                self.apply(settings, found);
            }
        }
    }
}

impl Rules {
    /// Reads a file that lies in `directory`, which is empty or ends in a slash.
    pub(super) fn parse(directory: &[u8], data: &[u8]) -> Rules {
        let mut rules = Rules::default();
        let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
        for line in data.split(|byte| *byte == b'\n').filter(|line| line.len() <= MAX_LINE_BYTES).take(MAX_RULES) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let Some((head, rest)) = first_word(line) else { continue };
            let settings = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).filter_map(setting);
            if let Some(name) = head.strip_prefix(b"[attr]") {
                if rules.macros.len() < MAX_MACROS {
                    rules.macros.push((name.to_vec(), settings.collect()));
                }
            } else if let Some(pattern) = Pattern::parse(directory, &head) {
                let settings: Settings = settings.collect();
                rules.weight += pattern.len() + settings.len();
                rules.lines.push((pattern, settings));
            }
        }
        rules
    }
}

/// The pattern of a line, which may be quoted as in C, and the rest of the line.
fn first_word(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = line.strip_prefix(b"\"") else {
        let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
        return line.split_at_checked(end).map(|(word, rest)| (word.to_vec(), rest));
    };
    let mut word = Vec::new();
    let mut bytes = quoted.iter();
    loop {
        match bytes.next()? {
            b'"' => return Some((word, bytes.as_slice())),
            b'\\' => word.push(unescape(&mut bytes)?),
            byte => word.push(*byte),
        }
    }
}

fn unescape(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u8> {
    Some(match *bytes.next()? {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        high @ b'0'..=b'3' => {
            let mut number = high - b'0';
            for _ in 0..2 {
                let digit = bytes.next().filter(|digit| (b'0'..=b'7').contains(digit))?;
                number = number << 3 | (digit - b'0');
            }
            number
        }
        byte @ (b'"' | b'\\') => byte,
        _ => return None,
    })
}

fn setting(word: &[u8]) -> Option<(Vec<u8>, State)> {
    let (name, state) = match word {
        [b'-', name @ ..] => (name, State::Unset),
        [b'!', name @ ..] => (name, State::Unspecified),
        _ => match word.iter().position(|byte| *byte == b'=') {
            Some(at) => (word.get(..at)?, State::Value(word.get(at + 1..)?.to_vec())),
            None => (word, State::Set),
        },
    };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!name.is_empty() && name.iter().all(is_name)).then(|| (name.to_vec(), state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state<'a>(found: &'a Found, name: &str) -> Option<&'a State> {
        found.0.get(name.as_bytes())
    }

    #[test]
    fn later_lines_and_inner_files_win() {
        let mut attributes = Attributes::default();
        let outer =
            b"* text=auto\n*.bin binary\n# no\n\"a b\\tc\" export-ignore\n[attr]gone export-ignore -x\n*.tmp gone\n";
        attributes.enter(Rules::parse(b"", outer)).unwrap();
        attributes.enter(Rules::parse(b"dir/", b"*.bin text !diff\n/top gone x\n!bad y\n")).unwrap();
        let of = |attributes: &Attributes, path: &[u8]| attributes.of(path, &AtomicBool::new(false)).unwrap();
        let found = of(&attributes, b"dir/a.bin");
        assert_eq!(state(&found, "text"), Some(&State::Set));
        assert_eq!(state(&found, "diff"), Some(&State::Unspecified));
        assert_eq!(state(&found, "merge"), Some(&State::Unset));
        assert!(of(&attributes, b"dir/x").has_value(b"text", b"auto"));
        assert!(of(&attributes, b"a b\tc").is_set(b"export-ignore"));
        let found = of(&attributes, b"dir/top");
        assert!(found.is_set(b"export-ignore") && found.is_set(b"x"), "the line itself comes before its macro");
        assert!(of(&attributes, b"dir/t.tmp").is_unset(b"x"));
        attributes.leave();
        assert!(of(&attributes, b"dir/a.bin").is_unset(b"diff"));
    }
}
