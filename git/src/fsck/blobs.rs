//! Owns the rules for the content of `.gitmodules` and `.gitattributes`, which older clients would act upon. Refuses to find these blobs: trees
//! name them. Called once a pushed pack is readable.
//!
//! Source: git 2.39, fsck.c, `fsck_blob`, `check_submodule_url`; submodule-config.c; attr.h for the limits.

use super::{Policy, Report, Rule, config};
use crate::{
    error::Result,
    id::{Kind, ObjectId},
};

/// Git refuses to read larger `.gitattributes`.
const MAX_ATTRIBUTES_BYTES: u64 = 100 << 20;
/// Git ignores longer lines in `.gitattributes`.
const MAX_ATTRIBUTES_LINE: usize = 2048;
/// Larger `.gitmodules` are not read; git has its `core.bigFileThreshold` here.
const MAX_MODULES_BYTES: u64 = 16 << 20;

/// What a blob is checked out as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `.gitmodules`.
    GitModules,
    /// `.gitattributes`.
    GitAttributes,
}

/// Checks one blob in its role; `read` is called when its size is acceptable and gives the content.
///
/// Errors: `Fsck`, and those of `read`.
pub fn check(
    role: Role,
    id: &ObjectId,
    header: Option<(Kind, u64)>,
    policy: &Policy,
    read: impl FnOnce() -> Result<Vec<u8>>,
) -> Result<()> {
    let report = Report { id, policy };
    let (missing, not_blob, large, limit) = match role {
        Role::GitModules => (Rule::GitmodulesMissing, Rule::GitmodulesBlob, Rule::GitmodulesLarge, MAX_MODULES_BYTES),
        Role::GitAttributes => {
            (Rule::GitattributesMissing, Rule::GitattributesBlob, Rule::GitattributesLarge, MAX_ATTRIBUTES_BYTES)
        }
    };
    match header {
        None => report.broken(missing, "unable to read the blob"),
        Some((kind, _)) if kind != Kind::Blob => report.broken(not_blob, "non-blob found"),
        Some((_, size)) if size > limit => report.broken(large, "too large to parse"),
        Some(_) => match role {
            Role::GitModules => check_modules(&read()?, &report),
            Role::GitAttributes => check_attributes(&read()?, &report),
        },
    }
}

fn check_attributes(content: &[u8], report: &Report<'_>) -> Result<()> {
    if content.split(|b| *b == b'\n').any(|line| line.len() >= MAX_ATTRIBUTES_LINE) {
        report.broken(Rule::GitattributesLineLength, ".gitattributes has too long lines to parse")?;
    }
    Ok(())
}

fn check_modules(content: &[u8], report: &Report<'_>) -> Result<()> {
    let mut outcome = Ok(());
    let complete = config::parse(content, |entry| {
        if outcome.is_ok() {
            outcome = check_module_entry(&entry, report);
        }
    });
    outcome?;
    if complete { Ok(()) } else { report.broken(Rule::GitmodulesParse, "could not parse gitmodules blob") }
}

fn check_module_entry(entry: &config::Entry, report: &Report<'_>) -> Result<()> {
    let Some(name) = entry.subsection.as_deref().filter(|_| entry.section == b"submodule") else {
        return Ok(());
    };
    let broken =
        |rule, what: &str, text: &[u8]| report.broken(rule, &format!("{what}: {}", String::from_utf8_lossy(text)));
    if !is_safe_name(name) {
        broken(Rule::GitmodulesName, "disallowed submodule name", name)?;
    }
    let Some(value) = entry.value.as_deref() else { return Ok(()) };
    match entry.key.as_slice() {
        b"url" if !is_safe_url(value) => broken(Rule::GitmodulesUrl, "disallowed submodule url", value),
        b"path" if is_option(value) => broken(Rule::GitmodulesPath, "disallowed submodule path", value),
        b"update" if value.starts_with(b"!") => {
            broken(Rule::GitmodulesUpdate, "disallowed submodule update setting", value)
        }
        _ => Ok(()),
    }
}

/// A submodule's name becomes a directory below `.git/modules`.
fn is_safe_name(name: &[u8]) -> bool {
    !name.is_empty() && name.split(|b| matches!(b, b'/' | b'\\')).all(|component| component != b"..")
}

fn is_option(value: &[u8]) -> bool {
    value.starts_with(b"-")
}

fn is_safe_url(url: &[u8]) -> bool {
    if is_option(url) {
        return false;
    }
    if url.starts_with(b"./") || url.starts_with(b"../") {
        return is_safe_relative_url(url);
    }
    match to_curl_url(url) {
        Some(url) => is_safe_absolute_url(url),
        None => true,
    }
}

/// A relative URL is joined with the parent's and decoded: no newline may come out, and `../` may not eat the host.
fn is_safe_relative_url(url: &[u8]) -> bool {
    if decode(url).contains(&b'\n') {
        return false;
    }
    let mut rest = url;
    let mut dotdots = 0u64;
    loop {
        if let Some(tail) = rest.strip_prefix(b"../") {
            dotdots += 1;
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix(b"./") {
            rest = tail;
        } else {
            break;
        }
    }
    dotdots == 0 || !matches!(rest.first(), Some(b':' | b'/'))
}

/// The URL as the transport over HTTP or FTP gets it.
fn to_curl_url(url: &[u8]) -> Option<&[u8]> {
    let helpers: [&[u8]; 4] = [b"http::", b"https::", b"ftp::", b"ftps::"];
    if let Some(rest) = helpers.iter().find_map(|prefix| url.strip_prefix(*prefix)) {
        return Some(rest);
    }
    let schemes: [&[u8]; 4] = [b"http://", b"https://", b"ftp://", b"ftps://"];
    schemes.iter().any(|scheme| url.starts_with(scheme)).then_some(url)
}

/// Such a URL goes to credential helpers line by line: it needs a host, and no part may hold a newline.
fn is_safe_absolute_url(url: &[u8]) -> bool {
    let Some(at) = url.windows(3).position(|window| window == b"://").filter(|at| *at > 0) else {
        return false;
    };
    let rest = url.get(at + 3..).unwrap_or_default();
    let slash = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..slash).unwrap_or_default();
    let host = authority.rsplit(|b| *b == b'@').next().unwrap_or_default();
    !host.is_empty() && !decode(url).contains(&b'\n')
}

/// Decodes `%xx`; anything else stays.
fn decode(url: &[u8]) -> Vec<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let mut out = Vec::with_capacity(url.len());
    let mut rest = url;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            out.push((high << 4 | low) as u8);
            rest = after;
        } else {
            out.push(*first);
        }
    }
    out
}
