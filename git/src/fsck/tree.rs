//! Owns the grammar of trees: entries, order, names that file systems misread. Refuses to look at what the entries point at.
//!
//! Source: git 2.39, fsck.c, `fsck_tree` and `verify_ordered`; tree-walk.c, `decode_tree_entry`; git 2.43 for `largePathname`.

use super::{
    Link, Report, Rule,
    names::{self, GITATTRIBUTES, GITIGNORE, GITMODULES, MAILMAP},
};
use crate::{
    error::{Error, Result},
    id::{ID_LEN, Kind, ObjectId, id_from_bytes},
};

const TYPE_MASK: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const GITLINK: u32 = 0o160_000;

/// Longest name of an entry; git's default.
const MAX_NAME_BYTES: usize = 4096;

struct Entry<'a> {
    mode: u32,
    name: &'a [u8],
    id: ObjectId,
    zero_padded: bool,
}

pub(super) fn check(
    data: &[u8],
    max_entries: u64,
    report: &mut Report<'_>,
    link: &mut dyn FnMut(Link) -> Result<()>,
) -> Result<()> {
    let mut rest = data;
    let mut order = Order::default();
    let mut count = 0u64;
    while !rest.is_empty() {
        let (entry, tail) = parse(rest).map_err(|detail| report.fatal(Rule::BadTree, detail))?;
        rest = tail;
        count += 1;
        if count > max_entries {
            return Err(Error::TooLarge { what: "entries of a tree", limit: max_entries });
        }
        check_name(&entry, report)?;
        check_special(&entry, report, link)?;
        match order.next(entry.mode, entry.name) {
            Place::Sorted => {}
            Place::Unsorted => report.broken(Rule::TreeNotSorted, "not properly sorted")?,
            Place::Duplicate => report.broken(Rule::DuplicateEntries, "contains duplicate file entries")?,
        }
        match entry.mode & TYPE_MASK {
            GITLINK => {}
            DIRECTORY => link(Link::Object { id: entry.id, kind: Kind::Tree })?,
            REGULAR | SYMLINK => link(Link::Object { id: entry.id, kind: Kind::Blob })?,
            // Git takes every other type for a submodule; other readers do not, so nobody shall depend on it.
            _ => return Err(report.fatal(Rule::BadFilemode, "unknown type of entry")),
        }
    }
    Ok(())
}

fn parse(data: &[u8]) -> Result<(Entry<'_>, &[u8]), &'static str> {
    const MALFORMED: &str = "malformed mode in tree entry";
    const SHORT: &str = "too-short tree object";
    let space = data.iter().take(12).position(|b| *b == b' ').ok_or(MALFORMED)?;
    let (digits, rest) = data.split_at_checked(space).ok_or(MALFORMED)?;
    if digits.is_empty() || digits.len() > 11 {
        return Err(MALFORMED);
    }
    let mut mode = 0u32;
    for digit in digits {
        if !matches!(digit, b'0'..=b'7') || mode > 0o777_777 {
            return Err(MALFORMED);
        }
        mode = mode << 3 | u32::from(digit - b'0');
    }
    let rest = rest.get(1..).unwrap_or_default();
    let end = rest.iter().position(|b| *b == 0).ok_or(SHORT)?;
    let (name, rest) = rest.split_at_checked(end).ok_or(SHORT)?;
    let (id, tail) = rest.get(1..).and_then(|rest| rest.split_at_checked(ID_LEN)).ok_or(SHORT)?;
    let id = id_from_bytes(id).ok_or(SHORT)?;
    Ok((Entry { mode, name, id, zero_padded: digits.first() == Some(&b'0') }, tail))
}

fn check_name(entry: &Entry<'_>, report: &Report<'_>) -> Result<()> {
    if entry.name.is_empty() {
        // Unreadable for git's own tree walk, so no policy may let it pass.
        return Err(report.fatal(Rule::EmptyName, "contains empty pathname"));
    }
    if entry.name.contains(&b'/') {
        report.broken(Rule::FullPathname, "contains full pathnames")?;
    }
    if entry.name.len() > MAX_NAME_BYTES {
        report.broken(Rule::LargePathname, "contains excessively large pathname")?;
    }
    if !matches!(entry.name, b"." | b"..") && names::is_unportable(entry.name) {
        report.broken(Rule::UnportableName, "contains a name that not every system can store")?;
    }
    match entry.name {
        b"." => report.broken(Rule::HasDot, "contains '.'")?,
        b".." => report.broken(Rule::HasDotdot, "contains '..'")?,
        name if !names::is_suspicious(name) => {}
        name => {
            if names::is_dotgit(name) || after_backslashes(name).any(names::is_ntfs_dotgit) {
                report.broken(Rule::HasDotgit, "contains '.git'")?;
            }
        }
    }
    if entry.id.is_null() {
        report.broken(Rule::NullSha1, "contains entries pointing to null sha1")?;
    }
    if entry.zero_padded {
        report.broken(Rule::ZeroPaddedFilemode, "contains zero-padded file modes")?;
    }
    Ok(())
}

/// Notes blobs that have rules of their own, and refuses them as symbolic links.
fn check_special(entry: &Entry<'_>, report: &Report<'_>, link: &mut dyn FnMut(Link) -> Result<()>) -> Result<()> {
    if !names::is_suspicious(entry.name) {
        return Ok(());
    }
    let is_symlink = entry.mode & TYPE_MASK == SYMLINK;
    let is_gitmodules = names::is_dot_file(entry.name, GITMODULES)
        || after_backslashes(entry.name).any(|part| names::is_ntfs_dot_file(part, GITMODULES));
    if is_gitmodules {
        if is_symlink {
            report.broken(Rule::GitmodulesSymlink, ".gitmodules is a symbolic link")?;
        } else {
            link(Link::GitModules(entry.id))?;
        }
    }
    if names::is_dot_file(entry.name, GITATTRIBUTES) {
        if is_symlink {
            report.broken(Rule::GitattributesSymlink, ".gitattributes is a symlink")?;
        } else {
            link(Link::GitAttributes(entry.id))?;
        }
    }
    if is_symlink && names::is_dot_file(entry.name, GITIGNORE) {
        report.broken(Rule::GitignoreSymlink, ".gitignore is a symlink")?;
    }
    if is_symlink && names::is_dot_file(entry.name, MAILMAP) {
        report.broken(Rule::MailmapSymlink, ".mailmap is a symlink")?;
    }
    Ok(())
}

/// The parts of a name behind each backslash, which Windows takes for a separator.
fn after_backslashes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.iter().enumerate().filter(|(_, b)| **b == b'\\').filter_map(|(at, _)| name.get(at + 1..))
}

/// Where an entry stands in relation to those before it.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Sorted,
    Unsorted,
    Duplicate,
}

/// Follows the order of the entries: bytewise, a directory as if its name ended with a slash.
#[derive(Default)]
struct Order<'a> {
    previous: Option<(u32, &'a [u8])>,
    /// Files after which the directory of the same name may still come, with others in between: `foo`, `foo.bar`, `foo/`.
    files: Vec<&'a [u8]>,
}

impl<'a> Order<'a> {
    fn next(&mut self, mode: u32, name: &'a [u8]) -> Place {
        let Some((previous_mode, previous)) = self.previous.replace((mode, name)) else {
            return Place::Sorted;
        };
        let common = previous.len().min(name.len());
        match previous.get(..common).cmp(&name.get(..common)) {
            std::cmp::Ordering::Less => return Place::Sorted,
            std::cmp::Ordering::Greater => return Place::Unsorted,
            std::cmp::Ordering::Equal => {}
        }
        if previous.len() == name.len() {
            return Place::Duplicate;
        }
        let end = |name: &[u8], mode: u32| match name.get(common) {
            Some(byte) => *byte,
            None if mode & TYPE_MASK == DIRECTORY => b'/',
            None => 0,
        };
        let (c1, c2) = (end(previous, previous_mode), end(name, mode));
        let is_less_than_slash = |c: u8| c > 0 && c < b'/';
        if c1 == 0 && is_less_than_slash(c2) {
            self.files.push(previous);
        } else if c2 == b'/' && is_less_than_slash(c1) {
            while let Some(file) = self.files.pop() {
                match name.strip_prefix(file) {
                    Some([]) => return Place::Duplicate,
                    Some([next, ..]) if is_less_than_slash(*next) => {
                        self.files.push(file);
                        break;
                    }
                    _ => {}
                }
            }
        }
        if c1 < c2 { Place::Sorted } else { Place::Unsorted }
    }
}
