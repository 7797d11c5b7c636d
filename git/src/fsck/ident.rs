//! Owns the grammar of a person with date, as in `author`, `committer` and `tagger` lines. Refuses to interpret it.
//!
//! Source: git 2.41, fsck.c, `fsck_ident`; it is stricter about dates than 2.39.

use super::{Report, Rule};
use crate::error::Result;

/// Largest date git accepts: signed 64 bit on the reading side.
const MAX_DATE: u64 = i64::MAX as u64;

/// Checks one line without its keyword and its newline.
pub(super) fn check(line: &[u8], report: &mut Report<'_>) -> Result<()> {
    match fault(line) {
        Ok(()) => Ok(()),
        Err((rule, detail)) => report.broken(rule, detail),
    }
}

fn fault(line: &[u8]) -> Result<(), (Rule, &'static str)> {
    let is_bracket = |b: &u8| matches!(b, b'<' | b'>');
    if line.first() == Some(&b'<') {
        return Err((Rule::MissingNameBeforeEmail, "invalid author/committer line - missing space before email"));
    }
    let open = line.iter().position(is_bracket);
    let (name, rest) = match open.and_then(|at| line.split_at_checked(at)) {
        Some((name, [b'<', rest @ ..])) => (name, rest),
        Some(_) => return Err((Rule::BadName, "invalid author/committer line - bad name")),
        None => return Err((Rule::MissingEmail, "invalid author/committer line - missing email")),
    };
    if name.last() != Some(&b' ') {
        return Err((Rule::MissingSpaceBeforeEmail, "invalid author/committer line - missing space before email"));
    }
    let close = rest.iter().position(is_bracket);
    let rest = match close.and_then(|at| rest.get(at..)) {
        Some([b'>', rest @ ..]) => rest,
        _ => return Err((Rule::BadEmail, "invalid author/committer line - bad email")),
    };
    let [b' ', rest @ ..] = rest else {
        return Err((Rule::MissingSpaceBeforeDate, "invalid author/committer line - missing space before date"));
    };
    // More white space than one space is allowed by tradition; a sign, which older git let pass, is not.
    let rest = rest.trim_ascii_start();
    if let [b'0', second, ..] = rest
        && *second != b' '
    {
        return Err((Rule::ZeroPaddedDate, "invalid author/committer line - zero-padded date"));
    }
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (date, rest) = rest.split_at_checked(digits).unwrap_or_default();
    let Some(zone) = rest.strip_prefix(b" ").filter(|_| digits > 0) else {
        return Err((Rule::BadDate, "invalid author/committer line - bad date"));
    };
    let date = std::str::from_utf8(date).ok().and_then(|date| date.parse::<u64>().ok());
    if date.is_none_or(|date| date > MAX_DATE) {
        return Err((Rule::BadDateOverflow, "invalid author/committer line - date causes integer overflow"));
    }
    match zone {
        [b'+' | b'-', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit) => Ok(()),
        _ => Err((Rule::BadTimezone, "invalid author/committer line - bad time zone")),
    }
}
