//! Owns the parts of a commit that people read: who, when, why. Refuses to judge: what cannot be read is empty. Used by mails and archives.

pub(crate) mod date;

use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId, id_from_hex},
    odb::Snapshot,
    walk::{read_as, unreadable},
};
use date::Time;

/// Longer messages are nobody's reading.
const MAX_COMMIT_BYTES: u64 = 16 << 20;

/// A commit as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitText {
    pub(crate) id: ObjectId,
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    pub(crate) author: Person,
    pub(crate) committer: Person,
    /// Everything after the header, without empty lines in front.
    pub(crate) message: Vec<u8>,
}

/// Who did something, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: Vec<u8>,
    pub(crate) mail: Vec<u8>,
    pub(crate) time: Time,
}

impl CommitText {
    /// Reads a commit.
    ///
    /// Errors: `WrongKind`, `TooLarge`, `Lost`, `Corrupt`.
    pub(crate) fn read(odb: &Snapshot, id: &ObjectId) -> Result<CommitText> {
        if odb.header(id)?.is_some_and(|(_, size)| size > MAX_COMMIT_BYTES) {
            return Err(Error::TooLarge { what: "a commit", limit: MAX_COMMIT_BYTES });
        }
        let mut data = Vec::new();
        read_as(odb, id, Kind::Commit, &mut data)?;
        parse(id, &data).ok_or_else(|| unreadable(id, "the commit cannot be read"))
    }

    /// The first paragraph on one line.
    pub(crate) fn subject(&self) -> Vec<u8> {
        self.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(&b' ')
    }

    /// What follows the first paragraph: lines without white space at their ends, none empty at the begin or the end.
    pub(crate) fn body(&self) -> Vec<u8> {
        let rest = self.lines().skip_while(|line| !line.is_empty()).skip_while(|line| line.is_empty());
        let mut body = rest.collect::<Vec<_>>().join(&b'\n');
        body.truncate(body.trim_ascii_end().len());
        body
    }

    /// What follows the first paragraph, as written.
    pub(crate) fn raw_body(&self) -> &[u8] {
        let mut rest = &self.message[..];
        let mut in_subject = true;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let is_blank = rest.get(..end).unwrap_or_default().trim_ascii().is_empty();
            in_subject &= !is_blank;
            if !in_subject && !is_blank {
                break;
            }
            rest = rest.get(end..).unwrap_or_default();
        }
        rest
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.message.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end)
    }
}

/// Reads the content of the commit `id`.
pub(crate) fn parse(id: &ObjectId, data: &[u8]) -> Option<CommitText> {
    let mut rest = data;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, tail) = rest.split_at_checked(end)?;
        rest = tail.get(1..).unwrap_or_default();
        Some(line)
    };
    let tree = id_from_hex(line()?.strip_prefix(b"tree ")?)?;
    let mut commit = CommitText {
        id: *id,
        tree,
        parents: Vec::new(),
        author: Person::default(),
        committer: Person::default(),
        message: Vec::new(),
    };
    let mut is_after_tree = true;
    while let Some(line) = line().filter(|line| !line.is_empty()) {
        let parent = line.strip_prefix(b"parent ");
        // Only what follows the tree is a parent, for git as for our walks: a line of that name farther down means nothing.
        is_after_tree &= parent.is_some();
        if let Some(parent) = parent.filter(|_| is_after_tree) {
            commit.parents.push(id_from_hex(parent)?);
        } else if let Some(author) = line.strip_prefix(b"author ") {
            commit.author = person(author);
        } else if let Some(committer) = line.strip_prefix(b"committer ") {
            commit.committer = person(committer);
        }
    }
    let mut message = rest;
    // Empty lines before the subject are none.
    while let Some(end) = message.iter().position(|byte| *byte == b'\n') {
        let (line, tail) = message.split_at(end);
        if !line.trim_ascii().is_empty() {
            break;
        }
        message = tail.get(1..).unwrap_or_default();
    }
    commit.message = message.to_vec();
    Some(commit)
}

/// As git takes a person apart: the mail address is what the first pair of angle brackets holds, the date what follows the last bracket.
fn person(line: &[u8]) -> Person {
    let open = line.iter().position(|byte| *byte == b'<');
    let close = open.and_then(|open| Some(open + line.get(open..)?.iter().position(|byte| *byte == b'>')?));
    let (Some(open), Some(close)) = (open, close) else { return Person::default() };
    let last = line.iter().rposition(|byte| *byte == b'>').unwrap_or(close);
    let name = line.get(..open).unwrap_or_default().trim_ascii_end().to_vec();
    let mail = line.get(open + 1..close).unwrap_or_default().to_vec();
    Person { name, mail, time: Time::parse(line.get(last + 1..).unwrap_or_default()) }
}
