//! What is searched for: a phrase or a regular expression, ready to match lines, and which trigrams a text must have to be worth a look.
//!
//! Owns the limits of what may be asked. One search of a text by the automaton runs in time linear in the text, the search of all
//! matches need not. What an expression needs is read off the expression, generously: a text that is passed
//! over cannot match.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::trigram::{Trigram, fold, of_folded};

/// Longest query. Units: bytes.
pub const MAX_QUERY_BYTES: usize = 1024;
/// Most memory of a compiled expression: to look at one character takes up to as many steps as it has states. Units: bytes.
const MAX_COMPILED_BYTES: usize = 128 << 10;
/// Most memory of its automaton as it is made. Units: bytes.
const MAX_AUTOMATON_BYTES: usize = 1 << 20;
/// Deepest nesting of an expression.
const MAX_NESTING: u32 = 64;
/// Most trigrams that the index is asked for together; the rarest.
const MAX_TERMS: usize = 16;
/// Most trigrams of an expression with alternatives.
const MAX_ALL_TERMS: usize = 96;
/// Deepest nesting of what the index is asked for; its parser has a limit of its own.
const MAX_DEPTH: usize = 12;
/// Most different strings that a piece of an expression is followed as, and the longest of them.
const MAX_STRINGS: usize = 24;
const MAX_STRING_BYTES: usize = 96;
/// A class of more characters says nothing.
const MAX_CLASS: usize = 12;

/// Something to look for.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    /// It can have no line feed inside, so whole texts may be searched instead of lines.
    is_phrase: bool,
    need: Need,
}

/// Which trigrams a text must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Any text may match.
    Anything,
    /// This one.
    One(Trigram),
    /// All of these; never empty, nor with `Anything` inside.
    All(Vec<Need>),
    /// At least one of these; never empty, nor with `Anything` inside.
    Any(Vec<Need>),
}

impl Pattern {
    /// Looks for a text as it is.
    ///
    /// Errors: why it cannot be looked for, in words.
    pub fn phrase(text: &str, is_case_sensitive: bool) -> Result<Self, String> {
        check(text)?;
        let regex = compile(&regex::escape(text), is_case_sensitive)?;
        Ok(Self { regex, is_phrase: true, need: all_of(fold(text).as_bytes()) })
    }

    /// Looks for what matches a regular expression.
    ///
    /// Errors: why it cannot be looked for, in words.
    pub fn regular(text: &str, is_case_sensitive: bool) -> Result<Self, String> {
        check(text)?;
        let regex = compile(text, is_case_sensitive)?;
        let parsed = regex_syntax::ParserBuilder::new().nest_limit(MAX_NESTING).build().parse(text);
        let hir = parsed.map_err(|_| NOT_VALID.to_owned())?;
        let need = Known::of(&hir).need();
        let need = need.up_to_depth(MAX_DEPTH);
        let need = if need.terms() > MAX_ALL_TERMS { Need::Anything } else { need };
        Ok(Self { regex, is_phrase: false, need })
    }

    /// The expression, for one line or, of a phrase, for many.
    pub(super) fn regex(&self) -> &Regex {
        &self.regex
    }

    pub(super) fn is_phrase(&self) -> bool {
        self.is_phrase
    }

    /// What a text must have, as the index is asked for it; none: any text may match.
    pub fn expression(&self) -> Option<String> {
        let mut out = String::new();
        match &self.need {
            Need::Anything => None,
            need => {
                need.write(&mut out);
                Some(out)
            }
        }
    }
}

const NOT_VALID: &str = "not a valid regular expression";

fn check(text: &str) -> Result<(), String> {
    match text {
        "" => Err("nothing to search for".to_owned()),
        text if text.len() > MAX_QUERY_BYTES => Err(format!("at most {MAX_QUERY_BYTES} bytes can be searched for")),
        text if text.contains(['\n', '\0']) => Err("matches lie within a line".to_owned()),
        _ => Ok(()),
    }
}

fn compile(expression: &str, is_case_sensitive: bool) -> Result<Regex, String> {
    RegexBuilder::new(expression)
        .case_insensitive(!is_case_sensitive)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_AUTOMATON_BYTES)
        .nest_limit(MAX_NESTING)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
            _ => NOT_VALID.to_owned(),
        })
}

/// The trigrams of one string; `Anything` when it is too short to have any.
fn all_of(folded: &[u8]) -> Need {
    let mut found = of_folded(folded);
    found.truncate(MAX_TERMS);
    Need::all(found.into_iter().map(Need::One).collect())
}

impl Need {
    fn all(needs: Vec<Need>) -> Self {
        let mut needs: Vec<Need> = needs.into_iter().filter(|need| *need != Need::Anything).collect();
        match needs.len() {
            0 => Need::Anything,
            1 => needs.remove(0),
            _ => Need::All(needs),
        }
    }

    fn any(mut needs: Vec<Need>) -> Self {
        if needs.is_empty() || needs.contains(&Need::Anything) {
            return Need::Anything;
        }
        if needs.len() == 1 { needs.remove(0) } else { Need::Any(needs) }
    }

    /// The same without what is nested deeper.
    fn up_to_depth(self, depth: usize) -> Self {
        let Some(inner) = depth.checked_sub(1) else {
            return if matches!(self, Need::One(_)) { self } else { Need::Anything };
        };
        match self {
            Need::All(needs) => Need::all(needs.into_iter().map(|need| need.up_to_depth(inner)).collect()),
            Need::Any(needs) => Need::any(needs.into_iter().map(|need| need.up_to_depth(inner)).collect()),
            need => need,
        }
    }

    fn terms(&self) -> usize {
        match self {
            Need::Anything => 0,
            Need::One(_) => 1,
            Need::All(needs) | Need::Any(needs) => needs.iter().map(Need::terms).sum(),
        }
    }

    fn write(&self, out: &mut String) {
        let (needs, between) = match self {
            Need::Anything => return,
            Need::One(trigram) => return out.extend(trigram.word().map(char::from)),
            Need::All(needs) => (needs, " AND "),
            Need::Any(needs) => (needs, " OR "),
        };
        out.push('(');
        for (at, need) in needs.iter().enumerate() {
            if at > 0 {
                out.push_str(between);
            }
            need.write(out);
        }
        out.push(')');
    }
}

/// What is known of the texts that a piece of an expression matches.
enum Known {
    /// They are these strings, folded, or differ from them in case.
    Strings(Vec<Vec<u8>>),
    /// They have what is needed, besides.
    Has(Need),
}

impl Known {
    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::Strings(vec![Vec::new()]),
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => Self::Strings(vec![fold(text).into_owned().into_bytes()]),
                Err(_) => Self::Has(Need::Anything),
            },
            HirKind::Class(class) => Self::of_class(class),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => match (repetition.min, repetition.max, Self::of(&repetition.sub)) {
                (1, Some(1), known) => known,
                (0, Some(1), Self::Strings(mut strings)) if strings.len() < MAX_STRINGS => {
                    strings.push(Vec::new());
                    Self::Strings(strings)
                }
                (0, _, _) => Self::Has(Need::Anything),
                (_, _, known) => Self::Has(known.need()),
            },
            HirKind::Concat(parts) => Self::of_sequence(parts),
            HirKind::Alternation(parts) => Self::of_alternatives(parts),
        }
    }

    fn of_class(class: &Class) -> Self {
        let Class::Unicode(class) = class else { return Self::Has(Need::Anything) };
        let chars = class.ranges().iter().flat_map(|range| range.start()..=range.end());
        let mut strings: Vec<Vec<u8>> = Vec::new();
        for one in chars.take(MAX_CLASS * 4 + 1) {
            let folded = fold(one.encode_utf8(&mut [0; 4])).into_owned().into_bytes();
            if !strings.contains(&folded) {
                strings.push(folded);
            }
            if strings.len() > MAX_CLASS {
                return Self::Has(Need::Anything);
            }
        }
        let all = class.ranges().iter().map(|range| u32::from(range.end()) - u32::from(range.start()) + 1);
        if all.sum::<u32>() as usize > MAX_CLASS * 4 {
            return Self::Has(Need::Anything);
        }
        Self::Strings(strings)
    }

    fn of_sequence(parts: &[Hir]) -> Self {
        let mut needs = Vec::new();
        let mut open = vec![Vec::new()];
        let mut is_whole = true;
        for part in parts {
            match Self::of(part) {
                Self::Strings(next) => match joined(&open, &next) {
                    Some(strings) => open = strings,
                    None => {
                        is_whole = false;
                        needs.push(need_of(&std::mem::replace(&mut open, next)));
                    }
                },
                Self::Has(need) => {
                    is_whole = false;
                    needs.push(need_of(&std::mem::replace(&mut open, vec![Vec::new()])));
                    needs.push(need);
                }
            }
        }
        if is_whole {
            return Self::Strings(open);
        }
        needs.push(need_of(&open));
        Self::Has(Need::all(needs))
    }

    fn of_alternatives(parts: &[Hir]) -> Self {
        let mut strings = Vec::new();
        let mut needs = Vec::new();
        for part in parts {
            match Self::of(part) {
                Self::Strings(more) => strings.extend(more),
                Self::Has(need) => needs.push(need),
            }
        }
        if needs.is_empty() && strings.len() <= MAX_STRINGS {
            return Self::Strings(strings);
        }
        if !strings.is_empty() {
            needs.push(need_of(&strings));
        }
        Self::Has(Need::any(needs))
    }

    fn need(self) -> Need {
        match self {
            Self::Strings(strings) => need_of(&strings),
            Self::Has(need) => need,
        }
    }
}

fn need_of(strings: &[Vec<u8>]) -> Need {
    Need::any(strings.iter().map(|string| all_of(string)).collect())
}

/// Each followed by each, unless these are too many or too long.
fn joined(heads: &[Vec<u8>], tails: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    if heads.len().saturating_mul(tails.len()) > MAX_STRINGS {
        return None;
    }
    let pairs = heads.iter().flat_map(|head| tails.iter().map(move |tail| [head.as_slice(), tail].concat()));
    pairs.map(|string| (string.len() <= MAX_STRING_BYTES).then_some(string)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code_search::trigram::Gatherer;

    /// Whether a text has what a pattern needs.
    fn has(need: &Need, words: &str) -> bool {
        match need {
            Need::Anything => true,
            Need::One(trigram) => {
                let word = trigram.word();
                words.split(' ').any(|found| found.as_bytes() == word)
            }
            Need::All(needs) => needs.iter().all(|need| has(need, words)),
            Need::Any(needs) => needs.iter().any(|need| has(need, words)),
        }
    }

    #[test]
    fn whatever_matches_has_what_is_needed() {
        let texts = [
            "fn main() { println!(\"hello\"); }",
            "FN MAIN",
            "Straße STRASSE straẞe",
            "\u{212A}elvin and ſtrange",
            "Ελλάδα ΕΛΛΆΔΑ",
            "日本語のテキスト",
            "aaaaabbbbb abab xyzzy xyzy",
            "foo.bar(baz) foobar foo-bar",
            "  leading   and trailing  ",
            "",
        ];
        let patterns = [
            "fn main",
            "(?i)fn main",
            "hello|HELLO",
            "h[ae]llo",
            "x?yzzy",
            "(foo|baz)bar",
            "foo.bar",
            "foo\\.bar",
            "a+b+",
            "(ab)+",
            "(ab){2}",
            "(abc){2,3}",
            "[a-z]+bar",
            "straße",
            "kelvin",
            "strange",
            "Ελλάδα",
            "日本",
            "本語",
            "^fn",
            "zzy$",
            "\\bfoo\\b",
            "(a*)*b",
            "foo(|-|\\.)bar",
            "[fF][oO][oO]",
            "(?-i)FOO",
            "lead(ing)?",
            "a|bc|",
            "[^a]bar",
            "x{0}yzzy",
        ];
        let mut gatherer = Gatherer::default();
        let mut matched = 0;
        for text in texts {
            let words = gatherer.words(text);
            for pattern in patterns {
                for is_case_sensitive in [false, true] {
                    for make in [Pattern::regular, Pattern::phrase] {
                        let pattern = make(pattern, is_case_sensitive).unwrap();
                        if pattern.regex.is_match(text) {
                            matched += 1;
                            assert!(has(&pattern.need, &words.0), "{pattern:?} {text:?}");
                        }
                    }
                }
            }
        }
        assert!(matched > 60, "{matched}");
    }

    #[test]
    fn the_index_is_asked_for_words_only() {
        for hostile in
            ["\" OR \"", "a\"b\"c", "NEAR(a b)", "x AND y NOT z", "col:abc", "^abc*", "');DROP TABLE", "%_%", "{a b}:c"]
        {
            let expression = Pattern::phrase(hostile, true).unwrap().expression().unwrap();
            let is_plain = |word: &str| {
                matches!(word, "AND" | "OR") || word.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit())
            };
            assert!(expression.split([' ', '(', ')']).all(is_plain), "{expression}");
        }
    }

    #[test]
    fn what_is_nested_deep_is_not_asked_for() {
        let mut deep = "abc.*".to_owned();
        for _ in 0..10 {
            deep = format!("(?:{deep}xyz|uvw.)+");
        }
        let need = Pattern::regular(&deep, true).unwrap().need;
        fn depth(need: &Need) -> usize {
            match need {
                Need::All(needs) | Need::Any(needs) => 1 + needs.iter().map(depth).max().unwrap_or(0),
                _ => 0,
            }
        }
        assert!(depth(&need) <= MAX_DEPTH, "{}", depth(&need));
    }

    #[test]
    fn some_patterns_need_something_and_some_cannot() {
        for (pattern, needs) in [
            ("ab", false),
            ("abc", true),
            ("a.*b", false),
            ("abc.*xyz", true),
            ("(abc)*", false),
            ("(abc)+", true),
            ("abc|x", false),
            ("abc|xyz", true),
            ("[abc][def]x", true),
            (".*", false),
            ("\\w+", false),
            ("日", true),
            ("(?:abc)?x", false),
        ] {
            assert_eq!(Pattern::regular(pattern, true).unwrap().expression().is_some(), needs, "{pattern}");
        }
        let long = Pattern::phrase(&"abcdefghijklmnopqrstuvwxyz".repeat(30), false).unwrap();
        assert_eq!(long.need.terms(), MAX_TERMS);
    }

    #[test]
    fn what_would_take_too_much_is_refused() {
        let alternatives = (0..200).map(|number| format!("w{number}")).collect::<Vec<_>>().join("|");
        let nested = "(".repeat(70) + &")".repeat(70);
        for bad in ["(x{1000}){1000}", "x{1000}{1000}{1000}", "(", "[", nested.as_str(), "\\xZZ", "(?-u:\\xff)"] {
            assert!(Pattern::regular(bad, false).is_err(), "{bad}");
        }
        for bad in ["", "a\nb", "a\0b", "x".repeat(MAX_QUERY_BYTES + 1).as_str()] {
            assert!(Pattern::phrase(bad, false).is_err() && Pattern::regular(bad, false).is_err());
        }
        let wide = Pattern::regular(&alternatives, false).unwrap();
        assert!(wide.need.terms() <= MAX_ALL_TERMS);
        for hostile in ["(a*)*b", "(a|a)*c", "(.*)(.*)(.*)(.*)x", "([a-z]+)+\\d"] {
            assert!(!Pattern::regular(hostile, false).unwrap().regex.is_match(&"a".repeat(16_000)));
        }
    }
}
