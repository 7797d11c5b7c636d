//! Owns reading `.gitmodules` the way git reads configuration files, key by key, so that a file which is broken further down cannot hide what
//! stands above. Refuses includes and every interpretation. Called by [`super::blobs`].
//!
//! Source: git 2.39, config.c, `git_parse_source`, `get_value`, `parse_value`, `get_base_var`, `get_extended_base_var`.

/// One `key = value`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The section, in lower case.
    pub(super) section: Vec<u8>,
    /// The quoted part of the section.
    pub(super) subsection: Option<Vec<u8>>,
    /// The key, in lower case.
    pub(super) key: Vec<u8>,
    /// The value; a key alone has none.
    pub(super) value: Option<Vec<u8>>,
}

/// Reads entries until the end or the first mistake; answers whether the end was reached.
pub(super) fn parse(content: &[u8], mut entry: impl FnMut(Entry)) -> bool {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut source = Source { rest: content };
    let mut section: Option<(Vec<u8>, Option<Vec<u8>>)> = None;
    loop {
        let Some(c) = source.next() else { return true };
        match c {
            b'\n' => {}
            b'#' | b';' => source.skip_line(),
            c if is_space(c) => {}
            b'[' => match source.section() {
                Some(found) => section = Some(found),
                None => return false,
            },
            c if c.is_ascii_alphabetic() => {
                let Some((key, value)) = source.key_value(c) else { return false };
                if let Some((section, subsection)) = &section {
                    entry(Entry { section: section.clone(), subsection: subsection.clone(), key, value });
                }
            }
            _ => return false,
        }
    }
}

struct Source<'a> {
    rest: &'a [u8],
}

impl Source<'_> {
    /// The next byte; CR LF is one newline, as in git.
    fn next(&mut self) -> Option<u8> {
        let (c, tail) = self.rest.split_first()?;
        if *c == b'\r' && tail.first() == Some(&b'\n') {
            self.rest = tail.get(1..).unwrap_or_default();
            return Some(b'\n');
        }
        self.rest = tail;
        Some(*c)
    }

    /// The next byte, with a newline at the end of the file.
    fn next_or_newline(&mut self) -> u8 {
        self.next().unwrap_or(b'\n')
    }

    fn skip_line(&mut self) {
        while self.next_or_newline() != b'\n' {}
    }

    /// Reads `section]`, `section.sub]` or `section "sub"]`.
    fn section(&mut self) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let mut name = Vec::new();
        loop {
            match self.next()? {
                b']' => break,
                c if is_space(c) => {
                    let subsection = self.quoted_subsection(c)?;
                    return Some((name, Some(subsection)));
                }
                c if c.is_ascii_alphanumeric() || c == b'-' || c == b'.' => name.push(c.to_ascii_lowercase()),
                _ => return None,
            }
        }
        match name.iter().position(|b| *b == b'.') {
            Some(dot) => {
                let subsection = name.split_off(dot).split_off(1);
                Some((name, Some(subsection)))
            }
            None => Some((name, None)),
        }
    }

    fn quoted_subsection(&mut self, first: u8) -> Option<Vec<u8>> {
        let mut c = first;
        while is_space(c) {
            if c == b'\n' {
                return None;
            }
            c = self.next()?;
        }
        if c != b'"' {
            return None;
        }
        let mut subsection = Vec::new();
        loop {
            match self.next()? {
                b'\n' => return None,
                b'"' => break,
                b'\\' => match self.next()? {
                    b'\n' => return None,
                    c => subsection.push(c),
                },
                c => subsection.push(c),
            }
        }
        (self.next()? == b']').then_some(subsection)
    }

    fn key_value(&mut self, first: u8) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let mut key = vec![first.to_ascii_lowercase()];
        let mut c = self.next_or_newline();
        while c.is_ascii_alphanumeric() || c == b'-' {
            key.push(c.to_ascii_lowercase());
            c = self.next_or_newline();
        }
        while c == b' ' || c == b'\t' {
            c = self.next_or_newline();
        }
        match c {
            b'\n' => Some((key, None)),
            b'=' => self.value().map(|value| (key, Some(value))),
            _ => None,
        }
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        let (mut quoted, mut comment) = (false, false);
        // Where unquoted white space at the end starts: it is dropped.
        let mut trim: Option<usize> = None;
        loop {
            let c = self.next_or_newline();
            if c == b'\n' {
                if quoted {
                    return None;
                }
                value.truncate(trim.unwrap_or(value.len()));
                return Some(value);
            }
            if comment {
                continue;
            }
            if is_space(c) && !quoted {
                trim.get_or_insert(value.len());
                if !value.is_empty() {
                    value.push(c);
                }
                continue;
            }
            if !quoted && matches!(c, b';' | b'#') {
                comment = true;
                continue;
            }
            trim = None;
            match c {
                b'\\' => match self.next_or_newline() {
                    b'\n' => {}
                    b't' => value.push(b'\t'),
                    b'b' => value.push(8),
                    b'n' => value.push(b'\n'),
                    c @ (b'\\' | b'"') => value.push(c),
                    _ => return None,
                },
                b'"' => quoted = !quoted,
                c => value.push(c),
            }
        }
    }
}

/// C's isspace as git has it: no vertical tab, no form feed.
fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(content: &str) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let complete = parse(content.as_bytes(), |e| {
            let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            let sub = e.subsection.as_deref().map_or("-".into(), text);
            let value = e.value.as_deref().map_or("-".into(), text);
            found.push(format!("{}|{sub}|{}|{value}", text(&e.section), text(&e.key)));
        });
        (found, complete)
    }

    #[test]
    fn reads_as_git_does() {
        let text = "\u{feff}# c\n[Submodule \"a \\\"b\"]\r\n\tPath = x y  ; comment\n url=\"a;b\" c\\n\n bool\n[core.Sub]\nk = a\\\n  b\n";
        let expected =
            ["submodule|a \"b|path|x y", "submodule|a \"b|url|a;b c\n", "submodule|a \"b|bool|-", "core|sub|k|a  b"];
        assert_eq!(all(text), (expected.map(String::from).to_vec(), true));
    }

    #[test]
    fn stops_at_the_first_mistake() {
        assert_eq!(all("[s \"x\"]\na=1\n<<<<<<< HEAD\nb=2"), (vec!["s|x|a|1".into()], false));
        for bad in [
            "[s",
            "[s \"x]",
            "[s x]",
            "[s \"x\"\n]",
            "[s]\na=\"x\n",
            "[s]\na=\\x\n",
            "[s]\na ? b",
            "[s\"x\"]",
            "[s]\n=x",
        ] {
            assert!(!all(bad).1, "{bad:?}");
        }
    }
}
