//! Patterns of branch, tag and file names, as Gitea's rules have them.
//!
//! Owns their syntax: `*` and `?` stop at a separator, `**` does not; `[ab]`, `[!a-z]`, `{one,two}` and `\x`. A pattern becomes a regular
//! expression that runs in linear time, whatever it looks like and whatever it is matched against. Refuses patterns that are too long.

use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

/// Longest pattern. Units: bytes.
const MAX_BYTES: usize = 1024;
/// Most memory that one pattern may take. Units: bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;
/// Deepest nesting of braces.
const MAX_DEPTH: usize = 8;

/// A pattern, ready to match.
#[derive(Debug, Clone)]
pub struct Glob(Regex);

impl Glob {
    /// Reads a glob; `*` and `?` do not cross `separators`.
    ///
    /// Errors: why it cannot be one, in words.
    pub fn new(pattern: &str, separators: &str) -> Result<Self, String> {
        check_length(pattern)?;
        compile(&format!(r"\A(?:{})\z", translate(pattern, separators)?)).map(Self)
    }

    /// Reads a regular expression, which matches anywhere in a name.
    ///
    /// Errors: why it cannot be one, in words.
    pub fn regular(pattern: &str) -> Result<Self, String> {
        check_length(pattern)?;
        compile(pattern).map(Self)
    }

    /// Whether a name fits.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// Whether a text means nothing but itself.
    pub fn is_plain(pattern: &str) -> bool {
        !pattern.contains(['*', '?', '[', ']', '{', '}', '\\', '!'])
    }
}

fn check_length(pattern: &str) -> Result<(), String> {
    if pattern.len() > MAX_BYTES { Err(format!("a pattern may have {MAX_BYTES} bytes")) } else { Ok(()) }
}

fn compile(expression: &str) -> Result<Regex, String> {
    RegexBuilder::new(expression)
        .dot_matches_new_line(true)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|_| "not a valid pattern".to_owned())
}

fn translate(pattern: &str, separators: &str) -> Result<String, String> {
    let step = match separators {
        "" => ".".to_owned(),
        some => some.chars().fold("[^".to_owned(), |class, one| class + &escaped(one)) + "]",
    };
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '*' if rest.peek() == Some(&'*') => {
                while rest.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '*' => out += &format!("{step}*"),
            '?' => out += &step,
            '\\' => out += &escaped(rest.next().ok_or("ends with a backslash")?),
            '[' => out += &class(&mut rest)?,
            '{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err("braces are nested too deep".to_owned());
                }
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            ']' | '}' => return Err(format!("a {next} without its beginning")),
            plain => out += &escaped(plain),
        }
    }
    if depth > 0 { Err("a { without its end".to_owned()) } else { Ok(out) }
}

/// Reads a class after its bracket: single characters and ranges, negated by `!`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let unfinished = || "a [ without its end".to_owned();
    let mut out = "[".to_owned();
    if rest.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let mut is_empty = true;
    loop {
        let one = match rest.next().ok_or_else(unfinished)? {
            ']' if is_empty => return Err("an empty class".to_owned()),
            ']' => break,
            '\\' => rest.next().ok_or_else(unfinished)?,
            one => one,
        };
        is_empty = false;
        out += &escaped(one);
        if rest.peek() == Some(&'-') {
            rest.next();
            match rest.next().ok_or_else(unfinished)? {
                // A hyphen at the end is one.
                ']' => {
                    out += &escaped('-');
                    break;
                }
                last if last < one => return Err("a range that runs backwards".to_owned()),
                last => out += &format!("-{}", escaped(last)),
            }
        }
    }
    out.push(']');
    Ok(out)
}

/// One character that stands for itself, wherever it is in an expression.
fn escaped(one: char) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(out, r"\x{{{:X}}}", u32::from(one));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_gobwas_has_them() {
        let rows = [
            ("main", "/", "main", true),
            ("main", "/", "mainx", false),
            ("main", "/", "xmain", false),
            ("release/*", "/", "release/1", true),
            ("release/*", "/", "release/1/2", false),
            ("release/**", "/", "release/1/2", true),
            ("release/***", "/", "release/1/2", true),
            ("*", "/", "a/b", false),
            ("*", "", "a/b", true),
            ("**", "/", "a/b", true),
            ("v?", "/", "v1", true),
            ("v?", "/", "v/", false),
            ("v?", "/", "v", false),
            ("v[0-9].[!a]", "/", "v3.b", true),
            ("v[0-9].[!a]", "/", "v3.a", false),
            ("[a-]x", "/", "-x", true),
            ("{main,dev*}", "/", "develop", true),
            ("{main,{a,b}}c", "/", "bc", true),
            ("{main,dev*}", "/", "other", false),
            (r"a\*b", "/", "a*b", true),
            (r"a\*b", "/", "axb", false),
            ("a.b", "/", "axb", false),
            ("*.md", "./", "a.md", true),
            ("*.md", "./", "a.b.md", false),
            ("**.md", "./", "d/a.b.md", true),
            ("docs/**", "./", "docs/a/b.txt", true),
            ("ü?", "/", "üé", true),
            ("(a|b)", "/", "(a|b)", true),
            ("a+", "/", "aa", false),
            ("a$", "/", "a$", true),
            ("*", "/", "a\n", true),
        ];
        for (pattern, separators, name, expected) in rows {
            let glob = Glob::new(pattern, separators).unwrap();
            assert_eq!(glob.matches(name), expected, "{pattern} {name:?}");
        }
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        let deep = "{".repeat(9) + &"}".repeat(9);
        let long = "a".repeat(1025);
        for bad in ["[", "[]", "[a", "[b-a]", "{a", "a}", "]", "\\", "[a\\", deep.as_str(), long.as_str()] {
            assert!(Glob::new(bad, "/").is_err(), "{bad}");
        }
        for bad in ["(", "a{99999}{99999}", long.as_str()] {
            assert!(Glob::regular(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        let glob = Glob::new(&"*a".repeat(200), "/").unwrap();
        assert!(!glob.matches(&"a".repeat(5000).replace("aaaa", "aaab")));
        let regular = Glob::regular("(a*)*(a*)*b").unwrap();
        assert!(!regular.matches(&"a".repeat(10_000)));
    }

    #[test]
    fn plain_names_are_known() {
        assert!(Glob::is_plain("release/1.0") && !Glob::is_plain("release/*") && !Glob::is_plain("a?"));
    }
}
