//! Owns the text of commits and of persons in them: writing new ones, reading what a rewritten commit keeps. Refuses to sign: the caller signs
//! [`CommitDraft::to_bytes`] without a signature and adds the result. Called by merging and by the server.

use std::fmt::Write as _;

use super::NewObjects;
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId, id_from_hex},
    walk::unreadable,
};

/// A person with a date, as in `author`, `committer` and `tagger` lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ident {
    line: Vec<u8>,
}

impl Ident {
    /// Makes one. Characters that would break the line are dropped, as git does.
    ///
    /// Units: `seconds` since 1970, `offset_minutes` east of UTC.
    /// Errors: `BadRequest` when nothing is left of the name, or the date does not fit.
    pub fn new(name: &str, email: &str, seconds: i64, offset_minutes: i32) -> Result<Ident> {
        let bad = |what: &str| Error::BadRequest { what: what.to_owned() };
        let (name, email) = (clean(name), clean(email));
        if name.is_empty() {
            return Err(bad("a person needs a name"));
        }
        if seconds < 0 || offset_minutes.unsigned_abs() >= 100 * 60 {
            return Err(bad("a date is out of range"));
        }
        let sign = if offset_minutes < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset_minutes.unsigned_abs() / 60, offset_minutes.unsigned_abs() % 60);
        let line = format!("{name} <{email}> {seconds} {sign}{hours:02}{minutes:02}");
        Ok(Ident { line: line.into_bytes() })
    }

    /// The line without its keyword.
    pub fn as_bytes(&self) -> &[u8] {
        &self.line
    }

    /// A line as it stands in an object.
    fn from_line(line: &[u8]) -> Ident {
        Ident { line: line.to_vec() }
    }
}

/// Drops what ends a name or an email, and punctuation around it.
fn clean(text: &str) -> String {
    let is_crud =
        |c: char| c.is_ascii_control() || matches!(c, ' ' | '.' | ',' | ':' | ';' | '<' | '>' | '"' | '\\' | '\'');
    text.trim_matches(is_crud).chars().filter(|c| !matches!(c, '\n' | '\0' | '<' | '>')).collect()
}

/// A commit to be written, or one that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitDraft {
    /// The root tree.
    pub tree: ObjectId,
    /// The parents, first to last.
    pub parents: Vec<ObjectId>,
    /// Who wrote the change.
    pub author: Ident,
    /// Who made the commit.
    pub committer: Ident,
    /// Further header lines, like `encoding`; a value of several lines is folded.
    pub extra_headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// An armored signature over the commit without this header; it goes into `gpgsig`.
    pub signature: Option<Vec<u8>>,
    /// The message, as it is.
    pub message: Vec<u8>,
}

impl CommitDraft {
    /// The content of the object. Without a signature, this is what gets signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("tree {}\n", self.tree);
        for parent in &self.parents {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "parent {parent}");
        }
        let mut out = text.into_bytes();
        header(&mut out, b"author", self.author.as_bytes());
        header(&mut out, b"committer", self.committer.as_bytes());
        for (name, value) in &self.extra_headers {
            header(&mut out, name, value);
        }
        if let Some(signature) = &self.signature {
            header(&mut out, b"gpgsig", signature.trim_ascii_end());
        }
        out.push(b'\n');
        out.extend_from_slice(&self.message);
        out
    }

    /// Adds the commit to the new objects, checked.
    ///
    /// Errors: `BadRequest` for a header that is not one line's name, `Fsck`, `MissingObject`, `WrongKind`, `TooLarge`, `Collision`.
    pub fn write(&self, objects: &mut NewObjects) -> Result<ObjectId> {
        let is_name = |name: &[u8]| !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic());
        let is_reserved = |name: &[u8]| matches!(name, b"tree" | b"parent" | b"author" | b"committer" | b"gpgsig");
        if self.extra_headers.iter().any(|(name, _)| !is_name(name) || is_reserved(name)) {
            return Err(Error::BadRequest { what: "a commit header has no valid name".to_owned() });
        }
        objects.write_checked(Kind::Commit, self.to_bytes())
    }

    /// Reads a stored commit.
    ///
    /// Errors: `Corrupt`.
    pub fn parse(id: &ObjectId, data: &[u8]) -> Result<CommitDraft> {
        parse(data).ok_or_else(|| unreadable(id, "the commit cannot be read"))
    }

    /// The first line of the message.
    pub fn subject(&self) -> &[u8] {
        let text = self.message.trim_ascii_start();
        text.split(|byte| *byte == b'\n').next().unwrap_or_default()
    }
}

/// Writes one header line; further lines of the value start with a space.
pub(super) fn header(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    for (at, line) in value.split(|byte| *byte == b'\n').enumerate() {
        if at > 0 {
            out.push(b'\n');
        }
        out.push(b' ');
        out.extend_from_slice(line);
    }
    out.push(b'\n');
}

fn parse(data: &[u8]) -> Option<CommitDraft> {
    let mut headers: Vec<(&[u8], Vec<u8>)> = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, tail) = rest.split_at_checked(end)?;
        rest = tail.get(1..).unwrap_or_default();
        if line.is_empty() {
            break;
        }
        if let Some(more) = line.strip_prefix(b" ") {
            let (_, value) = headers.last_mut()?;
            value.push(b'\n');
            value.extend_from_slice(more);
        } else {
            let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
            headers.push((line.get(..space)?, line.get(space + 1..).unwrap_or_default().to_vec()));
        }
    }
    let find = |name: &[u8]| headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_slice());
    // Only what follows the tree is a parent, for git as for our walks: a line of that name farther down means nothing.
    let after_tree = headers.iter().skip_while(|(name, _)| *name != b"tree").skip(1);
    let parents = after_tree.take_while(|(name, _)| *name == b"parent").map(|(_, value)| id_from_hex(value));
    let is_own = |name: &[u8]| matches!(name, b"tree" | b"parent" | b"author" | b"committer" | b"gpgsig");
    Some(CommitDraft {
        tree: id_from_hex(find(b"tree")?)?,
        parents: parents.collect::<Option<_>>()?,
        author: Ident::from_line(find(b"author")?),
        committer: Ident::from_line(find(b"committer")?),
        extra_headers: headers.iter().filter(|(name, _)| !is_own(name)).map(|(n, v)| (n.to_vec(), v.clone())).collect(),
        signature: find(b"gpgsig").map(<[u8]>::to_vec),
        message: rest.to_vec(),
    })
}
