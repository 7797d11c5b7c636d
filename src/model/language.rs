//! The language a file is written in, by its name and, for scripts, by its first line.
//!
//! Owns which files count for the statistics of a repository. Names are those that GitHub's linguist has published, for the usual endings ([`table`]); contents
//! are never guessed from, so an ending that several languages share is the one most use it for. Called by the indexer.

mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

use table::LANGUAGES;

/// What a language is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Programs.
    Programming,
    /// Texts with markup for machines, such as HTML.
    Markup,
    /// Data; not counted.
    Data,
    /// Texts for people; not counted.
    Prose,
}

/// One language.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// As people write it.
    pub name: &'static str,
    /// What it is for.
    pub sort: Sort,
    /// Endings of file names, in lower case and without the dot.
    endings: &'static [&'static str],
    /// Whole file names, in lower case.
    files: &'static [&'static str],
    /// Programs that a first line beginning with `#!` may name.
    interpreters: &'static [&'static str],
}

/// Most bytes of a file that are looked at.
const FIRST_LINE_BYTES: usize = 256;
/// Most dots in a name that an ending may have.
const ENDING_PARTS: usize = 2;

struct Known {
    by_ending: HashMap<&'static str, &'static Language>,
    by_file: HashMap<&'static str, &'static Language>,
    by_interpreter: HashMap<&'static str, &'static Language>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let gather = |names: fn(&'static Language) -> &'static [&'static str]| {
        LANGUAGES.iter().flat_map(|language| names(language).iter().map(move |name| (*name, language))).collect()
    };
    Known {
        by_ending: gather(|language| language.endings),
        by_file: gather(|language| language.files),
        by_interpreter: gather(|language| language.interpreters),
    }
});

impl Language {
    /// Finds the language of a file.
    ///
    /// Shape: `path` as in the tree; `start` holds the first bytes of the content, or nothing when they are not known.
    pub fn of_file(path: &[u8], start: &[u8]) -> Option<&'static Self> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let name = std::str::from_utf8(name).ok()?.to_lowercase();
        if let Some(language) = KNOWN.by_file.get(name.as_str()) {
            return Some(language);
        }
        // `a.b.c` may end in `b.c` or in `c`; the longer one says more.
        let dots: Vec<usize> = name.match_indices('.').map(|(at, _)| at).collect();
        let endings = dots.iter().skip(dots.len().saturating_sub(ENDING_PARTS)).filter_map(|at| name.get(at + 1..));
        for ending in endings {
            if let Some(language) = KNOWN.by_ending.get(ending) {
                return Some(language);
            }
        }
        if dots.is_empty() { Self::of_first_line(start) } else { None }
    }

    /// Finds a language by its name, without regard to case.
    pub fn of_name(name: &str) -> Option<&'static Self> {
        LANGUAGES.iter().find(|language| language.name.eq_ignore_ascii_case(name))
    }

    fn of_first_line(start: &[u8]) -> Option<&'static Self> {
        let start = start.get(..FIRST_LINE_BYTES.min(start.len()))?;
        let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let line = std::str::from_utf8(line).ok()?;
        let mut words = line.split_ascii_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
        let program = match words.next()? {
            "env" => words.find(|word| !word.starts_with('-') && !word.contains('='))?,
            program => program,
        };
        let known = &KNOWN.by_interpreter;
        known
            .get(program)
            .or_else(|| known.get(program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')))
            .copied()
    }

    /// Whether files of it count for the statistics.
    pub fn is_counted(&self) -> bool {
        matches!(self.sort, Sort::Programming | Sort::Markup)
    }
}

/// Whether a file is somebody else's, generated, hidden, or documentation, and so says nothing about what a repository is written in.
pub fn is_beside(path: &[u8]) -> bool {
    const DIRECTORIES: &[&[u8]] =
        &[b"vendor", b"vendored", b"node_modules", b"third_party", b"third-party", b"bower_components", b"testdata"];
    const AT_THE_TOP: &[&[u8]] = &[b"doc", b"docs", b"documentation", b"examples", b"example", b"samples", b"man"];
    let mut parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    let Some(name) = parts.pop() else { return false };
    parts.iter().any(|part| part.starts_with(b".") || DIRECTORIES.contains(part))
        || parts.first().is_some_and(|part| AT_THE_TOP.iter().any(|known| part.eq_ignore_ascii_case(known)))
        || name.starts_with(b".")
        || [&b".min.js"[..], b".min.css", b".pb.go", b"_pb2.py"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(path: &str, start: &str) -> Option<&'static str> {
        Language::of_file(path.as_bytes(), start.as_bytes()).map(|language| language.name)
    }

    #[test]
    fn names_and_first_lines_tell_the_language() {
        for (path, start, expected) in [
            ("src/main.rs", "", Some("Rust")),
            ("A.PY", "", Some("Python")),
            ("a/Makefile", "", Some("Makefile")),
            ("Dockerfile", "", Some("Dockerfile")),
            ("types.d.ts", "", Some("TypeScript")),
            ("README.md", "", Some("Markdown")),
            ("run", "#!/bin/sh\n", Some("Shell")),
            ("run", "#!/usr/bin/env -S LANG=C python3.11 -u\nx", Some("Python")),
            ("run", "#! /usr/bin/perl -w", Some("Perl")),
            ("run", "#!\n", None),
            ("run", "#!/usr/bin/env\n", None),
            ("run", "no script", None),
            ("data.unknown", "#!/bin/sh\n", None),
            (".rs", "", Some("Rust")),
            ("dir.rs/file", "", None),
            ("", "", None),
            ("x.", "", None),
        ] {
            assert_eq!(name_of(path, start), expected, "{path}");
        }
        assert_eq!(Language::of_file(b"\xff.rs", b""), None);
        assert_eq!(Language::of_name("rust").unwrap().name, "Rust");
    }

    #[test]
    fn no_name_means_two_languages() {
        let known = &*KNOWN;
        let count =
            |names: fn(&Language) -> &[&str]| LANGUAGES.iter().map(|language| names(language).len()).sum::<usize>();
        assert_eq!(known.by_ending.len(), count(|language| language.endings));
        assert_eq!(known.by_file.len(), count(|language| language.files));
        assert_eq!(known.by_interpreter.len(), count(|language| language.interpreters));
        for language in LANGUAGES {
            let all = [language.endings, language.files, language.interpreters].concat();
            assert!(!all.is_empty() && all.iter().all(|name| name.to_lowercase() == **name), "{}", language.name);
        }
    }

    #[test]
    fn what_lies_beside_the_code_is_not_counted() {
        for (path, expected) in [
            ("src/main.rs", false),
            ("src/vendor/a.c", true),
            ("node_modules/x/y.js", true),
            ("docs/conf.py", true),
            ("Docs/conf.py", true),
            ("src/docs/conf.py", false),
            (".github/x.py", true),
            ("a/.hidden.rs", true),
            ("app.min.js", true),
            ("vendor", false),
        ] {
            assert_eq!(is_beside(path.as_bytes()), expected, "{path}");
        }
        assert!(Language::of_name("CSS").unwrap().is_counted() && !Language::of_name("Markdown").unwrap().is_counted());
        assert!(!Language::of_name("JSON").unwrap().is_counted());
    }
}
