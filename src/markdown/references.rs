//! References in running text: issues, pull requests, people, commits, and addresses of this server written shorter.
//!
//! Owns their forms, which are Gitea's. What exists stands in the [`Context`]. Called by `markdown/tree.rs` for text that is neither code nor in
//! a link already.

use std::collections::HashSet;

use super::context::Context;
use super::links::{anchor, escape_into};

/// Most names or ids of a text that are looked up.
const MAX_CANDIDATES: usize = 200;
/// Digits of a commit id that are shown.
const SHOWN_DIGITS: usize = 10;

/// What a text may refer to, for the caller to look up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidates {
    /// Names after an at sign, each once, as written.
    pub users: Vec<String>,
    /// Hexadecimal words of 7 to 40 or 64 digits, each once.
    pub commits: Vec<String>,
}

/// Finds what a text may refer to; code and the like included, because looking up too much does no harm.
///
/// Shape: at most 200 names and 200 ids.
pub fn candidates(text: &str) -> Candidates {
    let (mut users, mut commits) = (HashSet::new(), HashSet::new());
    let mut found = Candidates::default();
    let mut before = None;
    for word in words(text) {
        if is_id(word) && commits.len() < MAX_CANDIDATES && commits.insert(word) {
            found.commits.push(word.to_owned());
        }
        if before == Some("@") {
            let name = word.trim_end_matches(['.', '-', '_']);
            if !name.is_empty() && users.len() < MAX_CANDIDATES && users.insert(name) {
                found.users.push(name.to_owned());
            }
        }
        before = Some(word);
    }
    found
}

/// Words of letters, digits, dots, dashes and underscores, and what stands between them one character at a time.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match word_len(rest) {
            0 => first.len_utf8(),
            len => len,
        };
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn word_len(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte)).count()
}

fn is_id(word: &str) -> bool {
    (matches!(word.len(), 7..=40) || word.len() == 64)
        && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Text as HTML with links for what it refers to; none when it refers to nothing. `left`: how many more links the document may have.
pub(super) fn link(text: &str, context: &Context, left: &mut usize) -> Option<String> {
    let mut html = String::new();
    let (mut rest, mut before, mut has_links) = (text, None, false);
    while let Some(first) = rest.chars().next() {
        let found = if *left > 0 && may_follow(before) { reference(rest, context) } else { None };
        let taken = match found {
            Some((len, link)) => {
                html.push_str(&link);
                has_links = true;
                *left -= 1;
                len
            }
            None => {
                let len = match word_len(rest) {
                    0 => first.len_utf8(),
                    len => len,
                };
                escape_into(&mut html, rest.get(..len).unwrap_or_default());
                len
            }
        };
        let (done, after) = rest.split_at(taken);
        before = done.chars().next_back();
        rest = after;
    }
    has_links.then_some(html)
}

/// A reference begins where a word could.
fn may_follow(before: Option<char>) -> bool {
    before.is_none_or(|character| {
        !character.is_alphanumeric() && !matches!(character, '_' | '/' | '#' | '&' | '!' | '@' | '=')
    })
}

/// A reference at the start of the text: its length and its link.
fn reference(text: &str, context: &Context) -> Option<(usize, String)> {
    match text.as_bytes().first()? {
        b'#' => own(text, "issues", context),
        b'!' => own(text, "pulls", context),
        b'@' => person(text, context),
        byte if byte.is_ascii_alphanumeric() || *byte == b'_' => {
            foreign(text, context).or_else(|| commit(text, context))
        }
        _ => None,
    }
}

/// `#12` or `!3`: length with its sign, and the number.
fn number(text: &str) -> Option<(usize, &str)> {
    let digits = text.get(1..)?.bytes().take_while(u8::is_ascii_digit).count();
    let number = text.get(1..=digits)?;
    let after = text.get(1 + digits..)?.chars().next();
    let ends = after.is_none_or(|next| !next.is_alphanumeric() && next != '_');
    ((1..=10).contains(&digits) && !number.starts_with('0') && ends).then_some((1 + digits, number))
}

fn own(text: &str, section: &str, context: &Context) -> Option<(usize, String)> {
    let repository = context.repository.as_ref()?;
    let (len, number) = number(text)?;
    let address = format!("{}{repository}/{section}/{number}", context.root_url);
    Some((len, anchor(&address, "ref-issue", text.get(..len)?)))
}

fn person(text: &str, context: &Context) -> Option<(usize, String)> {
    let word = text.get(1..1 + word_len(text.get(1..)?))?;
    let name = word.trim_end_matches(['.', '-', '_']);
    let known = context.users.get(&name.to_ascii_lowercase())?;
    Some((1 + name.len(), anchor(&format!("{}{known}", context.root_url), "mention", &format!("@{name}"))))
}

/// `owner/name#12`, `owner/name!3`, `owner/name@0123abc`.
fn foreign(text: &str, context: &Context) -> Option<(usize, String)> {
    let owner = text.get(..word_len(text))?;
    let after_owner = text.get(owner.len()..)?.strip_prefix('/')?;
    let name = after_owner.get(..word_len(after_owner))?;
    let rest = after_owner.get(name.len()..)?;
    if owner.is_empty() || name.is_empty() || owner.len() > 40 || name.len() > 100 || matches!(name, "." | "..") {
        return None;
    }
    let full = text.get(..owner.len() + 1 + name.len())?;
    let (root, start) = (&context.root_url, full.len());
    match rest.as_bytes().first()? {
        sign @ (b'#' | b'!') => {
            let (len, number) = number(rest)?;
            let section = if *sign == b'#' { "issues" } else { "pulls" };
            let shown = text.get(..start + len)?;
            Some((start + len, anchor(&format!("{root}{full}/{section}/{number}"), "ref-issue", shown)))
        }
        b'@' => {
            let id = rest.get(1..1 + word_len(rest.get(1..)?))?.trim_end_matches(['.', '-', '_']);
            let shown = is_id(id).then(|| id.get(..SHOWN_DIGITS).unwrap_or(id))?;
            let link = anchor(&format!("{root}{full}/commit/{id}"), "commit", &format!("{full}@<code>{shown}</code>"));
            Some((start + 1 + id.len(), link))
        }
        _ => None,
    }
}

fn commit(text: &str, context: &Context) -> Option<(usize, String)> {
    let word = text.get(..word_len(text))?;
    let id = word.trim_end_matches('.');
    let repository = context.repository.as_ref()?;
    if !is_id(id) || !context.commits.contains(id) {
        return None;
    }
    let shown = id.get(..SHOWN_DIGITS).unwrap_or(id);
    let address = format!("{}{repository}/commit/{id}", context.root_url);
    Some((id.len(), anchor(&address, "commit", &format!("<code>{shown}</code>"))))
}

/// An address of this server that stands in the text as it is, written shorter; none: it stays.
pub(super) fn shorten(address: &str, context: &Context) -> Option<String> {
    let path = address.strip_prefix(context.root_url.as_str()).filter(|_| !context.root_url.is_empty())?;
    let mut parts = path.splitn(4, '/');
    let (owner, name, section, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_name = |text: &str| !text.is_empty() && word_len(text) == text.len();
    if !is_name(owner) || !is_name(name) {
        return None;
    }
    let full = format!("{owner}/{name}");
    let is_own = context.repository.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&full));
    let prefix = if is_own { "" } else { full.as_str() };
    match section {
        "issues" | "pulls" => {
            let (number, comment) = rest.split_once('#').map_or((rest, false), |(number, _)| (number, true));
            let is_number = (1..=10).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
            let sign = if section == "issues" { '#' } else { '!' };
            let suffix = if comment { " (comment)" } else { "" };
            is_number.then(|| anchor(address, "ref-issue", &format!("{prefix}{sign}{number}{suffix}")))
        }
        "commit" => {
            let at = if is_own { "" } else { "@" };
            let shown = is_id(rest).then(|| rest.get(..SHOWN_DIGITS).unwrap_or(rest))?;
            Some(anchor(address, "commit", &format!("{prefix}{at}<code>{shown}</code>")))
        }
        _ => None,
    }
}
