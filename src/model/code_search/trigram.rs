//! Three bytes in a row: what the index knows of a text, and what a text must have to match.
//!
//! Owns folding (text and query are compared without regard to case at this level, so that both kinds of search use one index) and the form in which the index
//! stores them: words of five small letters and digits, so that nothing anybody types can be syntax of the index.

use std::borrow::Cow;

/// Three bytes of folded UTF-8. Those with a line feed are not kept: matches lie within a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trigram(u32);

/// Letters of a word; five bits each.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
/// Letters of one word.
const WORD: usize = 5;

impl Trigram {
    fn new(bytes: [u8; 3]) -> Self {
        Self(u32::from(bytes[0]) << 16 | u32::from(bytes[1]) << 8 | u32::from(bytes[2]))
    }

    /// The word for it.
    pub fn word(self) -> [u8; WORD] {
        let mut word = [0; WORD];
        for (place, letter) in word.iter_mut().enumerate() {
            *letter = LETTERS[(self.0 >> (5 * place) & 31) as usize];
        }
        word
    }

    /// How common it is likely to be: to leave the commonest out of a long query.
    fn commonness(self) -> u32 {
        let of = |byte: u32| match u8::try_from(byte & 255).unwrap_or(0) {
            b' ' => 14,
            b'e' | b't' => 12,
            b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 10,
            b'h' | b'l' | b'd' | b'c' | b'u' | b'm' => 7,
            b'p' | b'f' | b'g' | b'b' | b'_' | b'.' | b'(' | b'w' | b'y' => 5,
            b'v' | b'k' | b'x' | b',' | b';' | b':' | b')' | b'"' => 3,
            _ => 1,
        };
        of(self.0 >> 16) + of(self.0 >> 8) + of(self.0)
    }
}

/// Makes characters that differ in case only the same; characters may fall together that a search tells apart, never the other way round.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Owned(text.chars().map(fold_char).collect())
}

fn fold_char(one: char) -> char {
    match one {
        _ if one.is_ascii() => return one.to_ascii_lowercase(),
        // The only ones that are of one case with another and share no upper or lower form of one character with it.
        '\u{1FD3}' => return '\u{390}',
        '\u{1FE3}' => return '\u{3B0}',
        '\u{FB05}' => return '\u{FB06}',
        _ => {}
    }
    let upper = single(one.to_uppercase()).unwrap_or(one);
    single(upper.to_lowercase()).unwrap_or(upper)
}

fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

/// The trigrams of a folded piece of a line, the rarest first and each once.
pub fn of_folded(text: &[u8]) -> Vec<Trigram> {
    let mut found: Vec<Trigram> = windows(text).collect();
    found.sort_unstable_by_key(|trigram| (trigram.commonness(), *trigram));
    found.dedup();
    found
}

fn windows(text: &[u8]) -> impl Iterator<Item = Trigram> + '_ {
    text.array_windows::<3>().filter(|bytes| !bytes.contains(&b'\n')).map(|bytes| Trigram::new(*bytes))
}

/// Gathers the trigrams of whole texts, one text after another, with one piece of memory for all.
pub struct Gatherer {
    seen: Vec<u64>,
    found: Vec<Trigram>,
}

impl Default for Gatherer {
    fn default() -> Self {
        Self { seen: vec![0; (1 << 24) / 64], found: Vec::new() }
    }
}

impl Gatherer {
    /// The words of a text, each once, with a blank after each, and how many they are.
    pub fn words(&mut self, text: &str) -> (String, i64) {
        let words = self.gather(text);
        let count = i64::try_from(words.len() / (WORD + 1)).unwrap_or(i64::MAX);
        (words, count)
    }

    fn gather(&mut self, text: &str) -> String {
        for trigram in windows(fold(text).as_bytes()) {
            let (at, bit) = ((trigram.0 / 64) as usize, 1_u64 << (trigram.0 % 64));
            if self.seen[at] & bit == 0 {
                self.seen[at] |= bit;
                self.found.push(trigram);
            }
        }
        let mut words = String::with_capacity(self.found.len() * (WORD + 1));
        for trigram in self.found.drain(..) {
            self.seen[(trigram.0 / 64) as usize] = 0;
            words.extend(trigram.word().map(char::from));
            words.push(' ');
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_a_search_takes_for_the_same_is_folded_to_the_same() {
        use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
        for one in '\0'..=char::MAX {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(one, one)]);
            class.case_fold_simple();
            for range in class.ranges() {
                for other in range.start()..=range.end() {
                    assert_eq!(fold_char(one), fold_char(other), "{one:?} {other:?}");
                }
            }
            let folded = fold_char(one);
            assert_eq!(fold_char(folded), folded, "{one:?}");
        }
    }

    #[test]
    fn words_are_of_small_letters_and_tell_trigrams_apart() {
        let words: HashSet<_> = (0..1 << 16).map(|number| Trigram(number * 251 % (1 << 24)).word()).collect();
        assert_eq!(words.len(), 1 << 16);
        assert!(words.iter().flatten().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()));
    }

    #[test]
    fn every_trigram_of_a_text_is_gathered_once_but_none_across_lines() {
        let mut gatherer = Gatherer::default();
        for text in ["Abcabc\nxyz", "ÄÖ", "", "ab", "\0\0\0\0"] {
            let (words, count) = gatherer.words(text);
            let found: Vec<&str> = words.split_whitespace().collect();
            let expected: HashSet<String> = fold(text)
                .split('\n')
                .flat_map(|line| of_folded(line.as_bytes()))
                .map(|trigram| String::from_utf8(trigram.word().to_vec()).unwrap())
                .collect();
            assert_eq!(found.len(), expected.len(), "{text:?}");
            assert_eq!(count, expected.len() as i64, "{text:?}");
            assert!(found.iter().all(|word| expected.contains(*word)), "{text:?}");
        }
        assert!(gatherer.seen.iter().all(|bits| *bits == 0));
    }

    #[test]
    fn the_rarest_come_first() {
        let order = of_folded(b"the eQx");
        let first = Trigram::new(*b"eQx");
        assert_eq!((order[0], order.len()), (first, 5));
    }
}
