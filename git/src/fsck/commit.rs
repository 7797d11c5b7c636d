//! Owns the grammar of commits, and of the header lines that commits and tags share. Refuses to look at the message.
//!
//! Source: git 2.39, fsck.c, `fsck_commit` and `verify_headers`.

use super::{Link, Report, Rule, ident};
use crate::{
    error::Result,
    id::{Kind, ObjectId, id_from_hex},
};

pub(super) fn check(data: &[u8], report: &mut Report<'_>, link: &mut dyn FnMut(Link) -> Result<()>) -> Result<()> {
    check_header(data, report)?;
    let mut lines = Lines { rest: data };
    let tree = lines.next_if("tree ");
    let tree = tree.ok_or_else(|| report.fatal(Rule::MissingTree, "invalid format - expected 'tree' line"))?;
    let tree =
        parse_id(tree).ok_or_else(|| report.fatal(Rule::BadTreeSha1, "invalid 'tree' line format - bad sha1"))?;
    link(Link::Object { id: tree, kind: Kind::Tree })?;
    while let Some(parent) = lines.next_if("parent ") {
        let bad = || report.fatal(Rule::BadParentSha1, "invalid 'parent' line format - bad sha1");
        link(Link::Object { id: parse_id(parent).ok_or_else(bad)?, kind: Kind::Commit })?;
    }
    let mut authors = 0u64;
    while let Some(author) = lines.next_if("author ") {
        authors += 1;
        ident::check(author, report)?;
    }
    match authors {
        0 => report.broken(Rule::MissingAuthor, "invalid format - expected 'author' line")?,
        1 => {}
        _ => report.broken(Rule::MultipleAuthors, "invalid format - multiple 'author' lines")?,
    }
    match lines.next_if("committer ") {
        Some(committer) => ident::check(committer, report)?,
        None => report.broken(Rule::MissingCommitter, "invalid format - expected 'committer' line")?,
    }
    if data.contains(&0) {
        report.broken(Rule::NulInCommit, "NUL byte in the commit object body")?;
    }
    Ok(())
}

/// Checks that the header ends, in an empty line or with the object, and holds no NUL byte.
pub(super) fn check_header(data: &[u8], report: &Report<'_>) -> Result<()> {
    let mut previous = 0u8;
    for byte in data {
        match byte {
            0 => return Err(report.fatal(Rule::NulInHeader, "unterminated header: NUL at offset")),
            b'\n' if previous == b'\n' => return Ok(()),
            _ => previous = *byte,
        }
    }
    if previous == b'\n' { Ok(()) } else { Err(report.fatal(Rule::UnterminatedHeader, "unterminated header")) }
}

/// Hands out the lines of a header.
pub(super) struct Lines<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The next line without `keyword` and newline, if it starts with `keyword` and ends.
    pub(super) fn next_if(&mut self, keyword: &str) -> Option<&'a [u8]> {
        let line = self.rest.strip_prefix(keyword.as_bytes())?;
        let end = line.iter().position(|b| *b == b'\n')?;
        self.rest = line.get(end + 1..).unwrap_or_default();
        line.get(..end)
    }
}

pub(super) fn parse_id(hex: &[u8]) -> Option<ObjectId> {
    id_from_hex(hex)
}
